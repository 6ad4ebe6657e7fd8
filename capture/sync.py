"""Which pictures belong to one instant: by capture time, with a bounded wait, whatever the phases."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from posecap.capture.frame import Frame, FrameSet

_PHASE_GAIN = 1 / 16  # of the running mean, once it has that many pictures
_RELEARN_AFTER_PERIODS = 30
_CUT_EVERY = 16
_CUT_GAIN = 0.1  # periods by which the spread must shrink before pictures are regrouped
_GIVE_UP_AFTER = 3
_ALIVE_NS = 1_000_000_000
_REMEMBERED_SETS = 16
_REMEMBERED_PICTURES = 64
_LONG_AGO = -(1 << 62)


@dataclass(slots=True)
class SyncCounters:
    """What happened to the pictures since the start.

    Attributes:
        complete: sets with a picture of every camera.
        partial: sets without some.
        missing: for each camera, sets without its picture.
        late: for each camera, pictures that came after their set had gone.
        duplicate: for each camera, pictures that came twice, or two within one period.
        out_of_order: for each camera, pictures that came after a newer one and were still in time.
        astray: for each camera, pictures whose time is far ahead of all other cameras'.
    """

    complete: int = 0
    partial: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    duplicate: dict[str, int] = field(default_factory=dict)
    out_of_order: dict[str, int] = field(default_factory=dict)
    astray: dict[str, int] = field(default_factory=dict)


class _CameraClock:
    """Where in the period one camera exposes, learnt from its capture times."""

    __slots__ = ("arrival_ns", "cell", "dead", "index", "misses", "phase_ns", "pictures", "t_ns", "taken")

    def __init__(self, index: int) -> None:
        self.index = index
        self.phase_ns = 0.0  # mean capture time after the start of its cell's instant
        self.pictures = 0  # that the phase was learnt from
        self.cell: int | None = None  # newest that it delivered to
        self.t_ns = 0
        self.arrival_ns = 0
        self.misses = 0  # deadlines in a row that it let pass
        self.dead = False  # not waited for until it delivers again
        self.taken: dict[int, None] = {}  # capture times of the newest pictures that are in a set


class _OpenSet:
    """Pictures of one instant that may still grow."""

    __slots__ = ("deadline_ns", "frames", "pictures")

    def __init__(self, cameras: int, deadline_ns: int) -> None:
        self.frames: list[Frame | None] = [None] * cameras
        self.pictures = 0
        self.deadline_ns = deadline_ns


class FrameGrouper:
    """Collects pictures of all cameras into sets, one for each period, in order of time.

    Every camera's place in the period is learnt, and a picture is counted in whole periods of its own camera:
    jitter below half a period never moves a picture into the neighbouring set, however the cameras lie to
    each other. The period is cut where the largest gap between two cameras is, so that the pictures of a set
    are as close as can be.

    A set is given out when every camera has delivered to it or gone past it, and at the latest `wait_ns`
    after its first picture came. A camera that let three such deadlines pass is not waited for until it
    delivers again.
    """

    def __init__(self, cameras: Sequence[str], period_ns: int, wait_ns: int, *, reorder: int = 0) -> None:
        """Group pictures of `cameras`, the order of the frames in each set.

        Args:
            cameras: names in rig order.
            period_ns: nominal time between two pictures of a camera.
            wait_ns: the longest that a set waits after the arrival of its first picture.
            reorder: how many periods a camera may be past a set and still be waited for; 0: its pictures come
                in order, as they do from the rings.
        """
        self._period = period_ns
        self._wait = wait_ns
        self._reorder = reorder
        self._clocks = {camera: _CameraClock(index) for index, camera in enumerate(cameras)}
        self._open: dict[int, _OpenSet] = {}
        self._order = list(self._clocks.values())
        self._origin_ns: int | None = None
        self._newest_cell = _LONG_AGO  # that any camera delivered to
        self._closed_cell = _LONG_AGO  # newest that was given out
        self._closed_t_ns = _LONG_AGO
        self._closed_deadlines: dict[int, int] = {}
        self._index = 0
        self._until_cut = 0
        self._horizon = max(64, 1_000_000_000 // period_ns)
        zero = dict.fromkeys(cameras, 0)
        self.counters = SyncCounters(0, 0, *(zero.copy() for _ in range(5)))

    def push(self, frame: Frame, now_ns: int | None = None) -> list[FrameSet]:
        """Take a picture that arrived at `now_ns` (monotonic clock); the sets that are now done, in order."""
        now_ns = time.monotonic_ns() if now_ns is None else now_ns
        clock = self._clocks[frame.camera]
        if frame.t_ns in clock.taken:
            self.counters.duplicate[frame.camera] += 1
            return self._collect(now_ns)
        cell = self._cell(clock, frame.t_ns)
        if cell - self._newest_cell > self._horizon and self._is_astray(clock, now_ns):
            self.counters.astray[frame.camera] += 1
            return self._collect(now_ns)
        if cell <= self._closed_cell:
            self.counters.late[frame.camera] += 1
            if now_ns <= self._closed_deadlines.get(cell, now_ns - 1):
                clock.dead = False  # it lives, and would have been in time had anybody waited for it
                clock.misses = 0
                self._learn(clock, frame.t_ns, cell, now_ns)
            return self._collect(now_ns)
        target = self._open.get(cell)
        if target is None:
            target = self._open[cell] = _OpenSet(len(self._order), now_ns + self._wait)
        elif target.frames[clock.index] is not None:
            self.counters.duplicate[frame.camera] += 1
            return self._collect(now_ns)
        target.frames[clock.index] = frame
        target.pictures += 1
        clock.taken[frame.t_ns] = None
        if len(clock.taken) > _REMEMBERED_PICTURES:
            del clock.taken[next(iter(clock.taken))]
        clock.dead = False
        clock.misses = 0
        if clock.cell is not None and cell < clock.cell:
            self.counters.out_of_order[frame.camera] += 1
        self._learn(clock, frame.t_ns, cell, now_ns)
        return self._collect(now_ns)

    def poll(self, now_ns: int | None = None) -> list[FrameSet]:
        """The sets whose wait is over at `now_ns`, in order; call it when `deadline_ns` has come."""
        return self._collect(time.monotonic_ns() if now_ns is None else now_ns)

    def lose(self, camera: str) -> None:
        """Do not wait for `camera` until it delivers again: it is said to be lost, frozen or at its end."""
        self._clocks[camera].dead = True

    @property
    def deadline_ns(self) -> int | None:
        """When `poll` next has something to give, at the latest; None while no set is open."""
        return min((waiting.deadline_ns for waiting in self._open.values()), default=None)

    def _cell(self, clock: _CameraClock, t_ns: int) -> int:
        """Number of the period, of the camera's own, that `t_ns` lies in."""
        if self._origin_ns is None:
            self._origin_ns = t_ns
        since = t_ns - self._origin_ns
        if clock.pictures and t_ns - clock.t_ns > _RELEARN_AFTER_PERIODS * self._period:
            clock.pictures = 0
        if not clock.pictures:
            near = [
                other.phase_ns
                for other in self._order
                if other.pictures and abs(t_ns - other.t_ns) <= _RELEARN_AFTER_PERIODS * self._period
            ]
            expected = sum(near) / len(near) if near else clock.phase_ns
            cell = round((since - expected) / self._period)
            clock.phase_ns = since - cell * self._period
            return cell
        return round((since - clock.phase_ns) / self._period)

    def _learn(self, clock: _CameraClock, t_ns: int, cell: int, now_ns: int) -> None:
        """Move the camera's phase towards this picture's: a running mean at first, then a slow follower."""
        assert self._origin_ns is not None
        residual = t_ns - self._origin_ns - cell * self._period - clock.phase_ns
        clock.phase_ns += residual * max(1 / (clock.pictures + 1), _PHASE_GAIN)
        clock.pictures += 1
        clock.arrival_ns = now_ns
        if clock.cell is None or cell > clock.cell:
            clock.cell = cell
            clock.t_ns = t_ns
            self._newest_cell = max(self._newest_cell, cell)
        self._until_cut -= 1
        if self._until_cut <= 0 or clock.pictures == 1:
            self._until_cut = _CUT_EVERY * len(self._order)
            self._cut()

    def _cut(self) -> None:
        """Put the border between sets where no camera exposes: the largest gap in the circle of phases."""
        known = [clock for clock in self._order if clock.pictures and not clock.dead]
        if len(known) < 2:
            return
        period = self._period
        circle = sorted((clock.phase_ns % period, clock.index) for clock in known)
        nexts = [*circle[1:], (circle[0][0] + period, -1)]
        gaps = [after[0] - before[0] for before, after in zip(circle, nexts, strict=True)]
        widest = max(range(len(gaps)), key=gaps.__getitem__)
        phases = [clock.phase_ns for clock in known]
        if max(phases) - min(phases) - (period - gaps[widest]) <= _CUT_GAIN * period:
            return
        turns = {}
        for place, (phase_ns, index) in enumerate(circle):
            wanted = phase_ns + (period if place <= widest else 0)
            turns[index] = round((wanted - self._order[index].phase_ns) / period)
        common = Counter(turns.values()).most_common(1)[0][0]
        for index, turn in turns.items():  # as few cameras as possible change their sets
            clock = self._order[index]
            clock.phase_ns += (turn - common) * period
            clock.cell = None if clock.cell is None else clock.cell - (turn - common)

    def _is_astray(self, clock: _CameraClock, now_ns: int) -> bool:
        """Whether other cameras live, and none is anywhere near this picture's time."""
        return any(
            other is not clock and other.pictures and now_ns - other.arrival_ns < _ALIVE_NS
            for other in self._order
        )

    def _collect(self, now_ns: int) -> list[FrameSet]:
        done: list[FrameSet] = []
        while self._open:
            cell = min(self._open)
            expired = min([waiting.deadline_ns for waiting in self._open.values()]) <= now_ns
            if not (expired or self._is_finished(cell)):
                break
            frame_set = self._close(cell)
            if frame_set is not None:
                done.append(frame_set)
        return done

    def _is_finished(self, cell: int) -> bool:
        """Whether no camera is worth waiting for: each has delivered, gone past, or is dead."""
        waiting = self._open[cell]
        if waiting.pictures == len(self._order):
            return True
        past = cell + self._reorder
        return all(
            frame is not None or clock.dead or (clock.cell is not None and clock.cell > past)
            for clock, frame in zip(self._order, waiting.frames, strict=True)
        )

    def _close(self, cell: int) -> FrameSet | None:
        """Take the set out and count; None in the rare case that a new cut put it before its predecessor."""
        waiting = self._open.pop(cell)
        self._closed_cell = cell
        self._closed_deadlines[cell] = waiting.deadline_ns
        if len(self._closed_deadlines) > _REMEMBERED_SETS:
            del self._closed_deadlines[next(iter(self._closed_deadlines))]
        frames = tuple(waiting.frames)
        times = sorted([frame.t_ns for frame in frames if frame is not None])
        t_ns = (times[(len(times) - 1) // 2] + times[len(times) // 2]) // 2
        if t_ns <= self._closed_t_ns:
            for frame in frames:
                if frame is not None:
                    self.counters.late[frame.camera] += 1
            return None
        self._closed_t_ns = t_ns
        if len(times) == len(frames):
            self.counters.complete += 1
        else:
            self._count_missing(cell, frames)
        self._index += 1
        return FrameSet(self._index - 1, t_ns, frames)

    def _count_missing(self, cell: int, frames: tuple[Frame | None, ...]) -> None:
        self.counters.partial += 1
        for (camera, clock), frame in zip(self._clocks.items(), frames, strict=True):
            if frame is None:
                self.counters.missing[camera] += 1
                if clock.cell is None or clock.cell <= cell:  # the wait was for this one, and in vain
                    clock.misses += 1
                    clock.dead = clock.dead or clock.misses >= _GIVE_UP_AFTER
