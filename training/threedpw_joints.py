"""Joints of 3DPW: 18 found in the picture, 24 of the body model, and where those of `mpii-16/1` are among them."""

import numpy as np
from numpy.typing import NDArray

COCO_18 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear",
)  # fmt: skip
"""Order of `poses2d`, the one of OpenPose: COCO's 17 with a neck, the middle of the shoulders."""

SMPL_24 = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
)  # fmt: skip
"""Order of `jointPositions`."""

SMPL_OF_MPII = (8, 5, 2, 1, 4, 7, 0, 12, 15, -1, 21, 19, 17, 16, 18, 20)
"""For each joint of `mpii-16/1` its place among the 24 of SMPL; SMPL has no top of the head."""

COCO_18_OF_MPII = (10, 9, 8, 11, 12, 13, -1, 1, -1, -1, 4, 3, 2, 5, 6, 7)
"""For each joint of `mpii-16/1` its place among the 18; pelvis, upper neck and top of the head are not among them."""

COCO_18_OF_SMPL = tuple(COCO_18.index(name) if name in COCO_18 else -1 for name in SMPL_24)
"""For each joint of SMPL the one of the same name; its hips lie deeper than those that are found in pictures."""


def in_mpii(joints: NDArray[np.floating], places: tuple[int, ...]) -> NDArray[np.float64]:
    """(..., 16, axes) in the order of `mpii-16/1` out of (..., joints, axes); NaN where `places` is -1."""
    found = np.array(joints, np.float64)[..., places, :]
    found[..., np.array(places) < 0, :] = np.nan
    return found
