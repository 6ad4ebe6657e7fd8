"""From cameras to the process that uses the pictures: ZeroMQ for descriptors and status, a ring for pixels.

The receiver BINDS one SUB socket; every camera CONNECTS, so a camera that is restarted comes back by itself.
The ring is the queue: it holds the newest `slots` pictures and overwrites the oldest, which the receiver
counts.
"""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event, Lock
from types import TracebackType
from typing import Self

import zmq

from posecap.capture.errors import CaptureError, FrameWireError
from posecap.capture.frame import Frame, FrameSet
from posecap.capture.pixels import layout_of
from posecap.capture.ring import Ring
from posecap.capture.wire import (
    FRAME_TOPIC,
    STATUS_TOPIC,
    WIRE_VERSION,
    CameraStatus,
    FrameDescriptor,
    pack,
    unpack_descriptor,
    unpack_status,
)

_log = logging.getLogger(__name__)

_QUEUED_MESSAGES = 1000  # descriptors of ~40 bytes: the ring limits the pictures, not this
_LINGER_MS = 200
_RECONNECT_MS = 20
_ROOM_POLL_S = (
    0.004  # the ring is several pictures ahead: waking more often only takes the processor from the runtime
)
_READER_POLL_MS = 50


class FramePublisher:
    """The camera's end: writes pictures into its ring and tells the receiver. Usable from several threads."""

    def __init__(self, camera: str, ring: Path, endpoints: tuple[str, ...], size_px: tuple[int, int]) -> None:
        """Attach to the ring and connect to every endpoint.

        Raises:
            CaptureError: the ring is missing or of another size, or an endpoint is malformed.
        """
        self._camera, self._size_px = camera, size_px
        self._ring = Ring.attach(ring, size_px)
        self._lock = Lock()
        self._readers = 0
        self._topic = FRAME_TOPIC + camera.encode()
        self._status_topic = STATUS_TOPIC + camera.encode()
        self._socket = zmq.Context.instance().socket(zmq.XPUB)
        self._socket.set(zmq.XPUB_VERBOSER, 1)  # every subscription, not only the first: readers are counted
        self._socket.set(zmq.LINGER, _LINGER_MS)
        self._socket.set(zmq.SNDHWM, _QUEUED_MESSAGES)
        self._socket.set(zmq.RECONNECT_IVL, _RECONNECT_MS)
        for endpoint in endpoints:
            try:
                self._socket.connect(endpoint)
            except zmq.ZMQError as error:
                self.close()
                raise CaptureError(
                    f"camera {camera!r}: cannot connect to {endpoint!r} ({error}): "
                    "write ipc:///path or tcp://host:port"
                ) from error

    @property
    def last_seq(self) -> int:
        """Number of the picture that was written last, also by a predecessor of this process; -1 = none."""
        return self._ring.last_seq

    def send(self, frame: Frame) -> None:
        """Copy the picture into the ring and announce it; never waits."""
        self._ring.write(frame.seq, frame.pixels)
        descriptor = FrameDescriptor(
            WIRE_VERSION, self._camera, frame.seq, frame.t_ns, self._size_px, layout_of(frame.pixels)
        )
        with self._lock:
            self._socket.send_multipart((self._topic, pack(descriptor)), zmq.NOBLOCK)

    def report(self, status: CameraStatus) -> None:
        """Publish how the camera is."""
        with self._lock:
            self._hear_subscriptions()
            self._socket.send_multipart((self._status_topic, pack(status)), zmq.NOBLOCK)

    def wait_for_room(self, seq: int, stop: Event) -> None:
        """Return when all readers listen and `seq` overwrites nothing unreleased, or when `stop` is set."""
        while self._readers < self._ring.readers and not stop.is_set():
            with self._lock:
                self._hear_subscriptions(_READER_POLL_MS)
        while not self._ring.has_room(seq) and not stop.is_set():
            time.sleep(_ROOM_POLL_S)

    def close(self) -> None:
        """Send what is queued, within a fifth of a second, and let go of the ring."""
        self._socket.close()
        self._ring.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _hear_subscriptions(self, timeout_ms: int = 0) -> None:
        """Count those who want pictures."""
        while self._socket.poll(timeout_ms):
            message = self._socket.recv()
            if message[1:] == FRAME_TOPIC:
                self._readers += 1 if message[:1] == b"\x01" else -1
            timeout_ms = 0


