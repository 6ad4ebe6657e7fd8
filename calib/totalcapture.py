"""TotalCapture's calibration.cal, read and written. Metres, `X_cam = R X_world + t`, one radial coefficient, y up.

Plain numbers: `cameras 1`, then seven lines a camera: first and last row and column of the picture, fx fy cx cy, k1,
three rows of R, t. The data set's skeletons are in inches. A reader of it that is around swaps y and z, which mirrors
the world; files with such a swap in them are refused.
"""

from pathlib import Path

import numpy as np

from posecap.calib.calibration_file import read_calibration_file
from posecap.calib.camera import Camera
from posecap.calib.camera_parts import intrinsics_of, pose_of
from posecap.calib.errors import CalibrationError
from posecap.calib.format_limits import Holds, Loss
from posecap.calib.human36m_json import intrinsics_in
from posecap.calib.imported_rig import imported_rig
from posecap.calib.rig import Rig

HOLDS = Holds(radial=1, tangential=False, skew=False)
UP = "+y"
_A_CAMERA = 4 + 4 + 1 + 9 + 3
_MOST_CAMERAS = 1000


def import_totalcapture(path: Path, unit: str | None = None, up: str | None = None) -> Rig:
    """The cameras in the order of the file, cam1, cam2 and so on as the data set's videos are called.

    Args:
        path: the file.
        unit: of t; None = metres.
        up: axis of the file's world that points up; None = +y.

    Raises:
        CalibrationError: not such a file, more than one distortion coefficient, or no camera results.
    """
    values = numbers_of(read_calibration_file(path, "calibration", "give the path of a calibration.cal"))
    if values is None or len(values) < 2:
        raise CalibrationError(f"{path} is not numbers alone: is it TotalCapture's calibration.cal?")
    count, order = values[:2]
    if order != 1:
        raise CalibrationError(
            f"{path}: its distortion order is {order:g}, expected 1 (k1): recalibrate with one coefficient"
        )
    if not (1 <= count <= _MOST_CAMERAS) or count % 1 or len(values) != 2 + count * _A_CAMERA:
        raise CalibrationError(
            f"{path} has {len(values)} numbers, {count:g} cameras have {2 + max(count, 0) * _A_CAMERA:g}: get it again"
        )
    blocks = values[2:].reshape(int(count), _A_CAMERA)
    try:
        rig = Rig(tuple(_camera(f"cam{k}", block) for k, block in enumerate(blocks, 1)))
        return imported_rig(rig, unit, up, "m", UP)
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error


def export_totalcapture(rig: Rig, path: Path, unit_m: float = 1.0) -> list[Loss]:
    """Write the rig, which is in a world with y up; lengths are in units of `unit_m` metres."""
    lines = [[len(rig), 1]]
    for camera in rig.cameras:
        width, height = camera.size_px
        lines += [
            [0, height - 1, 0, width - 1],
            intrinsics_in(camera),
            [float(camera.distortion[0])],
            *camera.R.tolist(),
            (camera.t / unit_m).tolist(),
        ]
    path.write_text(
        "".join(" ".join(repr(value) for value in line) + "\n" for line in lines), encoding="utf-8"
    )
    if all(name == f"cam{k}" for k, name in enumerate(rig.names, 1)):
        return []
    return [Loss("names: cameras come back as cam1, cam2 and so on, in the order of the rig")]


def numbers_of(data: bytes) -> np.ndarray | None:
    """All numbers of a file that has nothing else, None for any other."""
    try:
        return np.array(data.split(), dtype=np.float64)
    except ValueError:
        return None


def _camera(name: str, block: np.ndarray) -> Camera:
    top, bottom, left, right = block[:4]
    if not np.isfinite(block).all():
        raise CalibrationError(f"camera {name!r} contains NaN or infinity: get the file again")
    if top != 0 or left != 0:
        raise CalibrationError(
            f"camera {name!r}: its picture starts at row {top:g} and column {left:g}, expected 0 and 0: is it a "
            "calibration.cal of other pictures?"
        )
    fx, fy, cx, cy = block[4:8]
    return Camera(
        name=name,
        size_px=(right + 1, bottom + 1),
        K=intrinsics_of(fx, fy, cx, cy),
        distortion=np.array([block[8], 0, 0, 0, 0]),
        cam_from_world=pose_of(block[9:18].reshape(3, 3), block[18:21], f"camera {name!r}"),
    )
