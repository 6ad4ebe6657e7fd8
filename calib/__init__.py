"""Cameras, rigs and the geometry of several views."""