class FrameReceiver:
    """The user's end: pictures of all cameras as read-only views into their rings, and their status."""

    def __init__(self, endpoint: str, rings: Mapping[str, Path], *, recorder: bool = False) -> None:
        """Bind `endpoint` (ipc:// in a private folder, or tcp:// on the loopback) and attach to the rings.

        A `recorder` reads beside the user: cameras with pace "max" wait for both, until it closes.

        Without rings it hears the status only: a supervisor watches with one of its own. Pictures that a
        predecessor of this receiver left in the rings are released.

        Raises:
            CaptureError: the endpoint is in use or malformed, or a ring is missing or damaged.
        """
        self._recorder = recorder
        self._rings = {camera: Ring.attach(path) for camera, path in rings.items()}
        for ring in self._rings.values():
            if recorder:
                ring.join_recorder()
            else:
                ring.release(ring.last_seq)
        self._given: dict[str, list[tuple[int, int]]] = {camera: [] for camera in rings}
        self._next_seq: dict[str, int] = {}
        self.overwritten: dict[str, int] = dict.fromkeys(rings, 0)  # announced, gone before they were read
        self.missing: dict[str, int] = dict.fromkeys(rings, 0)  # gaps in seq
        self.refused = 0  # messages that were not understood
        self._socket = zmq.Context.instance().socket(zmq.SUB)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.RCVHWM, _QUEUED_MESSAGES)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise CaptureError(
                f"cannot listen for cameras on {endpoint!r} ({error}): stop the program that uses it, or "
                "give "
                "another endpoint (ipc:///path or tcp://127.0.0.1:port)"
            ) from error
        self._socket.subscribe(STATUS_TOPIC)
        if rings:
            self._socket.subscribe(FRAME_TOPIC)

    def poll(self, timeout_ms: float = 0) -> list[Frame | CameraStatus]:
        """What came, in order of arrival, waiting up to `timeout_ms` for the first; views are read-only.

        A view is valid while `intact(frame)` holds: ask after the last use of its pixels.
        """
        received: list[Frame | CameraStatus] = []
        if not self._socket.poll(max(0, round(timeout_ms))):
            return received
        while True:
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return received
            try:
                item = self._understand(parts)
            except FrameWireError as error:
                self.refused += 1
                if self.refused == 1:
                    _log.warning("event=message_refused reason=%s", error)
                continue
            if item is not None:
                received.append(item)

    def intact(self, frame: Frame) -> bool:
        """Whether the pixels of `frame` are still those of that picture."""
        return self._rings[frame.camera].intact(frame.seq)

    def release(self, frame_set: FrameSet) -> None:
        """The set has been used: cameras with pace "max" may overwrite its pictures and all older ones."""
        newest_ns = max(frame.t_ns for frame in frame_set.frames if frame is not None)
        for camera, given in self._given.items():
            count = 0
            while count < len(given) and given[count][0] <= newest_ns:
                count += 1
            if count:
                self._rings[camera].release(given[count - 1][1])
                del given[:count]

    def release_picture(self, frame: Frame) -> None:
        """The same for one picture, and the older ones of its camera; from any thread."""
        ring = self._rings[frame.camera]
        if self._recorder:
            ring.record(frame.seq)
        else:
            ring.release(frame.seq)

    @property
    def socket(self) -> zmq.Socket[bytes]:
        """For a poller that waits for other things too."""
        return self._socket

    def close(self) -> None:
        """Stop listening and let go of the rings; views that are still in use stay readable."""
        if hasattr(self, "_socket"):
            self._socket.close()
        for ring in self._rings.values():
            if self._recorder:
                ring.leave_recorder()
            ring.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _understand(self, parts: list[bytes]) -> Frame | CameraStatus | None:
        if len(parts) != 2:
            raise FrameWireError(f"message of {len(parts)} parts, expected 2: something else sends here")
        topic, header = parts
        if topic.startswith(STATUS_TOPIC):
            return unpack_status(header)
        descriptor = unpack_descriptor(header)
        camera, seq = descriptor.camera, descriptor.seq
        ring = self._rings.get(camera)
        if ring is None or descriptor.format == "jpeg" or descriptor.size_px != ring.size_px:
            raise FrameWireError(
                f"picture of camera {camera!r}, {descriptor.size_px} px {descriptor.format}: no ring here "
                "takes it; "
                "give the receiver the rings that the cameras were given"
            )
        self.missing[camera] += max(0, seq - self._next_seq.get(camera, seq))
        self._next_seq[camera] = seq + 1
        pixels = ring.read(seq, descriptor.format)
        if pixels is None:
            self.overwritten[camera] += 1
            return None
        given = self._given[camera]
        given.append((descriptor.t_ns, seq))
        if len(given) > ring.slots:
            del given[0]
        return Frame(camera, seq, descriptor.t_ns, pixels)
