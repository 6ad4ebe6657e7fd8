"""Calibrations of other tools, told apart by their content."""

import tomllib
from pathlib import Path

from posecap.calib.calibration_file import read_calibration_file
from posecap.calib.errors import CalibrationError
from posecap.calib.import_qualisys import import_qualisys
from posecap.calib.import_toml import import_toml
from posecap.calib.rig import Rig
from posecap.calib.rig_file import load_rig
from posecap.calib.up_axis import with_up

_READ = "Qualisys .qca.txt, the TOML of aniposelib, Pose2Sim, Caliscope and FreeMoCap, and posecap's rig.yaml"


def import_rig(path: Path, unit: str | None = None, up: str | None = None) -> Rig:
    """The cameras of a calibration file of any known kind.

    Args:
        path: the file.
        unit: of the translations, for TOML alone: the other kinds fix theirs. None = detected.
        up: axis of the file's world that points up; the world is turned so that it becomes +Z. None = +Z.

    Raises:
        CalibrationError: unknown kind, not readable, implausible; each names the file and says what to do.
    """
    data = read_calibration_file(path, "calibration", "give the path of a calibration file").removeprefix(
        b"\xef\xbb\xbf"
    )
    start = data.lstrip()
    if not start.startswith(b"<") and _is_toml(data):
        return import_toml(path, unit, up)
    if unit is not None:
        raise CalibrationError(
            f"{path} is of a kind that fixes its unit, not {unit!r} or any other: leave it out"
        )
    if start.startswith(b"<"):
        rig = import_qualisys(path)
    elif b"posecap_rig" in data:
        rig = load_rig(path)
    else:
        raise CalibrationError(f"{path} is{_what(start)} no calibration that is read: there are {_READ}")
    return rig if up is None else with_up(rig, up)


def _is_toml(data: bytes) -> bool:
    try:
        tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _what(start: bytes) -> str:
    """What it seems to be, where another tool can convert it."""
    if start.startswith(b"%YAML"):
        return " an OpenCV or EasyMocap file (Pose2Sim's calib_easymocap_to_toml converts it),"
    if start.startswith((b"{", b"[")):
        return " JSON,"
    return ""
