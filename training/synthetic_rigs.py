"""Authored camera rigs. The kind of set-up is that of a well-known studio, every number is our own."""

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig

STUDIO_SIZE_PX = (1000, 1000)

# name: position m, looks at m, fx, fy, cx, cy px, k1 k2 p1 p2 k3; world origin on the floor, z up
_STUDIO_4 = {
    "cam0": (
        (1.95, 4.75, 1.55),
        (0.05, 0.10, 0.95),
        (1150, 1149, 507, 504),
        (-0.205, 0.235, -8e-4, -1.2e-3, -0.004),
    ),
    "cam1": (
        (2.05, -4.90, 1.65),
        (0.0, -0.05, 0.90),
        (1148, 1147, 496, 509),
        (-0.198, 0.220, -1.0e-3, 6e-4, 0.006),
    ),
    "cam2": (
        (-2.00, 4.85, 1.50),
        (-0.05, 0.05, 0.95),
        (1153, 1152, 511, 497),
        (-0.210, 0.245, 7e-4, 1.0e-3, -0.010),
    ),
    "cam3": (
        (-1.90, -5.05, 1.60),
        (0.05, 0.0, 0.92),
        (1146, 1146, 502, 506),
        (-0.195, 0.215, 4e-4, -9e-4, 0.002),
    ),
}


def studio_4(size_px: tuple[int, int] = STUDIO_SIZE_PX) -> Rig:
    """Four cameras at eye height in the corners of a long room, 5 m from its middle, for pictures of `size_px`."""
    cameras = []
    for name, (position, target, (fx, fy, cx, cy), distortion) in _STUDIO_4.items():
        K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=np.float64)
        pose = looking_at(np.array(position), np.array(target))
        cameras.append(Camera(name, STUDIO_SIZE_PX, K, np.array(distortion), pose).scaled(size_px))
    return Rig(tuple(cameras))


def looking_at(position: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) cam_from_world of an upright camera at `position` that looks at `target`, both (3,) metres."""
    forward = target - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    cam_from_world[:3, 3] = -cam_from_world[:3, :3] @ position
    return cam_from_world
