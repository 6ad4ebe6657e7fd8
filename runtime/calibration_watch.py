"""Has a camera been moved since it was calibrated? People in the room tell, all the time.

For each camera the joints seen by the OTHER cameras ask for a turn of the camera that would make it agree
(`leave_one_out.py`). It is never zero: no calibration is perfect and no network unbiased. So each camera has a
baseline, learnt first and followed slowly, and what counts is how far the median turn of the last 3.6 s is from it, in
metres at the people. The limit is in units of the spread that such medians were seen to have in calm times. Medians of
windows that overlap are not independent: one window counts as one sample, and the baseline as many as it has windows.

When one camera moves, the residuals of all rise, as each is compared with joints that the moved one has a part in. The
one that moved is that whose turn explains most of the squared residuals of all (the generalised likelihood ratio test:
Gustafsson 2000, Adaptive Filtering and Change Detection, chapter 3).

Times are capture times: the same pictures give the same alarms.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from posecap.calib.rig import Rig
from posecap.runtime.leave_one_out import turn_equations
from posecap.runtime.pose import Skeleton3D
from posecap.runtime.rays import Rays, Views
from posecap.runtime.watched_view import SUMS, WatchedView

_BIN_NS = 100_000_000
_CONFIRM = 2  # bins in a row
_LONGEST_DOUBT = 8  # bins in a row, where two cameras explain it about as well
_CLEAR = 1.15  # better than that is another
_CALM = 10  # bins in a row before an alarm is taken back
_MISFIT_M = 0.06  # a camera that is so far off from the start does not fit its calibration
_DOUBT = 2.0  # standard deviation of a doubted view, in units of how far it is off
_LEAST_VIEWS = 3


@dataclass(frozen=True, slots=True)
class CameraAlarm:
    """One camera that does not agree with the others any more.

    Attributes:
        camera: its name.
        kind: "moved" = since the watch began; "misfit" = it never agreed.
        since_ns: capture time at which the alarm was raised.
        shift_m: how far its joints are off at the people, metres.
        turn_rad: the same as an angle at the camera.
        rivals: cameras that explain what is seen nearly as well: one of them may be it instead.
    """

    camera: str
    kind: Literal["moved", "misfit"]
    since_ns: int
    shift_m: float
    turn_rad: float
    rivals: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = "has moved since its calibration" if self.kind == "moved" else "does not fit its calibration"
        degrees, mm = np.degrees(self.turn_rad), 1e3 * self.shift_m
        rivals = f" (or {' or '.join(self.rivals)})" if self.rivals else ""
        return (
            f"{self.camera}{rivals} {what}, off by about {degrees:.1f} degrees or {mm:.0f} mm at the people: "
            f"run `python launch/recalibrate.py {self.camera}` while somebody walks about"
        )


@dataclass(slots=True)
class _Suspicion:
    """Of one camera: its alarm, and for how many bins in a row it has been back in its place."""

    alarm: CameraAlarm | None = None
    calm: int = 0
    doubt_rad: float = 0.0


class CalibrationWatch:
    """Watches all cameras of a rig; needs three that see the same people.

    Args:
        rig: the cameras, in the order of the views axis.
        least_m: no shift below this raises an alarm, however calm it has been; 0 = nothing is watched.
    """

    def __init__(self, rig: Rig, least_m: float) -> None:
        views = len(rig)
        self.rig, self.least_m = rig, least_m
        self.watched = [WatchedView(views) for _ in rig.cameras]
        self._suspicions = [_Suspicion() for _ in rig.cameras]
        self._extrinsics = Views(rig).extrinsics
        self._frame = np.zeros((views, SUMS))
        self._bin = np.zeros((views, SUMS))
        self._bin_ends_ns = 0
        self._unrest = 0  # bins in a row in which some camera was off by too much
        self._explained = np.zeros(views)  # by each camera, over these

    @property
    def alarms(self) -> tuple[CameraAlarm, ...]:
        """Of the cameras that do not agree now, in rig order."""
        return tuple(one.alarm for one in self._suspicions if one.alarm is not None)

    def limit_m(self, view: int) -> float:
        """The shift at the people that raises an alarm, metres."""
        return max(self.watched[view].limit_m, self.least_m)

    def doubted(self, rays: Rays) -> Rays:
        """`rays` with the variance raised in views whose alarm is on: they still help where few others see."""
        doubt = np.array([one.doubt_rad for one in self._suspicions])
        if not doubt.any():
            return rays
        return Rays(rays.xy, rays.variance + (doubt**2)[:, None, None])

    def update(self, rays: Rays, skeletons: tuple[Skeleton3D, ...], t_ns: int) -> bool:
        """Take one frame set, row p of `rays` being `skeletons[p]`; returns whether an alarm came or went."""
        if self.least_m == 0 or len(self.rig) < _LEAST_VIEWS:
            return False
        changed = False
        if t_ns >= self._bin_ends_ns:
            changed = self._close_bin(t_ns)
            late = t_ns - self._bin_ends_ns >= _BIN_NS
            self._bin_ends_ns = (t_ns if late else self._bin_ends_ns) + _BIN_NS
        if skeletons:
            views = len(self.rig)
            turn_equations(
                rays.xy.reshape(views, -1, 2),
                rays.variance.reshape(views, -1),
                np.concatenate([one.xyz for one in skeletons]),
                self._extrinsics,
                np.array([one.alarm is not None for one in self._suspicions]),
                self._frame,
            )
            self._bin += self._frame
        return changed

    def replaced(self, rig: Rig) -> "CalibrationWatch":
        """The watch of `rig`: cameras with another calibration are learnt anew, without alarm."""
        new = CalibrationWatch(rig, self.least_m)
        new._bin_ends_ns = self._bin_ends_ns
        for view, (old, now) in enumerate(zip(self.rig.cameras, rig.cameras, strict=True)):
            if old is now:
                new.watched[view], new._suspicions[view] = self.watched[view], self._suspicions[view]
                new.watched[view].forget_window()
        return new

    def _close_bin(self, t_ns: int) -> bool:
        """What the last tenth of a second said; then, whether it is too much."""
        seen = [int(view) for view in np.flatnonzero(self._bin[:, 12] > 0)]
        for view in seen:
            self.watched[view].add(self._bin[view], t_ns)
        self._bin[:] = 0.0
        if not seen:
            return False
        for view, one in enumerate(self.watched):
            if view not in seen:
                one.refresh(t_ns)
        changed = self._take_back(seen)
        changed |= self._raise(seen, t_ns)
        for view in seen:
            self._learn(view)
        return changed

    def _raise(self, seen: list[int], t_ns: int) -> bool:
        """At most one alarm a bin. Once some camera is off by too much, which one it is may take a little longer."""
        free = [view for view, one in enumerate(self._suspicions) if one.alarm is None]
        now = {view: off for view in free if (off := self.watched[view].now) is not None}
        ever = {view: off for view in free if (off := self.watched[view].ever) is not None}
        kind: Literal["moved", "misfit"] = "moved"
        if not any(off.shift_m > self.limit_m(view) for view, off in now.items()):
            kind, now = "misfit", ever
            if not any(off.shift_m > _MISFIT_M for off in ever.values()):
                self._unrest, self._explained[:] = 0, 0.0
                return False
        self._unrest += 1
        for view, off in now.items():
            self._explained[view] += off.explained
        order = sorted(now, key=lambda view: -self._explained[view])
        first = order[0]
        rivals = [view for view in order[1:] if self._explained[view] * _CLEAR > self._explained[first]]
        due = self._unrest >= (_LONGEST_DOUBT if rivals else _CONFIRM)
        limit_m = self.limit_m(first) if kind == "moved" else _MISFIT_M
        if not due or first not in seen or now[first].shift_m < limit_m:
            return False
        one, off = self._suspicions[first], now[first]
        names = tuple(self.rig.names[view] for view in rivals)
        one.alarm = CameraAlarm(self.rig.names[first], kind, t_ns, off.shift_m, off.turn_rad, names)
        one.doubt_rad = _DOUBT * off.turn_rad
        self._unrest, self._explained[:] = 0, 0.0
        for other, watched in enumerate(self.watched):
            if kind == "misfit" and self._suspicions[other].alarm is None:
                self.watched[other] = WatchedView(
                    len(self.rig)
                )  # its baseline was learnt against that camera
            elif other != first:
                watched.forget_window()
        return True

    def _take_back(self, seen: list[int]) -> bool:
        """Alarms of cameras that are back where they were."""
        changed = False
        for view in seen:
            one, off = self._suspicions[view], self.watched[view].now
            if one.alarm is None or off is None:
                continue
            if one.alarm.kind == "misfit":
                continue  # only another calibration helps
            back = off.shift_m < self.limit_m(view) / 2
            one.calm = one.calm + 1 if back else 0
            if one.calm >= _CALM:
                self._suspicions[view] = _Suspicion()
                changed = True
            elif off.shift_m > one.alarm.shift_m:  # the window was not yet full of it
                one.alarm = replace(one.alarm, shift_m=off.shift_m, turn_rad=off.turn_rad)
                one.doubt_rad = _DOUBT * off.turn_rad
        return changed

    def _learn(self, view: int) -> None:
        one, off = self._suspicions[view], self.watched[view].now
        if one.alarm is not None or self._unrest:
            return
        self.watched[view].learn(
            calm=not self.alarms and off is not None and off.shift_m < self.limit_m(view)
        )
