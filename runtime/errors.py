"""What can go wrong between frame sets and skeletons, each said in one sentence that ends with the remedy."""


class RuntimeFault(Exception):
    """Root of the runtime's own errors."""


class SettingsError(RuntimeFault):
    """A setting that is unknown or out of range."""


class EngineError(RuntimeFault):
    """An inference backend that cannot be loaded or cannot run a model."""


class WireError(RuntimeFault):
    """A message of another version, of a wrong size or of a wrong shape."""


class StalePose(RuntimeFault):
    """No pose, or none that is fresh enough, came in time."""


class EndpointError(RuntimeFault):
    """An address that is malformed or taken, or a key that does not fit it."""


class SkeletonError(RuntimeFault):
    """Joints that no kinematic skeleton can be fitted to."""


class TakeError(RuntimeFault):
    """A recording without usable poses, or a person or joint that is not in it."""


class ExportError(RuntimeFault):
    """Poses that cannot be written as asked for."""
