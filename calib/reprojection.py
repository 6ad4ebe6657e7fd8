"""How well cameras agree about people: the median distance between what was seen and what is triangulated from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.joint_views import JointViews
from posecap.calib.people_extrinsics import triangulated

_GROSS = 1 / 32  # of the picture's longer side


@dataclass(frozen=True, slots=True, eq=False)
class Reprojection:
    """Residuals of joints that three views see (two where there are no more).

    Attributes:
        median_px: of the length of all residuals; NaN without any.
        by_camera_px: (views,) the same of each camera.
        kept: share of the joints that were used: in none of the views they are off by 1/32 of the picture or more.
    """

    median_px: float
    by_camera_px: NDArray[np.float64]
    kept: float


def reprojection(cameras: tuple[Camera, ...], views: JointViews) -> Reprojection:
    """Of weighted least squares triangulation, without any robust weights that could hide a bad calibration."""
    xyz = triangulated(cameras, views)
    length = np.stack(
        [
            np.linalg.norm(seen - camera.project(xyz), axis=-1)
            for camera, seen in zip(cameras, views.xy, strict=True)
        ]
    )
    length[~views.seen] = np.nan
    limit = _GROSS * np.array([max(camera.size_px) for camera in cameras])[:, None, None]
    enough = views.seen.sum(axis=0) >= min(3, len(cameras))
    enough &= np.isfinite(xyz[..., 0])
    good = enough & ~(length > limit).any(axis=0)
    used = length[:, good]
    return Reprojection(
        _median(used),
        np.array([_median(one) for one in used]),
        float(good.sum() / max(enough.sum(), 1)),
    )


def _median(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def robust_rms_px(residual: NDArray[np.float64]) -> float:
    """1.4826 times the median absolute deviation, of the two coordinates together, px."""
    known = residual[np.isfinite(residual)]
    return float(1.4826 * np.median(np.abs(known)) * np.sqrt(2)) if len(known) else float("nan")
