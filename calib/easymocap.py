"""EasyMocap's pair intri.yml and extri.yml, read and written. Metres, `X_cam = Rot X_world + T`.

`R_<camera>` is a rotation vector and `Rot_<camera>` the matrix. Their being taken for each other is the usual mistake,
so where both are there they must say the same.
"""

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.camera_parts import SizeHint, lens_of, pose_of, size_of
from posecap.calib.errors import CalibrationError
from posecap.calib.format_limits import Holds, Loss
from posecap.calib.imported_rig import imported_rig
from posecap.calib.opencv_storage import HEADER, matrix_in, matrix_text, quoted, read_storage, whole_in
from posecap.calib.rig import Rig
from posecap.calib.rotation import rotation_of

HOLDS = Holds()
FILES = "intri.yml", "extri.yml"
_AGREE = 1e-3  # radians; they write six decimals
_KEY = re.compile(r"[A-Za-z0-9_-]+")


def import_easymocap(
    path: Path, unit: str | None = None, up: str | None = None, size_px: SizeHint = None
) -> Rig:
    """The cameras in the order of `names`.

    Args:
        path: the folder, or either of the two files; the other is looked for beside it.
        unit: of the translations; None = metres.
        up: axis of the file's world that points up; None = +z.
        size_px: (width, height), for all or by name, where the file has no `W_` and `H_`.

    Raises:
        CalibrationError: a file or a key is missing, R_ and Rot_ differ, or no camera results.
    """
    folder = path if path.is_dir() else path.parent
    intri, extri = folder / FILES[0], folder / FILES[1]
    inside, outside = read_storage(intri), read_storage(extri)
    names = _names(inside, outside, intri)
    try:
        cameras = tuple(
            Camera(
                name=name,
                size_px=size_of(name, _size(inside, name), size_px),
                K=matrix_in(inside, f"K_{name}", (3, 3), intri),
                distortion=_lens(inside, name, intri),
                cam_from_world=pose_of(
                    _rotation(outside, name, extri),
                    matrix_in(outside, f"T_{name}", (3, 1), extri),
                    f"camera {name!r}",
                ),
            )
            for name in names
        )
        return imported_rig(Rig(cameras), unit, up, "m")
    except CalibrationError as error:
        raise CalibrationError(f"{folder}: {error}") from error


def export_easymocap(rig: Rig, path: Path, unit_m: float = 1.0) -> list[Loss]:
    """Write the folder `path` with both files, in full precision; lengths in units of `unit_m` metres.

    Raises:
        CalibrationError: a camera's name cannot be part of a key.
    """
    names = "names:\n" + "".join(f"   - {quoted(name)}\n" for name in rig.names)
    inside, outside = HEADER + names, HEADER + names
    for camera in rig.cameras:
        name = camera.name
        if not _KEY.fullmatch(name):
            raise CalibrationError(
                f"camera {name!r}: EasyMocap makes keys of names, so letters, digits, - and _ only: rename the camera"
            )
        inside += matrix_text(f"K_{name}", 3, 3, camera.K.ravel().tolist())
        inside += matrix_text(f"dist_{name}", 1, 5, camera.distortion.tolist())
        inside += f"H_{name}: {camera.size_px[1]}\nW_{name}: {camera.size_px[0]}\n"
        outside += matrix_text(f"R_{name}", 3, 1, cv2.Rodrigues(camera.R.copy())[0].ravel().tolist())
        outside += matrix_text(f"Rot_{name}", 3, 3, camera.R.ravel().tolist())
        outside += matrix_text(f"T_{name}", 3, 1, (camera.t / unit_m).tolist())
    path.mkdir(parents=True, exist_ok=True)
    for name, text in zip(FILES, (inside, outside), strict=True):
        (path / name).write_text(text, encoding="utf-8")
    return []


def _names(inside: dict[str, Any], outside: dict[str, Any], path: Path) -> list[str]:
    names = inside.get("names")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise CalibrationError(f"{path} has no list of names: is it EasyMocap's intri.yml?")
    others = outside.get("names", names)
    if not isinstance(others, list) or {str(name) for name in others} != set(names):
        raise CalibrationError(
            f"{path} and {FILES[1]} name different cameras: take both files of one calibration"
        )
    return names


def _size(inside: dict[str, Any], name: str) -> tuple[int, int] | None:
    width, height = whole_in(inside, f"W_{name}"), whole_in(inside, f"H_{name}")
    return None if width is None or height is None else (width, height)


def _lens(inside: dict[str, Any], name: str, path: Path) -> NDArray[np.float64]:
    key = f"dist_{name}" if f"dist_{name}" in inside else f"D_{name}"
    return lens_of(matrix_in(inside, key, None, path), f"{path}: {key}")


def _rotation(outside: dict[str, Any], name: str, path: Path) -> NDArray[np.float64]:
    """The matrix; from the vector where there is none."""
    if f"Rot_{name}" not in outside:
        return matrix_in(outside, f"R_{name}", None, path)
    matrix = matrix_in(outside, f"Rot_{name}", (3, 3), path)
    if f"R_{name}" in outside:
        try:
            other = rotation_of(matrix_in(outside, f"R_{name}", None, path))
        except ValueError as error:
            raise CalibrationError(f"{path}: R_{name} has {error}: export the calibration again") from error
        if np.linalg.det(matrix) > 0 and np.abs(other - matrix).max() > _AGREE:
            also = " (one is the other transposed)" if np.abs(other - matrix.T).max() < _AGREE else ""
            raise CalibrationError(
                f"camera {name!r}: R_ (vector) and Rot_ (matrix) are different rotations{also}: remove the wrong one"
            )
    return matrix
