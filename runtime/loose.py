"""Joints that two views agree on by accident: far from the bone they hang on, or hardly located at all.

Two rays that belong to different things often pass near each other somewhere. A third view would tell; where there is
none, the body does. No joint is better than a wrong one.
"""

import numpy as np
from numpy.typing import NDArray

from posecap.models.joints import JointSet
from posecap.runtime.pose import Skeleton3D

_LONGEST_BONE_M = 0.75  # thighs of the tallest people have 0.6
_LARGEST_SIGMA_M = 0.3
_FEW_VIEWS = 2


class LooseJoints:
    """Takes joints away that cannot be where two views say.

    Args:
        joint_set: of the skeletons.
    """

    def __init__(self, joint_set: JointSet) -> None:
        bones = np.array(joint_set.bones, dtype=np.int64).reshape(-1, 2)
        self._from, self._to = bones[:, 0], bones[:, 1]

    def removed(self, skeleton: Skeleton3D) -> Skeleton3D:
        """`skeleton` without them; joints that three views support stay, whatever they look like."""
        few = skeleton.views == _FEW_VIEWS
        if not few.any():
            return skeleton
        spread = np.trace(skeleton.covariance, axis1=1, axis2=2)
        loose = few & (spread > 3 * _LARGEST_SIGMA_M**2)
        xyz = np.where(loose[:, None], np.nan, skeleton.xyz)
        while (worse := self._end_of_an_overlong_bone(xyz, skeleton.views, spread)) is not None:
            loose[worse] = True
            xyz[worse] = np.nan
        if not loose.any():
            return skeleton
        return Skeleton3D(
            track=skeleton.track,
            xyz=xyz,
            covariance=np.where(loose[:, None, None], np.nan, skeleton.covariance),
            views=np.where(loose, 0, skeleton.views),
            residual_px=np.where(loose, np.nan, skeleton.residual_px),
        )

    def _end_of_an_overlong_bone(
        self, xyz: NDArray[np.float64], views: NDArray[np.int64], spread: NDArray[np.float64]
    ) -> int | None:
        """The joint of two views to take away first: that with the most overlong bones, then the least certain."""
        with np.errstate(invalid="ignore"):
            overlong = np.linalg.norm(xyz[self._to] - xyz[self._from], axis=1) > _LONGEST_BONE_M
        if not overlong.any():
            return None
        bones = np.bincount(np.concatenate([self._from[overlong], self._to[overlong]]), minlength=len(xyz))
        ends = np.flatnonzero((bones > 0) & (views == _FEW_VIEWS) & np.isfinite(xyz[:, 0]))
        if not len(ends):
            return None
        return int(max(ends, key=lambda joint: (bones[joint], spread[joint])))
