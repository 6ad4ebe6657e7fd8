"""Qualisys `.qca.txt`: millimetres, intrinsics in 1/64 pixel, a camera that looks along -z.

With M = r11..r33 as written and T = (x, y, z) the camera's place: R = diag(1, -1, -1) M and t = -R T.
"""

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig

_SUBPIXELS = 64.0
_MM = 1e-3
_MAX_BYTES = 4 << 20


def import_qualisys(path: Path, sizes_px: Mapping[str, tuple[int, int]] | None = None) -> Rig:
    """The cameras of a Qualisys calibration in the order of the file, world metres and +Z up as calibrated.

    Args:
        path: the `.qca.txt` file.
        sizes_px: (width, height) by camera name where the pictures have another size than the sensor that was
            calibrated; the principal point is not moved.

    Raises:
        CalibrationError: missing, not such a file, or values that are no camera.
    """
    if not path.is_file():
        raise CalibrationError(f"no Qualisys calibration at {path}: give the path of a .qca.txt file")
    if path.stat().st_size > _MAX_BYTES:
        size = path.stat().st_size
        raise CalibrationError(f"{path} has {size} bytes, too many for a calibration: is it a recording?")
    text = path.read_text(errors="replace")
    if "<!" in text:  # no entities and no document types: nothing a calibration needs
        raise CalibrationError(f"{path} has a document type or comments: export the calibration again")
    try:
        root = ElementTree.fromstring(text)  # without declarations: checked above
    except ElementTree.ParseError as error:
        raise CalibrationError(f"{path} is not XML ({error}): export the calibration again") from error
    cameras = root.find("cameras")
    if root.tag != "calibration" or cameras is None or not len(cameras):
        raise CalibrationError(f"{path} has no <calibration><cameras>: is it a Qualisys .qca.txt file?")
    try:
        return Rig(tuple(_camera(element, sizes_px or {}) for element in cameras))
    except (KeyError, ValueError) as error:
        raise CalibrationError(
            f"{path}: a camera lacks or garbles {error}: export the calibration again"
        ) from error


def _camera(element: ElementTree.Element, sizes_px: Mapping[str, tuple[int, int]]) -> Camera:
    name = element.attrib["serial"]
    transform, intrinsic = element.find("transform"), element.find("intrinsic")
    if transform is None or intrinsic is None:
        raise ValueError(f"<transform> or <intrinsic> of {name}")
    M = np.array([[float(transform.attrib[f"r{i}{j}"]) for j in (1, 2, 3)] for i in (1, 2, 3)])
    place = np.array([float(transform.attrib[axis]) for axis in "xyz"]) * _MM
    left, top, width, height = _window(element, intrinsic)

    def pixels(key: str) -> float:
        return float(intrinsic.attrib[key]) / _SUBPIXELS

    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = _nearest_rotation(np.diag([1.0, -1.0, -1.0]) @ M)
    cam_from_world[:3, 3] = -cam_from_world[:3, :3] @ place
    return Camera(
        name=name,
        size_px=sizes_px.get(name, (width, height)),
        K=np.array(
            [
                [pixels("focalLengthU"), 0.0, pixels("centerPointU") - left],
                [0.0, pixels("focalLengthV"), pixels("centerPointV") - top],
                [0.0, 0.0, 1.0],
            ]
        ),
        distortion=np.array(
            [
                float(intrinsic.attrib[key])
                for key in (
                    "radialDistortion1",
                    "radialDistortion2",
                    "tangentalDistortion1",  # their spelling
                    "tangentalDistortion2",
                    "radialDistortion3",
                )
            ]
        ),
        cam_from_world=cam_from_world,
    )


def _window(element: ElementTree.Element, intrinsic: ElementTree.Element) -> tuple[float, float, int, int]:
    """Left, top, width and height of the part of the sensor that is in the pictures, pixels."""
    view = element.find("fov_video")
    if view is None:
        width = float(intrinsic.attrib["sensorMaxU"]) / _SUBPIXELS + 1
        height = float(intrinsic.attrib["sensorMaxV"]) / _SUBPIXELS + 1
        return 0.0, 0.0, round(width), round(height)
    left, right, top, bottom = (float(view.attrib[side]) for side in ("left", "right", "top", "bottom"))
    return left, top, round(right - left) + 1, round(bottom - top) + 1


def _nearest_rotation(R: np.ndarray) -> np.ndarray:
    """Files carry few digits; a matrix that is far from a rotation is left for `Camera` to refuse."""
    u, singular, vt = np.linalg.svd(R)
    return u @ vt if np.abs(singular - 1).max() < 1e-3 else R
