"""Webcams: what can be told without one, and a real one where there is one."""

import time
from itertools import pairwise
from threading import Event

import pytest

from posecap.capture.errors import SourceLost
from posecap.capture.source_config import Uvc
from posecap.capture.uvc import UvcSource, devices


def test_a_device_that_is_not_there_is_lost_with_advice() -> None:
    with pytest.raises(
        SourceLost, match=r"camera 'cam01': device '/dev/video99' cannot be opened: plug it in"
    ):
        UvcSource(Uvc(device="/dev/video99"), "cam01", (640, 480), 0, Event())


@pytest.mark.camera
@pytest.mark.skipif(not devices(), reason="no /dev/video*: plug a webcam in to run this test")
def test_a_real_webcam_gives_pictures_with_plausible_times() -> None:
    with UvcSource(Uvc(device=devices()[0]), "cam01", None, 5, Event()) as source:
        frames = []
        for frame in source.frames():
            now = time.monotonic_ns()
            assert 0 <= now - frame.t_ns < 500_000_000
            frames.append((frame.seq, frame.t_ns))
            if len(frames) == 20:
                break
    assert [seq for seq, _ in frames] == list(range(5, 25))
    assert all(after[1] > before[1] for before, after in pairwise(frames))
