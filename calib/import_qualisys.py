"""Qualisys `.qca.txt`: XML, millimetres, intrinsics in 1/64 pixel, a camera that looks along -z.

With M = r11..r33 as written and T = (x, y, z) the camera's place: R = diag(1, -1, -1) M and t = -R T.
"""

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from posecap.calib.calibration_file import read_calibration_file
from posecap.calib.camera import Camera
from posecap.calib.camera_parts import MOST
from posecap.calib.convention import check_convention
from posecap.calib.errors import CalibrationError
from posecap.calib.plausibility import check_imported
from posecap.calib.rig import Rig
from posecap.calib.rotation import rotation_of

_SUBPIXELS = 64.0
_MM = 1e-3
_FILE_FROM_CAM = np.diag([1.0, -1.0, -1.0])
_LENS = (
    "radialDistortion1",
    "radialDistortion2",
    "tangentalDistortion1",  # their spelling
    "tangentalDistortion2",
    "radialDistortion3",
)


def import_qualisys(path: Path, sizes_px: Mapping[str, tuple[int, int]] | None = None) -> Rig:
    """The video cameras of a Qualisys calibration in the order of the file, world metres and +Z up as calibrated.

    Args:
        path: the `.qca.txt` file.
        sizes_px: (width, height) by camera name where the pictures have another size than the part of the sensor
            that was calibrated; the principal point is not moved.

    Raises:
        CalibrationError: missing, not such a file, or values that are no camera.
    """
    root = _root(path)
    cameras = root.find("cameras")
    if root.tag != "calibration" or cameras is None or not len(cameras):
        raise CalibrationError(f"{path} has no <calibration><cameras>: is it a Qualisys .qca.txt file?")
    try:
        rig = Rig(tuple(_camera(element) for element in _video(cameras)))
        for name, size_px in (sizes_px or {}).items():
            rig = rig.resized(name, size_px)
        check_imported(rig)
        check_convention(rig, "centre", _FILE_FROM_CAM)
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error
    return rig


def _root(path: Path) -> ElementTree.Element:
    data = read_calibration_file(path, "Qualisys calibration", "give the path of a .qca.txt file")
    if (
        b"\0" in data or b"<!DOCTYPE" in data or b"<!ENTITY" in data
    ):  # entities can be made to fill the memory
        raise CalibrationError(f"{path} is binary or declares a document type: export the calibration again")
    try:
        return ElementTree.fromstring(data.decode("utf-8-sig", errors="replace"))
    except (ElementTree.ParseError, ValueError) as error:
        raise CalibrationError(f"{path} is not XML ({error}): export the calibration again") from error


def _video(cameras: ElementTree.Element) -> list[ElementTree.Element]:
    """Those that take pictures, where the file tells them from marker cameras, and that were calibrated."""
    active = [element for element in cameras if element.get("active", "1") != "0"]
    models = [element.get("model", "none").lower() for element in active]
    video = [one for one, model in zip(active, models, strict=True) if "video" in model or model == "none"]
    return video or active


def _camera(element: ElementTree.Element) -> Camera:
    name = element.get("serial")
    if name is None:
        raise CalibrationError("a camera has no serial: export the calibration again")
    transform, intrinsic = element.find("transform"), element.find("intrinsic")
    if transform is None or intrinsic is None:
        raise CalibrationError(f"camera {name!r} has no transform or no intrinsic: calibrate it")

    def number(source: ElementTree.Element, key: str) -> float:
        try:
            value = float(source.attrib[key])
        except (KeyError, ValueError):
            value = np.nan
        if not abs(value) < MOST:
            raise CalibrationError(
                f"camera {name!r}: {key} is {source.get(key)!r}, expected a number: export the calibration again"
            )
        return value

    def pixels(key: str) -> float:
        return number(intrinsic, key) / _SUBPIXELS

    if intrinsic.get("skew") is not None and number(intrinsic, "skew"):
        raise CalibrationError(f"camera {name!r}: its skew is not 0, which is not read: calibrate without it")
    view = element.find("fov_video")
    if view is None:
        left, top, right, bottom = 0.0, 0.0, pixels("sensorMaxU"), pixels("sensorMaxV")
    else:
        left, top, right, bottom = (number(view, side) for side in ("left", "top", "right", "bottom"))
    M = [[number(transform, f"r{row}{column}") for column in (1, 2, 3)] for row in (1, 2, 3)]
    place = np.array([number(transform, axis) for axis in "xyz"]) * _MM
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = rotation_of(_FILE_FROM_CAM.T @ np.array(M))
    cam_from_world[:3, 3] = -cam_from_world[:3, :3] @ place
    x, y = pixels("centerPointU") - left, pixels("centerPointV") - top
    return Camera(
        name=name,
        size_px=(round(right - left) + 1, round(bottom - top) + 1),
        K=np.array([[pixels("focalLengthU"), 0, x], [0, pixels("focalLengthV"), y], [0, 0, 1]]),
        distortion=np.array([number(intrinsic, key) for key in _LENS]),
        cam_from_world=cam_from_world,
    )
