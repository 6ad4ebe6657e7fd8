"""Weighted triangulation of many points from many views, compiled.

The start is the inhomogeneous linear least squares solution (Hartley and Zisserman 2004, section 12.2), a 3 x 3 system in
closed form; two steps of Gauss and Newton's method on the reprojection error then make it the maximum-likelihood point
for Gaussian image noise, and the inverse of their information matrix is its covariance.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

_STEPS = 2
_SINGULAR = 1e-9  # determinant over (trace / 3)^3: rays within 0.01 degrees of each other


@dataclass(frozen=True, slots=True, eq=False)
class Triangulated:
    """Points and how well they are known.

    Attributes:
        xyz: (n, 3) metres, world frame; NaN where fewer than two views see the point, the rays are parallel or the
            point would be behind a camera that sees it.
        covariance: (n, 3, 3) m^2, the inverse information; NaN where xyz is.
    """

    xyz: NDArray[np.float64]
    covariance: NDArray[np.float64]


def triangulate(
    rays: NDArray[np.float64], variance: NDArray[np.float64], extrinsics: NDArray[np.float64]
) -> Triangulated:
    """Points that `rays` of several views meet in.

    Args:
        rays: (views, n, 2) normalised image points without distortion; NaN = not seen.
        variance: (views, n) of each coordinate, normalised units squared (px^2 / focal^2); inf = not seen.
        extrinsics: (views, 3, 4) world to camera, metres.
    """
    n = rays.shape[1]
    xyz = np.full((n, 3), np.nan)
    covariance = np.full((n, 3, 3), np.nan)
    _all_points(
        np.ascontiguousarray(rays, dtype=np.float64),
        np.ascontiguousarray(variance, dtype=np.float64),
        np.ascontiguousarray(extrinsics, dtype=np.float64),
        xyz,
        covariance,
    )
    return Triangulated(xyz, covariance)


@njit(cache=True)
def _all_points(rays, variance, extrinsics, xyz, covariance):  # pragma: no cover - compiled
    weight = np.empty(rays.shape[0])
    for point in range(rays.shape[1]):
        for view in range(rays.shape[0]):
            seen = np.isfinite(variance[view, point]) and np.isfinite(rays[view, point, 0])
            weight[view] = 1.0 / variance[view, point] if seen else 0.0
        if not solve_point(rays[:, point], weight, extrinsics, xyz[point], covariance[point]):
            xyz[point] = np.nan
            covariance[point] = np.nan


@njit(cache=True)
def solve_point(rays, weight, extrinsics, xyz, covariance):  # pragma: no cover - compiled
    """One point: rays (views, 2), weight (views,) = 1 / variance or 0, into xyz (3,) and covariance (3, 3); False = none."""
    views = rays.shape[0]
    a00 = a01 = a02 = a11 = a12 = a22 = b0 = b1 = b2 = 0.0
    used = 0
    for v in range(views):
        w = weight[v]
        if w <= 0.0:
            continue
        used += 1
        for row in range(2):
            u = rays[v, row]
            r0 = u * extrinsics[v, 2, 0] - extrinsics[v, row, 0]
            r1 = u * extrinsics[v, 2, 1] - extrinsics[v, row, 1]
            r2 = u * extrinsics[v, 2, 2] - extrinsics[v, row, 2]
            c = extrinsics[v, row, 3] - u * extrinsics[v, 2, 3]
            a00 += w * r0 * r0
            a01 += w * r0 * r1
            a02 += w * r0 * r2
            a11 += w * r1 * r1
            a12 += w * r1 * r2
            a22 += w * r2 * r2
            b0 += w * r0 * c
            b1 += w * r1 * c
            b2 += w * r2 * c
    if used < 2 or not _invert(a00, a01, a02, a11, a12, a22, covariance):
        return False
    x = covariance[0, 0] * b0 + covariance[0, 1] * b1 + covariance[0, 2] * b2
    y = covariance[1, 0] * b0 + covariance[1, 1] * b1 + covariance[1, 2] * b2
    z = covariance[2, 0] * b0 + covariance[2, 1] * b1 + covariance[2, 2] * b2
    for _ in range(_STEPS):
        a00 = a01 = a02 = a11 = a12 = a22 = b0 = b1 = b2 = 0.0
        for v in range(views):
            w = weight[v]
            if w <= 0.0:
                continue
            E = extrinsics[v]
            depth = E[2, 0] * x + E[2, 1] * y + E[2, 2] * z + E[2, 3]
            if depth <= 1e-3:
                return False
            for row in range(2):
                image = (E[row, 0] * x + E[row, 1] * y + E[row, 2] * z + E[row, 3]) / depth
                j0 = (E[row, 0] - image * E[2, 0]) / depth
                j1 = (E[row, 1] - image * E[2, 1]) / depth
                j2 = (E[row, 2] - image * E[2, 2]) / depth
                gap = rays[v, row] - image
                a00 += w * j0 * j0
                a01 += w * j0 * j1
                a02 += w * j0 * j2
                a11 += w * j1 * j1
                a12 += w * j1 * j2
                a22 += w * j2 * j2
                b0 += w * j0 * gap
                b1 += w * j1 * gap
                b2 += w * j2 * gap
        if not _invert(a00, a01, a02, a11, a12, a22, covariance):
            return False
        x += covariance[0, 0] * b0 + covariance[0, 1] * b1 + covariance[0, 2] * b2
        y += covariance[1, 0] * b0 + covariance[1, 1] * b1 + covariance[1, 2] * b2
        z += covariance[2, 0] * b0 + covariance[2, 1] * b1 + covariance[2, 2] * b2
    xyz[0], xyz[1], xyz[2] = x, y, z
    return True


@njit(cache=True)
def _invert(a00, a01, a02, a11, a12, a22, inverse):  # pragma: no cover - compiled
    """Inverse of a symmetric 3 x 3 matrix; False where it is singular."""
    c00 = a11 * a22 - a12 * a12
    c01 = a02 * a12 - a01 * a22
    c02 = a01 * a12 - a02 * a11
    determinant = a00 * c00 + a01 * c01 + a02 * c02
    third = (a00 + a11 + a22) / 3.0
    if not determinant > _SINGULAR * third * third * third:
        return False
    inverse[0, 0] = c00 / determinant
    inverse[0, 1] = inverse[1, 0] = c01 / determinant
    inverse[0, 2] = inverse[2, 0] = c02 / determinant
    inverse[1, 1] = (a00 * a22 - a02 * a02) / determinant
    inverse[1, 2] = inverse[2, 1] = (a01 * a02 - a00 * a12) / determinant
    inverse[2, 2] = (a00 * a11 - a01 * a01) / determinant
    return True
