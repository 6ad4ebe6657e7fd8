"""A camera of another host: JPEG over tcp from `launch/camera.py`, times mapped through round trips."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

import numpy as np
import simplejpeg
import zmq
import zmq.auth
from numpy.typing import NDArray

from posecap.capture.clock import ClockReading, RoundTripClock
from posecap.capture.errors import CaptureError, FrameWireError, SourceLost
from posecap.capture.frame import Frame
from posecap.capture.source import SourceCounters
from posecap.capture.source_config import Remote
from posecap.capture.wire import (
    MAX_PAYLOAD_BYTES,
    WIRE_VERSION,
    CameraStatus,
    FrameDescriptor,
    Ping,
    pack,
    unpack_descriptor,
    unpack_pong,
    unpack_status,
)

_PING_EVERY_NS = 250_000_000
_SILENCE_NS = 2_000_000_000
_FIRST_PINGS = 4


class RemoteSource:
    """One connection to the publisher of another host.

    A capture time is the other host's, less the offset of its clock (see `RoundTripClock`), and never in the
    future.
    """

    live = True

    def __init__(
        self, config: Remote, camera: str, size_px: tuple[int, int] | None, first_seq: int, stop: Event
    ) -> None:
        """Connect and compare clocks.

        Raises:
            SourceLost: nothing answers.
            CaptureError: another camera is published there, or the key file is unusable.
        """
        self._camera, self._endpoint, self._stop = camera, config.endpoint, stop
        self.size_px: tuple[int, int] = size_px or (0, 0)
        self._expected_size_px = size_px
        self.period_ns = round(1e9 / config.fps)
        self.counters = SourceCounters()
        self._round_trips = RoundTripClock()
        self._status: CameraStatus | None = None
        self._next_seq, self._seq_offset = first_seq, 0
        self._last_remote_seq = -1
        self._pinged_ns = 0
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.MAXMSGSIZE, MAX_PAYLOAD_BYTES)
        try:
            if config.server_key is not None:
                self._encrypt(Path(config.server_key))
            self._connect()
            self._compare_clocks()
        except CaptureError:
            self.close()
            raise

    @property
    def clock(self) -> ClockReading:
        """Offset of the other host's clock, and how far it can be wrong now."""
        return self._round_trips.reading(time.monotonic_ns())

    @property
    def note(self) -> str:
        """What the other host says about its camera."""
        if self._status is None:
            return ""
        said = self._status
        return f"on the other host: {said.state}, {said.dropped} dropped, {said.note or said.clock}"

    def frames(self) -> Iterator[Frame]:
        """Pictures as they come.

        Raises:
            SourceLost: no picture for two seconds.
            CaptureError: the pictures have another size than calibrated.
        """
        last_ns = time.monotonic_ns()
        while not self._stop.is_set():
            parts = self._receive(20)
            if parts is None:
                if time.monotonic_ns() - last_ns > _SILENCE_NS:
                    raise SourceLost(self._silence())
                continue
            descriptor, payload = parts
            begin = last_ns = time.monotonic_ns()
            self._ping(descriptor.seq)
            image = self._decode(descriptor, payload)
            if image is None:
                self.counters.dropped += 1
                continue
            self.counters.made += 1
            self.counters.make_ns += time.monotonic_ns() - begin
            t_ns = min(descriptor.t_ns - self._round_trips.reading(begin).offset_ns, begin)
            yield Frame(self._camera, self._local_seq(descriptor.seq), t_ns, image)

    def close(self) -> None:
        """Disconnect."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _encrypt(self, server_key: Path) -> None:
        try:
            server_public, _ = zmq.auth.load_certificate(server_key)
        except (OSError, ValueError) as error:
            raise CaptureError(
                f"camera {self._camera!r}: {server_key} is not a CURVE key file ({error}): copy the file "
                "that ends "
                "in .key from the publishing host"
            ) from error
        public, secret = zmq.curve_keypair()
        self._socket.set(zmq.CURVE_SERVERKEY, server_public)
        self._socket.set(zmq.CURVE_PUBLICKEY, public)
        self._socket.set(zmq.CURVE_SECRETKEY, secret)

    def _connect(self) -> None:
        try:
            self._socket.connect(self._endpoint)
        except zmq.ZMQError as error:
            raise CaptureError(
                f"camera {self._camera!r}: cannot connect to {self._endpoint!r} ({error}): "
                "write source.endpoint as tcp://host:port"
            ) from error

    def _compare_clocks(self) -> None:
        """A few round trips before the first picture is believed."""
        deadline_ns = time.monotonic_ns() + _SILENCE_NS
        for _ in range(_FIRST_PINGS):
            answered = self._answered = False
            self._ping(-1)
            while not answered:
                self._receive(50)
                answered = self._answered
                if time.monotonic_ns() > deadline_ns or self._stop.is_set():
                    raise SourceLost(
                        f"camera {self._camera!r}: nothing answers at {self._endpoint}: run `python "
                        f"launch/camera.py --camera {self._camera} --publish ...` there, and compare the keys"
                    )

    def _ping(self, got_seq: int) -> None:
        now_ns = self._pinged_ns = time.monotonic_ns()
        self._last_remote_seq = got_seq
        self._socket.send(pack(Ping(WIRE_VERSION, self._camera, now_ns, got_seq)), zmq.NOBLOCK)

    def _receive(self, timeout_ms: int) -> tuple[FrameDescriptor, bytes] | None:
        """The next picture, if one comes in time; answers and status are taken in on the way."""
        if time.monotonic_ns() - self._pinged_ns > _PING_EVERY_NS:
            self._ping(self._last_remote_seq)
        if not self._socket.poll(timeout_ms):
            return None
        parts = self._socket.recv_multipart()
        returned_ns = time.monotonic_ns()
        try:
            match parts:
                case [b"pong", header]:
                    pong = unpack_pong(header)
                    if pong.camera != self._camera:
                        raise CaptureError(
                            f"camera {self._camera!r}: {self._endpoint} publishes camera {pong.camera!r}: "
                            "correct source.endpoint"
                        )
                    self._round_trips.add(pong.sent_ns, pong.received_ns, pong.answered_ns, returned_ns)
                    self._answered = True
                case [b"status", header]:
                    self._status = unpack_status(header)
                case [b"frame", header, payload]:
                    return unpack_descriptor(header, len(payload)), payload
        except FrameWireError as error:
            raise SourceLost(f"camera {self._camera!r}: {self._endpoint}: {error}") from error
        return None

    def _decode(self, descriptor: FrameDescriptor, payload: bytes) -> NDArray[np.uint8] | None:
        """The picture, (height, width, 3) uint8 BGR; its size is checked before memory is claimed."""
        try:
            header = simplejpeg.decode_jpeg_header(payload)
            height, width = int(header[0]), int(header[1])
            if (width, height) != descriptor.size_px:
                return None
            if self._expected_size_px is not None and (width, height) != tuple(self._expected_size_px):
                raise CaptureError(
                    f"camera {self._camera!r}: {self._endpoint} sends {width} x {height} px, calibrated were "
                    f"{self._expected_size_px[0]} x {self._expected_size_px[1]}: set the camera to that size"
                )
            self.size_px = (width, height)
            return simplejpeg.decode_jpeg(payload, colorspace="BGR")
        except ValueError:
            return None

    def _local_seq(self, seq: int) -> int:
        """Numbers go on from the last connection, also when the other host starts again; gaps stay gaps."""
        if self.counters.made == 1 or seq + self._seq_offset < self._next_seq:
            self._seq_offset = self._next_seq - seq
        self._next_seq = seq + self._seq_offset + 1
        return seq + self._seq_offset

    def _silence(self) -> str:
        state = "" if self._status is None else f" (it says: {self._status.state}. {self._status.note})"
        return f"camera {self._camera!r}: {self._endpoint} sends no pictures{state}: look at that host"
