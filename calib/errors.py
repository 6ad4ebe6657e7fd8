"""What can be wrong with a calibration, said in one sentence that ends with the remedy."""


class CalibrationError(Exception):
    """A camera, a rig or a calibration file that cannot be used as it is."""


class RigFileError(CalibrationError):
    """A rig file that is missing, unreadable, of another version or not of the documented shape."""
