"""`Camera.undistorted` for all views at once, compiled: the same Newton steps as `posecap.calib.distortion`."""

import numpy as np
from numba import njit


@njit(cache=True)
def undistort_views(pixels, K, lens, fisheye, result):  # pragma: no cover - compiled
    """Into result (views, n, 2) the normalised image points of pixels (views, n, 2); NaN where the lens folds over.

    K (views, 3, 3), lens (views, 5) with the fifth unused where fisheye (views,) is set.
    """
    for view in range(pixels.shape[0]):
        for point in range(pixels.shape[1]):
            b = (pixels[view, point, 1] - K[view, 1, 2]) / K[view, 1, 1]
            a = (pixels[view, point, 0] - K[view, 0, 2] - K[view, 0, 1] * b) / K[view, 0, 0]
            if fisheye[view]:
                x, y = _undistort_fisheye(a, b, lens[view])
            else:
                x, y = _undistort_brown(a, b, lens[view])
            result[view, point, 0], result[view, point, 1] = x, y


@njit(cache=True)
def _undistort_brown(a, b, lens):  # pragma: no cover - compiled
    """Newton's method on the bent point (a, b); NaN where it does not converge."""
    k1, k2, p1, p2, k3 = lens[0], lens[1], lens[2], lens[3], lens[4]
    x, y = a, b
    ex = ey = np.inf
    for _ in range(20):
        r2 = x * x + y * y
        radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
        slope = k1 + r2 * (2.0 * k2 + r2 * 3.0 * k3)
        ex = a - (x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x))
        ey = b - (y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y)
        if not max(abs(ex), abs(ey)) > 1e-12:
            break
        mixed = 2.0 * x * y * slope + 2.0 * p1 * x + 2.0 * p2 * y
        jx = radial + 2.0 * x * x * slope + 2.0 * p1 * y + 6.0 * p2 * x
        jy = radial + 2.0 * y * y * slope + 6.0 * p1 * y + 2.0 * p2 * x
        determinant = jx * jy - mixed * mixed
        if abs(determinant) < 1e-9:
            return np.nan, np.nan
        x += min(max((jy * ex - mixed * ey) / determinant, -0.5), 0.5)
        y += min(max((jx * ey - mixed * ex) / determinant, -0.5), 0.5)
    if max(abs(ex), abs(ey)) < 1e-6:
        return x, y
    return np.nan, np.nan


@njit(cache=True)
def _undistort_fisheye(a, b, lens):  # pragma: no cover - compiled
    bent = np.sqrt(a * a + b * b)
    if bent < 1e-12:
        return a, b
    angle = min(bent, np.pi / 2)
    for _ in range(20):
        s = angle * angle
        polynomial = 1.0 + s * (lens[0] + s * (lens[1] + s * (lens[2] + s * lens[3])))
        slope = 1.0 + s * (3.0 * lens[0] + s * (5.0 * lens[1] + s * (7.0 * lens[2] + s * 9.0 * lens[3])))
        if abs(slope) < 1e-9:
            return np.nan, np.nan
        step = (angle * polynomial - bent) / slope
        angle -= step
        if abs(step) < 1e-12:
            break
    s = angle * angle
    bends_to = angle * (1.0 + s * (lens[0] + s * (lens[1] + s * (lens[2] + s * lens[3]))))
    if not (0.0 <= angle < np.pi / 2 and abs(bends_to - bent) < 1e-6):
        return np.nan, np.nan
    return a * np.tan(angle) / bent, b * np.tan(angle) / bent
