"""How far apart two rigs draw the same points: what a conversion or another calibration costs, in pixels."""

import numpy as np

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig

_GRID = 25
_DEPTHS_M = np.array([0.5, 2.0, 6.0, 20.0])


def rig_difference_px(rig: Rig, other: Rig, by_name: bool = True) -> dict[str, float]:
    """For each camera of `rig` the largest distance, in pixels, between its pictures and those of `other`.

    Points lie on a grid over each picture of `rig`, 0.5 to 20 m in front of the camera. Where `other` cannot see one
    of them, behind it or where its lens ends, the distance is infinite.

    Args:
        rig: whose pictures are filled with points.
        other: what draws the same points.
        by_name: match cameras by name; otherwise by their place in the rig.

    Raises:
        CalibrationError: `other` has no camera of that name.
    """
    return {
        camera.name: _largest(camera, other.cameras[other.index(camera.name) if by_name else place])
        for place, camera in enumerate(rig.cameras)
    }


def _largest(camera: Camera, other: Camera) -> float:
    x, y = (np.linspace(-0.5, size - 0.5, _GRID) for size in camera.size_px)
    rays = camera.undistorted(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    ahead = np.column_stack([rays, np.ones(len(rays))])[:, None] * _DEPTHS_M[:, None]
    xyz = (ahead.reshape(-1, 3) - camera.t) @ camera.R
    drawn = camera.project(xyz)
    seen = np.isfinite(drawn).all(axis=1)  # the corners of a picture may lie where the lens has ended
    distance = np.linalg.norm(other.project(xyz[seen]) - drawn[seen], axis=1)
    return float(np.where(np.isfinite(distance), distance, np.inf).max(initial=0.0))
