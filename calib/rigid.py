"""Rigid transforms (4, 4): inverse, mean, the smallest turn upright."""

import numpy as np
from numpy.typing import NDArray


def inverse_of(pose: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 4, 4) inverses of rigid transforms."""
    inverse = np.zeros_like(pose)
    R = np.swapaxes(pose[..., :3, :3], -1, -2)
    inverse[..., :3, :3] = R
    inverse[..., :3, 3] = -np.einsum("...ij,...j->...i", R, pose[..., :3, 3])
    inverse[..., 3, 3] = 1
    return inverse


def mean_pose(poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) of (n, 4, 4): the rotation nearest to all (chordal distance), the median of each coordinate."""
    u, _, vt = np.linalg.svd(poses[:, :3, :3].mean(axis=0))
    mean = np.eye(4)
    mean[:3, :3] = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    mean[:3, 3] = np.median(poses[:, :3, 3], axis=0)
    return mean


def turned_upright(up: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) the smallest turn that makes `up` (3,) the z axis; about x where up was the opposite of z."""
    x, y, z = up / np.linalg.norm(up)
    turn = np.eye(4)
    if z < -1 + 1e-9:
        turn[:3, :3] = np.diag([1.0, -1.0, -1.0])
        return turn
    K = np.array([[0.0, 0.0, -x], [0.0, 0.0, -y], [x, y, 0.0]])  # cross matrix of up x (0, 0, 1)
    turn[:3, :3] = np.eye(3) + K + K @ K / (1 + z)
    return turn
