"""Named, versioned joint sets and the maps between them. An index is a position in `JointSet.names`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JointSet:
    """The joints of a skeleton.

    Attributes:
        name: "family-count/version"; the version changes when the order or the meaning of any joint does.
        names: one for each joint, sides as left_ / right_.
        parents: index of the parent joint, -1 for the root.
    """

    name: str
    names: tuple[str, ...]
    parents: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    def index(self, joint: str) -> int:
        """Position of `joint`; ValueError when the set has none of that name."""
        return self.names.index(joint)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) of every bone."""
        return tuple((parent, child) for child, parent in enumerate(self.parents) if parent >= 0)

    @property
    def mirrored(self) -> tuple[int, ...]:
        """For each joint the index of the same joint on the other side (itself on the middle line)."""
        swap = {"left": "right", "right": "left"}
        other = [
            "_".join([swap[name.split("_")[0]], *name.split("_")[1:]]) if name.split("_")[0] in swap else name
            for name in self.names
        ]
        return tuple(self.names.index(name) for name in other)


COCO_17 = JointSet(
    name="coco-17/1",
    names=(
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
        "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
        "left_knee", "right_knee", "left_ankle", "right_ankle",
    ),
    parents=(-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
)  # fmt: skip

BLAZEPOSE_33 = JointSet(
    name="blazepose-33/1",
    names=(
        "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
        "left_ear", "right_ear", "left_mouth", "right_mouth", "left_shoulder", "right_shoulder",
        "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky",
        "left_index", "right_index", "left_thumb", "right_thumb", "left_hip", "right_hip",
        "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel", "right_heel",
        "left_foot_index", "right_foot_index",
    ),
    parents=(
        -1, 0, 1, 2, 0, 4, 5, 3, 6, 0, 0, 0, 0, 11, 12, 13, 14, 15, 16, 15, 16, 15, 16, 11, 12,
        23, 24, 25, 26, 27, 28, 29, 30,
    ),
)  # fmt: skip

HALPE_26 = JointSet(
    name="halpe-26/1",
    names=(
        *COCO_17.names, "head", "neck", "hip", "left_big_toe", "right_big_toe", "left_small_toe", "right_small_toe",
        "left_heel", "right_heel",
    ),
    parents=(17, 0, 0, 1, 2, 18, 18, 5, 6, 7, 8, 19, 19, 11, 12, 13, 14, 18, 19, -1, 15, 16, 15, 16, 15, 16),
)  # fmt: skip

H36M_17 = JointSet(
    name="h36m-17/1",
    names=(
        "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "belly", "neck",
        "nose", "head", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
    ),
    parents=(-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
)  # fmt: skip

JOINT_SETS = {joint_set.name: joint_set for joint_set in (COCO_17, BLAZEPOSE_33, HALPE_26, H36M_17)}

LIMB_JOINTS = (
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""The twelve joints that every set shares and that scores are taken over."""


def joint_map(source: JointSet, target: JointSet) -> tuple[int, ...]:
    """For each joint of `target` the index of the joint of `source` with the same name, -1 where it has none."""
    return tuple(source.names.index(name) if name in source.names else -1 for name in target.names)
