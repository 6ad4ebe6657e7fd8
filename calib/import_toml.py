"""The TOML family: aniposelib, Pose2Sim, Caliscope and FreeMoCap. World to camera, distortion in OpenCV's order.

The members differ where it hurts: metres or millimetres without a word, four or five distortion values, rotation
vectors or matrices, and aniposelib's loader sorts `cam_10` before `cam_2`. Cameras come back in natural order
(`cam_2` before `cam_10`) and are to be matched by name, never by index.
"""

import re
import tomllib
from collections.abc import Container
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posecap.calib.calibration_file import read_calibration_file
from posecap.calib.camera import Camera
from posecap.calib.camera_parts import MOST
from posecap.calib.convention import check_convention
from posecap.calib.distortion import BROWN_COEFFICIENTS, FISHEYE_COEFFICIENTS
from posecap.calib.errors import CalibrationError
from posecap.calib.length_unit import UNITS_M, scaled, unit_m
from posecap.calib.plausibility import check_imported, spacing_of
from posecap.calib.rig import Rig
from posecap.calib.rotation import rotation_of
from posecap.calib.up_axis import UP_AXES, check_up, with_up

_SURE = {"m": (0.3, 50.0), "mm": (1000.0, 50_000.0)}  # largest distance between cameras around people
_MARKS = ("matrix", "distortions", "rotation", "translation")


def import_toml(path: Path, unit: str | None = None, up: str | None = None) -> Rig:
    """The cameras of such a file, in natural order of their sections, world in metres.

    Args:
        path: the file.
        unit: of the translations: m, cm, mm or in. None = `length_unit` of its metadata, or detected from the distance
            between the cameras.
        up: axis of the file's world that points up, "+z" or "-y" and so on; the world is turned so that it becomes
            +Z. None = `up_axis` of its metadata or +z, refused where it clearly has another axis up.

    Raises:
        CalibrationError: not such a file, a camera that is none, or a unit or an axis that must be said.
    """
    document = _document(path)
    if unit is not None:
        unit_m(unit)
    sections = _sections(document)
    if not sections:
        raise CalibrationError(
            f"{path} has no camera sections (tables with {', '.join(_MARKS)}): export the calibration again"
        )
    try:
        rig = Rig(tuple(_camera(section, table) for section, table in sections.items()))
        rig = scaled(
            rig, UNITS_M[unit or _stated(document, "length_unit", UNITS_M) or _detected_unit(document, rig)]
        )
        check_imported(rig)
        check_convention(rig)
        stated_up = _stated(document, "up_axis", UP_AXES) or "+z"
        if up is None:
            check_up(rig, stated_up)
        return with_up(rig, up or stated_up)
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error


def _document(path: Path) -> dict[str, Any]:
    data = read_calibration_file(path, "calibration", "give the path of a calibration in TOML")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CalibrationError(f"{path} is not TOML ({error}): export the calibration again") from error


