"""Authored rigs: the kind of set-up of a known studio, with numbers of our own. World +Z up, origin on the floor."""

import numpy as np

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig

_STUDIO_4_PX = (1000, 1000)
_STUDIO_4 = {  # position and target m, fx fy cx cy px, k1 k2 p1 p2 k3
    "cam0": ((1.95, 4.75, 1.55), (0.05, 0.10, 0.95), (1150, 1149, 507, 504), (-0.205, 0.235, -0.0008, -0.0012, -0.004)),
    "cam1": ((2.05, -4.90, 1.65), (0.00, -0.05, 0.90), (1148, 1147, 496, 509), (-0.198, 0.220, -0.0010, 0.0006, 0.006)),
    "cam2": ((-2.00, 4.85, 1.50), (-0.05, 0.05, 0.95), (1153, 1152, 511, 497), (-0.210, 0.245, 0.0007, 0.0010, -0.010)),
    "cam3": ((-1.90, -5.05, 1.60), (0.05, 0.00, 0.92), (1146, 1146, 502, 506), (-0.195, 0.215, 0.0004, -0.0009, 0.002)),
}  # fmt: skip


def studio_4(width_px: int) -> Rig:
    """Four cameras around a room of 7.2 x 13.2 m, pictures `width_px` square."""
    cameras = [
        _looking(name, np.array(place), np.array(target), pixels, lens).scaled((width_px, width_px))
        for name, (place, target, pixels, lens) in _STUDIO_4.items()
    ]
    return Rig(tuple(cameras), rms_px=0.0)


def _looking(
    name: str, place: np.ndarray, target: np.ndarray, pixels: tuple[float, ...], lens: tuple[float, ...]
) -> Camera:
    forward = (target - place) / np.linalg.norm(target - place)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    cam_from_world[:3, 3] = -cam_from_world[:3, :3] @ place
    fx, fy, cx, cy = pixels
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    return Camera(name, _STUDIO_4_PX, K, np.array(lens), cam_from_world)
