"""Millimetres for joints in units of a crop's side: by the sum of bones, a person's limbs, or a camera. No torch."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from posecap.models.joints import H36M_17
from posecap.models.published_joints import MPII_16

BONE_SUM_MM = 4000.0
"""What the original takes every person's bones to sum to; its hourglass takes 4296.99233013."""

_OF_17 = (6, 2, 1, 0, 3, 4, 5, 7, 8, 9, 9, 13, 14, 15, 12, 11, 10)
_SUMMED = (
    (3, 2), (2, 1), (1, 0), (0, 4), (4, 5), (5, 6), (0, 7), (7, 8), (8, 10), (16, 15), (15, 14), (14, 8), (8, 11),
    (11, 12), (12, 13),
)  # fmt: skip


def h36m_from_mpii(xyz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Joints (..., 17, 3) of `h36m-17/1` from those (..., 16, 3) of `mpii-16/1`, in the same unit.

    The belly is the middle of pelvis and neck, the nose that of neck and head, as the original's score takes them.
    """
    joints = np.array(xyz[..., list(_OF_17), :], np.float64)
    joints[..., 7, :] = (joints[..., 0, :] + joints[..., 8, :]) / 2
    joints[..., 9, :] = (joints[..., 8, :] + joints[..., 10, :]) / 2
    return joints


def bone_sum_scale(xyz: NDArray[np.floating], sum_mm: float = BONE_SUM_MM) -> NDArray[np.float64]:
    """Millimetres for one unit of joints (..., 17, 3): their 15 bones then sum to `sum_mm`. All people get one size."""
    first, second = np.array(_SUMMED).T
    return sum_mm / _lengths(xyz, first, second).sum(-1)


def limb_scale(xyz: NDArray[np.floating], limbs_mm: Mapping[tuple[str, str], float]) -> NDArray[np.float64]:
    """Millimetres for one unit of joints (..., 17, 3) of a person whose limbs are known.

    Limbs with an unknown end are left out of both sums; NaN where none is left.

    Args:
        limbs_mm: by the names of its two ends in `h36m-17/1`.
    """
    ends = np.array([[H36M_17.index(a), H36M_17.index(b)] for a, b in limbs_mm])
    true = np.array(list(limbs_mm.values()), np.float64)
    found = _lengths(xyz, ends[:, 0], ends[:, 1])
    known = np.isfinite(found)
    total = np.where(known, found, 0.0).sum(-1)
    return np.where(known, true, 0.0).sum(-1) / np.where(total > 0, total, np.nan)


def camera_scale(side_px: float, root_depth_mm: float, focal_px: float) -> float:
    """Millimetres for one unit, from the crop's side in the picture, the root's distance and the focal length."""
    return side_px * root_depth_mm / focal_px


def _lengths(
    xyz: NDArray[np.floating], first: NDArray[np.intp], second: NDArray[np.intp]
) -> NDArray[np.float64]:
    """(..., bones)."""
    if xyz.shape[-2] != len(H36M_17):
        raise ValueError(
            f"scale of {xyz.shape[-2]} joints, needs 17: use h36m_from_mpii for the {len(MPII_16)} of a network"
        )
    return np.linalg.norm(xyz[..., first, :] - xyz[..., second, :], axis=-1)
