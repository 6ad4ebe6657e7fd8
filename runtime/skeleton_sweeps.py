"""Damped least squares over all rotations of a skeleton at once, each frame for itself."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from posecap.runtime.skeleton import Skeleton

_FRAMES_AT_ONCE = 256
_LOOSE_RAD = 0.3  # how far a segment readily turns in one round where a joint asks for it


def sweep(
    skeleton: Skeleton,
    xyz: NDArray[np.float64],
    root_m: NDArray[np.float64],
    rotation: NDArray[np.float64],
    *,
    rounds: int,
    noise_m: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Root (frames, 3) and world_from_segment (frames, segments, 3, 3) whose joints are nearer to `xyz`.

    Gauss and Newton's method with Levenberg's damping: minimises the squared distances of all known joints
    (frames, joints, 3) plus (noise_m / 0.3 rad)^2 for each squared radian that a local rotation turns, so that what
    the joints do not tell (twists) stays. Unknown (NaN) segments stay unknown.
    """
    root_m, rotation = root_m.copy(), rotation.copy()
    known = np.flatnonzero(np.isfinite(root_m[:, 0]))
    for start in range(0, len(known), _FRAMES_AT_ONCE):
        rows = known[start : start + _FRAMES_AT_ONCE]
        unknown = ~np.isfinite(rotation[rows][:, :, 0, 0])
        root, whole = root_m[rows], _filled(skeleton, rotation[rows])
        usable = xyz[rows].copy()
        usable[_hangs_on(skeleton, unknown)] = np.nan
        for _ in range(rounds):
            root, whole = _round(skeleton, usable, root, whole, noise_m)
        whole[unknown] = np.nan
        root_m[rows], rotation[rows] = root, whole
    return root_m, rotation


def _round(
    skeleton: Skeleton,
    xyz: NDArray[np.float64],
    root_m: NDArray[np.float64],
    rotation: NDArray[np.float64],
    noise_m: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    layout = skeleton.layout
    carrier = np.array(layout.carriers)
    frames, segments = rotation.shape[:2]
    moved = _moved_by(skeleton)
    pivots = skeleton.pivots(root_m, rotation)
    off = xyz - skeleton.joints(root_m, rotation)
    seen = np.isfinite(off[..., 0])
    off = np.where(seen[..., None], off, 0.0)
    at = np.where(seen[..., None], xyz - off, 0.0)
    # A joint turned by w about a pivot moves by w x arm: column a of the Jacobian is e_a x arm.
    arm = at[:, :, None, :] - pivots[:, None, :, :]
    arm = np.where((seen[:, :, None] & moved[None])[..., None], arm, 0.0)
    J = np.zeros((frames, len(carrier), 3, segments + 1, 3))
    J[:, :, 0, 1:, 1], J[:, :, 0, 1:, 2] = arm[..., 2], -arm[..., 1]
    J[:, :, 1, 1:, 0], J[:, :, 1, 1:, 2] = -arm[..., 2], arm[..., 0]
    J[:, :, 2, 1:, 0], J[:, :, 2, 1:, 1] = arm[..., 1], -arm[..., 0]
    J[:, :, :, 0, :] = np.where(seen[..., None, None], np.eye(3), 0.0)
    J = J.reshape(frames, 3 * len(carrier), 3 * (segments + 1))
    damping = np.full(J.shape[2], (noise_m / _LOOSE_RAD) ** 2)
    damping[:3] = 1e-6  # the root is always well seen
    H = J.swapaxes(1, 2) @ J
    H[:, np.arange(len(damping)), np.arange(len(damping))] += damping
    step = np.linalg.solve(H, J.swapaxes(1, 2) @ off.reshape(frames, -1, 1))[..., 0].reshape(frames, -1, 3)
    turn = Rotation.from_rotvec(step[:, 1:].reshape(-1, 3)).as_matrix().reshape(rotation.shape)
    turned = np.empty_like(rotation)
    for segment, parent in enumerate(layout.parents):
        turned[:, segment] = turn[:, segment] @ rotation[:, segment]
        if parent >= 0:  # its parent has turned too, and takes it along
            taken = turned[:, parent] @ rotation[:, parent].swapaxes(1, 2)
            turned[:, segment] = taken @ turned[:, segment]
    return root_m + step[:, 0], turned


def _hangs_on(skeleton: Skeleton, unknown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(frames, joints) whether one of the segments from Hips to the joint is unknown (frames, segments)."""
    return np.any(unknown[:, None, :] & _moved_by(skeleton)[None], axis=2)


def _moved_by(skeleton: Skeleton) -> NDArray[np.bool_]:
    """(joints, segments) whether turning the segment moves the joint."""
    layout = skeleton.layout
    moved = np.zeros((len(layout.joints), len(layout.segments)), dtype=np.bool_)
    for joint, carrier in enumerate(layout.carriers):
        segment = carrier
        while segment >= 0:
            moved[joint, segment] = True
            segment = layout.parents[segment]
    return moved


def _filled(skeleton: Skeleton, rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unknown segments turned as their parents."""
    whole = rotation.copy()
    for segment, parent in enumerate(skeleton.layout.parents):
        if parent >= 0:
            gone = ~np.isfinite(whole[:, segment, 0, 0])
            whole[gone, segment] = whole[gone, parent]
    return whole
