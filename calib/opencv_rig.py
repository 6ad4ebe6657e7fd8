"""One FileStorage file for each camera, with the keys of OpenCV's calibration sample and what those never say.

FileStorage fixes no layout. This is ours: any OpenCV program reads `camera_matrix`, `distortion_coefficients`, `R` and
`T`, and four more keys state what such files usually leave open.

    camera_name: "left"                 image_width: 1280        image_height: 720
    camera_index: 0                     place in the rig
    distortion_model: "brown"           or "fisheye" (4 coefficients)
    extrinsics: "X_cam = R X_world + T" the only direction
    length_unit: "m"                    of T: m, cm, mm, in
    up_axis: "+z"                       of the world
    camera_matrix 3 x 3, distortion_coefficients 1 x 5 or 1 x 4, R 3 x 3, T 3 x 1
"""

import re
from pathlib import Path
from typing import Any

from posecap.calib.camera import Camera
from posecap.calib.camera_parts import SizeHint, lens_of, pose_of, size_of
from posecap.calib.errors import CalibrationError
from posecap.calib.format_limits import Holds, Loss
from posecap.calib.imported_rig import imported_rig
from posecap.calib.length_unit import UNITS_M, scaled
from posecap.calib.opencv_storage import HEADER, matrix_in, matrix_text, quoted, read_storage, whole_in
from posecap.calib.rig import Rig

HOLDS = Holds(fisheye=True)
DIRECTION = "X_cam = R X_world + T"
_MODELS = "brown", "fisheye"
_MOST_FILES = 256


def import_opencv(
    path: Path, unit: str | None = None, up: str | None = None, size_px: SizeHint = None
) -> Rig:
    """The cameras of a folder of such files in the order of `camera_index`, or the camera of one file.

    Args:
        path: the folder or the file.
        unit: of T where the files do not state `length_unit`; then a file without `extrinsics` is taken to have this
            direction, too.
        up: axis of the world that points up; None = `up_axis` of the files.
        size_px: (width, height) where the files do not state it.

    Raises:
        CalibrationError: a key is missing or wrong, files disagree, or no camera results.
    """
    paths = sorted([*path.glob("*.yml"), *path.glob("*.yaml")]) if path.is_dir() else [path]
    if not paths or len(paths) > _MOST_FILES:
        raise CalibrationError(
            f"{path} has {len(paths)} .yml files, expected 1 to {_MOST_FILES}, one a camera"
        )
    found = []
    for place, one in enumerate(paths):
        document = read_storage(one)
        index = document.get("camera_index", "")
        order = int(index) if str(index).isdecimal() and len(index) < 10 else place
        found.append((order, place, one, document))
    found.sort(key=lambda entry: entry[:2])
    said = {_text(document, "length_unit", unit) for *_, document in found}
    axes = {_text(document, "up_axis", "+z") for *_, document in found}
    if len(said) > 1 or len(axes) > 1:
        raise CalibrationError(f"{path}: its files state different units or up axes: export them together")
    stated, axis = said.pop(), axes.pop()
    if stated not in UNITS_M or (unit is not None and unit != stated):
        raise CalibrationError(
            f"{path}: length_unit is {stated!r}, asked for {unit!r}: OpenCV's files do not say their unit by "
            f"themselves: give unit= one of {', '.join(UNITS_M)}, or correct the file"
        )
    try:
        rig = Rig(tuple(_camera(one, document, unit, size_px) for *_, one, document in found))
        return imported_rig(scaled(rig, UNITS_M[stated]), "m", up, "m", str(axis))
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error


def export_opencv(rig: Rig, path: Path, unit: str = "m", up: str = "+z") -> list[Loss]:
    """Write the folder `path` with one file for each camera; the rig is in the world whose axis `up` points up."""
    path.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    for index, camera in enumerate(rig.cameras):
        stem = re.sub(r"[^\w. -]", "_", camera.name).strip(". ") or "camera"
        stem = f"{stem}_{index}" if stem.casefold() in taken else stem
        taken.add(stem.casefold())
        lens = camera.distortion.tolist()
        text = (
            HEADER
            + f"camera_name: {quoted(camera.name)}\ncamera_index: {index}\n"
            + f"image_width: {camera.size_px[0]}\nimage_height: {camera.size_px[1]}\n"
            + f"distortion_model: {quoted(_MODELS[len(lens) == 4])}\nextrinsics: {quoted(DIRECTION)}\n"
            + f"length_unit: {quoted(unit)}\nup_axis: {quoted(up)}\n"
            + matrix_text("camera_matrix", 3, 3, camera.K.ravel().tolist())
            + matrix_text("distortion_coefficients", 1, len(lens), lens)
            + matrix_text("R", 3, 3, camera.R.ravel().tolist())
            + matrix_text("T", 3, 1, (camera.t / UNITS_M[unit]).tolist())
        )
        (path / f"{stem}.yml").write_text(text, encoding="utf-8")
    return []


def _text(document: dict[str, Any], key: str, default: str | None) -> str | None:
    value = document.get(key, default)
    return value if isinstance(value, str) else default


def _camera(path: Path, document: dict[str, Any], unit: str | None, size_px: SizeHint) -> Camera:
    """One camera, T as written."""
    direction = document.get("extrinsics", DIRECTION if unit is not None else None)
    if direction != DIRECTION:
        raise CalibrationError(
            f"{path.name}: extrinsics is {direction!r}, expected {DIRECTION!r}: a FileStorage file does not say by "
            "itself whether R goes from world to camera: add that line if it does, else invert R and T"
        )
    name = _text(document, "camera_name", path.stem) or path.stem
    model = _text(document, "distortion_model", _MODELS[0])
    if model not in _MODELS:
        raise CalibrationError(
            f"{path.name}: distortion_model is {model!r}, expected one of {', '.join(_MODELS)}"
        )
    width, height = whole_in(document, "image_width"), whole_in(document, "image_height")
    lens = matrix_in(document, "distortion_coefficients", None, path)
    return Camera(
        name=name,
        size_px=size_of(name, None if width is None or height is None else (width, height), size_px),
        K=matrix_in(document, "camera_matrix", (3, 3), path),
        distortion=lens_of(lens, f"{path.name}: distortion_coefficients", model == _MODELS[1]),
        cam_from_world=pose_of(
            matrix_in(document, "R", None, path), matrix_in(document, "T", (3, 1), path), f"camera {name!r}"
        ),
    )
