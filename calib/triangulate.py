"""Weighted triangulation of many points from many views, compiled.

The start is the inhomogeneous linear least squares solution (Hartley and Zisserman 2004, section 12.2), a
3 x 3 system in closed form; steps of Gauss and Newton's method on the reprojection error then make it the
maximum-likelihood point for Gaussian image noise, and the inverse of their information matrix is its
covariance. One step is enough unless the start was far away, and one step is what a point usually costs.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

_MAX_STEPS = 6
_CONVERGED = 3e-3  # step over depth; the next step would be about its square
_LOST = 0.05  # step over depth of the last step: not a minimum that one could rely on
_SINGULAR = 1e-9  # determinant over (trace / 3)^3: rays within 0.01 degrees of each other
_MIN_DEPTH_M = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Triangulated:
    """Points and how well they are known.

    Attributes:
        xyz: (n, 3) metres, world frame; NaN where fewer than two views see the point, the rays are parallel
            or the point would be behind a camera that sees it.
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
        variance: (views, n) of each coordinate, normalised units squared (px^2 / focal^2), above 0; inf or
            NaN = not seen.
        extrinsics: (views, 3, 4) world to camera, metres.

    Raises:
        ValueError: the shapes do not belong together.
    """
    views, n = variance.shape
    if rays.shape != (views, n, 2) or extrinsics.shape != (views, 3, 4):
        raise ValueError(
            f"rays {rays.shape}, variance {variance.shape} and extrinsics {extrinsics.shape} do not belong "
            "together: expected (views, n, 2), (views, n) and (views, 3, 4)"
        )
    xyz = np.empty((n, 3))
    covariance = np.empty((n, 3, 3))
    _all_points(
        np.ascontiguousarray(rays, dtype=np.float64),
        np.ascontiguousarray(variance, dtype=np.float64),
        np.ascontiguousarray(extrinsics, dtype=np.float64),
        xyz,
        covariance,
    )
    return Triangulated(xyz, covariance)


@njit(cache=True, error_model="numpy")
def _all_points(rays, variance, extrinsics, xyz, covariance):  # pragma: no cover - compiled
    weight = np.empty(rays.shape[0])
    for point in range(rays.shape[1]):
        for view in range(rays.shape[0]):
            seen = np.isfinite(rays[view, point, 0] + rays[view, point, 1])
            known = seen and 0.0 < variance[view, point] < np.inf
            weight[view] = 1.0 / variance[view, point] if known else 0.0
        if not solve_point(rays[:, point], weight, extrinsics, xyz[point], covariance[point]):
            xyz[point] = np.nan
            covariance[point] = np.nan


@njit(cache=True, error_model="numpy")
def solve_point(rays, weight, extrinsics, xyz, covariance):  # pragma: no cover - compiled
    """Whether rays (views, 2) with weight (views,) = 1 / variance, 0 = not seen, have a point.

    It goes into xyz (3,) and covariance (3, 3); where there is none, they are left as they were.
    """
    found, x, y, z = _linear(rays, weight, extrinsics)
    if not found:
        return False
    relative = np.inf
    inverse = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for _ in range(_MAX_STEPS):
        found, depth, gradient, inverse = _normal_equations(rays, weight, extrinsics, (x, y, z))
        if not found:
            return False
        dx, dy, dz = _times(inverse, gradient)
        x += dx
        y += dy
        z += dz
        relative = np.sqrt(dx * dx + dy * dy + dz * dz) / depth
        if relative < _CONVERGED:
            break
    if not relative < _LOST:
        return False
    xyz[0], xyz[1], xyz[2] = x, y, z
    covariance[0, 0], covariance[1, 1], covariance[2, 2] = inverse[0], inverse[3], inverse[5]
    covariance[0, 1] = covariance[1, 0] = inverse[1]
    covariance[0, 2] = covariance[2, 0] = inverse[2]
    covariance[1, 2] = covariance[2, 1] = inverse[4]
    return True


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def _linear(rays, weight, extrinsics):  # pragma: no cover - compiled
    """Whether the rays meet, and x, y, z where they come nearest in the algebraic sense."""
    a00 = a01 = a02 = a11 = a12 = a22 = b0 = b1 = b2 = 0.0
    for v in range(rays.shape[0]):
        w = weight[v]
        if not w > 0.0:
            continue
        for row in range(2):
            u = rays[v, row]
            r0 = u * extrinsics[v, 2, 0] - extrinsics[v, row, 0]
            r1 = u * extrinsics[v, 2, 1] - extrinsics[v, row, 1]
            r2 = u * extrinsics[v, 2, 2] - extrinsics[v, row, 2]
            c = w * (extrinsics[v, row, 3] - u * extrinsics[v, 2, 3])
            b0 += r0 * c
            b1 += r1 * c
            b2 += r2 * c
            a00 += w * r0 * r0
            a01 += w * r0 * r1
            a02 += w * r0 * r2
            a11 += w * r1 * r1
            a12 += w * r1 * r2
            a22 += w * r2 * r2
    regular, inverse = _inverse((a00, a01, a02, a11, a12, a22))
    x, y, z = _times(inverse, (b0, b1, b2))
    return regular, x, y, z


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def _normal_equations(rays, weight, extrinsics, start):  # pragma: no cover - compiled
    """Of the step from `start`: whether there is one, least depth, gradient and inverse information."""
    x, y, z = start
    a00 = a01 = a02 = a11 = a12 = a22 = b0 = b1 = b2 = 0.0
    nearest = np.inf
    for v in range(rays.shape[0]):
        w = weight[v]
        if not w > 0.0:
            continue
        e0, e1, e2 = extrinsics[v, 2, 0], extrinsics[v, 2, 1], extrinsics[v, 2, 2]
        depth = e0 * x + e1 * y + e2 * z + extrinsics[v, 2, 3]
        nearest = min(nearest, depth)
        s = 1.0 / depth
        for row in range(2):
            r0, r1, r2 = extrinsics[v, row, 0], extrinsics[v, row, 1], extrinsics[v, row, 2]
            image = (r0 * x + r1 * y + r2 * z + extrinsics[v, row, 3]) * s
            j0, j1, j2 = (r0 - image * e0) * s, (r1 - image * e1) * s, (r2 - image * e2) * s
            gap = w * (rays[v, row] - image)
            b0 += j0 * gap
            b1 += j1 * gap
            b2 += j2 * gap
            a00 += w * j0 * j0
            a01 += w * j0 * j1
            a02 += w * j0 * j2
            a11 += w * j1 * j1
            a12 += w * j1 * j2
            a22 += w * j2 * j2
    regular, inverse = _inverse((a00, a01, a02, a11, a12, a22))
    return regular and nearest > _MIN_DEPTH_M, nearest, (b0, b1, b2), inverse


@njit(cache=True, error_model="numpy")
def _inverse(a):  # pragma: no cover - compiled
    """Whether the symmetric matrix of upper triangle `a` is regular, and the upper triangle of its inverse."""
    a00, a01, a02, a11, a12, a22 = a
    c00 = a11 * a22 - a12 * a12
    c01 = a02 * a12 - a01 * a22
    c02 = a01 * a12 - a02 * a11
    determinant = a00 * c00 + a01 * c01 + a02 * c02
    third = (a00 + a11 + a22) / 3.0
    s = 1.0 / determinant
    return determinant > _SINGULAR * third * third * third, (
        c00 * s,
        c01 * s,
        c02 * s,
        (a00 * a22 - a02 * a02) * s,
        (a01 * a02 - a00 * a12) * s,
        (a00 * a11 - a01 * a01) * s,
    )


@njit(cache=True, error_model="numpy")
def _times(inverse, b):  # pragma: no cover - compiled
    """The symmetric 3 x 3 matrix with upper triangle `inverse` times the vector `b`."""
    i00, i01, i02, i11, i12, i22 = inverse
    b0, b1, b2 = b
    return i00 * b0 + i01 * b1 + i02 * b2, i01 * b0 + i11 * b1 + i12 * b2, i02 * b0 + i12 * b1 + i22 * b2
