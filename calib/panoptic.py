"""CMU Panoptic's calibration_<sequence>.json, read and written. Centimetres, y down, `X_cam = R X_world + t`.

Panel 0 has the HD cameras, other panels the many VGA ones. The world is turned as VoxelPose turns it, x' = (x, z, -y),
so poses agree with those of its loaders up to the unit.
"""

from pathlib import Path
from typing import Any

from posecap.calib.camera import Camera
from posecap.calib.camera_parts import SizeHint, lens_of, numbers, pose_of, size_of
from posecap.calib.errors import CalibrationError
from posecap.calib.format_limits import Holds, Loss
from posecap.calib.imported_rig import imported_rig
from posecap.calib.json_document import member, read_json, write_json
from posecap.calib.rig import Rig

HOLDS = Holds()
UP = "-y"
_HD_PANEL = 0
_HD_SIZE = 1920, 1080
_DOME_M = (0.5, 20.0)  # the dome is 5.5 m wide


def import_panoptic(
    path: Path, unit: str | None = None, up: str | None = None, size_px: SizeHint = None
) -> Rig:
    """The HD cameras, or all cameras of a file that has none, in the order of the file.

    Args:
        path: the file.
        unit: of the translations; None = centimetres.
        up: axis of the file's world that points up; None = -y.
        size_px: (width, height), for all or by name, where a camera states no `resolution`; HD is 1920 x 1080.

    Raises:
        CalibrationError: not such a file, or no camera results.
    """
    cameras = member(read_json(path), "cameras", str(path))
    if not isinstance(cameras, list) or not cameras or not all(isinstance(one, dict) for one in cameras):
        raise CalibrationError(f"{path} has no list of cameras: is it a Panoptic calibration?")
    chosen = [one for one in cameras if one.get("panel") == _HD_PANEL] or cameras
    try:
        return imported_rig(
            Rig(tuple(_camera(one, size_px) for one in chosen)), unit, up, "cm", UP, within_m=_DOME_M
        )
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error


def export_panoptic(rig: Rig, path: Path, unit_m: float = 0.01) -> list[Loss]:
    """Write all cameras as panel 0; the rig is in a world with y down, lengths are written in units of `unit_m`."""
    cameras = [
        {
            "name": camera.name,
            "type": "hd",
            "resolution": list(camera.size_px),
            "panel": _HD_PANEL,
            "node": node,
            "K": camera.K.tolist(),
            "distCoef": camera.distortion.tolist(),
            "R": camera.R.tolist(),
            "t": (camera.t / unit_m)[:, None].tolist(),
        }
        for node, camera in enumerate(rig.cameras)
    ]
    write_json(path, {"calibDataSource": "posecap", "cameras": cameras})
    losses = [Loss("most readers know cameras by panel and node, 0 and place in the rig, not by name")]
    if any(camera.size_px != _HD_SIZE for camera in rig.cameras):
        losses.append(Loss("most readers take pictures of HD cameras to be 1920 x 1080"))
    return losses


def _camera(entry: dict[str, Any], size_px: SizeHint) -> Camera:
    name = entry.get("name")
    if not isinstance(name, str):
        name = "_".join(
            f"{numbers(member(entry, key, 'a camera'), (1,), key)[0]:02.0f}" for key in ("panel", "node")
        )
    what = f"camera {name!r}"
    stated = None
    if "resolution" in entry:
        width, height = numbers(entry["resolution"], (2,), f"{what}: resolution")
        stated = (width, height)
    elif entry.get("panel") == _HD_PANEL and size_px is None:
        stated = _HD_SIZE
    return Camera(
        name=name,
        size_px=size_of(name, stated, size_px),
        K=numbers(member(entry, "K", what), (3, 3), f"{what}: K"),
        distortion=lens_of(member(entry, "distCoef", what), f"{what}: distCoef"),
        cam_from_world=pose_of(member(entry, "R", what), member(entry, "t", what), what),
    )
