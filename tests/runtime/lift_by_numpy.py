"""The slow twin of `posecap.runtime.lift`: the same decisions in numpy, one joint and one hypothesis at a time."""

import numpy as np
from numpy.typing import NDArray

FLOOR_SIGMA_M = 0.01
SOFT_SIGMAS = 4.0
ROUNDS = 2
MAX_PAIRS, PATIENT_PAIRS = 10, 30


def solve(rays: NDArray, weight: NDArray, extrinsics: NDArray) -> NDArray:
    """(3,) linear start and Gauss-Newton steps to convergence; NaN where there is no point."""
    used = weight > 0
    if used.sum() < 2:
        return np.full(3, np.nan)
    rows = rays[used][..., None] * extrinsics[used, 2:3] - extrinsics[used, :2]
    root = np.sqrt(weight[used])[:, None, None]
    A = (root * rows).reshape(-1, 4)
    x = np.linalg.lstsq(A[:, :3], -A[:, 3], rcond=None)[0]
    for _ in range(8):
        local = extrinsics[used] @ np.append(x, 1.0)
        if (local[:, 2] <= 1e-3).any():
            return np.full(3, np.nan)
        image = local[:, :2] / local[:, 2:]
        J = (extrinsics[used, :2, :3] - image[..., None] * extrinsics[used, 2:, :3]) / local[:, 2, None, None]
        gap = rays[used] - image
        H = np.einsum("v,vri,vrj->ij", weight[used], J, J)
        x = x + np.linalg.solve(H, np.einsum("v,vri,vr->i", weight[used], J, gap))
    return x


def misses(rays: NDArray, weight: NDArray, extrinsics: NDArray, x: NDArray) -> tuple[NDArray, NDArray]:
    """Distance of each seen ray from x, and the depth of x in each view."""
    local = extrinsics @ np.append(x, 1.0)
    off = np.linalg.norm(local[:, :2] - rays * local[:, 2:], axis=1)
    return np.where(weight > 0, off, np.nan), local[:, 2]


def lift_point(
    rays: NDArray, variance: NDArray, extrinsics: NDArray, pairs: NDArray, prior: NDArray, gross_m: float
) -> NDArray:
    """(3,) the joint that most views agree with."""
    weight = np.where(np.isfinite(variance), 1.0 / variance, 0.0)
    if (weight > 0).sum() < 2:
        return np.full(3, np.nan)

    def cost(x: NDArray) -> float:
        if not np.isfinite(x).all():
            return np.inf
        off = misses(rays, weight, extrinsics, x)[0]
        return float(np.nansum(np.minimum((off / gross_m) ** 2, 1.0)))

    seen = weight > 0
    best = solve(rays, weight, extrinsics)
    if not np.nanmax(misses(rays, weight, extrinsics, best)[0]) < gross_m / 2:
        best = min(best, prior, key=cost)
        for tried, (a, b) in enumerate(pair for pair in pairs if seen[pair].all()):
            if tried >= (MAX_PAIRS if cost(best) < seen.sum() / 2 else PATIENT_PAIRS):
                break
            only = np.where(np.isin(np.arange(len(weight)), (a, b)), weight, 0.0)
            best = min(best, solve(rays, only, extrinsics), key=cost)
        weight = np.where(misses(rays, weight, extrinsics, best)[0] < gross_m, weight, 0.0)
    soft = weight
    for _ in range(ROUNDS + 1):
        x = solve(rays, soft, extrinsics)
        if not np.isfinite(x).all():
            return x
        off, depth = misses(rays, weight, extrinsics, x)
        expected = depth**2 / np.where(weight > 0, weight, 1.0) + FLOOR_SIGMA_M**2
        doubt = 1.0 + off**2 / (SOFT_SIGMAS**2 * expected)
        soft = np.where(weight > 0, depth**2 / (expected * doubt**2), 0.0)
    return x if (off < gross_m).sum() >= 2 else np.full(3, np.nan)