def _sections(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Camera tables by name of their section; Caliscope's own files keep theirs under `cameras`, by number."""
    tables = document
    if isinstance(document.get("cameras"), dict):
        tables = {f"cam_{number}": table for number, table in document["cameras"].items()}
    cameras = {
        name: table
        for name, table in tables.items()
        if isinstance(table, dict)
        and any(mark in table for mark in _MARKS)
        and table.get("ignore") is not True
    }
    return dict(sorted(cameras.items(), key=lambda item: natural_order(item[0])))


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Sorts by the value of the numbers in a name; as text, Python refuses to read numbers of many digits."""
    parts = re.split(r"([0-9]+)", name)
    digits = [part.lstrip("0") if part.isascii() and part.isdecimal() else None for part in parts]
    return [
        (0, 0, part) if number is None else (1, len(number), number)
        for part, number in zip(parts, digits, strict=True)
    ]


def _pose(section: str, table: dict[str, Any]) -> NDArray[np.float64]:
    """(4, 4) world to camera, the translation in the unit of the file."""
    cam_from_world = np.eye(4)
    missing = [key for key in ("rotation", "translation") if table.get(key, "null") == "null"]
    if missing:
        raise CalibrationError(
            f"[{section}] has no {' and no '.join(missing)}: calibrate the pose of this camera or remove its section"
        )
    try:
        cam_from_world[:3, :3] = rotation_of(table["rotation"])
    except (TypeError, ValueError, OverflowError) as error:
        raise CalibrationError(f"[{section}] has {error}: export the calibration again") from error
    cam_from_world[:3, 3] = _numbers(section, table, "translation", (3,))
    return cam_from_world


def _detected_unit(document: dict[str, Any], rig: Rig) -> str:
    """Of a rig in the unit of the file. In between, where millimetres and centimetres are equally likely, it asks."""
    metadata = document.get("metadata")
    board = metadata.get("board") if isinstance(metadata, dict) else None
    if isinstance(board, dict) and "square_length_mm" in board:  # FreeMoCap
        return "mm"
    if len(rig) < 2:
        raise CalibrationError("one camera does not tell its unit: import it with unit='m' or unit='mm'")
    spacing = spacing_of(np.stack([camera.centre for camera in rig.cameras]))
    for unit, (least, most) in _SURE.items():
        if least <= spacing <= most:
            return unit
    raise CalibrationError(
        f"the cameras are {spacing:.3g} apart, which is not clearly metres or millimetres: "
        f"import it with unit= one of {', '.join(UNITS_M)}"
    )


def _stated(document: dict[str, Any], key: str, known: Container[str]) -> str | None:
    """What the file itself says under `[metadata]`, as posecap's own exporter does."""
    metadata = document.get("metadata")
    value = metadata.get(key) if isinstance(metadata, dict) else None
    return value if isinstance(value, str) and value in known else None


def _camera(section: str, table: dict[str, Any]) -> Camera:
    """One camera, its translation in the unit of the file."""
    width, height = _numbers(section, table, "size", (2,))
    return Camera(
        name=_name(section, table),
        size_px=(width, height),
        K=_numbers(section, table, "matrix", (3, 3)),
        distortion=_distortion(section, table),
        cam_from_world=_pose(section, table),
    )


def _name(section: str, table: dict[str, Any]) -> str:
    """The `name` of the table; the section's where that is a path or missing."""
    name = table.get("name")
    return name if isinstance(name, str) and name.strip() and not set(name) & set("/\\") else section


def _distortion(section: str, table: dict[str, Any]) -> NDArray[np.float64]:
    """Four values are k1 k2 p1 p2 or a fisheye lens: `fisheye` says which, never the count."""
    values = _numbers(section, table, "distortions", None).reshape(-1)
    fisheye = table.get("fisheye", False) is True
    expected = FISHEYE_COEFFICIENTS if fisheye else BROWN_COEFFICIENTS
    if len(values) < FISHEYE_COEFFICIENTS or values[expected:].any():
        raise CalibrationError(
            f"[{section}] has {len(values)} distortion values and fisheye = {str(fisheye).lower()}, expected "
            f"{'4' if fisheye else '5 (k1 k2 p1 p2 k3), or 4 without k3'}: recalibrate with that lens model"
        )
    return np.concatenate([values, np.zeros(BROWN_COEFFICIENTS)])[:expected]


def _numbers(
    section: str, table: dict[str, Any], key: str, shape: tuple[int, ...] | None
) -> NDArray[np.float64]:
    try:
        array = np.array(table[key], dtype=np.float64)
    except KeyError as error:
        raise CalibrationError(f"[{section}] has no {key}: export the calibration again") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise CalibrationError(
            f"[{section}] {key} is no array of numbers: export the calibration again"
        ) from error
    if shape is not None and array.shape != shape:
        raise CalibrationError(f"[{section}] {key} has shape {array.shape}, expected {shape}")
    if (np.abs(array) > MOST).any():
        raise CalibrationError(f"[{section}] {key} contains huge numbers: export the calibration again")
    return array
