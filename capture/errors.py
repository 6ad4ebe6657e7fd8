"""What can go wrong with cameras and recordings, each said in one sentence that ends with the remedy."""


class CaptureError(Exception):
    """Root of the capture errors: a source that can never work as it is configured."""


class SourceConfigError(CaptureError):
    """The `source` block of a rig file is missing, has an unknown field or a wrong value."""


class SourceLost(CaptureError):
    """A source that worked, or could work, has stopped giving frames: try again later."""


class FrameWireError(CaptureError):
    """A message from a camera of another version, of a wrong size or of a wrong shape."""


class SessionError(CaptureError):
    """A folder that is no recorded session, or one that cannot be written or read."""
