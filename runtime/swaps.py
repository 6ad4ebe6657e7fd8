"""Left taken for right: found by comparing a view with the skeleton that the other views, or the past, support.

Networks mistake a person's back for the front and crossed legs for straight ones. A mistake in one view bends the
triangulated joint; exchanged consistently with the other views it is good evidence again.
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
        self._pairs = np.array([(j, other) for j, other in enumerate(mirrored) if j < other]).reshape(-1, 2)
        self._mirrored = np.array(mirrored)

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
        result = np.zeros(rays.variance.shape, dtype=bool)
        result[..., left] = swap
        result[..., right] = swap
        return result

    def exchange(self, rays: Rays, swapped: NDArray[np.bool_]) -> Rays:
        """`rays` with the joints under `swapped` read from their mirror joints."""
        xy = np.where(swapped[..., None], rays.xy[:, :, self._mirrored], rays.xy)
        return Rays(xy, np.where(swapped, rays.variance[:, :, self._mirrored], rays.variance))

    def mirrored(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """(people, joints, 3) with left and right exchanged."""
        return xyz[:, self._mirrored]
