"""The slow twin of the solver in `posecap.runtime.bones`: dense matrices, whole arrays."""

import numpy as np
from numpy.typing import NDArray


def settled(
    xyz: NDArray[np.float64],
    covariance: NDArray[np.float64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    length: NDArray[np.float64],
    sigma: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Three rounds of Gauss and Newton's method."""
    joints, ends = np.unique(np.stack([start, end]), return_inverse=True)
    a, b = ends.reshape(2, -1)
    incidence = np.zeros((len(a), len(joints)))
    incidence[np.arange(len(a)), a], incidence[np.arange(len(a)), b] = -1.0, 1.0
    before = xyz[joints]
    information = np.linalg.inv(covariance[joints])
    diagonal = np.arange(len(joints))
    size = 3 * len(joints)
    moved = before
    for _ in range(3):
        bone = incidence @ moved
        now = np.maximum(np.linalg.norm(bone, axis=1), 1e-6)
        stiff = bone / (now * sigma)[:, None]  # unit vector along the bone over sigma
        J = (incidence[:, :, None] * stiff[:, None, :]).reshape(len(a), size)
        H = (J.T @ J).reshape(len(joints), 3, len(joints), 3)
        H[diagonal, :, diagonal] += information
        gradient = np.einsum("nij,nj->ni", information, moved - before).reshape(size)
        gradient += J.T @ ((now - length) / sigma)
        moved = moved - np.linalg.solve(H.reshape(size, size), gradient).reshape(-1, 3)
    result = xyz.copy()
    result[joints] = moved
    return result
