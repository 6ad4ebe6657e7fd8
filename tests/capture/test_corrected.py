"""Capture times that are corrected by a measured offset."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

import numpy as np
import pytest
from clips import number_of, write_clip

from posecap.calib.rig_file import CameraEntry
from posecap.capture.clock import ClockReading
from posecap.capture.corrected import Corrected
from posecap.capture.errors import SourceConfigError
from posecap.capture.frame import Frame
from posecap.capture.source import Playback, SourceCounters, open_source
from posecap.capture.source_config import Emulation, VideoFile, source_config


class Stamped:
    """A live camera whose pictures are stamped as told."""

    size_px, period_ns, live, note = (4, 4), 10_000_000, True, "a note"
    clock = ClockReading("host", uncertainty_ns=0)

    def __init__(self, stamps: list[int]) -> None:
        self.stamps, self.counters, self.closed = stamps, SourceCounters(), False

    def frames(self) -> Iterator[Frame]:
        for seq, t_ns in enumerate(self.stamps):
            yield Frame("a", seq, t_ns, np.zeros((4, 4, 3), np.uint8))

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def test_live_times_are_moved_but_never_into_the_future() -> None:
    now = time.monotonic_ns()
    source = Stamped([now - 90_000_000, now - 1_000_000])
    with Corrected(source, 20_000_000) as corrected:
        times = [frame.t_ns for frame in corrected.frames()]
        assert corrected.note == "a note; capture times corrected by +20.0 ms"
        assert corrected.counters is source.counters
        assert corrected.clock == source.clock
        assert corrected.live
    assert times[0] == now - 70_000_000
    assert now <= times[1] <= now + 19_000_000
    assert source.closed


@pytest.mark.parametrize("emulate", [None, Emulation(offset_ms=-12.5)])
def test_times_of_a_recording_are_moved(tmp_path: Path, emulate: Emulation | None) -> None:
    clip = str(write_clip(tmp_path / "a.mp4", 5, fps=100))
    config = VideoFile(file=clip, time_offset_s=0.0125, emulate=emulate)
    with open_source(config, "a", None, Playback(0, pace="max"), Event()) as source:
        found = [(number_of(frame.image), frame.t_ns) for frame in source.frames()]
    shift = 12_500_000 if emulate is None else 0
    assert found == [(k, 10_000_000 * k + shift) for k in range(5)]


def test_offset_is_one_of_the_scene_also_in_slow_motion(tmp_path: Path) -> None:
    clip = str(write_clip(tmp_path / "a.mp4", 3, fps=100))
    config = VideoFile(file=clip, time_offset_s=-0.004)
    with open_source(config, "a", None, Playback(0, speed=0.5, pace="max"), threading.Event()) as source:
        assert [frame.t_ns for frame in source.frames()] == [-8_000_000, 12_000_000, 32_000_000]


def test_offset_of_minutes_is_refused() -> None:
    source = {"type": "video", "file": "a.mp4", "time_offset_s": 75}
    entry = CameraEntry("a", (4, 4), [], [], [], source=source)
    with pytest.raises(SourceConfigError, match="time_offset_s"):
        source_config(entry, Path())
