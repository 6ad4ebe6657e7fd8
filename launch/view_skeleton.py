"""Which lines and discs stand for a skeleton: limbs as they are, the face as one head, the trunk closed."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from posecap.models.joints import JOINT_SETS

_FACE = ("nose", "eye", "ear", "mouth")
_LIMB_M, _FINE_M, _HEAD_M = 0.026, 0.014, 0.1
_FINE = ("pinky", "index", "thumb", "toe", "heel")


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """Points are joints, then means of joints.

    Attributes:
        means: for each point beyond the joints the joints whose mean it is.
        bones: (bones, 2) indices of points.
        bone_m: (bones,) radius.
        discs: (discs,) indices of points.
        disc_m: (discs,) radius.
    """

    means: tuple[tuple[int, ...], ...]
    bones: NDArray[np.int64]
    bone_m: NDArray[np.float64]
    discs: NDArray[np.int64]
    disc_m: NDArray[np.float64]

    def points(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """(people, points, 3) of joints (people, joints, 3); a mean takes the joints that are known."""
        extra = []
        for joints in self.means:
            some = xyz[:, list(joints)]
            known = np.isfinite(some).all(axis=-1, keepdims=True)
            count = known.sum(axis=1)
            total = np.where(known, some, 0.0).sum(axis=1)
            extra.append(np.where(count > 0, total / np.maximum(count, 1), np.nan))
        return np.concatenate([xyz, *(point[:, None] for point in extra)], axis=1)


@lru_cache(maxsize=8)
def drawing_of(joint_set: str, joints: tuple[str, ...]) -> Drawing:
    """How a joint set is drawn; only discs for a set that posecap does not know."""
    known = JOINT_SETS.get(joint_set)
    if known is None or known.names != joints:
        every = np.arange(len(joints))
        return Drawing((), np.zeros((0, 2), dtype=int), np.zeros(0), every, np.full(len(joints), _LIMB_M))
    face = [any(part in name for part in _FACE) for name in joints]
    means: list[tuple[int, ...]] = []

    def mean(*names: str) -> int:
        means.append(tuple(joints.index(name) for name in names))
        return len(joints) + len(means) - 1

    links = [(a, b) for a, b in known.bones if not face[a] and not face[b] and joints[b] != "head"]
    head = mean("left_ear", "right_ear") if "left_ear" in joints else mean("nose", "head")
    for side in ("shoulder", "hip"):
        pair = (joints.index(f"left_{side}"), joints.index(f"right_{side}"))
        parents = {known.parents[joint] for joint in pair}
        if len(parents) > 1 or face[parents.pop()]:  # no middle joint joins them
            links.append(pair)
    neck = joints.index("neck") if "neck" in joints else mean("left_shoulder", "right_shoulder")
    links.append((neck, head))
    limbs = [j for j, name in enumerate(joints) if not face[j] and name != "head"]
    radius = [_FINE_M if any(part in joints[j] for part in _FINE) else _LIMB_M for j in limbs]
    return Drawing(
        means=tuple(means),
        bones=np.array(links),
        bone_m=np.array(
            [_FINE_M if b < len(joints) and any(p in joints[b] for p in _FINE) else _LIMB_M for _, b in links]
        ),
        discs=np.array([*limbs, head]),
        disc_m=np.array([*(1.45 * r for r in radius), _HEAD_M]),
    )
