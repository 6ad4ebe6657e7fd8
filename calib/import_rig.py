"""Calibrations of other tools, told apart by their content."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posecap.calib.calibration_file import read_calibration_file
from posecap.calib.camera_parts import SizeHint
from posecap.calib.convention import check_points
from posecap.calib.easymocap import FILES as EASYMOCAP_FILES
from posecap.calib.easymocap import import_easymocap
from posecap.calib.errors import CalibrationError
from posecap.calib.human36m_h5 import import_cameras_h5
from posecap.calib.human36m_json import import_camera_parameters, import_toolbox
from posecap.calib.import_qualisys import import_qualisys
from posecap.calib.import_toml import import_toml
from posecap.calib.json_document import kind_of_json, read_json
from posecap.calib.opencv_rig import import_opencv
from posecap.calib.opencv_storage import read_storage
from posecap.calib.panoptic import import_panoptic
from posecap.calib.rig import Rig
from posecap.calib.rig_file import load_rig
from posecap.calib.totalcapture import import_totalcapture, numbers_of
from posecap.calib.up_axis import with_up

_READ = (
    "Qualisys .qca.txt, the TOML of aniposelib, Pose2Sim, Caliscope and FreeMoCap, EasyMocap's folder, OpenCV .yml "
    "with the keys of calib/README.md, CMU Panoptic json, Human3.6M's cameras.h5, camera-parameters.json and toolbox "
    "json, TotalCapture's calibration.cal, and posecap's rig.yaml"
)
_FIXED = "qualisys", "posecap"  # unit and size are part of them
_STATE_SIZES = "toml", "totalcapture", *_FIXED
_SUBJECTS = "human36m-h5", "human36m-json"


def import_rig(
    path: Path,
    unit: str | None = None,
    up: str | None = None,
    size_px: SizeHint = None,
    subject: int | None = None,
    points_m: NDArray[np.float64] | None = None,
) -> Rig:
    """The cameras of a calibration file, or of a folder of such, of any known kind.

    Args:
        path: the file or the folder.
        unit: of the translations. None = what the kind fixes or the file says; of TOML that says nothing, detected.
        up: axis of the file's world that points up; the world is turned so that it becomes +Z. None = that of the kind.
        size_px: (width, height) of the pictures, for all or by name, where the kind does not say it.
        subject: of Human3.6M, whose calibration; may be left out where there is one.
        points_m: (n, 3) m, in the world that results, of points that all cameras saw, such as the joints of their
            recording. A rig that does not see them is refused.

    Raises:
        CalibrationError: unknown kind, not readable, implausible; each names the file and says what to do.
    """
    kind = kind_of_calibration(path)
    if unit is not None and kind in _FIXED:
        raise CalibrationError(
            f"{path} is of a kind that fixes its unit, not {unit!r} or any other: leave it out"
        )
    if size_px is not None and kind in _STATE_SIZES:
        raise CalibrationError(f"{path} is of a kind that says how large its pictures are: leave size_px out")
    if subject is not None and kind not in _SUBJECTS:
        raise CalibrationError(
            f"{path} has no subjects, which only Human3.6M's files have: leave subject out"
        )
    rig = _READERS[kind](path, unit, up, size_px, subject)
    if points_m is not None:
        try:
            check_points(rig, points_m, "centre" if kind == "human36m-h5" else "translation")
        except CalibrationError as error:
            raise CalibrationError(f"{path}: {error}") from error
    return rig


def kind_of_calibration(path: Path) -> str:
    """What a file or folder holds: toml, qualisys, posecap, easymocap, opencv, panoptic, human36m-..., totalcapture.

    Raises:
        CalibrationError: missing, unreadable, or none of these.
    """
    if path.is_dir():
        if any((path / name).is_file() for name in EASYMOCAP_FILES):
            return "easymocap"
        if any(path.glob("*.y*ml")):
            return "opencv"
        raise CalibrationError(f"{path} is a folder without .yml files: give the path of a calibration file")
    data = read_calibration_file(path, "calibration", "give the path of a calibration file").removeprefix(
        b"\xef\xbb\xbf"
    )
    start = data.lstrip()
    kind = None
    if start.startswith(b"<"):
        kind = "qualisys"
    elif data.startswith(b"\x89HDF\r\n"):
        kind = "human36m-h5"
    elif _is_toml(data):
        kind = "toml"
    elif start.startswith((b"{", b"[")):
        kind = kind_of_json(read_json(path))
    elif b"posecap_rig" in data:
        kind = "posecap"
    elif start.startswith(b"%YAML"):
        names = read_storage(path)
        kind = "easymocap" if "names" in names else "opencv" if "camera_matrix" in names else None
    elif numbers_of(data) is not None:
        kind = "totalcapture"
    if kind is None:
        raise CalibrationError(f"{path} is{_what(start)} no calibration that is read: there are {_READ}")
    return kind


def _qualisys(path: Path, unit: str | None, up: str | None, size_px: SizeHint, subject: int | None) -> Rig:
    rig = import_qualisys(path)
    return rig if up is None else with_up(rig, up)


def _posecap(path: Path, unit: str | None, up: str | None, size_px: SizeHint, subject: int | None) -> Rig:
    rig = load_rig(path)
    return rig if up is None else with_up(rig, up)


_Reader = Callable[[Path, str | None, str | None, SizeHint, int | None], Rig]
_READERS: dict[str, _Reader] = {
    "toml": lambda path, unit, up, size_px, subject: import_toml(path, unit, up),
    "qualisys": _qualisys,
    "posecap": _posecap,
    "easymocap": lambda path, unit, up, size_px, subject: import_easymocap(path, unit, up, size_px),
    "opencv": lambda path, unit, up, size_px, subject: import_opencv(path, unit, up, size_px),
    "panoptic": lambda path, unit, up, size_px, subject: import_panoptic(path, unit, up, size_px),
    "human36m-h5": import_cameras_h5,
    "human36m-json": import_camera_parameters,
    "human36m-toolbox": lambda path, unit, up, size_px, subject: import_toolbox(path, unit, up, size_px),
    "totalcapture": lambda path, unit, up, size_px, subject: import_totalcapture(path, unit, up),
}


def _is_toml(data: bytes) -> bool:
    try:
        tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _what(start: bytes) -> str:
    """What it seems to be."""
    if start.startswith(b"%YAML"):
        return " an OpenCV file without camera_matrix,"
    if start.startswith((b"{", b"[")):
        return " JSON,"
    if start.startswith(b"\x80"):
        return (
            " a pickle, which can run any program when it is opened (write R, T, fx fy cx cy, k, p as JSON),"
        )
    return ""
