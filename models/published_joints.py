"""Joint sets of the published networks. They leave `forward` in these orders; `joint_map` gives the common joints.

They are apart from `joints.JOINT_SETS`, which lists the sets that a live session can be asked for.
"""

from posecap.models.joints import H36M_17, JOINT_SETS, JointSet

H36M_18 = JointSet(
    name="h36m-18/1",  # PoseNet's: the thorax is the middle of the shoulders
    names=(*H36M_17.names, "thorax"),
    parents=(*H36M_17.parents, 8),
)

MPII_16 = JointSet(
    name="mpii-16/1",
    names=(
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax",
        "upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow",
        "left_wrist",
    ),
    parents=(1, 2, 6, 6, 3, 4, -1, 6, 7, 8, 11, 12, 7, 7, 13, 14),
)  # fmt: skip

UNION_20 = JointSet(
    name="union-20/1",  # Cross View Fusion's: the joints of Human3.6M and MPII together
    names=(
        "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "belly", "thorax",
        "neck", "upper_neck", "nose", "head", "head_top", "left_shoulder", "left_elbow", "left_wrist",
        "right_shoulder", "right_elbow", "right_wrist",
    ),
    parents=(-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 10, 11, 12, 9, 14, 15, 9, 17, 18),
)  # fmt: skip

TWO_STAGE_17 = JointSet(
    name="two-stage-17/1",  # the joints of h36m-17/1 in another order
    names=(
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "belly", "neck",
        "head", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "nose",
    ),
    parents=(1, 2, 6, 6, 3, 4, -1, 6, 7, 16, 11, 12, 8, 8, 13, 14, 8),
)  # fmt: skip

CANONICAL_14 = JointSet(
    name="canonical-14/1",  # CDRNet's: no pelvis
    names=(
        "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "nose", "neck",
        "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    ),
    parents=(7, 0, 1, 7, 3, 4, 7, -1, 7, 8, 9, 7, 11, 12),
)  # fmt: skip

MUCO_21 = JointSet(
    name="muco-21/1",  # PoseNet's for scenes of many people; the first 17 are those of MuPoTS
    names=(
        "head_top", "thorax", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
        "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "pelvis",
        "spine", "head", "right_hand", "left_hand", "right_toe", "left_toe",
    ),
    parents=(16, 15, 1, 2, 3, 1, 5, 6, 14, 8, 9, 14, 11, 12, -1, 14, 1, 4, 7, 10, 13),
)  # fmt: skip

PUBLISHED_SETS = {
    **JOINT_SETS,
    **{joints.name: joints for joints in (H36M_18, MPII_16, UNION_20, TWO_STAGE_17, CANONICAL_14, MUCO_21)},
}
"""Every set that a network's `joints` may name."""
