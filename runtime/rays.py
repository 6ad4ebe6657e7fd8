"""Keypoints freed of the lens: what every geometric stage works on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.calib.distortion import FISHEYE_COEFFICIENTS, lens_limit
from posecap.calib.rig import Rig
from posecap.runtime.pose import Keypoints2D
from posecap.runtime.undistort import undistort_views


@dataclass(frozen=True, slots=True, eq=False)
class Rays:
    """Joints as normalised image points.

    Attributes:
        xy: (views, people, joints, 2) undistorted x/z, y/z; NaN = not seen.
        variance: (views, people, joints) in the same unit squared; inf where not seen.
    """

    xy: NDArray[np.float64]
    variance: NDArray[np.float64]


class Views:
    """The numbers of a rig that every frame set needs, stacked once.

    Attributes:
        extrinsics: (views, 3, 4) world to camera, metres.
        focal_px: (views,) pixels per normalised unit.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.extrinsics = np.ascontiguousarray(
            np.stack([camera.cam_from_world[:3] for camera in rig.cameras])
        )
        self.focal_px = np.array([camera.focal_px for camera in rig.cameras])
        self._K = np.stack([camera.K for camera in rig.cameras])
        self._fisheye = np.array([len(camera.distortion) == FISHEYE_COEFFICIENTS for camera in rig.cameras])
        self._limit = np.array([lens_limit(camera.distortion) for camera in rig.cameras])
        self._lens = np.stack([np.append(camera.distortion, 0.0)[:5] for camera in rig.cameras])

    def rays(self, keypoints: Keypoints2D) -> Rays:
        """`keypoints` undistorted; what the lens model cannot invert counts as not seen."""
        xy = self.undistorted(keypoints.xy)
        variance = keypoints.variance / self.focal_px[:, None, None] ** 2
        return Rays(xy, np.where(np.isfinite(xy[..., 0]), variance, np.inf))

    def undistorted(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Normalised image points (views, ..., 2) of pixels (views, ..., 2): `Camera.undistorted`, compiled."""
        flat = (len(self.focal_px), int(np.prod(pixels.shape[1:-1])), 2)
        points = np.ascontiguousarray(pixels, dtype=np.float64).reshape(flat)
        result = np.empty_like(points)
        undistort_views(points, self._K, self._lens, self._fisheye, result)
        with np.errstate(invalid="ignore"):
            result[(result**2).sum(axis=-1) >= self._limit[:, None] ** 2] = np.nan
        return result.reshape(pixels.shape)

    def in_cameras(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """World points (..., 3) in every camera's frame, (views, ..., 3), metres."""
        R, t = self.extrinsics[:, :, :3], self.extrinsics[:, :, 3]
        shape = (len(R),) + (1,) * (xyz.ndim - 1) + (3,)
        return np.einsum("...i,vji->v...j", xyz, R) + t.reshape(shape)

    def misses(self, xy: NDArray[np.float64], xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far rays pass from points, metres: image distance times depth, (views, ...).

        `xy` is (views, ..., 2) normalised, `xyz` (..., 3). NaN where either is unknown or the point is behind.
        """
        local = self.in_cameras(xyz)
        depth = np.where(local[..., 2] > 0.05, local[..., 2], np.nan)
        return np.linalg.norm(xy - local[..., :2] / depth[..., None], axis=-1) * depth
