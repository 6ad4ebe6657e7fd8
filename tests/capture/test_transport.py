"""From publisher to receiver on one host: pictures by view, losses counted, strangers refused."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
import zmq

from posecap.capture.errors import CaptureError
from posecap.capture.frame import Frame, FrameSet
from posecap.capture.ring import Ring
from posecap.capture.transport import FramePublisher, FrameReceiver
from posecap.capture.wire import WIRE_VERSION, CameraStatus, FrameDescriptor, pack

SIZE_PX = (64, 48)


def frame(seq: int, camera: str = "cam01") -> Frame:
    return Frame(camera, seq, 1_000 + seq, np.full((48, 64, 3), seq % 251, np.uint8))


@pytest.fixture
def ring() -> Iterator[Ring]:
    with Ring.create(SIZE_PX, 4) as ring:
        yield ring


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/frames"


def connected(receiver: FrameReceiver, ring: Ring, endpoint: str) -> FramePublisher:
    """A publisher that knows its reader: the subscription travels while the receiver polls."""
    publisher = FramePublisher("cam01", ring.path, (endpoint,), SIZE_PX)
    waiting = Thread(target=publisher.wait_for_room, args=(0, Event()), daemon=True)
    waiting.start()
    while waiting.is_alive():
        assert receiver.poll(5) == []
    return publisher


def received(receiver: FrameReceiver, count: int) -> list[Frame | CameraStatus]:
    items: list[Frame | CameraStatus] = []
    while len(items) < count:
        more = receiver.poll(2000)
        assert more, f"{len(items)} of {count} messages came"
        items += more
    return items


def test_pictures_and_status_arrive(ring: Ring, endpoint: str) -> None:
    with (
        FrameReceiver(endpoint, {"cam01": ring.path}) as receiver,
        connected(receiver, ring, endpoint) as publisher,
    ):
        for seq in range(3):
            publisher.send(frame(seq))
        publisher.report(CameraStatus(WIRE_VERSION, "cam01", 5, "live"))
        *frames, status = received(receiver, 4)
        assert isinstance(status, CameraStatus)
        assert status.state == "live"
        for seq, got in enumerate(frames):
            assert isinstance(got, Frame)
            assert (got.camera, got.seq, got.t_ns) == ("cam01", seq, 1_000 + seq)
            assert (got.image == seq).all()
            assert not got.image.flags.writeable
            assert got.image.base is not None  # a view, no copy
            assert receiver.intact(got)


def test_the_oldest_pictures_are_dropped_and_counted(ring: Ring, endpoint: str) -> None:
    with (
        FrameReceiver(endpoint, {"cam01": ring.path}) as receiver,
        connected(receiver, ring, endpoint) as publisher,
    ):
        publisher.send(frame(0))
        (first,) = received(receiver, 1)
        for seq in (1, 2, 5, 6, 7, 8):  # 3 and 4 were never taken
            publisher.send(frame(seq))
        publisher.report(CameraStatus(WIRE_VERSION, "cam01", 5, "live"))
        items = received(receiver, 1)
        while not isinstance(items[-1], CameraStatus):
            items += received(receiver, 1)
        assert [item.seq for item in items[:-1]] == [5, 6, 7, 8]
        assert receiver.overwritten["cam01"] == 2
        assert receiver.missing["cam01"] == 2
        assert isinstance(first, Frame)
        assert not receiver.intact(first)


def test_full_speed_waits_for_the_consumer(ring: Ring, endpoint: str) -> None:
    """A publisher with pace "max" never overwrites a picture that was not released."""
    stop = Event()
    with (
        FrameReceiver(endpoint, {"cam01": ring.path}) as receiver,
        connected(receiver, ring, endpoint) as publisher,
    ):

        def publish() -> None:
            for seq in range(200):
                publisher.wait_for_room(seq, stop)
                if not stop.is_set():
                    publisher.send(frame(seq))

        thread = Thread(target=publish)
        thread.start()
        seen = []
        try:
            while len(seen) < 200:
                for item in received(receiver, 1):
                    assert isinstance(item, Frame)
                    assert receiver.intact(item)
                    assert (item.image == item.seq % 251).all()
                    seen.append(item.seq)
                    receiver.release(FrameSet(len(seen), item.t_ns, (item,)))
        finally:
            stop.set()
            thread.join(5)
        assert seen == list(range(200))
        assert receiver.overwritten["cam01"] == receiver.missing["cam01"] == 0


def test_a_receiver_that_starts_again_gets_the_stream_back(ring: Ring, endpoint: str) -> None:
    with FrameReceiver(endpoint, {"cam01": ring.path}) as first:
        publisher = connected(first, ring, endpoint)
        publisher.send(frame(0))
        received(first, 1)
    with publisher, FrameReceiver(endpoint, {"cam01": ring.path}) as second:
        seq = 0
        while not (items := second.poll(20)):
            seq += 1
            publisher.send(frame(seq))
        assert isinstance(items[-1], Frame)
        assert items[-1].seq == seq
        assert ring.released_seq == 0  # what the first one left


def test_a_watcher_hears_the_status_alone(ring: Ring, tmp_path: Path, endpoint: str) -> None:
    watch = f"ipc://{tmp_path}/watch"
    with (
        FrameReceiver(endpoint, {"cam01": ring.path}) as receiver,
        FrameReceiver(watch, {}) as watcher,
        FramePublisher("cam01", ring.path, (endpoint, watch), SIZE_PX) as publisher,
    ):
        seen: list[Frame | CameraStatus] = []
        heard: list[Frame | CameraStatus] = []
        for seq in range(200):
            publisher.send(frame(seq))
            publisher.report(CameraStatus(WIRE_VERSION, "cam01", seq, "live"))
            heard += watcher.poll(5)
            seen += receiver.poll(5)
            if heard and any(isinstance(item, Frame) for item in seen):
                break
        assert heard
        assert all(isinstance(item, CameraStatus) for item in heard)
        assert any(isinstance(item, Frame) for item in seen)


def test_strangers_are_refused_and_counted(ring: Ring, endpoint: str) -> None:
    good = FrameDescriptor(WIRE_VERSION, "cam01", 1, 2, SIZE_PX)
    strange = [
        [b"frame/cam01", b"noise"],
        [b"frame/cam01", pack(good), b"a third part"],
        [b"frame/cam01", pack(FrameDescriptor(9, "cam01", 1, 2, SIZE_PX))],
        [b"frame/cam09", pack(FrameDescriptor(WIRE_VERSION, "cam09", 1, 2, SIZE_PX))],
        [b"frame/cam01", pack(FrameDescriptor(WIRE_VERSION, "cam01", 1, 2, (640, 480)))],
        [b"status/cam01", pack(good)],
    ]
    with (
        FrameReceiver(endpoint, {"cam01": ring.path}) as receiver,
        connected(receiver, ring, endpoint) as publisher,
    ):
        with zmq.Context.instance().socket(zmq.XPUB) as stranger:
            stranger.connect(endpoint)
            while not stranger.poll(5):  # until the subscription has come
                receiver.poll(5)
            for parts in strange:
                stranger.send_multipart(parts)
            while receiver.refused < len(strange):
                assert receiver.poll(1000) == []
        publisher.send(frame(1))
        (item,) = received(receiver, 1)
        assert isinstance(item, Frame)


def test_an_endpoint_in_use_is_explained(ring: Ring) -> None:
    with zmq.Context.instance().socket(zmq.SUB) as other:
        port = other.bind_to_random_port("tcp://127.0.0.1")
        with pytest.raises(CaptureError, match=f"127.0.0.1:{port}.*in use.*stop the program that uses it"):
            FrameReceiver(f"tcp://127.0.0.1:{port}", {})
    with pytest.raises(CaptureError, match="cannot listen for cameras on 'nonsense'"):
        FrameReceiver("nonsense", {})
    with pytest.raises(CaptureError, match="cannot connect to 'nonsense'"):
        FramePublisher("cam01", ring.path, ("nonsense",), SIZE_PX)
