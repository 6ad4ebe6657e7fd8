"""Bones do not stretch: their lengths are learnt while somebody is tracked, and joints are moved to respect them."""

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from posecap.models.joints import JointSet

_MEMORY_SETS = 300.0  # newer lengths count for 1 / _MEMORY_SETS once that many were seen
_TRUSTED_SETS = 5
_LENGTH_SIGMA = 0.015  # of a learnt length, relative
_LENGTH_SIGMA_M = 0.003
_ROUNDS = 3


class BoneLengths:
    """Lengths of one person's bones.

    Args:
        joint_set: of the skeletons.
        bones: (parent, child) of those to learn; default: the limbs of `joint_set`, which do not bend.
    """

    def __init__(self, joint_set: JointSet, bones: Sequence[tuple[int, int]] | None = None) -> None:
        rigid = bones
        if rigid is None:
            rigid = [(parent, child) for parent, child in joint_set.bones if _rigid(joint_set, parent, child)]
        self._from = np.array([parent for parent, _ in rigid])
        self._to = np.array([child for _, child in rigid])
        self._mean = np.full(len(rigid), np.nan)
        self._weight = np.zeros(len(rigid))
        self._sets = np.zeros(len(rigid))

    @property
    def learnt_m(self) -> NDArray[np.float64]:
        """(bones,) metres; NaN until a length was seen often enough to be trusted."""
        return np.where(self._sets >= _TRUSTED_SETS, self._mean, np.nan)

    def learn(self, xyz: NDArray[np.float64], covariance: NDArray[np.float64]) -> None:
        """Take the lengths of a skeleton, (joints, 3) metres and (joints, 3, 3) m^2, into account."""
        bone = xyz[self._to] - xyz[self._from]
        length = np.linalg.norm(bone, axis=1)
        along = bone / np.maximum(length, 1e-6)[:, None]
        variance = np.einsum("ni,nij,nj->n", along, covariance[self._to] + covariance[self._from], along)
        known = np.isfinite(length) & np.isfinite(variance)
        weight = np.where(known, 1.0 / (np.where(known, variance, 1.0) + 0.01**2), 0.0)
        old = self._mean
        surprising = np.abs(length - old) > 0.25 * old  # a wrong joint must not teach
        weight = np.where(surprising & (self._sets > _TRUSTED_SETS), 0.05 * weight, weight)
        keep = 1.0 - 1.0 / np.minimum(self._sets + 1.0, _MEMORY_SETS)
        total = keep * self._weight + weight / np.minimum(self._sets + 1.0, _MEMORY_SETS)
        share = np.divide(
            weight / np.minimum(self._sets + 1.0, _MEMORY_SETS),
            total,
            where=total > 0,
            out=np.zeros_like(total),
        )
        mixed = np.where(np.isfinite(old), old, 0.0) * (1 - share) + np.where(known, length, 0.0) * share
        self._mean = np.where(known | np.isfinite(old), np.where(share > 0, mixed, old), np.nan)
        self._weight = total
        self._sets += known

    def consistent(self, xyz: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
        """The joints (joints, 3), moved as little as their covariance asks for, so that the learnt lengths hold.

        Minimises sum (x - x0)^T C^-1 (x - x0) + sum (|bone| - length)^2 / sigma^2 by Gauss and Newton's method.
        NaN joints stay NaN and constrain nothing.
        """
        usable = (
            (self._sets >= _TRUSTED_SETS) & np.isfinite(xyz[self._from, 0]) & np.isfinite(xyz[self._to, 0])
        )
        if not usable.any():
            return xyz
        length = self._mean[usable]
        moved = xyz.copy()
        _settle(
            moved,
            np.ascontiguousarray(covariance),
            self._from[usable],
            self._to[usable],
            length,
            _LENGTH_SIGMA * length + _LENGTH_SIGMA_M,
        )
        return moved


@njit(cache=True)
def _settle(xyz, covariance, start, end, length, sigma):  # pragma: no cover - compiled
    """Gauss and Newton's method in place, over the joints that bones end in."""
    place = np.full(len(xyz), -1)
    count = 0
    for bone in range(len(start)):
        for joint in (start[bone], end[bone]):
            if place[joint] < 0:
                place[joint] = count
                count += 1
    information = np.zeros((len(xyz), 3, 3))
    for joint in range(len(xyz)):
        if place[joint] >= 0:
            information[joint] = np.linalg.inv(covariance[joint])
    before = xyz.copy()
    unit = np.empty(3)
    for _ in range(_ROUNDS):
        H = np.zeros((3 * count, 3 * count))
        gradient = np.zeros(3 * count)
        for joint in range(len(xyz)):
            k = 3 * place[joint]
            if k < 0:
                continue
            H[k : k + 3, k : k + 3] += information[joint]
            gradient[k : k + 3] += information[joint] @ (xyz[joint] - before[joint])
        for bone in range(len(start)):
            a, b = 3 * place[start[bone]], 3 * place[end[bone]]
            now = 0.0
            for i in range(3):
                unit[i] = xyz[end[bone], i] - xyz[start[bone], i]
                now += unit[i] ** 2
            now = max(np.sqrt(now), 1e-6)
            weight = 1.0 / (now * sigma[bone])  # unit vector along the bone over sigma
            excess = (now - length[bone]) / sigma[bone]
            for i in range(3):
                gradient[a + i] -= unit[i] * weight * excess
                gradient[b + i] += unit[i] * weight * excess
                for j in range(3):
                    stiff = unit[i] * unit[j] * weight * weight
                    H[a + i, a + j] += stiff
                    H[b + i, b + j] += stiff
                    H[a + i, b + j] -= stiff
                    H[b + i, a + j] -= stiff
        step = np.linalg.solve(H, gradient)
        for joint in range(len(xyz)):
            k = 3 * place[joint]
            if k >= 0:
                xyz[joint] -= step[k : k + 3]


def _rigid(joint_set: JointSet, parent: int, child: int) -> bool:
    """Fingers, faces and the trunk bend between joints; limbs, hip line and shoulder line do not."""
    words = {joint_set.names[parent].split("_", 1)[-1], joint_set.names[child].split("_", 1)[-1]}
    return words in ({"shoulder", "elbow"}, {"elbow", "wrist"}, {"hip", "knee"}, {"knee", "ankle"})
