"""Who is who across views: rows of all views become people.

People that are tracked claim their rows first: one exact assignment for each view (Jonker and Volgenant's algorithm in
scipy) on the distance between a row's rays and the expected skeleton. What is left over forms new people: a pair of
views proposes, by triangulating every pair of rows, people whom all other views vote for. The number of proposing
pairs is bounded, so the cost grows linearly with the number of views.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from posecap.calib.rig import Rig
from posecap.calib.triangulate import triangulate
from posecap.runtime.gather import gathered_rays
from posecap.runtime.rays import Rays, Views

_MIN_COMMON = 4  # joints that two rows must share to be compared
_MAX_PROPOSERS = 6
_SAME_SHARE = 0.05  # of a person's extent in the picture: rows nearer than this show one person
_TYPICAL = (
    0.4  # quantile of the joints' distances that speaks for a row: robust to more than half of wrong joints
)
_MIN_PARALLAX_RAD = np.deg2rad(12.0)
_REACH_M = 2.6  # no person is larger than this
_POLISH_ROUNDS = 2
_UNMATCHED = 1e3
_NEW_GATE = 0.7  # of the gate: what nobody expected must agree better


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """Rows of the people.

    Attributes:
        rows: (people, views) row of each view that shows the person, -1 = none. Tracked people come first, in the
            order of the expectation, with -1 everywhere where no view shows them.
        tracked: how many of the people were expected.
    """

    rows: NDArray[np.int64]
    tracked: int


class Associator:
    """Groups the rows of one frame set.

    Args:
        rig: the cameras, in the order of the views axis.
        gate_m: typical distance of a row's joints from a person, metres, beyond which they do not belong together.
        min_views: cameras that must agree on somebody new.
    """

    def __init__(self, rig: Rig, gate_m: float, min_views: int) -> None:
        self.views = Views(rig)
        self.gate_m = gate_m
        self.min_views = min(min_views, max(2, len(rig) - 1))
        self._proposers = _proposing_pairs(rig)
        self._centres = np.stack([camera.centre for camera in rig.cameras])

    def assign(self, rays: Rays, expected: NDArray[np.float64]) -> Assignment:
        """Rows of expected (people, joints, 3) and of new people."""
        views = rays.variance.shape[0]
        tracked = len(expected)
        rows = np.full((tracked, views), -1)
        free = np.isfinite(rays.variance).sum(axis=2) >= _MIN_COMMON
        if tracked:
            rows = self._claim(rays, expected, free)
            free = _without(free, rows)
            free = np.logical_and(free, ~self._ghosts(rays, expected, rows))
        fresh = self._discover(rays, free)
        return Assignment(np.concatenate([rows, fresh]) if len(fresh) else rows, tracked)

    def _claim(self, rays: Rays, people: NDArray[np.float64], free: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(people, views) one exact assignment for each view."""
        distance = self._distance(rays, people)
        rows = np.full((len(people), len(free)), -1)
        for view, cost in enumerate(distance):
            gated = np.where(free[view][None] & (cost < self.gate_m), cost, _UNMATCHED)
            person, row = linear_sum_assignment(gated)
            good = gated[person, row] < _UNMATCHED
            rows[person[good], view] = row[good]
            if good.sum() > 1:
                self._nobody_twice(rays, view, cost, rows)
        return rows

    def _nobody_twice(
        self, rays: Rays, view: int, cost: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> None:
        """Where two people's rows show the same person, the one in front, only the nearer of the two keeps it."""
        people = np.flatnonzero(rows[:, view] >= 0)
        same = _same_person(rays.xy[view, rows[people, view]])
        own = cost[people, rows[people, view]]
        for a, b in np.argwhere(np.triu(same, 1)):
            rows[people[a if own[a] > own[b] else b], view] = -1

    def _distance(self, rays: Rays, people: NDArray[np.float64]) -> NDArray[np.float64]:
        """(views, people, rows) typical distance between rays and joints, metres; large where too few are shared."""
        miss = self.views.misses(rays.xy[:, None], people[:, None])
        common = np.isfinite(miss)
        middle = _median(miss, _TYPICAL)
        return np.where(common.sum(axis=-1) >= _MIN_COMMON, middle, _UNMATCHED)

    def _ghosts(
        self, rays: Rays, expected: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """(views, rows) free rows that show an expected person a second time."""
        distance = self._distance(rays, expected)
        claimed = (rows >= 0).T[..., None]
        return np.any((distance < self.gate_m) & claimed, axis=1)

    def _discover(self, rays: Rays, free: NDArray[np.bool_]) -> NDArray[np.int64]:
        found: list[NDArray[np.int64]] = []
        if free.any(axis=1).sum() < self.min_views:
            return np.empty((0, len(free)), dtype=np.int64)
        free = free & ~_duplicates(rays, free)
        for support in sorted({min(3, len(free)), self.min_views}, reverse=True):  # the sure ones first
            for pair in self._proposers:
                if free.any(axis=1).sum() < support:
                    break
                rows = self._propose(rays, free, pair, support)
                if len(rows):
                    found.append(rows)
                    free = _without(free, rows)
        return np.concatenate(found) if found else np.empty((0, len(free)), dtype=np.int64)

    def _propose(
        self, rays: Rays, free: NDArray[np.bool_], pair: tuple[int, int], least: int
    ) -> NDArray[np.int64]:
        """New people that views `pair` see and at least `least` views support, (people, views) rows."""
        first, second = (np.flatnonzero(free[view]) for view in pair)
        empty = np.empty((0, len(free)), dtype=np.int64)
        if not len(first) or not len(second):
            return empty
        candidates = self._triangulated_pairs(rays, pair, first, second)
        support, total = self._votes(rays, free, candidates)
        good = (support >= least) & _human(candidates)
        if not good.any():
            return empty
        value = np.where(good, support - total / (_NEW_GATE * self.gate_m), 0.0).reshape(
            len(first), len(second)
        )
        row, column = linear_sum_assignment(value, maximize=True)
        chosen = row * len(second) + column
        chosen = chosen[value[row, column] > 0]
        people = candidates[chosen]
        rows = np.full((len(people), len(free)), -1)
        for _ in range(_POLISH_ROUNDS):
            rows = self._claim(rays, people, free)
            people = self._solve(rays, rows)
        self._complete(rays, rows, _without(free, rows))
        return rows[(rows >= 0).sum(axis=1) >= least]

    def _complete(self, rays: Rays, rows: NDArray[np.int64], free: NDArray[np.bool_]) -> None:
        """Give people left-over rows that share too few joints with all their views at once but enough with some.

        Compared by how far the rays of a row pass from the rays of the person's other views (the epipolar distance).
        """
        for view in np.flatnonzero(free.any(axis=1)):
            lacking, left = np.flatnonzero(rows[:, view] < 0), np.flatnonzero(free[view])
            if not len(lacking):
                continue
            cost = np.full((len(lacking), len(left)), _UNMATCHED)
            for k, person in enumerate(lacking):
                others = np.flatnonzero(rows[person] >= 0)
                gap = self._between_rays(rays, int(view), left, others, rows[person, others])
                gap = gap.reshape(len(left), -1)
                enough = np.isfinite(gap).sum(axis=1) >= 2 * _MIN_COMMON
                cost[k] = np.where(enough, _median(gap, _TYPICAL), _UNMATCHED)
            cost[~(cost < _NEW_GATE * self.gate_m)] = _UNMATCHED
            person, row = linear_sum_assignment(cost)
            good = cost[person, row] < _UNMATCHED
            rows[lacking[person[good]], view] = left[row[good]]

    def _between_rays(
        self,
        rays: Rays,
        view: int,
        left: NDArray[np.int64],
        others: NDArray[np.int64],
        other_rows: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """(left, others, joints) distance between lines of sight of the same joint, metres; NaN = not both seen."""
        a = self._directions(view, rays.xy[view, left])[:, None]
        b = np.stack(
            [self._directions(v, rays.xy[v, row]) for v, row in zip(others, other_rows, strict=True)]
        )
        normal = np.cross(a, b[None])
        length = np.linalg.norm(normal, axis=-1)
        base = self._centres[view] - self._centres[others]
        with np.errstate(invalid="ignore"):
            gap = np.abs(np.einsum("loji,oi->loj", normal, base)) / length
        return np.where(length > np.sin(_MIN_PARALLAX_RAD) / 2, gap, np.nan)

    def _directions(self, view: int, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 3) unit lines of sight in the world."""
        direction = (
            np.concatenate([xy, np.ones((*xy.shape[:-1], 1))], axis=-1) @ self.views.extrinsics[view, :, :3]
        )
        return direction / np.linalg.norm(direction, axis=-1, keepdims=True)

    def _triangulated_pairs(
        self, rays: Rays, pair: tuple[int, int], first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(first x second, joints, 3) every row of one view with every row of the other."""
        joints = rays.variance.shape[2]
        count = len(first) * len(second)
        xy = np.empty((2, len(first), len(second), joints, 2))
        variance = np.empty((2, len(first), len(second), joints))
        xy[0], variance[0] = rays.xy[pair[0], first][:, None], rays.variance[pair[0], first][:, None]
        xy[1], variance[1] = rays.xy[pair[1], second][None], rays.variance[pair[1], second][None]
        points = triangulate(
            xy.reshape(2, -1, 2),
            variance.reshape(2, -1),
            np.ascontiguousarray(self.views.extrinsics[list(pair)]),
        ).xyz
        return points.reshape(count, joints, 3)

    def _votes(
        self, rays: Rays, free: NDArray[np.bool_], candidates: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """How many views have a row within the gate of a candidate, and the sum of those distances."""
        distance = np.where(free[:, None], self._distance(rays, candidates), _UNMATCHED).min(axis=2)
        near = distance < _NEW_GATE * self.gate_m
        return near.sum(axis=0), np.where(near, distance, 0.0).sum(axis=0)

    def _solve(self, rays: Rays, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """(people, joints, 3) from all views of each person, outliers included: good enough for a median."""
        gathered = gathered_rays(rays, rows)
        views, people, joints = gathered.variance.shape
        return triangulate(
            gathered.xy.reshape(views, -1, 2), gathered.variance.reshape(views, -1), self.views.extrinsics
        ).xyz.reshape(people, joints, 3)


def _without(free: NDArray[np.bool_], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    left = free.copy()
    person, view = np.nonzero(rows >= 0)
    left[view, rows[person, view]] = False
    return left


def _duplicates(rays: Rays, free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(views, rows) rows that repeat an earlier row of their view: the detector gave one person two boxes."""
    again = np.zeros_like(free)
    for view in range(len(free)):
        rows = np.flatnonzero(free[view])
        same = np.tril(_same_person(rays.xy[view, rows]), -1)
        for k in range(1, len(rows)):
            again[view, rows[k]] = bool((same[k] & ~again[view, rows]).any())
    return again


def _same_person(xy: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(rows, rows) whether two rows (rows, joints, 2) of one view show the same person."""
    gap = np.linalg.norm(xy[:, None] - xy[None], axis=-1)
    known = np.isfinite(xy[..., 0])
    low = np.where(known[..., None], xy, np.inf).min(axis=1)
    high = np.where(known[..., None], xy, -np.inf).max(axis=1)
    with np.errstate(invalid="ignore"):
        return _median(gap) < _SAME_SHARE * np.linalg.norm(high - low, axis=-1)[:, None]


def _human(people: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(people,) whether the known joints fit into a person's reach."""
    middle = _median(np.swapaxes(people, 1, 2))
    far = np.linalg.norm(people - middle[:, None], axis=-1)
    known = np.isfinite(far)
    typical = _median(np.where(known, far, np.nan))
    return (known.sum(axis=1) >= _MIN_COMMON) & (typical < _REACH_M / 2)


def _median(values: NDArray[np.float64], share: float = 0.5) -> NDArray[np.float64]:
    """Median (or another quantile) over the last axis without NaN; NaN where nothing is known."""
    ordered = np.sort(values, axis=-1)  # NaN last
    known = np.isfinite(ordered).sum(axis=-1)
    middle = (share * np.maximum(known - 1, 0)).astype(np.int64)
    return np.take_along_axis(ordered, middle[..., None], axis=-1)[..., 0]


def _proposing_pairs(rig: Rig) -> list[tuple[int, int]]:
    """At most `_MAX_PROPOSERS` pairs of views, widest baseline first, every view as early as possible."""
    centres = np.stack([camera.centre for camera in rig.cameras])
    axes = np.stack([camera.R[2] for camera in rig.cameras])
    sine = np.linalg.norm(np.cross(axes[:, None], axes[None]), axis=-1)
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
    n = len(rig)
    left = [(a, b) for a in range(n) for b in range(a) if sine[a, b] > np.sin(_MIN_PARALLAX_RAD)]
    left = left or [(a, b) for a in range(n) for b in range(a) if apart[a, b] > 0]
    used = np.zeros(n)
    pairs: list[tuple[int, int]] = []
    while left and len(pairs) < _MAX_PROPOSERS:
        best = min(left, key=lambda pair: (used[list(pair)].sum(), -sine[pair]))
        left.remove(best)
        pairs.append(best)
        used[list(best)] += 1
    return pairs
