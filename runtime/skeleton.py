"""A kinematic skeleton: segments that turn about pivots, with bones that do not stretch.

Axes of every segment at rest are those of the body: x to its left, y up, z forward, right-handed. Rest is the T-pose:
upright, arms to the sides with the palms down, feet forward. A rotation is `world_from_segment`; at rest of a person
who faces +x of the world (+Z up) it is `WORLD_FROM_BODY`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.runtime.errors import SkeletonError

WORLD_FROM_BODY = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""Left, up, forward of the body as y, z, x of the world; its transpose turns world axes into y-up ones."""

SIDES = ("left", "right")
_FACE = (
    "nose", "left_ear", "right_ear", "left_eye", "right_eye", "left_eye_inner", "left_eye_outer", "right_eye_inner",
    "right_eye_outer", "left_mouth", "right_mouth", "head",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """Which segments a joint set can tell about, and which of them carries each joint.

    Attributes:
        joints: names of the joints axis.
        segments: names, depth first: Hips, Spine, (Spine1,) Chest, Neck, Head, LeftArm, LeftForeArm,
            LeftHand, ..., LeftUpLeg, LeftLeg, LeftFoot, ...
        parents: index of the parent segment; -1 for Hips.
        pivots: for each segment the joints whose mean is where it turns.
        carriers: for each joint the index of the segment that it is fixed to; -1 = none.
        ends: for each segment the joints whose mean is its tip, () where a child begins there or nothing is known.
    """

    joints: tuple[str, ...]
    segments: tuple[str, ...]
    parents: tuple[int, ...]
    pivots: tuple[tuple[str, ...], ...]
    carriers: tuple[int, ...]
    ends: tuple[tuple[str, ...], ...]

    def __contains__(self, segment: str) -> bool:
        return segment in self.segments

    def index(self, segment: str) -> int:
        """Position of `segment`; ValueError when there is none of that name."""
        return self.segments.index(segment)


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """One person's measures.

    Attributes:
        layout: segments and joints.
        offset_m: (segments, 3) each pivot from the parent's pivot, in axes of the parent; 0 for Hips.
        joint_m: (joints, 3) each joint from its carrier's pivot, in axes of the carrier; NaN = never seen.
        end_m: (segments, 3) tip of each segment from its pivot, in its own axes; NaN where a child begins there.
    """

    layout: Layout
    offset_m: NDArray[np.float64]
    joint_m: NDArray[np.float64]
    end_m: NDArray[np.float64]

    def pivots(self, root_m: NDArray[np.float64], rotation: NDArray[np.float64]) -> NDArray[np.float64]:
        """(frames, segments, 3) metres: forward kinematics from the place of Hips and (frames, segments, 3, 3)."""
        pivot = np.empty(rotation.shape[:-1])
        pivot[:, 0] = root_m
        for segment, parent in enumerate(self.layout.parents):
            if parent >= 0:
                pivot[:, segment] = pivot[:, parent] + rotation[:, parent] @ self.offset_m[segment]
        return pivot

    def joints(self, root_m: NDArray[np.float64], rotation: NDArray[np.float64]) -> NDArray[np.float64]:
        """(frames, joints, 3) metres, world frame of `rotation`; NaN where no segment carries the joint."""
        carrier = np.array(self.layout.carriers)
        pivot = self.pivots(root_m, rotation)
        xyz = pivot[:, carrier] + np.einsum("fjab,jb->fja", rotation[:, carrier], self.joint_m)
        xyz[:, carrier < 0] = np.nan
        return xyz


def layout_of(joints: tuple[str, ...]) -> Layout:
    """The segments that joints of these names determine. Hands need index and pinky, feet a heel and a toe.

    Raises:
        SkeletonError: hips or shoulders are missing.
    """
    known = frozenset(joints)
    missing = [f"{side}_{name}" for name in ("hip", "shoulder") for side in SIDES]
    if not known.issuperset(missing):
        raise SkeletonError(
            f"joints {', '.join(name for name in missing if name not in known)} are missing, expected hips and "
            "shoulders: publish a whole-body joint set, for example coco-17/1"
        )
    rows: list[tuple[str, str, tuple[str, ...]]] = []
    carried: dict[str, str] = {}
    ends: dict[str, tuple[str, ...]] = {}
    _trunk(known, rows, carried, ends)
    for side in SIDES:
        _arm(known, side, rows, carried, ends)
    for side in SIDES:
        _leg(known, side, rows, carried, ends)
    names = tuple(name for name, _, _ in rows)
    return Layout(
        joints=joints,
        segments=names,
        parents=tuple(names.index(parent) if parent else -1 for _, parent, _ in rows),
        pivots=tuple(pivot for _, _, pivot in rows),
        carriers=tuple(names.index(carried[name]) if name in carried else -1 for name in joints),
        ends=tuple(ends.get(name, ()) for name in names),
    )


_Rows = list[tuple[str, str, tuple[str, ...]]]


def _trunk(
    known: frozenset[str], rows: _Rows, carried: dict[str, str], ends: dict[str, tuple[str, ...]]
) -> None:
    hips, shoulders = ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")
    rows += [("Hips", "", hips), ("Spine", "Hips", hips)]
    carried.update(dict.fromkeys((*hips, "pelvis", "hip"), "Hips"))
    if "belly" in known:
        rows.append(("Spine1", "Spine", ("belly",)))
        carried["belly"] = "Spine1"
    rows.append(("Chest", rows[-1][0], shoulders))
    carried.update(dict.fromkeys((*shoulders, "neck"), "Chest"))
    ears = ("left_ear", "right_ear")
    if known.issuperset((*ears, "nose")):
        rows += [("Neck", "Chest", shoulders), ("Head", "Neck", ears)]
    elif known.issuperset(("nose", "head")):  # the nose of Human3.6M is where the head begins
        rows += [("Neck", "Chest", shoulders), ("Head", "Neck", ("nose",))]
    else:
        return
    carried.update(dict.fromkeys(_FACE, "Head"))
    if "head" in known:
        ends["Head"] = ("head",)


def _arm(
    known: frozenset[str], side: str, rows: _Rows, carried: dict[str, str], ends: dict[str, tuple[str, ...]]
) -> None:
    names = tuple(f"{side}_{name}" for name in ("shoulder", "elbow", "wrist", "index", "pinky", "thumb"))
    shoulder, elbow, wrist, index, pinky, thumb = names
    if not known.issuperset((elbow, wrist)):
        return
    arm = side.capitalize()
    rows += [(f"{arm}Arm", "Chest", (shoulder,)), (f"{arm}ForeArm", f"{arm}Arm", (elbow,))]
    carried.update({elbow: f"{arm}ForeArm", wrist: f"{arm}ForeArm"})
    ends[f"{arm}ForeArm"] = (wrist,)
    if known.issuperset((index, pinky)):
        rows.append((f"{arm}Hand", f"{arm}ForeArm", (wrist,)))
        carried.update(dict.fromkeys((wrist, index, pinky, thumb), f"{arm}Hand"))
        ends[f"{arm}ForeArm"], ends[f"{arm}Hand"] = (), (index, pinky)


def _leg(
    known: frozenset[str], side: str, rows: _Rows, carried: dict[str, str], ends: dict[str, tuple[str, ...]]
) -> None:
    hip, knee, ankle, heel = (f"{side}_{name}" for name in ("hip", "knee", "ankle", "heel"))
    if not known.issuperset((knee, ankle)):
        return
    leg = side.capitalize()
    rows += [(f"{leg}UpLeg", "Hips", (hip,)), (f"{leg}Leg", f"{leg}UpLeg", (knee,))]
    carried.update({knee: f"{leg}Leg", ankle: f"{leg}Leg"})
    ends[f"{leg}Leg"] = (ankle,)
    toes = toes_of(known, side)
    if heel in known and toes:
        rows.append((f"{leg}Foot", f"{leg}Leg", (ankle,)))
        carried.update(dict.fromkeys((ankle, heel, *toes), f"{leg}Foot"))
        ends[f"{leg}Leg"], ends[f"{leg}Foot"] = (), toes


def toes_of(known: frozenset[str], side: str) -> tuple[str, ...]:
    """Joints at the front of a foot that a set has."""
    return tuple(
        name for name in (f"{side}_foot_index", f"{side}_big_toe", f"{side}_small_toe") if name in known
    )
