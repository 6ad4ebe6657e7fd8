"""Playing by the clock: stamps are the schedule's whatever the load; what is missed is counted."""

import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from clips import number_of, write_clip
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from posecap.capture.frame import Frame
from posecap.capture.recording import PlayedSource, Schedule
from posecap.capture.source import Playback
from posecap.capture.video_file import VideoRecording


class Uneven:
    """Pictures at given media times, each of which takes a given time to make."""

    size_px = (4, 4)

    def __init__(self, times_ns: Sequence[int], duration_ns: int, make_s: float = 0.0) -> None:
        self.times_ns, self.duration_ns, self._make_s = times_ns, duration_ns, make_s

    def pixels(self, index: int) -> NDArray[np.uint8] | None:
        time.sleep(self._make_s)
        return np.full((4, 4, 3), index, np.uint8)

    def close(self) -> None:
        pass


def taken(source: PlayedSource, count: int) -> list[tuple[Frame, int]]:
    """The first pictures and when they came."""
    return [(frame, time.monotonic_ns()) for frame, _ in zip(source.frames(), range(count), strict=False)]


@given(
    st.lists(st.integers(1, 10**8), min_size=1, max_size=20),
    st.floats(0.1, 4),
    st.integers(0, 200),
    st.integers(0, 10**15),
)
def test_the_schedule_and_its_inverse_agree(gaps: list[int], speed: float, seq: int, epoch_ns: int) -> None:
    times = [0, *np.cumsum(gaps).tolist()]
    schedule = Schedule(Uneven(times, times[-1] + 1_000), Playback(epoch_ns, speed, loop=True))
    t_ns = schedule.t_ns(seq)
    assert schedule.seq_at(t_ns + 2) >= seq
    assert schedule.seq_at(t_ns - 2) < seq


def test_stamps_are_the_schedule_and_nothing_comes_early(tmp_path: Path) -> None:
    video = VideoRecording(write_clip(tmp_path / "a.mp4", 10, fps=50), "cam01")
    epoch_ns = time.monotonic_ns() + 50_000_000
    source = PlayedSource(video, "cam01", Playback(epoch_ns, speed=2.0, loop=True), Event())
    for seq, (frame, came_ns) in enumerate(taken(source, 25)):
        assert frame.seq == seq
        assert frame.t_ns == epoch_ns + seq * 10_000_000
        assert came_ns >= frame.t_ns
    assert source.period_ns == 10_000_000


def test_a_slow_source_skips_and_counts_and_never_moves_a_stamp() -> None:
    """Pictures every 10 ms that take 25 ms to make: two of three are dropped, the rest keep their times."""
    recording = Uneven([i * 10_000_000 for i in range(100)], 1_000_000_000, make_s=0.025)
    epoch_ns = time.monotonic_ns()
    source = PlayedSource(recording, "cam01", Playback(epoch_ns), Event())
    frames = [frame for frame, _ in taken(source, 100)]
    assert all(frame.t_ns == epoch_ns + frame.seq * 10_000_000 for frame in frames)
    assert all(int(frame.image[0, 0, 0]) == frame.seq for frame in frames)
    gaps = sum(after.seq - before.seq - 1 for before, after in pairwise(frames))
    assert 25 <= len(frames) <= 41
    assert source.counters.dropped - gaps in range(4)  # the last skip may reach past the end
    assert source.counters.late > 0


def test_a_restart_rejoins_the_schedule(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 20, fps=100)
    epoch_ns = time.monotonic_ns() - 1_234_000_000  # 123 pictures ago
    with PlayedSource(
        VideoRecording(path, "cam01"), "cam01", Playback(epoch_ns, loop=True), Event()
    ) as source:
        ((frame, came_ns), *_) = taken(source, 3)
    assert frame.seq >= 124
    assert frame.t_ns == epoch_ns + frame.seq * 10_000_000
    assert number_of(VideoRecording(path, "cam01").picture(frame.seq % 20)) == frame.seq % 20
    assert -1_000_000 < came_ns - frame.t_ns < 50_000_000


def test_full_speed_gives_every_picture_with_the_stamps_of_the_schedule(tmp_path: Path) -> None:
    video = VideoRecording(write_clip(tmp_path / "a.mp4", 30), "cam01")
    begin = time.monotonic()
    source = PlayedSource(video, "cam01", Playback(1_000, pace="max", first_seq=4), Event())
    frames = [(frame.seq, frame.t_ns, number_of(frame.image)) for frame in source.frames()]
    assert time.monotonic() - begin < 1.0
    assert frames == [(seq, 1_000 + round(seq * 1e9 / 30), seq) for seq in range(4, 30)]
    assert source.counters.dropped == 0


def test_a_delay_moves_the_release_and_not_the_stamp() -> None:
    epoch_ns = time.monotonic_ns()
    recording = Uneven([i * 10_000_000 for i in range(10)], 100_000_000)
    source = PlayedSource(recording, "cam01", Playback(epoch_ns, delay_ns=80_000_000), Event())
    for frame, came_ns in taken(source, 10):
        assert frame.t_ns == epoch_ns + frame.seq * 10_000_000
        assert came_ns - frame.t_ns >= 80_000_000
    assert source.counters.dropped == 0


@pytest.mark.timeout(5)
def test_stop_ends_a_wait() -> None:
    stop = Event()
    source = PlayedSource(Uneven([0], 1), "cam01", Playback(time.monotonic_ns() + 10**12), stop)
    stop.set()
    assert list(source.frames()) == []
