"""Stage 2: the same people, with what the past, the near future, their bones and a second look at the pictures say.

For each person a motion state is kept (`kalman`). Where a view contradicts stage 1 and the motion, or has lost a joint,
its heatmap is read a second time near the expected place (`reread`) and the joint is triangulated again; the state
takes that measurement, is smoothed over a fixed lag, and gives joints whose bones keep their learnt lengths (`bones`).
The lag is part of the published latency.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.calib.triangulate import triangulate
from posecap.models.joints import JointSet
from posecap.runtime.bones import BoneLengths
from posecap.runtime.kalman import JointState, predicted, smoothed, unknown, updated
from posecap.runtime.pose import HeatmapRows, Heatmaps, PoseSet, Skeleton3D
from posecap.runtime.rays import Rays, Views
from posecap.runtime.reread import reread
from posecap.runtime.track import agility

_COAST_S = 0.2  # a person whom no view shows is published this long, from the motion alone
_FORGET_S = 1.5
_UNCERTAIN_M = 0.15  # joints less certain than this are NaN
_CALIBRATION_FLOOR = 0.006**2 * np.eye(3)  # m^2: no rig is calibrated better than this
_CONTRADICTS_M = (
    0.10  # a ray that passes this far from where stage 1 and the motion expect the joint is read again
)
_LOOK_SIGMA_M = 0.04  # how far from there the second reading looks


@dataclass(frozen=True, slots=True, eq=False)
class _Moment:
    """One person in one frame set: belief before and after its evidence, and the skeleton of stage 1."""

    forecast: JointState
    state: JointState
    skeleton: Skeleton3D


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    index: int
    t_ns: int
    t_capture_ns: int
    moments: dict[int, _Moment]


@dataclass(slots=True)
class _Person:
    state: JointState
    bones: BoneLengths
    seen_ns: int
    last: Skeleton3D | None = field(default=None)


class Refiner:
    """Temporal refinement with a fixed lag.

    Args:
        rig: the cameras, in the order of the views axis.
        joint_set: of the skeletons.
        lag: frame sets of future that an answer waits for; 0 = none.
        time_scale: seconds of the scene in one second of the clock.
        second_reading: read the heatmaps again where the model gives them.
    """

    def __init__(
        self, rig: Rig, joint_set: JointSet, lag: int, time_scale: float, second_reading: bool = True
    ) -> None:
        self.lag = lag
        self.time_scale = time_scale
        self.second_reading = second_reading
        self.joint_set = joint_set
        self._views = Views(rig)
        self._agility = agility(joint_set)
        self._people: dict[int, _Person] = {}
        self._entries: deque[_Entry] = deque(maxlen=lag + 1)

    def refine(self, people: PoseSet, rays: Rays, heatmaps: HeatmapRows) -> PoseSet | None:
        """The refined people of the frame set `lag` before `people`; None until there was one.

        Args:
            people: stage 1 of the newest frame set, every skeleton with its identity.
            rays: its evidence, row p = people.skeletons[p].
            heatmaps: [view][p] what the model saw there, None where it gives none.
        """
        dt_s = (people.t_ns - self._entries[-1].t_ns) * 1e-9 * self.time_scale if self._entries else 0.0
        measured = {skeleton.track: row for row, skeleton in enumerate(people.skeletons)}
        moments: dict[int, _Moment] = {}
        for track in measured:
            if track not in self._people:
                fresh = _Person(unknown(len(self.joint_set)), BoneLengths(self.joint_set), people.t_ns)
                self._people[track] = fresh
        for track, person in list(self._people.items()):
            away_s = (people.t_ns - person.seen_ns) * 1e-9 * self.time_scale
            if away_s > _FORGET_S:
                del self._people[track]
                continue
            forecast = predicted(person.state, max(dt_s, 0.0), self._agility)
            person.state = forecast
            row = measured.get(track)
            if row is not None:
                person.last = people.skeletons[row]
                person.seen_ns = people.t_ns
                xyz, covariance = self._measure(
                    person.last,
                    forecast,
                    Rays(rays.xy[:, row], rays.variance[:, row]),
                    [of_view[row] for of_view in heatmaps],
                )
                person.state = updated(forecast, xyz, covariance)
                person.bones.learn(person.state.xyz, person.state.position_covariance)
            if person.last is not None and (row is not None or away_s < _COAST_S):
                moments[track] = _Moment(forecast, person.state, person.last)
        self._entries.append(_Entry(people.index, people.t_ns, people.t_capture_ns, moments))
        return self._answer() if len(self._entries) > self.lag else None

    def rest(self) -> list[PoseSet]:
        """The refined people of the frame sets that still waited for a later one: there is none any more."""
        if len(self._entries) > self.lag:
            self._entries.popleft()
        answers = []
        while self._entries:
            answers.append(self._answer())
            self._entries.popleft()
        return answers

    def _measure(
        self, skeleton: Skeleton3D, forecast: JointState, seen: Rays, heatmaps: list[Heatmaps | None]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Stage 1's joints; solved again from the heatmaps where a view contradicts or has lost them."""
        xyz, covariance = skeleton.xyz, skeleton.covariance + _CALIBRATION_FLOOR
        if not self.second_reading or all(of_view is None for of_view in heatmaps):
            return xyz, covariance
        look_at = updated(forecast, xyz, covariance).xyz
        rays, variance = seen.xy.copy(), seen.variance.copy()
        doubtful = ~(self._views.misses(rays, look_at) < _CONTRADICTS_M) & np.isfinite(look_at[:, 0])
        doubtful[[of_view is None for of_view in heatmaps]] = False  # nothing to read again there
        for view, joints in enumerate(doubtful):
            of_view, at = heatmaps[view], np.flatnonzero(joints)
            if len(at) and of_view is not None:
                rays[view, at], spread = self._read_again(view, of_view, at, look_at)
                variance[view, at] = spread + np.median(variance[view])  # no surer than a first reading
        again = np.flatnonzero(doubtful.any(axis=0))
        if not len(again):
            return xyz, covariance
        off = self._views.misses(rays[:, again], look_at[again])
        trusted = np.where(off < _CONTRADICTS_M, variance[:, again], np.inf)
        solved = triangulate(np.ascontiguousarray(rays[:, again]), trusted, self._views.extrinsics)
        better = np.isfinite(trusted).sum(axis=0) > np.maximum(skeleton.views[again] - 1, 1)
        take = again[better & np.isfinite(solved.xyz[:, 0])]
        xyz, covariance = xyz.copy(), covariance.copy()
        xyz[take] = solved.xyz[np.searchsorted(again, take)]
        covariance[take] = solved.covariance[np.searchsorted(again, take)] + _CALIBRATION_FLOOR
        return xyz, covariance

    def _read_again(
        self, view: int, heatmaps: Heatmaps, joints: NDArray[np.int64], look_at: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rays (n, 2) and their variance (n,) of `joints` as the heatmap of one view shows them near `look_at`."""
        camera = self._views.rig.cameras[view]
        depth = float(np.nanmedian(camera.in_camera(look_at)[:, 2]))
        sigma_px = _LOOK_SIGMA_M * camera.focal_px / max(depth, 0.1)
        pixel, spread = reread(heatmaps, joints, camera.project(look_at[joints]), sigma_px)
        return camera.undistorted(pixel), spread / camera.focal_px**2

    def _answer(self) -> PoseSet:
        entry = self._entries[0]
        skeletons = [self._skeleton(track, moment) for track, moment in entry.moments.items()]
        return PoseSet(entry.index, entry.t_ns, entry.t_capture_ns, tuple(skeletons))

    def _skeleton(self, track: int, moment: _Moment) -> Skeleton3D:
        run, steps_s = [moment.state], []
        forecasts: list[JointState] = []
        for earlier, later in zip(list(self._entries), list(self._entries)[1:], strict=False):
            ahead = later.moments.get(track)
            if ahead is None:
                break
            run.append(ahead.state)
            forecasts.append(ahead.forecast)
            steps_s.append((later.t_ns - earlier.t_ns) * 1e-9 * self.time_scale)
        state = smoothed(run, forecasts, steps_s)
        covariance = state.position_covariance
        uncertain = ~(np.trace(covariance, axis1=1, axis2=2) < 3 * _UNCERTAIN_M**2)
        xyz = np.where(uncertain[:, None], np.nan, state.xyz)
        person = self._people.get(track)
        if person is not None:
            xyz = person.bones.consistent(xyz, covariance)
        return Skeleton3D(
            track=track,
            xyz=xyz,
            covariance=np.where(uncertain[:, None, None], np.nan, covariance),
            views=np.where(uncertain, 0, moment.skeleton.views),
            residual_px=np.where(uncertain, np.nan, moment.skeleton.residual_px),
        )
