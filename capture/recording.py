"""Playing a recording as if it were a camera: on a schedule that a restart rejoins, or at full speed."""

import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from threading import Event
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from posecap.capture.clock import ClockReading
from posecap.capture.frame import Frame
from posecap.capture.source import Playback, SourceCounters

_LONGEST_WAIT_S = 0.2
_TOLERATED_PERIODS = 2


class Recording(Protocol):
    """Pictures with media times.

    Attributes:
        times_ns: media time of each picture, ascending, the first is 0.
        size_px: (width, height) of every picture.
        duration_ns: from the first picture to where the first picture of the next round belongs.
    """

    times_ns: Sequence[int]
    duration_ns: int
    size_px: tuple[int, int]

    def pixels(self, index: int) -> NDArray[np.uint8] | None:
        """Those of picture `index`, BGR or I420 (`capture.pixels`), valid until the next call; None if damaged."""
        ...

    def close(self) -> None: ...


class Schedule:
    """Instant of each picture of a recording that is played, for ever where it loops."""

    def __init__(self, recording: Recording, playback: Playback) -> None:
        self._times = recording.times_ns
        self._duration = recording.duration_ns
        self._playback = playback
        self.period_ns = round(recording.duration_ns / len(recording.times_ns) / playback.speed)

    def index(self, seq: int) -> int | None:
        """Position in the recording of picture `seq`; None after its end."""
        if seq >= len(self._times) and not self._playback.loop:
            return None
        return seq % len(self._times)

    def t_ns(self, seq: int) -> int:
        """Instant of picture `seq`, host monotonic clock."""
        turns, index = divmod(seq, len(self._times))
        media = turns * self._duration + self._times[index]
        return self._playback.epoch_ns + round(media / self._playback.speed)

    def seq_at(self, t_ns: int) -> int:
        """Number of the newest picture that is not after `t_ns`; -1 before the first."""
        media = (t_ns - self._playback.epoch_ns) * self._playback.speed
        turns, rest = divmod(media, self._duration)
        return int(turns) * len(self._times) + bisect_right(self._times, rest) - 1


class PlayedSource:
    """A recording as a `Source`: its pictures are stamped with their schedule, whatever the load.

    With pace "clock" each picture is made ahead and released at its instant. A stall of up to two periods
    makes pictures late; after a longer one the overdue are skipped. Both are counted. A stamp is never moved
    to the time of sending.
    """

    live = False
    note = ""
    clock = ClockReading("schedule of the recording", uncertainty_ns=0)

    def __init__(self, recording: Recording, camera: str, playback: Playback, stop: Event) -> None:
        self.size_px = recording.size_px
        self.counters = SourceCounters()
        self._recording, self._camera, self._playback, self._stop = recording, camera, playback, stop
        self._schedule = Schedule(recording, playback)
        self.period_ns = self._schedule.period_ns

    def frames(self) -> Iterator[Frame]:
        """Pictures in order until the recording ends or `stop` is set; each is valid until the next."""
        schedule, counters, stop = self._schedule, self.counters, self._stop
        by_clock = self._playback.pace == "clock"
        seq = self._playback.first_seq
        if by_clock:
            seq = max(seq, self._due() + 1)
        while not stop.is_set() and (index := schedule.index(seq)) is not None:
            pixels = self._pixels(index)
            if pixels is None:
                counters.dropped += 1
            else:
                t_ns = schedule.t_ns(seq)
                if by_clock:
                    self._wait_until(t_ns + self._playback.delay_ns)
                if stop.is_set():
                    return
                yield Frame(self._camera, seq, t_ns, pixels)
            seq += 1
            if by_clock and (due := self._due()) - seq >= _TOLERATED_PERIODS:
                counters.dropped += due - seq
                seq = due

    def close(self) -> None:
        """Let go of the files."""
        self._recording.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _due(self) -> int:
        """Number of the newest picture whose time of release has come."""
        return self._schedule.seq_at(time.monotonic_ns() - self._playback.delay_ns)

    def _pixels(self, index: int) -> NDArray[np.uint8] | None:
        begin = time.monotonic_ns()
        pixels = self._recording.pixels(index)
        self.counters.make_ns += time.monotonic_ns() - begin
        self.counters.made += 1
        return pixels

    def _wait_until(self, t_ns: int) -> None:
        while (left := t_ns - time.monotonic_ns()) > 0 and not self._stop.is_set():
            self._stop.wait(min(left / 1e9, _LONGEST_WAIT_S))
        if time.monotonic_ns() - t_ns > self.period_ns // 2:
            self.counters.late += 1
