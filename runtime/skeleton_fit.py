"""From joint positions to a skeleton with bones of constant length and the rotation of each segment.

Each segment's axes follow in closed form from two directions: the one that it must point along, and one that settles
its twist. Hips and chest take the lines of hips and shoulders, the spine what lies between them, upper limbs the plane
of their bent hinge (`skeleton_hinges`), heads, hands and feet all their joints (Kabsch, Acta Crystallographica A32,
1976). Measures are medians over the frames. `skeleton_sweeps` then moves everything so that all joints fit best.

What joints cannot tell is chosen: hips lean with the trunk; a forearm without a hand does not twist; a straight limb
remembers its twist.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from posecap.runtime.errors import SkeletonError
from posecap.runtime.skeleton import SIDES, Layout, Skeleton, layout_of, toes_of
from posecap.runtime.skeleton_axes import FORWARD, LEFT, UP, axes, kabsch, unit
from posecap.runtime.skeleton_hinges import LIMBS, REST_ALONG, Hinges
from posecap.runtime.skeleton_sweeps import sweep

NOISE_M: Final = 0.01
_CLUSTERS = ("Head", "LeftHand", "RightHand", "LeftFoot", "RightFoot")


@dataclass(frozen=True, slots=True, eq=False)
class SkeletonMotion:
    """A person's skeleton and how it moved.

    Attributes:
        skeleton: measures, constant.
        t_ns: (frames,) as given.
        root_m: (frames, 3) place of Hips (middle of the hips), world; NaN = unknown.
        rotation: (frames, segments, 3, 3) world_from_segment; NaN = unknown.
        residual_m: (joints,) rms distance between the given joints and those of the skeleton; NaN = never seen.
    """

    skeleton: Skeleton
    t_ns: NDArray[np.int64]
    root_m: NDArray[np.float64]
    rotation: NDArray[np.float64]
    residual_m: NDArray[np.float64]

    @property
    def local(self) -> NDArray[np.float64]:
        """(frames, segments, 3, 3) parent_from_segment (Hips: world_from_segment); NaN where either is unknown."""
        return local_rotations(self.skeleton.layout, self.rotation)


class SegmentFrames:
    """Rotations of all segments from joints, in closed form; remembers twists from call to call.

    Args:
        joints: names of the joints axis.
        noise_m: standard deviation of a joint, metres: how much a hinge must bend before its plane counts.

    Raises:
        SkeletonError: hips or shoulders are missing.
    """

    def __init__(self, joints: tuple[str, ...], noise_m: float = NOISE_M) -> None:
        self.layout: Layout = layout_of(joints)
        self._index = {name: place for place, name in enumerate(joints)}
        self._hinges = Hinges(noise_m)

    def pivots(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """(frames, segments, 3) where each segment turns, from joints (frames, joints, 3); NaN = unknown."""
        return np.stack([self._at(xyz, *names) for names in self.layout.pivots], axis=1)

    def rotations(self, t_ns: NDArray[np.int64], xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """(frames, segments, 3, 3) world_from_segment, from joints (frames, joints, 3); NaN = unknown."""
        layout = self.layout
        found = {name: np.full((len(xyz), 3, 3), np.nan) for name in layout.segments}
        self._trunk(xyz, found)
        self._limbs(t_ns, xyz, found)
        for side in SIDES:
            if (foot := f"{side.capitalize()}Foot") in layout:
                heel, ankle = self._at(xyz, f"{side}_heel"), self._at(xyz, f"{side}_ankle")
                toe = self._at(xyz, *toes_of(frozenset(self._index), side))
                found[foot] = axes(FORWARD, toe - heel, UP, 2 * ankle - heel - toe)
            if (hand := f"{side.capitalize()}Hand") in layout:
                index, pinky = self._at(xyz, f"{side}_index"), self._at(xyz, f"{side}_pinky")
                out = (index + pinky) / 2 - self._at(xyz, f"{side}_wrist")
                found[hand] = axes(LEFT, out if side == "left" else -out, FORWARD, index - pinky)
        return np.stack([found[name] for name in layout.segments], axis=1)

    def _trunk(self, xyz: NDArray[np.float64], found: dict[str, NDArray[np.float64]]) -> None:
        hip_line = unit(self._at(xyz, "left_hip") - self._at(xyz, "right_hip"))
        shoulder_line = unit(self._at(xyz, "left_shoulder") - self._at(xyz, "right_shoulder"))
        hips = self._at(xyz, "left_hip", "right_hip")
        shoulders = self._at(xyz, "left_shoulder", "right_shoulder")
        waist = self._at(xyz, "belly") if "Spine1" in self.layout else shoulders
        found["Hips"] = axes(LEFT, hip_line, UP, waist - hips)
        found["Spine"] = axes(UP, waist - hips, LEFT, hip_line + shoulder_line)
        if "Spine1" in self.layout:
            found["Spine1"] = axes(UP, shoulders - waist, LEFT, hip_line + shoulder_line)
            found["Chest"] = axes(LEFT, shoulder_line, UP, shoulders - waist)
        else:
            found["Chest"] = axes(LEFT, shoulder_line, UP, shoulders - hips)
        if "Head" not in self.layout:
            return
        head_pivot = self._at(xyz, *self.layout.pivots[self.layout.index("Head")])
        found["Neck"] = axes(UP, head_pivot - shoulders, LEFT, shoulder_line)
        if "left_ear" in self._index:
            eyes = ("left_eye", "right_eye") if "left_eye" in self._index else ("nose",)
            ear_line = self._at(xyz, "left_ear") - self._at(xyz, "right_ear")
            found["Head"] = axes(LEFT, ear_line, FORWARD, self._at(xyz, *eyes) - head_pivot)
        else:
            found["Head"] = axes(UP, self._at(xyz, "head") - head_pivot, LEFT, shoulder_line)

    def _limbs(
        self, t_ns: NDArray[np.int64], xyz: NDArray[np.float64], found: dict[str, NDArray[np.float64]]
    ) -> None:
        upper, lower, parent = (np.full((len(xyz), 4, *shape), np.nan) for shape in ((3,), (3,), (3, 3)))
        for limb, (name, chain) in enumerate(zip(LIMBS, _CHAINS, strict=True)):
            if name in self.layout:
                start, hinge, end = (self._at(xyz, joint) for joint in chain)
                parent[:, limb] = found["Chest" if name.endswith("Arm") else "Hips"]
                upper[:, limb], lower[:, limb] = hinge - start, end - hinge
        in_parent = [np.einsum("flab,fla->flb", parent, bone) for bone in (upper, lower)]
        hinges = np.empty_like(upper)
        for frame, t in enumerate(t_ns):
            hinges[frame] = self._hinges.step(int(t), in_parent[0][frame], in_parent[1][frame])
        hinges = np.einsum("flab,flb->fla", parent, hinges)
        for limb, name in enumerate(LIMBS):
            if name in self.layout:
                along = int(np.argmax(np.abs(REST_ALONG[limb])))
                sign = REST_ALONG[limb, along]
                across = UP if along == LEFT else LEFT
                below = name.replace("Arm", "ForeArm").replace("UpLeg", "Leg")
                found[name] = axes(along, sign * upper[:, limb], across, hinges[:, limb])
                found[below] = axes(along, sign * lower[:, limb], across, hinges[:, limb])

    def _at(self, xyz: NDArray[np.float64], *names: str) -> NDArray[np.float64]:
        """(frames, 3) mean of some joints; NaN where one of them is."""
        return xyz[:, [self._index[name] for name in names]].mean(axis=1)


def fit_skeleton(
    joints: tuple[str, ...],
    t_ns: NDArray[np.int64],
    xyz: NDArray[np.floating],
    *,
    noise_m: float = NOISE_M,
    sweeps: int = 3,
) -> SkeletonMotion:
    """Skeleton and rotations of one person.

    Args:
        joints: names of the joints axis.
        t_ns: (frames,) rising.
        xyz: (frames, joints, 3) metres, world frame, +Z up; NaN = unknown.
        noise_m: standard deviation of a joint.
        sweeps: rounds of least squares after the closed form; 0 = none.

    A segment is unknown in a frame where the joints that determine it are, all of them where a hip is. Joints that no
    segment carries (a head without ears) are left out.

    Raises:
        SkeletonError: hips or shoulders are missing, in the set or in every frame.
    """
    given = np.asarray(xyz, dtype=np.float64)
    frames = SegmentFrames(joints, noise_m)
    layout = frames.layout
    pivots, rotation = frames.pivots(given), frames.rotations(t_ns, given)
    if not np.isfinite(rotation[:, 0]).all(axis=(1, 2)).any():
        raise SkeletonError(
            f"hips and shoulders are never seen together in {len(given)} frames: choose another person"
        )
    skeleton = measure(layout, given, pivots, rotation)
    _align_clusters(skeleton, given, rotation)
    rotation[~np.isfinite(rotation[:, 0, 0, 0])] = np.nan
    root_m = np.where(np.isfinite(rotation[:, 0, 0, :1]), pivots[:, 0], np.nan)
    if sweeps:
        root_m, rotation = sweep(skeleton, given, root_m, rotation, rounds=sweeps, noise_m=noise_m)
    off = np.linalg.norm(skeleton.joints(root_m, rotation) - given, axis=2)
    seen = np.isfinite(off)
    squares = np.where(seen, off, 0.0) ** 2
    residual_m = np.sqrt(squares.sum(axis=0) / np.maximum(seen.sum(axis=0), 1))
    return SkeletonMotion(skeleton, t_ns, root_m, rotation, np.where(seen.any(axis=0), residual_m, np.nan))


def measure(
    layout: Layout, xyz: NDArray[np.float64], pivots: NDArray[np.float64], rotation: NDArray[np.float64]
) -> Skeleton:
    """The medians over frames of all pivots, joints and tips, each in the axes of what carries it."""
    index = {name: place for place, name in enumerate(layout.joints)}
    offset_m, end_m = np.zeros((len(layout.segments), 3)), np.full((len(layout.segments), 3), np.nan)
    joint_m = np.full((len(layout.joints), 3), np.nan)
    for segment, parent in enumerate(layout.parents):
        if parent >= 0:
            offset = _median_in(rotation[:, parent], pivots[:, segment] - pivots[:, parent])
            offset_m[segment] = np.where(np.isfinite(offset), offset, 0.0)
        if ends := [index[name] for name in layout.ends[segment]]:
            end_m[segment] = _median_in(rotation[:, segment], xyz[:, ends].mean(axis=1) - pivots[:, segment])
    for joint, carrier in enumerate(layout.carriers):
        if carrier >= 0:
            joint_m[joint] = _median_in(rotation[:, carrier], xyz[:, joint] - pivots[:, carrier])
    return Skeleton(layout, offset_m, joint_m, end_m)


def local_rotations(layout: Layout, rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """parent_from_segment of (frames, segments, 3, 3) world_from_segment; that of Hips stays."""
    local = rotation.copy()
    for segment, parent in enumerate(layout.parents):
        if parent >= 0:
            local[:, segment] = rotation[:, parent].swapaxes(1, 2) @ rotation[:, segment]
    return local


def _align_clusters(skeleton: Skeleton, xyz: NDArray[np.float64], rotation: NDArray[np.float64]) -> None:
    """Heads, hands and feet: from all joints that are seen, where three are."""
    for name in _CLUSTERS:
        if name in skeleton.layout:
            segment = skeleton.layout.index(name)
            carried = [joint for joint, carrier in enumerate(skeleton.layout.carriers) if carrier == segment]
            better = kabsch(skeleton.joint_m[carried], xyz[:, carried])
            rotation[:, segment] = np.where(np.isfinite(better), better, rotation[:, segment])


def _median_in(rotation: NDArray[np.float64], vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) median over frames of world vectors (frames, 3) in the axes of a segment; NaN where there is none."""
    inside = np.einsum("fab,fa->fb", rotation, vector)
    inside = inside[np.isfinite(inside).all(axis=1)]
    return np.median(inside, axis=0) if len(inside) else np.full(3, np.nan)


_CHAINS = tuple(
    (f"{side}_{start}", f"{side}_{hinge}", f"{side}_{end}")
    for start, hinge, end in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
    for side in SIDES
)
