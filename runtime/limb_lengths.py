"""How long a person's limbs are, and how sure that is: what pictorial structures want to know beforehand."""

import numpy as np
from numpy.typing import NDArray

from posecap.models.joints import JointSet
from posecap.runtime.bones import BoneLengths

BODY_13 = JointSet(
    name="body-13/1",  # what all joint sets of live models share; the trunk hangs on a hip for want of a pelvis
    names=(
        "left_hip", "right_hip", "left_knee", "left_ankle", "right_knee", "right_ankle",
        "left_shoulder", "right_shoulder", "nose", "left_elbow", "left_wrist", "right_elbow", "right_wrist",
    ),
    parents=(-1, 0, 0, 2, 1, 4, 0, 6, 6, 6, 9, 7, 11),
)  # fmt: skip

_MEMORY_SETS = 300.0
_LEAST_SPREAD_M = 0.01
_FIRST_SPREAD_M = 0.05


class LimbLengths:
    """Lengths of one person's limbs in the tree `BODY_13`, from skeletons in that joint set."""

    def __init__(self) -> None:
        self._bones = BoneLengths(BODY_13, BODY_13.bones)
        self._variance = np.full(len(BODY_13.bones), _FIRST_SPREAD_M**2)
        self._sets = np.zeros(len(BODY_13.bones))
        self._parents = np.array([parent for parent, _ in BODY_13.bones])
        self._children = np.array([child for _, child in BODY_13.bones])

    def learn(self, xyz: NDArray[np.float64], covariance: NDArray[np.float64]) -> None:
        """Take a skeleton, (13, 3) metres and (13, 3, 3) m^2, into account; NaN joints teach nothing."""
        self._bones.learn(xyz, covariance)
        away = np.linalg.norm(xyz[self._children] - xyz[self._parents], axis=1) - self._bones.learnt_m
        known = np.isfinite(away)
        self._sets += known
        share = 1.0 / np.minimum(self._sets + 1.0, _MEMORY_SETS)
        square = np.minimum(
            np.where(known, away, 0.0) ** 2, 9.0 * self._variance
        )  # a wrong joint must not teach
        self._variance += np.where(known, share * (square - self._variance), 0.0)

    @property
    def mean_m(self) -> NDArray[np.float64]:
        """(12,) in the order of `BODY_13.bones`; NaN until known."""
        return self._bones.learnt_m

    @property
    def spread_m(self) -> NDArray[np.float64]:
        """(12,) standard deviations, of the trunk's bending and of errors together."""
        return np.maximum(np.sqrt(self._variance), _LEAST_SPREAD_M)
