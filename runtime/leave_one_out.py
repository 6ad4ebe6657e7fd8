"""How far each camera's joints are from where the OTHER cameras see them, and the turn that would explain it.

A joint that all cameras agreed on says little about a camera that moved: the camera has pulled the joint towards
itself. So for each camera one step of Gauss and Newton's method takes its own ray out of the joint again; what is left
between the joint of the others and the ray is its residual (leave-one-out; Cook and Weisberg 1982, section 2.2.3).
The residuals of all joints of a camera are fitted by a small turn of the camera, robustly (Geman and McClure 1987).
"""

import numpy as np
from numba import njit

_MIN_DEPTH_M = 0.05
_PART_M = 0.3  # a ray that passes farther from a joint has no part in the joint of the others
_LARGEST_M = 0.5  # farther off is another thing than this joint
_JOINT_SIGMA_M = 0.02  # networks are biased: no joint tells more, however sure it is
_LARGEST_SIGMA_M = 0.1  # of the joint of the others: views nearly opposite to each other fix no depth
_SOFT_SIGMAS = 3.0
_ROUNDS = 3
_MIN_JOINTS = 6


@njit(cache=True, error_model="numpy")
def turn_equations(rays, variance, xyz, extrinsics, doubted, sums):  # pragma: no cover - compiled
    """For each view the normal equations H w = g of the turn w (radians, camera axes) that its joints ask for.

    Args:
        rays: (views, n, 2) normalised; NaN = not seen.
        variance: (views, n) in the same unit squared.
        xyz: (n, 3) joints as all views together see them, metres; NaN = unknown.
        extrinsics: (views, 3, 4).
        doubted: (views,) views that have no part in the joints of the others.
        sums: (views, 23) result: H (9); g (3); the sum of the joints' weights, 1 / normalised^2 without direction; that
            of weight times depth, metres; and the mean square of what a turn moves, times the sum of weights (9). All 0
            where fewer than six joints are also seen by two other views.
    """
    views, n = variance.shape
    gap = np.empty((views, n, 2))
    trust = np.zeros((views, n, 3))
    far = np.empty((views, n))
    for joint in range(n):
        if np.isfinite(xyz[joint, 0]):
            _gaps(
                rays[:, joint],
                variance[:, joint],
                xyz[joint],
                extrinsics,
                doubted,
                gap[:, joint],
                trust[:, joint],
                far[:, joint],
            )
    sums[:] = 0.0
    for view in range(views):
        seen = np.flatnonzero(trust[view, :, 0] > 0.0)
        if len(seen) >= _MIN_JOINTS:
            _fit_turn(rays[view], gap[view], trust[view], far[view], seen, sums[view])


@njit(cache=True, error_model="numpy")
def _gaps(rays, variance, xyz, extrinsics, doubted, gap, trust, far):  # pragma: no cover - compiled
    """Of one joint: ray minus joint of the others (views, 2), the inverse covariance of that (views, 3), depth.

    Covariance as xx xy yy; 0 where too little is known.
    """
    views = len(variance)
    J = np.empty((views, 2, 3))
    r = np.empty((views, 2))
    w = np.zeros(views)
    A = np.zeros((3, 3))
    b = np.zeros(3)
    used = 0
    for v in range(views):
        gap[v] = 0.0
        z = _seen_from(extrinsics[v], xyz, rays[v], J[v], r[v])
        far[v] = z
        if not (np.isfinite(rays[v, 0]) and 0.0 < variance[v] < np.inf and z > _MIN_DEPTH_M):
            far[v] = np.nan
            continue
        if doubted[v] or (r[v, 0] ** 2 + r[v, 1] ** 2) * z * z > _PART_M * _PART_M:
            continue
        w[v] = 1.0 / (variance[v] + (_JOINT_SIGMA_M / z) ** 2)
        used += 1
        for row in range(2):
            for k in range(3):
                b[k] += w[v] * J[v, row, k] * r[v, row]
                for m in range(3):
                    A[k, m] += w[v] * J[v, row, k] * J[v, row, m]
    M = np.empty((3, 3))
    c = np.empty(3)
    for v in range(views):
        if not np.isfinite(far[v]) or used - (w[v] > 0.0) < 2:
            continue
        for k in range(3):
            c[k] = b[k] - w[v] * (J[v, 0, k] * r[v, 0] + J[v, 1, k] * r[v, 1])
            for m in range(3):
                M[k, m] = A[k, m] - w[v] * (J[v, 0, k] * J[v, 0, m] + J[v, 1, k] * J[v, 1, m])
        if not _invert(M):
            continue
        own = variance[v] + (_JOINT_SIGMA_M / far[v]) ** 2
        c00 = c01 = c11 = 0.0
        gap[v, 0], gap[v, 1] = r[v, 0], r[v, 1]
        for k in range(3):
            for m in range(3):
                gap[v, 0] -= J[v, 0, k] * M[k, m] * c[m]
                gap[v, 1] -= J[v, 1, k] * M[k, m] * c[m]
                c00 += J[v, 0, k] * M[k, m] * J[v, 0, m]
                c01 += J[v, 0, k] * M[k, m] * J[v, 1, m]
                c11 += J[v, 1, k] * M[k, m] * J[v, 1, m]
        off_m = np.sqrt(gap[v, 0] ** 2 + gap[v, 1] ** 2) * far[v]
        if (c00 + c11) / 2 * far[v] ** 2 > _LARGEST_SIGMA_M**2 or off_m > _LARGEST_M:
            continue
        c00 += own
        c11 += own
        determinant = c00 * c11 - c01 * c01
        trust[v, 0], trust[v, 1], trust[v, 2] = c11 / determinant, -c01 / determinant, c00 / determinant


