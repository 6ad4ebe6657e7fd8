"""Stage 1: from 2D joints of several views to 3D, in spite of wrong ones.

All joints of all people are solved together from all views. Only joints that some view contradicts are solved again from
pairs of views, at most `_MAX_PAIRS` of them whatever the number of cameras, and the pair that most views agree with
selects the inliers (Fischler and Bolles 1981; the truncated cost is MSAC, Torr and Zisserman 2000). The inliers are then
re-weighted by their own residuals (Geman and McClure 1987).
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.calib.triangulate import triangulate
from posecap.runtime.pose import Keypoints2D, Skeleton3D
from posecap.runtime.rays import Rays, Views

_MAX_PAIRS = 10
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
        self._pairs = _spread_pairs(rig)

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
            Skeleton3D(int(track), *parts)
            for track, *parts in zip(
                tracks,
                xyz.reshape(*shape, 3),
                covariance.reshape(*shape, 3, 3),
                supported.reshape(shape),
                residual.reshape(shape),
                strict=True,
            )
        )

    def points(
        self, rays: Rays, prior: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
        """Robust triangulation of n points: xyz (n, 3), covariance (n, 3, 3), inlier (views, n), miss (views, n) m."""
        seen = np.isfinite(rays.variance)
        solved = triangulate(rays.xy, rays.variance, self.views.extrinsics).xyz
        miss = self.views.misses(rays.xy, solved)
        doubtful = ~(np.where(seen, miss, 0.0).max(axis=0) < self.gross_m / 2) & (seen.sum(axis=0) >= 2)
        inlier = seen.copy()
        if doubtful.any():
            part = Rays(
                np.ascontiguousarray(rays.xy[:, doubtful]), np.ascontiguousarray(rays.variance[:, doubtful])
            )
            inlier[:, doubtful] = self._agreeing(part, solved[doubtful], prior[doubtful])
        return self._reweighted(rays, inlier)

    def _agreeing(
        self, rays: Rays, solved: NDArray[np.float64], prior: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """(views, n) the views that agree with the best of: all views, the expectation, a pair of views."""
        seen = np.isfinite(rays.variance)
        count = seen.shape[1]
        hypotheses = [solved, prior]
        if self._pairs:
            pairs = np.array(self._pairs)
            only = np.full((len(seen), len(pairs), count), np.inf)
            rows = np.arange(len(pairs))
            for side in (0, 1):
                only[pairs[:, side], rows] = rays.variance[pairs[:, side]]
            repeated = np.broadcast_to(rays.xy[:, None], (len(seen), len(pairs), count, 2)).reshape(
                len(seen), -1, 2
            )
            by_pair = triangulate(
                np.ascontiguousarray(repeated), only.reshape(len(seen), -1), self.views.extrinsics
            ).xyz
            hypotheses.extend(by_pair.reshape(len(pairs), count, 3))
        points = np.stack(hypotheses)
        miss = self.views.misses(rays.xy[:, None], points)
        agrees = miss < self.gross_m
        cost = np.where(agrees, (miss / self.gross_m) ** 2, 1.0)
        cost = np.where(seen[:, None], cost, 0.0).sum(axis=0)
        cost[~np.isfinite(points[..., 0])] = np.inf
        best = cost.argmin(axis=0)
        chosen = np.take_along_axis(agrees, best[None, None], axis=1)[:, 0] & seen
        return chosen

    def _reweighted(
        self, rays: Rays, inlier: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
        variance = np.where(inlier, rays.variance, np.inf)
        solved = triangulate(rays.xy, variance, self.views.extrinsics)
        miss = self.views.misses(rays.xy, solved.xyz)
        for _ in range(_ROUNDS):
            depth = self.views.in_cameras(solved.xyz)[..., 2]
            with np.errstate(invalid="ignore"):
                expected = rays.variance * depth**2 + _FLOOR_SIGMA_M**2
                soft = 1.0 + miss**2 / (_SOFT_SIGMAS**2 * expected)
                weighted = np.where(inlier & np.isfinite(miss), expected / depth**2 * soft**2, np.inf)
            solved = triangulate(rays.xy, weighted, self.views.extrinsics)
            miss = self.views.misses(rays.xy, solved.xyz)
        still = inlier & (miss < self.gross_m) & np.isfinite(solved.xyz[:, 0])
        lost = still.sum(axis=0) < 2
        solved.xyz[lost] = np.nan
        solved.covariance[lost] = np.nan
        still[:, lost] = False
        return solved.xyz, solved.covariance, still, miss


def _spread_pairs(rig: Rig) -> list[tuple[int, int]]:
    """At most `_MAX_PAIRS` pairs of views with parallax, every view in about as many of them as any other."""
    axes = np.stack([camera.R[2] for camera in rig.cameras])
    sine = np.linalg.norm(np.cross(axes[:, None], axes[None]), axis=-1)
    left = [pair for pair in combinations(range(len(rig)), 2) if sine[pair] > np.sin(_MIN_PARALLAX_RAD)]
    used = np.zeros(len(rig))
    chosen: list[tuple[int, int]] = []
    while left and len(chosen) < max(_MAX_PAIRS, (len(rig) + 1) // 2):
        best = min(left, key=lambda pair: (used[list(pair)].sum(), -sine[pair]))
        left.remove(best)
        chosen.append(best)
        used[list(best)] += 1
    return chosen
