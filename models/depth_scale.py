"""Millimetres for joints in units of a crop's side: by the sum of bones, a person's limbs, or a camera. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posecap.models.joints import H36M_17
from posecap.models.published_joints import MPII_16

BONE_SUM_MM = 4000.0
"""What the original's ResNet takes every person's bones to sum to."""

HOURGLASS_BONE_SUM_MM = 4296.99233013
"""What its hourglass takes."""

ScoredJoints = Literal["h36m-17/1", "mpii-16/1"]
"""What the original scores: joints of Human3.6M (`h36m_from_mpii`), or with its hourglass the 16 that the network
gives, with the belly for the thorax (`mpii_with_belly`)."""

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


def mpii_with_belly(xyz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Joints (..., 16, 3) of `mpii-16/1` whose joint 7, the thorax, is the belly: the middle of pelvis and upper neck.

    The original's hourglass is scored by these, because Human3.6M has its belly at that place. There is no nose.
    """
    joints = np.array(xyz, np.float64)
    if joints.shape[-2] != len(MPII_16):
        raise ValueError(f"belly of {joints.shape[-2]} joints: give the {len(MPII_16)} of a network")
    joints[..., 7, :] = (joints[..., 6, :] + joints[..., 8, :]) / 2
    return joints


def bone_sum_scale(
    xyz: NDArray[np.floating], sum_mm: float = BONE_SUM_MM, joints: ScoredJoints = "h36m-17/1"
) -> NDArray[np.float64]:
    """Millimetres for one unit of `joints` (..., 17 or 16, 3): their 15 bones then sum to `sum_mm`.

    All people get one size. NaN where an end of a bone is unknown.
    """
    first, second = np.array(_SUMMED).T
    if joints == "mpii-16/1":  # the same bones by their numbers there
        first, second = np.array(_OF_17)[first], np.array(_OF_17)[second]
    return sum_mm / _lengths(xyz, first, second, joints).sum(-1)


@dataclass(frozen=True, slots=True)
class BoneSum:
    """How the original turns its joints into those that it scores; the defaults are its ResNet's.

    Attributes:
        sum_mm: of the 15 bones of everybody.
        joints: which are scored.
    """

    sum_mm: float = BONE_SUM_MM
    joints: ScoredJoints = "h36m-17/1"

    def __post_init__(self) -> None:
        if self.joints not in ("h36m-17/1", "mpii-16/1"):
            raise ValueError(f"bone sum of joints {self.joints!r}: choose h36m-17/1 or mpii-16/1")

    def scored_mm(self, xyz: NDArray[np.floating]) -> NDArray[np.float64]:
        """Joints (..., 17 or 16, 3) in millimetres from those (..., 16, 3) that a network gives, in any one unit."""
        form = h36m_from_mpii if self.joints == "h36m-17/1" else mpii_with_belly
        joints = form(xyz)
        return joints * bone_sum_scale(joints, self.sum_mm, self.joints)[..., None, None]


def limb_scale(xyz: NDArray[np.floating], limbs_mm: Mapping[tuple[str, str], float]) -> NDArray[np.float64]:
    """Millimetres for one unit of joints (..., 17, 3) of a person whose limbs are known.

    Limbs with an unknown end are left out of both sums; NaN where none is left.

    Args:
        limbs_mm: by the names of its two ends in `h36m-17/1`.
    """
    ends = np.array([[H36M_17.index(a), H36M_17.index(b)] for a, b in limbs_mm])
    true = np.array(list(limbs_mm.values()), np.float64)
    found = _lengths(xyz, ends[:, 0], ends[:, 1], "h36m-17/1")
    known = np.isfinite(found)
    total = np.where(known, found, 0.0).sum(-1)
    return np.where(known, true, 0.0).sum(-1) / np.where(total > 0, total, np.nan)


def camera_scale(side_px: float, root_depth_mm: float, focal_px: float) -> float:
    """Millimetres for one unit, from the crop's side in the picture, the root's distance and the focal length."""
    return side_px * root_depth_mm / focal_px


def _lengths(
    xyz: NDArray[np.floating], first: NDArray[np.intp], second: NDArray[np.intp], joints: ScoredJoints
) -> NDArray[np.float64]:
    """(..., bones)."""
    wanted, form = (17, "h36m_from_mpii") if joints == "h36m-17/1" else (16, "mpii_with_belly")
    if xyz.shape[-2] != wanted:
        raise ValueError(
            f"scale of {xyz.shape[-2]} joints, needs {wanted}: use {form} for the {len(MPII_16)} of a network"
        )
    return np.linalg.norm(xyz[..., first, :] - xyz[..., second, :], axis=-1)