@njit(cache=True, error_model="numpy")
def _seen_from(E, xyz, ray, J, r):  # pragma: no cover - compiled
    """Depth of a point in the view with extrinsics E; its derivatives (2, 3) into J, ray minus point (2,) into r."""
    z = E[2, 0] * xyz[0] + E[2, 1] * xyz[1] + E[2, 2] * xyz[2] + E[2, 3]
    for row in range(2):
        u = (E[row, 0] * xyz[0] + E[row, 1] * xyz[1] + E[row, 2] * xyz[2] + E[row, 3]) / z
        r[row] = ray[row] - u
        for k in range(3):
            J[row, k] = (E[row, k] - u * E[2, k]) / z
    return z


@njit(cache=True, error_model="numpy")
def _fit_turn(rays, gap, trust, far, seen, sums):  # pragma: no cover - compiled
    """The normal equations of one view, joints weighted by how well they agree with what the others ask for."""
    turn = np.zeros(3)
    turn[1] = np.median(gap[seen, 0])
    turn[0] = -np.median(gap[seen, 1])
    row = np.empty((2, 3))
    inverse = np.empty((3, 3))
    for _ in range(_ROUNDS):
        sums[:] = 0.0
        for j in seen:
            u, v = rays[j, 0] - gap[j, 0], rays[j, 1] - gap[j, 1]
            row[0, 0], row[0, 1], row[0, 2] = -u * v, 1.0 + u * u, -v
            row[1, 0], row[1, 1], row[1, 2] = -1.0 - v * v, u * v, u
            e0 = gap[j, 0] - row[0, 0] * turn[0] - row[0, 1] * turn[1] - row[0, 2] * turn[2]
            e1 = gap[j, 1] - row[1, 0] * turn[0] - row[1, 1] * turn[1] - row[1, 2] * turn[2]
            t00, t01, t11 = trust[j, 0], trust[j, 1], trust[j, 2]
            doubt = 1.0 + (t00 * e0 * e0 + 2.0 * t01 * e0 * e1 + t11 * e1 * e1) / (_SOFT_SIGMAS**2)
            soft = 1.0 / (doubt * doubt)
            t00, t01, t11 = soft * t00, soft * t01, soft * t11
            even = 2.0 * (t00 * t11 - t01 * t01) / (t00 + t11)
            sums[12] += even
            sums[13] += even * far[j]
            for k in range(3):
                w0 = t00 * row[0, k] + t01 * row[1, k]
                w1 = t01 * row[0, k] + t11 * row[1, k]
                sums[9 + k] += w0 * gap[j, 0] + w1 * gap[j, 1]
                for m in range(3):
                    sums[3 * k + m] += w0 * row[0, m] + w1 * row[1, m]
                    sums[14 + 3 * k + m] += even * (row[0, k] * row[0, m] + row[1, k] * row[1, m])
        for k in range(3):
            for m in range(3):
                inverse[k, m] = sums[3 * k + m]
            inverse[k, k] += 1e-3 * sums[12]
        if not _invert(inverse):
            break
        for k in range(3):
            turn[k] = inverse[k, 0] * sums[9] + inverse[k, 1] * sums[10] + inverse[k, 2] * sums[11]


@njit(cache=True, error_model="numpy")
def _invert(M):  # pragma: no cover - compiled
    """Whether the symmetric 3 x 3 matrix is regular; it is then its own inverse."""
    a00, a01, a02, a11, a12, a22 = M[0, 0], M[0, 1], M[0, 2], M[1, 1], M[1, 2], M[2, 2]
    c00, c01, c02 = a11 * a22 - a12 * a12, a02 * a12 - a01 * a22, a01 * a12 - a02 * a11
    determinant = a00 * c00 + a01 * c01 + a02 * c02
    third = (a00 + a11 + a22) / 3.0
    if not determinant > 1e-7 * third * third * third:
        return False
    s = 1.0 / determinant
    M[0, 0], M[1, 1], M[2, 2] = c00 * s, (a00 * a22 - a02 * a02) * s, (a00 * a11 - a01 * a01) * s
    M[0, 1] = M[1, 0] = c01 * s
    M[0, 2] = M[2, 0] = c02 * s
    M[1, 2] = M[2, 1] = (a01 * a02 - a00 * a12) * s
    return True
