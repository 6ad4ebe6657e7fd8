"""Projection of points with its derivatives: what every adjustment of cameras needs.

Parameters of a camera, in this order: three of a small rotation, three of a translation (metres), fx, fy, cx, cy
(pixels), then k1 k2 p1 p2 k3 of Brown's lens or k1 k2 k3 k4 of OpenCV's fisheye. A camera that turns by the small
rotation w and moves by d sees `exp(w) R X + t + d`.
"""

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.distortion import FISHEYE_COEFFICIENTS

POSE_PARAMETERS = ("rx", "ry", "rz", "tx", "ty", "tz")
K_PARAMETERS = ("fx", "fy", "cx", "cy")
CAMERA_PARAMETERS = 15  # of the longer kind of lens; a fisheye leaves the last one unused


def parameter_names(camera: Camera) -> tuple[str, ...]:
    """What each of the `CAMERA_PARAMETERS` of a camera is; "" = unused."""
    fisheye = len(camera.distortion) == FISHEYE_COEFFICIENTS
    lens = ("k1", "k2", "k3", "k4", "") if fisheye else ("k1", "k2", "p1", "p2", "k3")
    return POSE_PARAMETERS + K_PARAMETERS + lens


def seen_with_derivatives(
    camera: Camera, points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Pixels of world points (n, 3) in metres, and how they change.

    Returns:
        (n, 2) pixels, NaN for points that are not in front of the camera; (n, 2, 15) by the camera's parameters;
        (n, 2, 3) by the point in the world.
    """
    turned = points @ camera.R.T
    local = turned + camera.t
    depth = np.where(local[:, 2] > 1e-6, local[:, 2], np.nan)
    flat = local[:, :2] / depth[:, None]
    bent, by_flat, by_lens = _lens(flat, camera.distortion)
    K2 = camera.K[:2, :2]
    n = len(points)
    flat_by_local = np.zeros((n, 2, 3))
    flat_by_local[:, 0, 0] = flat_by_local[:, 1, 1] = 1 / depth
    flat_by_local[:, :, 2] = -flat / depth[:, None]
    by_local = K2 @ by_flat @ flat_by_local
    by_camera = np.zeros((n, 2, CAMERA_PARAMETERS))
    by_camera[:, :, :3] = by_local @ -cross_matrices(turned)
    by_camera[:, :, 3:6] = by_local
    by_camera[:, 0, 6] = bent[:, 0]
    by_camera[:, 1, 7] = bent[:, 1]
    by_camera[:, 0, 8] = by_camera[:, 1, 9] = 1
    by_camera[:, :, 10 : 10 + by_lens.shape[2]] = K2 @ by_lens
    return camera.pixels(bent), by_camera, by_local @ camera.R


def cross_matrices(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3, 3) matrices M of (n, 3) vectors v with M u = v x u."""
    x, y, z = vectors.T
    zero = np.zeros(len(vectors))
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)


def _lens(
    flat: NDArray[np.float64], k: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(n, 2) as the lens bends it, its derivatives by the point (n, 2, 2) and by the coefficients (n, 2, m)."""
    x, y = flat.T
    r2 = x * x + y * y
    by_flat = np.empty((len(flat), 2, 2))
    if len(k) == FISHEYE_COEFFICIENTS:
        r = np.sqrt(np.maximum(r2, 1e-18))
        angle = np.arctan(r)
        powers = angle[:, None] ** (3, 5, 7, 9)
        share = (angle + powers @ k) / r
        slope = (1 + (angle[:, None] ** (2, 4, 6, 8)) @ (k * (3, 5, 7, 9))) / (1 + r2)
        outer = flat[:, :, None] * flat[:, None, :] / (r * r)[:, None, None]
        by_flat[...] = share[:, None, None] * np.eye(2) + (slope - share)[:, None, None] * outer
        return share[:, None] * flat, by_flat, flat[:, :, None] * (powers / r[:, None])[:, None, :]
    k1, k2, p1, p2, k3 = k
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    slope = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))  # d radial / d x = slope x
    tangential = 2 * (p1 * y + p2 * x)
    bent = flat * (radial + tangential)[:, None] + r2[:, None] * (p2, p1)
    by_flat[:, 0, 0] = radial + tangential + x * (slope * x + 2 * p2) + 2 * p2 * x
    by_flat[:, 0, 1] = by_flat[:, 1, 0] = x * (slope * y + 2 * p1) + 2 * p2 * y
    by_flat[:, 1, 1] = radial + tangential + y * (slope * y + 2 * p1) + 2 * p1 * y
    by_lens = np.empty((len(flat), 2, 5))
    by_lens[:, :, 0] = flat * r2[:, None]
    by_lens[:, :, 1] = flat * (r2 * r2)[:, None]
    by_lens[:, 0, 2], by_lens[:, 1, 2] = 2 * x * y, r2 + 2 * y * y
    by_lens[:, 0, 3], by_lens[:, 1, 3] = r2 + 2 * x * x, 2 * x * y
    by_lens[:, :, 4] = flat * (r2 * r2 * r2)[:, None]
    return bent, by_flat, by_lens
