"""Stage 1: from 2D joints of several views to 3D, in spite of wrong ones.

All joints of all people are solved together from all views. Only joints that some view contradicts are solved again
from pairs of views that see them, at most `_MAX_PAIRS` whatever the number of cameras (`_PATIENT_PAIRS` while most
views disagree with all of them), and the pair that most views agree with selects the inliers (Fischler and Bolles
1981; the truncated cost is MSAC, Torr and Zisserman 2000). The inliers are then re-weighted by their own residuals
(Geman and McClure 1987).
"""

from itertools import combinations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.calib.triangulate import solve_point
from posecap.runtime.pose import Keypoints2D, Skeleton3D
from posecap.runtime.rays import Rays, Views

_MAX_PAIRS = 10
_PATIENT_PAIRS = 30
_MIN_PARALLAX_RAD = np.deg2rad(8.0)
_FLOOR_SIGMA_M = 0.01  # no calibration is better than this at the person
_ROUNDS = 2
_SOFT_SIGMAS = 4.0


class Lifter:
    """Triangulates associated keypoints.

    Args:
        rig: the cameras, in the order of the views axis.
        gross_m: distance between ray and joint, metres, beyond which a view is an outlier for that joint.
    """

    def __init__(self, rig: Rig, gross_m: float) -> None:
        self.views = Views(rig)
        self.gross_m = gross_m
        self.pairs = _spread_pairs(rig)

    def lift(self, keypoints: Keypoints2D, prior: NDArray[np.float64]) -> tuple[Skeleton3D, ...]:
        """One skeleton for each row of `keypoints` (associated), world metres; NaN where fewer than two views agree.

        `prior` (people, joints, 3) is where the joints are expected, NaN where nothing is: one more hypothesis, which
        can win only by the agreement of the views.
        """
        rays = self.views.rays(keypoints)
        return self.skeletons(rays, prior, keypoints.track.max(axis=0, initial=-1))

    def skeletons(
        self, rays: Rays, prior: NDArray[np.float64], tracks: NDArray[np.int64]
    ) -> tuple[Skeleton3D, ...]:
        """As `lift`, from rays."""
        views, people, joints = rays.variance.shape
        if people == 0:
            return ()
        flat = Rays(rays.xy.reshape(views, -1, 2), rays.variance.reshape(views, -1))
        xyz, covariance, inlier, miss = self.points(flat, prior.reshape(-1, 3))
        supported = inlier.sum(axis=0)
        depth = self.views.in_cameras(xyz)[..., 2]
        off_px = miss / depth * self.views.focal_px[:, None]
        with np.errstate(invalid="ignore"):
            residual = np.sqrt(np.where(inlier, off_px**2, 0.0).sum(axis=0) / np.maximum(supported, 1))
        residual[~np.isfinite(xyz[:, 0])] = np.nan
        shape = (people, joints)
        return tuple(
            Skeleton3D(int(track), *parts)  # pyright: ignore[reportArgumentType]
            for track, *parts in zip(
                tracks,
                xyz.reshape(*shape, 3),
                covariance.reshape(*shape, 3, 3),
                np.asarray(supported, dtype=np.int64).reshape(shape),
                residual.reshape(shape),
                strict=True,
            )
        )

    def points(
        self, rays: Rays, prior: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
        """Robust triangulation of n points: xyz (n, 3), covariance (n, 3, 3), inlier (views, n), miss (views, n) m."""
        views, count = rays.variance.shape
        xyz = np.full((count, 3), np.nan)
        covariance = np.full((count, 3, 3), np.nan)
        inlier = np.zeros((views, count), dtype=np.bool_)
        miss = np.full((views, count), np.nan)
        _lift_points(
            np.ascontiguousarray(rays.xy),
            np.ascontiguousarray(rays.variance),
            self.views.extrinsics,
            self.pairs,
            np.ascontiguousarray(prior),
            self.gross_m,
            xyz,
            covariance,
            inlier,
            miss,
        )
        return xyz, covariance, inlier, miss


@njit(cache=True)
def _lift_points(
    rays, variance, extrinsics, pairs, prior, gross_m, xyz, covariance, inlier, miss
):  # pragma: no cover - compiled
    views, count = variance.shape
    weight = np.empty(views)
    only = np.empty(views)
    off = np.empty(views)
    best_off = np.empty(views)
    trial = np.empty(3)
    scratch = np.empty((3, 3))
    for point in range(count):
        seen = 0
        for view in range(views):
            known = np.isfinite(variance[view, point]) and np.isfinite(rays[view, point, 0])
            weight[view] = 1.0 / variance[view, point] if known else 0.0
            seen += known
        if seen < 2:
            continue
        solved = solve_point(rays[:, point], weight, extrinsics, trial, scratch)
        worst = _misses(rays[:, point], weight, extrinsics, trial, best_off) if solved else np.inf
        if not worst < gross_m / 2:
            best = _cost(best_off, weight, gross_m) if solved else np.inf
            if np.isfinite(prior[point, 0]):
                _misses(rays[:, point], weight, extrinsics, prior[point], off)
                cost = _cost(off, weight, gross_m)
                if cost < best:
                    best = cost
                    best_off[:] = off
            tried = 0
            for pair in range(pairs.shape[0]):
                if tried >= (_MAX_PAIRS if best < seen / 2 else _PATIENT_PAIRS):
                    break
                a, b = pairs[pair, 0], pairs[pair, 1]
                if weight[a] <= 0.0 or weight[b] <= 0.0:
                    continue
                tried += 1
                only[:] = 0.0
                only[a], only[b] = weight[a], weight[b]
                if not solve_point(rays[:, point], only, extrinsics, trial, scratch):
                    continue
                _misses(rays[:, point], weight, extrinsics, trial, off)
                cost = _cost(off, weight, gross_m)
                if cost < best:
                    best = cost
                    best_off[:] = off
            for view in range(views):
                if not best_off[view] < gross_m or not np.isfinite(best):
                    weight[view] = 0.0
        _settle(rays[:, point], weight, extrinsics, gross_m, xyz[point], covariance[point], off)
        good = 0
        for view in range(views):
            inlier[view, point] = weight[view] > 0.0 and off[view] < gross_m and np.isfinite(xyz[point, 0])
            good += inlier[view, point]
            miss[view, point] = off[view]
        if good < 2:
            inlier[:, point] = False
            xyz[point] = np.nan
            covariance[point] = np.nan


@njit(cache=True)
def _settle(rays, weight, extrinsics, gross_m, xyz, covariance, off):  # pragma: no cover - compiled
    """Solve from the views with weight > 0, re-weighted by their own misses."""
    views = len(weight)
    soft = weight.copy()
    for _ in range(_ROUNDS + 1):
        if not solve_point(rays, soft, extrinsics, xyz, covariance):
            xyz[:] = np.nan
            covariance[:] = np.nan
            off[:] = np.nan
            return
        _misses(rays, weight, extrinsics, xyz, off)
        for view in range(views):
            if weight[view] <= 0.0:
                continue
            E = extrinsics[view]
            depth = E[2, 0] * xyz[0] + E[2, 1] * xyz[1] + E[2, 2] * xyz[2] + E[2, 3]
            expected = depth * depth / weight[view] + _FLOOR_SIGMA_M**2
            doubt = 1.0 + off[view] ** 2 / (_SOFT_SIGMAS**2 * expected)
            soft[view] = depth * depth / (expected * doubt * doubt) if np.isfinite(off[view]) else 0.0


@njit(cache=True)
def _misses(rays, weight, extrinsics, xyz, off):  # pragma: no cover - compiled
    """Into off (views,) how far each seen ray passes from xyz, metres (NaN = not seen); the largest."""
    worst = 0.0
    for view in range(len(weight)):
        off[view] = np.nan
        if weight[view] <= 0.0:
            continue
        E = extrinsics[view]
        depth = E[2, 0] * xyz[0] + E[2, 1] * xyz[1] + E[2, 2] * xyz[2] + E[2, 3]
        if depth > 0.05:
            dx = (E[0, 0] * xyz[0] + E[0, 1] * xyz[1] + E[0, 2] * xyz[2] + E[0, 3]) - rays[view, 0] * depth
            dy = (E[1, 0] * xyz[0] + E[1, 1] * xyz[1] + E[1, 2] * xyz[2] + E[1, 3]) - rays[view, 1] * depth
            off[view] = np.sqrt(dx * dx + dy * dy)
        else:
            off[view] = np.inf
        worst = max(worst, off[view])
    return worst


@njit(cache=True)
def _cost(off, weight, gross_m):  # pragma: no cover - compiled
    """Truncated squared misses over the seen views."""
    total = 0.0
    for view in range(len(weight)):
        if weight[view] > 0.0:
            total += min((off[view] / gross_m) ** 2, 1.0)
    return total


def _spread_pairs(rig: Rig) -> NDArray[np.int64]:
    """(pairs, 2) the pairs of views with parallax, in such an order that every view comes about equally often."""
    axes = np.stack([camera.R[2] for camera in rig.cameras])
    sine = np.linalg.norm(np.cross(axes[:, None], axes[None]), axis=-1)
    left = [pair for pair in combinations(range(len(rig)), 2) if sine[pair] > np.sin(_MIN_PARALLAX_RAD)]
    used = np.zeros(len(rig))
    chosen: list[tuple[int, int]] = []
    while left:
        best = min(left, key=lambda pair: (used[list(pair)].sum(), -sine[pair]))
        left.remove(best)
        chosen.append(best)
        used[list(best)] += 1
    return np.array(chosen, dtype=np.int64).reshape(-1, 2)
