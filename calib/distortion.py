"""Lens distortion: Brown's five coefficients and OpenCV's four fisheye coefficients, both ways, in numpy.

Points are normalised image coordinates (x/z, y/z). `distort` follows the OpenCV documentation of `projectPoints`
and `fisheye::projectPoints`; `undistort` inverts it by Newton's method until it has converged, where OpenCV's
default stops after five fixed-point rounds.

A polynomial that was fitted inside the picture turns back somewhere outside of it: from there on two directions
share one pixel, and points far beside the picture would be drawn into it. Both functions end at `lens_limit`, the
radius where that happens, and are NaN beyond.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FISHEYE_COEFFICIENTS = 4
BROWN_COEFFICIENTS = 5

_ROUNDS = 60
_CONVERGED = 1e-13
_ACCEPTED = 1e-9
_FLAT = 1e-12
_NEVER = 1e-8  # 1 / r^2 of a turn so far out that it is none


def lens_limit(coefficients: NDArray[np.float64]) -> float:
    """Radius in the normalised image, without distortion, up to which the bent radius grows; inf where it always does.

    Fisheye: tan of the angle, inf from 90 degrees on. The tangential part, which is small, is left out.
    """
    return _lens_limit(tuple(np.asarray(coefficients, dtype=np.float64).tolist()))


@lru_cache(maxsize=1024)
def _lens_limit(coefficients: tuple[float, ...]) -> float:
    if len(coefficients) == FISHEYE_COEFFICIENTS:
        angle = _first_turn(coefficients)
        return float(np.tan(angle)) if angle < np.pi / 2 else np.inf
    k1, k2, _, _, k3 = coefficients
    return _first_turn((k1, k2, k3))


def _first_turn(k: tuple[float, ...]) -> float:
    """Smallest r > 0 at which r (1 + k1 r^2 + k2 r^4 + ...) stops growing: where its slope 1 + 3 k1 r^2 + ... is 0."""
    roots = np.roots([1.0] + [(2 * i + 3) * value for i, value in enumerate(k)])  # in 1 / r^2
    turns = roots.real[(np.abs(roots.imag) <= 1e-12 * np.abs(roots)) & (roots.real > _NEVER)]
    return float(1 / np.sqrt(turns.max())) if len(turns) else np.inf


def distort(points: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalised points (..., 2) as the lens bends them; NaN stays NaN and is the answer beyond `lens_limit`."""
    points = np.asarray(points, dtype=np.float64)
    x, y = points[..., 0], points[..., 1]
    r2 = x * x + y * y
    bent = np.empty(points.shape)
    if len(coefficients) == FISHEYE_COEFFICIENTS:
        radius = np.sqrt(r2)
        angle = np.arctan(radius)
        bent[...] = _with_radius(points, radius, angle * _growth(angle * angle, tuple(coefficients)))
    else:
        k1, k2, p1, p2, k3 = coefficients.tolist()
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        radial += 2 * (p1 * y + p2 * x)
        bent[..., 0] = x * radial + p2 * r2
        bent[..., 1] = y * radial + p1 * r2
    limit = lens_limit(coefficients)
    if limit < np.inf:
        bent[r2 >= limit * limit] = np.nan
    return bent


def undistort(points: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalised points (..., 2) freed of the lens: the inverse of `distort`, NaN where nothing is bent to."""
    shape = np.shape(points)
    target = np.array(points, dtype=np.float64).reshape(-1, 2)
    if len(coefficients) == FISHEYE_COEFFICIENTS:
        bent = np.linalg.norm(target, axis=-1)
        limit = min(np.arctan(lens_limit(coefficients)), np.pi / 2)
        return _with_radius(target, bent, np.tan(_unbent(bent, tuple(coefficients), limit))).reshape(shape)
    if not coefficients.any():
        return target.reshape(shape)
    found = _newton(target, target, coefficients)
    lost = np.isnan(found[..., 0]) & ~np.isnan(target[..., 0])
    if lost.any():  # strong lenses: from the solution for the radial part alone, which is always found
        k1, k2, _, _, k3 = coefficients
        bent = np.linalg.norm(target[lost], axis=-1)
        radius = _unbent(bent, (k1, k2, k3), lens_limit(coefficients))
        found[lost] = _newton(_with_radius(target[lost], bent, radius), target[lost], coefficients)
    return found.reshape(shape)


def _newton(
    start: NDArray[np.float64], target: NDArray[np.float64], coefficients: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Brown's model inverted by Newton's method from `start` (n, 2); NaN where that leads nowhere."""
    k1, k2, p1, p2, k3 = coefficients.tolist()
    x, y = start[..., 0].copy(), start[..., 1].copy()
    a, b = target[..., 0], target[..., 1]
    r2 = error = np.full(x.shape, np.inf)
    for _ in range(_ROUNDS):
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        slope = 2 * k1 + r2 * (4 * k2 + r2 * 6 * k3)  # 2 d radial / d r2
        tangential = p1 * y + p2 * x
        ex = a - x * (radial + 2 * tangential) - p2 * r2
        ey = b - y * (radial + 2 * tangential) - p1 * r2
        mixed = x * y * slope + 2 * (p1 * x + p2 * y)
        jx = radial + x * x * slope + 2 * tangential + 4 * p2 * x
        jy = radial + y * y * slope + 2 * tangential + 4 * p1 * y
        error = np.maximum(np.abs(ex), np.abs(ey))
        if not np.fmax.reduce(error, axis=None, initial=0.0) > _CONVERGED:
            break
        determinant = jx * jy - mixed * mixed
        determinant[determinant < _FLAT] = np.nan
        x += (jy * ex - mixed * ey) / determinant
        y += (jx * ey - mixed * ex) / determinant
    lost = ~((error < _ACCEPTED) & (r2 < lens_limit(coefficients) ** 2))
    x[lost] = np.nan
    y[lost] = np.nan
    return np.stack([x, y], axis=-1)


def _growth(s: NDArray[np.float64], k: tuple[float, ...]) -> NDArray[np.float64]:
    """1 + k1 s + k2 s^2 + ..."""
    total = np.zeros_like(s)
    for value in reversed(k):
        total = (total + value) * s
    return 1 + total


def _with_radius(
    points: NDArray[np.float64], norm: NDArray[np.float64], radius: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Points (..., 2) of length `norm` stretched to `radius`."""
    return points * np.where(norm > 0, radius / np.where(norm > 0, norm, 1.0), 1.0)[..., None]


def _unbent(bent: NDArray[np.float64], k: tuple[float, ...], limit: float) -> NDArray[np.float64]:
    """r below `limit` with r (1 + k1 r^2 + k2 r^4 + ...) = bent; NaN where there is none.

    The left side grows up to the limit: Newton's method, halving the bracket wherever it would leave it.
    """
    slope_k = tuple((2 * i + 3) * value for i, value in enumerate(k))
    top = limit if limit < np.inf else 1.0
    while limit == np.inf and top * _growth(np.array(top * top), k) < np.nanmax(bent, initial=0.0):
        top *= 2
    low, high = np.zeros_like(bent), np.full_like(bent, top)
    r = np.minimum(bent, top / 2)
    error = np.full(r.shape, np.inf)
    for _ in range(_ROUNDS):
        error = r * _growth(r * r, k) - bent
        if not np.fmax.reduce(np.abs(error), axis=None, initial=0.0) > _CONVERGED:
            break
        low, high = np.where(error < 0, r, low), np.where(error > 0, r, high)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = r - error / _growth(r * r, slope_k)
        r = np.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
    return np.where((np.abs(error) < _ACCEPTED) & (r < limit), r, np.nan)
