"""Rotations from directions and from point clouds."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LEFT: Final = 0
UP: Final = 1
FORWARD: Final = 2


def axes(
    primary: int, direction: NDArray[np.float64], secondary: int, hint: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, 3, 3) rotations whose column `primary` is along `direction` (n, 3), `secondary` as near `hint` as can be."""
    first = unit(direction)
    second = unit(hint - (hint * first).sum(axis=1, keepdims=True) * first)
    third = np.cross(first, second)
    result = np.empty((len(first), 3, 3))
    result[:, :, primary], result[:, :, secondary] = first, second
    left = 3 - primary - secondary
    result[:, :, left] = third if (primary + 1) % 3 == secondary else -third
    return result


def kabsch(template: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3, 3) rotations R with R template ~ points up to a shift; template (k, 3), points (n, k, 3).

    The least squares solution (Kabsch, Acta Crystallographica A32, 1976, with the determinant of A34, 1978). NaN where
    fewer than three points are known or they lie on a line.
    """
    known = np.isfinite(points[..., 0]) & np.isfinite(template[:, 0])
    share = known / np.maximum(known.sum(axis=1, keepdims=True), 1)
    flat = np.where(known[..., None], points, 0.0)
    rest = np.where(known[..., None], template, 0.0)
    flat = np.where(known[..., None], flat - (share[..., None] * flat).sum(axis=1, keepdims=True), 0.0)
    rest = np.where(known[..., None], rest - (share[..., None] * rest).sum(axis=1, keepdims=True), 0.0)
    U, size, Vt = np.linalg.svd(np.einsum("nka,nkb->nab", flat, rest))
    U[:, :, 2] *= np.sign(np.linalg.det(U) * np.linalg.det(Vt))[:, None]
    clear = (known.sum(axis=1) >= 3) & (size[:, 1] > 1e-3 * np.maximum(size[:, 0], 1e-12))
    return np.where(clear[:, None, None], U @ Vt, np.nan)


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) vectors of length 1; NaN where the length is nothing."""
    size = np.linalg.norm(vector, axis=1, keepdims=True)
    return vector / np.where(size > 1e-9, size, np.nan)
