"""Emulated faults: as many as asked for, the same for the same seed, and counted."""

import statistics
from threading import Event

import numpy as np
import pytest
from clips import number_of, write_clip

from posecap.capture.emulate import pushed
from posecap.capture.errors import SourceConfigError
from posecap.capture.pixels import planes_of
from posecap.capture.source import Playback, open_source
from posecap.capture.source_config import Emulation, SourceConfig, Uvc, VideoFile

PERIOD_NS = 10_000_000


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_clip(tmp_path_factory.mktemp("clips") / "a.mp4", 200, fps=100))


def played(clip: str, emulation: Emulation, *, camera: str = "cam01", first_seq: int = 0) -> tuple[list, int]:
    config: SourceConfig = VideoFile(file=clip, emulate=emulation)
    playback = Playback(0, pace="max", first_seq=first_seq)
    with open_source(config, camera, None, playback, Event()) as source:
        frames = [(frame.seq, frame.t_ns, number_of(frame.image)) for frame in source.frames()]
        return frames, source.counters.dropped


def test_an_offset_moves_every_stamp(clip: str) -> None:
    frames, _ = played(clip, Emulation(offset_ms=-7.5))
    assert frames == [(seq, seq * PERIOD_NS - 7_500_000, seq) for seq in range(200)]


def test_jitter_has_the_size_that_was_asked_for(clip: str) -> None:
    frames, _ = played(clip, Emulation(jitter_ms=2))
    errors = [t_ns - seq * PERIOD_NS for seq, t_ns, _ in frames]
    assert abs(statistics.fmean(errors)) < 600_000
    assert 1_600_000 < statistics.stdev(errors) < 2_400_000


def test_drops_are_gaps_that_are_counted_and_repeatable(clip: str) -> None:
    frames, dropped = played(clip, Emulation(drop=0.3, seed=5))
    assert dropped == 200 - len(frames)
    assert 40 <= dropped <= 80
    assert all(seq == number for seq, _, number in frames)
    assert played(clip, Emulation(drop=0.3, seed=5)) == (frames, dropped)
    assert played(clip, Emulation(drop=0.3, seed=5), first_seq=100)[0] == [f for f in frames if f[0] >= 100]
    assert played(clip, Emulation(drop=0.3, seed=5), camera="cam02")[0] != frames


def test_a_frozen_picture_goes_on_in_time(clip: str) -> None:
    frames, _ = played(clip, Emulation(freeze_at_s=0.5, freeze_for_s=0.3))
    assert [seq for seq, _, _ in frames] == list(range(200))
    assert [number for _, _, number in frames] == [50 if 50 <= i < 80 else i for i in range(200)]


def test_a_live_camera_cannot_be_moved_in_time() -> None:
    with pytest.raises(SourceConfigError, match="work with recordings, not with a live camera"):
        open_source(Uvc(device=0, emulate=Emulation(delay_ms=5)), "cam01", None, Playback(0), Event())


@pytest.mark.parametrize("layout", ["bgr", "i420"])
def test_a_push_moves_the_picture_from_its_moment_on(clip: str, layout: str) -> None:
    config = VideoFile(file=clip, emulate=Emulation(push_px=(6, -4), push_at_s=0.5))
    with (
        open_source(VideoFile(file=clip), "cam01", None, Playback(0, pace="max"), Event()) as still,
        open_source(config, "cam01", None, Playback(0, pace="max"), Event()) as source,
    ):
        pairs = [
            (a.pixels.copy(), b.pixels.copy()) for a, b in zip(still.frames(), source.frames(), strict=True)
        ]
    if layout == "bgr":
        picture = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
        np.testing.assert_array_equal(pushed(picture, (1, -2))[:2, 1:], picture[2:, :-1])
        return
    np.testing.assert_array_equal(pairs[49][0], pairs[49][1])
    plain, moved = (planes_of(one) for one in pairs[50])
    np.testing.assert_array_equal(moved[0][:-4, 6:], plain[0][4:, :-6])
    np.testing.assert_array_equal(moved[1][:-2, 3:], plain[1][2:, :-3])
