"""Left taken for right: found by comparing a view with the skeleton that the other views, or the past, support.

Networks mistake a person's back for the front and crossed legs for straight ones. A mistake in one view bends the
triangulated joint; exchanged consistently with the other views it is good evidence again.

The past may be mistaken, too: where most views contradict it at one pair (elbows) and not at the pair that this hangs
on (shoulders), the views are right. Where they contradict it all along the body, the views are mistaken.
"""

import numpy as np
from numpy.typing import NDArray

from posecap.models.joints import JointSet
from posecap.runtime.rays import Rays

_BETTER_M = 0.05  # an exchange must bring the two joints this much nearer, each
_NEAR_M = 0.15  # and end this near to the reference


class SwapResolver:
    """Exchanges left and right joints of single views.

    Args:
        joint_set: the joints of the rays.
    """

    def __init__(self, joint_set: JointSet) -> None:
        mirrored = joint_set.mirrored
        pairs = [(j, other) for j, other in enumerate(mirrored) if j < other]
        self._pairs = np.array(pairs).reshape(-1, 2)
        self._mirrored = np.array(mirrored)
        place = {joint: pair for pair, joints in enumerate(pairs) for joint in joints}
        self._parents = [place.get(joint_set.parents[left], -1) for left, _ in pairs]
        self._outwards = sorted(range(len(pairs)), key=self._depth)

    def _depth(self, pair: int) -> int:
        """How many pairs lie between this one and the middle of the body."""
        return 0 if self._parents[pair] < 0 else 1 + self._depth(self._parents[pair])

    def resolve(
        self, rays: Rays, miss: NDArray[np.float64], crossed: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """(views, people, joints) True where the joint should be read from its mirror joint.

        Args:
            rays: (views, people, joints) evidence.
            miss: distance of each ray to the reference of the same joint, metres; NaN = unknown.
            crossed: distance of each ray to the reference of the mirror joint, metres.
        """
        left, right = self._pairs[:, 0], self._pairs[:, 1]
        straight = miss[..., left] + miss[..., right]
        exchanged = crossed[..., left] + crossed[..., right]
        with np.errstate(invalid="ignore"):
            swap = (exchanged + 2 * _BETTER_M < straight) & (exchanged < 2 * _NEAR_M)
            kept = (straight + 2 * _BETTER_M < exchanged) & (straight < 2 * _NEAR_M)
        mistaken = self._mistaken_past(swap, kept)
        swap = np.where(mistaken, kept, swap)
        result = np.zeros(rays.variance.shape, dtype=bool)
        result[..., left] = swap
        result[..., right] = swap
        return result

    def _mistaken_past(self, swap: NDArray[np.bool_], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(people, pairs) of (views, people, pairs): most views have exchanged these, and not those they hang on."""
        outvoted = swap.sum(axis=0) > np.maximum(kept.sum(axis=0), 1)
        mistaken = np.zeros_like(outvoted)
        for pair in self._outwards:
            parent = self._parents[pair]
            if parent >= 0:
                mistaken[:, pair] = outvoted[:, pair] & (~outvoted[:, parent] | mistaken[:, parent])
        return mistaken

    def exchange(self, rays: Rays, swapped: NDArray[np.bool_]) -> Rays:
        """`rays` with the joints under `swapped` read from their mirror joints."""
        xy = np.where(swapped[..., None], rays.xy[:, :, self._mirrored], rays.xy)
        return Rays(xy, np.where(swapped, rays.variance[:, :, self._mirrored], rays.variance))

    def mirrored(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """(people, joints, 3) with left and right exchanged."""
        return xyz[:, self._mirrored]
