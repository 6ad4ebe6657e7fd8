"""Joints of one data set as joints of a union, so that one network learns from several sets (Qiu et al., ICCV 2019)."""

import numpy as np
from numpy.typing import NDArray

from posecap.models.errors import ModelError
from posecap.models.joints import JointSet, joint_map
from posecap.models.published_joints import UNION_20


def union_map(source: JointSet, union: JointSet = UNION_20) -> tuple[int, ...]:
    """For each joint of `source` its index in `union`; joints are the same where their names are.

    Raises:
        ModelError: a joint of `source` is not in the union.
    """
    lost = [name for name in source.names if name not in union.names]
    if lost:
        raise ModelError(
            f"{union.name} has no {', '.join(lost)} of {source.name}: choose a union that has them"
        )
    return joint_map(union, source)


def in_union(
    joints: NDArray[np.floating], source: JointSet, union: JointSet = UNION_20
) -> NDArray[np.floating]:
    """(..., union's joints, k) of `joints` (..., source's joints, k); those that `source` has not are NaN.

    `gaussian_targets` gives NaN joints the weight 0, so nothing is learnt about them.

    Raises:
        ModelError: as `union_map`; another number of joints.
    """
    _expect(joints, source)
    found = np.full((*joints.shape[:-2], len(union), joints.shape[-1]), np.nan, joints.dtype)
    found[..., union_map(source, union), :] = joints
    return found


def from_union(
    joints: NDArray[np.floating], target: JointSet, union: JointSet = UNION_20
) -> NDArray[np.floating]:
    """(..., target's joints, k) of `joints` (..., union's joints, k).

    Raises:
        ModelError: as `in_union`.
    """
    _expect(joints, union)
    return joints[..., union_map(target, union), :]


def _expect(joints: NDArray[np.floating], joint_set: JointSet) -> None:
    if joints.ndim < 2 or joints.shape[-2] != len(joint_set):
        raise ModelError(
            f"joints of shape {joints.shape}, expected (..., {len(joint_set)}, k) for {joint_set.name}: "
            "check the joint set"
        )
