"""From photons to time-aligned frame sets."""
