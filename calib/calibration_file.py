"""The bytes of a calibration file, or one sentence that says why there are none."""

from pathlib import Path

from posecap.calib.errors import CalibrationError

_MAX_BYTES = 4 << 20  # a thousand cameras; a video given by mistake is more


def read_calibration_file(
    path: Path, kind: str, remedy: str, error: type[CalibrationError] = CalibrationError
) -> bytes:
    """What is in the file.

    Args:
        path: the file.
        kind: what it should be, as in "no rig file at ...".
        remedy: what to do where there is none.
        error: the class to raise.

    Raises:
        CalibrationError: missing, a folder, unreadable, empty or far too large.
    """
    try:
        if not path.is_file():
            raise error(f"no {kind} at {path}: {remedy}")
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise error(f"{path} has {size} bytes, a {kind} at most {_MAX_BYTES}: is it a video?")
        data = path.read_bytes()
    except OSError as reason:
        raise error(f"{path} cannot be read ({reason.strerror}): check its permissions") from reason
    if not data.strip():
        raise error(f"{path} is empty: export or write the {kind} again")
    return data
