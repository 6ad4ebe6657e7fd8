"""Network cameras against a real server (see rtsp_server.py): times, loss, return, wrong size."""

import socket
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from camera_rig import camera_rig

from posecap.capture.errors import CaptureError, SourceLost
from posecap.capture.rtsp import RtspSource
from posecap.capture.source_config import Rtsp

SERVER = Path(__file__).parents[1] / "rtsp_server.py"
PYTHON = "/usr/bin/python3"
PACKAGES = (
    "gstreamer1.0-rtsp gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good "
    "gstreamer1.0-plugins-ugly gstreamer1.0-plugins-bad"
)
PERIOD_NS = 40_000_000


def _installed() -> bool:
    probe = (
        "import gi; gi.require_version('GstRtspServer', '1.0'); "
        "from gi.repository import Gst, GstRtspServer; "
        "Gst.init(None); assert all(map(Gst.ElementFactory.find, ['x264enc', 'rtph264pay', 'h264parse']))"
    )
    try:
        return subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not _installed(), reason=f"no RTSP server: apt-get install -y {PACKAGES}")


def start_server(port: int) -> "subprocess.Popen[str]":
    server = subprocess.Popen([PYTHON, str(SERVER), str(port)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    return server


def stop_server(server: "subprocess.Popen[str]") -> None:
    server.kill()
    server.wait()
    assert server.stdout is not None
    server.stdout.close()


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def server(port: int) -> Iterator[int]:
    process = start_server(port)
    yield port
    stop_server(process)


def test_pictures_come_with_the_streams_own_times(server: int) -> None:
    url = f"rtsp://127.0.0.1:{server}/ball"
    with RtspSource(Rtsp(url=url, fps=25), "cam01", (320, 240), 100, Event()) as source:
        taken, ages = [], []
        before = None
        for frame in source.frames():
            ages.append(time.monotonic_ns() - frame.t_ns)
            assert before is None or not np.array_equal(frame.image, before)
            before = frame.image.copy()
            taken.append((frame.seq, frame.t_ns))
            if len(taken) == 60:
                break
        assert source.clock.offset_ns != 0
        assert 0 <= source.clock.uncertainty_ns < 100_000_000
    assert [seq for seq, _ in taken] == list(range(100, 160))
    steps = [after[1] - first[1] for first, after in pairwise(taken[10:])]
    assert np.mean(steps) == pytest.approx(PERIOD_NS, rel=0.02)
    assert np.std(steps) < PERIOD_NS / 4  # arrival jitter is not in the stamps
    assert np.median(ages[10:]) < 150_000_000
    assert min(ages[10:]) >= 0


def test_another_size_than_calibrated_is_refused(server: int) -> None:
    url = f"rtsp://127.0.0.1:{server}/other"
    with (
        RtspSource(Rtsp(url=url, fps=25), "cam01", (320, 240), 0, Event()) as source,
        pytest.raises(CaptureError, match="sends 160 x 120 px, calibrated were 320 x 240"),
    ):
        next(source.frames())


def test_a_wrong_path_is_lost_and_tells_no_password(server: int) -> None:
    with pytest.raises(SourceLost, match=rf"camera 'cam01': rtsp://127.0.0.1:{server}/none cannot be opened"):
        RtspSource(Rtsp(url=f"rtsp://me:secret@127.0.0.1:{server}/none"), "cam01", None, 0, Event())


@pytest.mark.slow
def test_a_server_that_dies_is_lost_and_found_again(port: int) -> None:
    process = start_server(port)
    source = Rtsp(url=f"rtsp://127.0.0.1:{port}/ball", fps=25)
    try:
        with camera_rig({"cam01": source}, (320, 240)) as rig:
            frames = rig.frames(25)
            before = [next(frames) for _ in range(25)][-1]
            stop_server(process)
            list(rig.frames(10, until=lambda: rig.state("cam01") == "lost"))
            assert rig.state("cam01") == "lost"
            process = start_server(port)
            after = next(f for f in rig.frames(15) if f.seq > before.seq + 5)
            assert after.t_ns > before.t_ns
            assert time.monotonic_ns() - after.t_ns < 1_000_000_000
            list(rig.frames(5, until=lambda: rig.state("cam01") == "live"))
            assert rig.state("cam01") == "live"
            assert rig.processes["cam01"].is_alive()
    finally:
        if process.poll() is None:
            stop_server(process)
