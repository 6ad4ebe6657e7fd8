"""A camera of another host: pictures arrive, clocks agree within the stated bound, loss is told."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
import zmq
import zmq.auth
from clips import SIZE_PX, number_of, numbered_picture

from posecap.capture.errors import CaptureError, SourceLost
from posecap.capture.frame import Frame
from posecap.capture.jpeg_publisher import JpegPublisher
from posecap.capture.remote import RemoteSource
from posecap.capture.source_config import Remote

ANYWHERE = "tcp://127.0.0.1:*"


@contextmanager
def publishing(publisher: JpegPublisher, clock_ahead_ns: int = 0, fps: float = 100.0) -> Iterator[None]:
    """A host whose clock is ahead, taking numbered pictures; `seq` is the number."""
    stop = Event()

    def take() -> None:
        seq = 0
        while not stop.wait(1 / fps):
            t_ns = time.monotonic_ns() + clock_ahead_ns
            publisher.send(Frame("cam02", seq, t_ns, numbered_picture(seq % 1000)))
            seq += 1

    thread = Thread(target=take)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        publisher.close()


def opened(endpoint: str, **options: object) -> RemoteSource:
    config = Remote(endpoint=endpoint, fps=100, **options)  # pyright: ignore[reportArgumentType]
    return RemoteSource(config, "cam02", SIZE_PX, 40, Event())


@pytest.mark.parametrize("ahead_ns", [7_000_000_000_123, -7_000_000_000_123])
def test_pictures_arrive_with_their_times_in_this_hosts_clock(ahead_ns: int) -> None:
    publisher = JpegPublisher("cam02", ANYWHERE, clock=lambda: time.monotonic_ns() + ahead_ns)
    with publishing(publisher, ahead_ns), opened(publisher.endpoint) as source:
        frames = []
        for frame in source.frames():
            now = time.monotonic_ns()
            assert 0 <= now - frame.t_ns < 200_000_000
            frames.append((frame.seq, number_of(frame.image)))
            if len(frames) == 40:
                break
        reading = source.clock
        assert abs(reading.offset_ns - ahead_ns) <= reading.uncertainty_ns
        assert reading.uncertainty_ns < 20_000_000
    assert frames[0][0] == 40  # numbers go on after a predecessor's
    assert {seq - number for seq, number in frames} == {40 - frames[0][1]}


def test_a_reader_that_is_slow_gets_fresh_pictures() -> None:
    """What waits for the network is dropped, the oldest first: a slow reader never falls behind."""
    publisher = JpegPublisher("cam02", ANYWHERE)
    with publishing(publisher, fps=200), opened(publisher.endpoint) as source:
        ages, gaps, before = [], 0, None
        for frame in source.frames():
            ages.append(time.monotonic_ns() - frame.t_ns)
            gaps += 0 if before is None else frame.seq - before - 1
            before = frame.seq
            time.sleep(0.05)
            if len(ages) == 30:
                break
        assert gaps > 100
        assert publisher.dropped > 0
        assert np.median(ages) < 250_000_000  # at most three under way and one waiting, of 50 ms each


def test_nobody_receives_nothing_is_compressed() -> None:
    with JpegPublisher("cam02", ANYWHERE) as publisher:
        begin = time.thread_time()
        for seq in range(200):
            publisher.send(Frame("cam02", seq, 0, numbered_picture(0, (1920, 1080))))
        assert time.thread_time() - begin < 2.0  # the pictures themselves are made here


@pytest.mark.slow
def test_encrypted_with_the_right_key_and_silent_with_a_wrong_one(tmp_path: Path) -> None:
    public, secret = zmq.auth.create_certificates(tmp_path, "server")
    other, _ = zmq.auth.create_certificates(tmp_path, "other")
    publisher = JpegPublisher("cam02", ANYWHERE, secret_key=Path(secret))
    with publishing(publisher):
        with opened(publisher.endpoint, server_key=public) as source:
            assert next(source.frames()).seq == 40
        with pytest.raises(SourceLost, match=r"nothing answers at .* compare the keys"):
            opened(publisher.endpoint, server_key=other)
    with pytest.raises(CaptureError, match="has only a public key"):
        JpegPublisher("cam02", ANYWHERE, secret_key=Path(public))
    with pytest.raises(CaptureError, match="is not a CURVE key file"):
        opened("tcp://127.0.0.1:9", server_key=str(tmp_path / "none.key"))


def test_nobody_there_is_lost_with_advice() -> None:
    with pytest.raises(
        SourceLost, match=r"nothing answers at tcp://127.0.0.1:9: run `python launch/camera.py"
    ):
        opened("tcp://127.0.0.1:9")


def test_another_camera_there_is_a_mistake_in_the_rig_file() -> None:
    with (
        JpegPublisher("cam07", ANYWHERE) as publisher,
        pytest.raises(CaptureError, match=r"'cam02': .* publishes camera 'cam07': correct source.endpoint"),
    ):
        opened(publisher.endpoint)


@pytest.mark.slow
def test_a_camera_that_stops_is_lost() -> None:
    publisher = JpegPublisher("cam02", ANYWHERE)
    with opened(publisher.endpoint) as source:
        with publishing(publisher):
            frames = source.frames()
            next(frames)
        with pytest.raises(SourceLost, match="sends no pictures"):
            list(frames)


def test_another_size_is_refused() -> None:
    publisher = JpegPublisher("cam02", ANYWHERE)
    with publishing(publisher):
        source = RemoteSource(Remote(endpoint=publisher.endpoint), "cam02", (640, 480), 0, Event())
        with source, pytest.raises(CaptureError, match="sends 320 x 240 px, calibrated were 640 x 480"):
            next(source.frames())


def test_noise_does_not_stop_the_publisher() -> None:
    publisher = JpegPublisher("cam02", ANYWHERE)
    with publishing(publisher), zmq.Context.instance().socket(zmq.DEALER) as stranger:
        stranger.setsockopt(zmq.LINGER, 0)
        stranger.connect(publisher.endpoint)
        stranger.send(b"noise")
        stranger.send_multipart([b"", b"more", b"noise"])
        with opened(publisher.endpoint) as source:
            assert next(source.frames()).seq == 40


def test_an_endpoint_in_use_is_explained() -> None:
    with (
        JpegPublisher("cam02", ANYWHERE) as first,
        pytest.raises(CaptureError, match=r"cannot publish on .*in use.*give --publish a free"),
    ):
        JpegPublisher("cam02", first.endpoint)
