"""What can go wrong between frame sets and skeletons, each said in one sentence that ends with the remedy."""


class RuntimeFault(Exception):
    """Root of the runtime's own errors."""


class SettingsError(RuntimeFault):
    """A setting that is unknown or out of range."""


class EngineError(RuntimeFault):
    """An inference backend that cannot be loaded or cannot run a model."""


class WireError(RuntimeFault):
    """A message of another version, of a wrong size or of a wrong shape."""
