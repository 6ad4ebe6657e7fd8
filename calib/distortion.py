"""Lens distortion: Brown's five coefficients and OpenCV's four fisheye coefficients, both ways, in numpy.

Points are normalised image coordinates (x/z, y/z). `distort` follows the OpenCV documentation of `projectPoints` and
`fisheye::projectPoints`; `undistort` inverts it by Newton's method until it has converged, where OpenCV's default
stops after five fixed-point rounds.
"""

import numpy as np
from numpy.typing import NDArray

FISHEYE_COEFFICIENTS = 4
BROWN_COEFFICIENTS = 5

_NEWTON_ROUNDS = 20
_CONVERGED = 1e-12
_MAX_NEWTON_STEP = 0.5


def distort(points: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalised points (..., 2) as the lens bends them; NaN stays NaN."""
    return _distort_with_jacobian(points, coefficients)[0]


def undistort(points: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalised points (..., 2) freed of the lens; the inverse of `distort`, NaN where the lens model folds over."""
    target = np.asarray(points, dtype=np.float64)
    if not np.any(coefficients):
        return target.copy()
    if len(coefficients) == FISHEYE_COEFFICIENTS:
        return _undistort_fisheye(target, coefficients)
    return _undistort_brown(target, coefficients)


def _undistort_brown(target: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    guess = target.copy()
    error = np.zeros_like(guess)
    for _ in range(_NEWTON_ROUNDS):
        bent, jacobian = _distort_with_jacobian(guess, coefficients)
        error = target - bent
        determinant = jacobian[..., 0, 0] * jacobian[..., 1, 1] - jacobian[..., 0, 1] * jacobian[..., 1, 0]
        safe = np.where(np.abs(determinant) > 1e-9, determinant, np.nan)
        step_x = (jacobian[..., 1, 1] * error[..., 0] - jacobian[..., 0, 1] * error[..., 1]) / safe
        step_y = (jacobian[..., 0, 0] * error[..., 1] - jacobian[..., 1, 0] * error[..., 0]) / safe
        step = np.stack([step_x, step_y], axis=-1)
        guess = guess + np.clip(step, -_MAX_NEWTON_STEP, _MAX_NEWTON_STEP)
        if not np.nanmax(np.abs(error), initial=0.0) > _CONVERGED:
            break
    converged = np.max(np.abs(error), axis=-1, keepdims=True) < 1e-6
    return np.where(converged, guess, np.nan)


def _undistort_fisheye(target: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    bent_angle = np.linalg.norm(target, axis=-1)
    k = np.asarray(coefficients, dtype=np.float64)
    angle = np.clip(bent_angle, 0.0, np.pi / 2)
    for _ in range(_NEWTON_ROUNDS):
        square = angle * angle
        polynomial = 1 + square * (k[0] + square * (k[1] + square * (k[2] + square * k[3])))
        slope = 1 + square * (3 * k[0] + square * (5 * k[1] + square * (7 * k[2] + square * 9 * k[3])))
        step = (angle * polynomial - bent_angle) / np.where(np.abs(slope) > 1e-9, slope, np.nan)
        angle = angle - step
        if not np.nanmax(np.abs(step), initial=0.0) > _CONVERGED:
            break
    angle = np.where((angle >= 0) & (angle < np.pi / 2), angle, np.nan)
    scale = np.where(bent_angle > 1e-12, np.tan(angle) / np.maximum(bent_angle, 1e-12), 1.0)
    return target * scale[..., None]


def _distort_with_jacobian(
    points: NDArray[np.float64], coefficients: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bent points (..., 2) and their derivative (..., 2, 2)."""
    points = np.asarray(points, dtype=np.float64)
    x, y = points[..., 0], points[..., 1]
    r2 = x * x + y * y
    if len(coefficients) == FISHEYE_COEFFICIENTS:
        return _fisheye(points, r2, coefficients), np.zeros((*points.shape, 2))
    k1, k2, p1, p2, k3 = coefficients
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    radial_slope = k1 + r2 * (2 * k2 + r2 * 3 * k3)  # d radial / d r2
    bent = np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ],
        axis=-1,
    )
    mixed = 2 * x * y * radial_slope + 2 * p1 * x + 2 * p2 * y
    jacobian = np.stack(
        [
            np.stack([radial + 2 * x * x * radial_slope + 2 * p1 * y + 6 * p2 * x, mixed], axis=-1),
            np.stack([mixed, radial + 2 * y * y * radial_slope + 6 * p1 * y + 2 * p2 * x], axis=-1),
        ],
        axis=-2,
    )
    return bent, jacobian


def _fisheye(
    points: NDArray[np.float64], r2: NDArray[np.float64], coefficients: NDArray[np.float64]
) -> NDArray[np.float64]:
    radius = np.sqrt(r2)
    angle = np.arctan(radius)
    square = angle * angle
    k1, k2, k3, k4 = coefficients
    bent_angle = angle * (1 + square * (k1 + square * (k2 + square * (k3 + square * k4))))
    scale = np.where(radius > 1e-12, bent_angle / np.maximum(radius, 1e-12), 1.0)
    return points * scale[..., None]
