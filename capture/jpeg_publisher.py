"""Publishing one camera to another host: JPEG over tcp, at most three pictures under way, newest first.

A ROUTER socket serves any number of receivers. Each pings (which also says what has arrived), so that a slow
network makes this side drop old pictures instead of filling buffers with them, and so that clocks can be
compared.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import numpy as np
import simplejpeg
import zmq
import zmq.auth

from posecap.capture.errors import CaptureError, FrameWireError
from posecap.capture.frame import Frame
from posecap.capture.wire import (
    WIRE_VERSION,
    CameraStatus,
    FrameDescriptor,
    Pong,
    pack,
    unpack_ping,
)

_log = logging.getLogger(__name__)

UNDER_WAY = 3
_RECEIVER_GONE_NS = 3_000_000_000
_MAX_PING_BYTES = 4096
_LOOPBACK = ("tcp://127.", "tcp://localhost", "tcp://[::1]", "ipc://")


class JpegPublisher:
    """Serves the pictures of one camera, compressed only while somebody receives them."""

    def __init__(
        self,
        camera: str,
        endpoint: str,
        *,
        quality: int = 90,
        secret_key: Path | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Bind `endpoint` (tcp://address:port).

        Args:
            camera: name in the rig.
            endpoint: where receivers connect.
            quality: of the JPEG, 1 to 100.
            secret_key: file of a CURVE certificate (`zmq.auth.create_certificates`); None = not encrypted.
            clock: of the pictures' capture times.

        Raises:
            CaptureError: the endpoint is in use or malformed, or the key file is.
        """
        self._camera, self._quality, self._clock = camera, quality, clock
        self._receivers: dict[bytes, _Receiver] = {}
        self._newest: tuple[int, bytes, bytes] | None = None
        self._last_seq = -1
        self._has_receivers = threading.Event()
        self.dropped = 0  # pictures that a newer one overtook before the network took them
        context = zmq.Context.instance()
        self._socket = context.socket(zmq.ROUTER)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.MAXMSGSIZE, _MAX_PING_BYTES)
        if secret_key is not None:
            try:
                self._encrypt(secret_key)
            except CaptureError:
                self._socket.close()
                raise
        elif not endpoint.startswith(_LOOPBACK):
            _log.warning("camera=%s event=unencrypted endpoint=%s advice=--secret-key", camera, endpoint)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._socket.close()
            raise CaptureError(
                f"camera {camera!r}: cannot publish on {endpoint!r} ({error}): give --publish a free "
                "tcp://address:port of this host"
            ) from error
        self.endpoint: str = self._socket.last_endpoint.decode()
        self._outbox = context.socket(zmq.PUSH)
        self._inbox = context.socket(zmq.PULL)
        for end in (self._outbox, self._inbox):
            end.set(zmq.LINGER, 0)
        address = f"inproc://jpeg-{id(self)}"
        self._inbox.bind(address)
        self._outbox.connect(address)
        self._outbox_lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="jpeg", daemon=True)
        self._thread.start()

    @property
    def last_seq(self) -> int:
        """Number of the picture that was sent last."""
        return self._last_seq

    def send(self, frame: Frame) -> None:
        """Compress the picture and hand it over, if anybody receives; never waits for the network."""
        self._last_seq = frame.seq
        if not self._has_receivers.is_set():
            return
        width, height = frame.size_px
        picture = np.ascontiguousarray(frame.image)
        payload = simplejpeg.encode_jpeg(picture, quality=self._quality, colorspace="BGR")
        header = pack(
            FrameDescriptor(
                WIRE_VERSION, self._camera, frame.seq, frame.t_ns, (width, height), "jpeg", len(payload)
            )
        )
        self._hand_over([b"frame", b"%d" % frame.seq, header, payload])

    def report(self, status: CameraStatus) -> None:
        """Tell the receivers how the camera is; pictures that the network did not take count as dropped."""
        told = msgspec.structs.replace(status, dropped=status.dropped + self.dropped)
        self._hand_over([b"status", pack(told)])

    def wait_for_room(self, seq: int, stop: threading.Event) -> None:
        """Pictures for another host go by the clock: nothing to wait for."""

    def close(self) -> None:
        """Stop serving."""
        self._hand_over([b"close"])
        self._thread.join()
        self._outbox.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _encrypt(self, secret_key: Path) -> None:
        try:
            public, secret = zmq.auth.load_certificate(secret_key)
        except (OSError, ValueError) as error:
            raise CaptureError(
                f"{secret_key} is not a CURVE key file ({error}): make one with --new-key"
            ) from error
        if secret is None:
            raise CaptureError(f"{secret_key} has only a public key: give the file that ends in .key_secret")
        self._socket.set(zmq.CURVE_PUBLICKEY, public)
        self._socket.set(zmq.CURVE_SECRETKEY, secret)
        self._socket.set(zmq.CURVE_SERVER, True)

    def _hand_over(self, parts: list[bytes]) -> None:
        with self._outbox_lock:
            self._outbox.send_multipart(parts)

    def _serve(self) -> None:
        """The thread that owns the network socket."""
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._inbox, zmq.POLLIN)
        while True:
            ready = dict(poller.poll(1000))
            if self._socket in ready:
                self._hear(self._socket.recv_multipart())
            if self._inbox in ready:
                kind, *parts = self._inbox.recv_multipart()
                if kind == b"close":
                    break
                if kind == b"status":
                    for identity in self._receivers:
                        self._socket.send_multipart([identity, kind, *parts])
                else:
                    self._take(parts)
            self._forget_receivers()
        self._socket.close()
        self._inbox.close()

    def _hear(self, parts: list[bytes]) -> None:
        received_ns = self._clock()
        try:
            ping = unpack_ping(parts[-1])
        except FrameWireError as error:
            _log.info("camera=%s event=ping_refused reason=%s", self._camera, error)
            return
        identity = parts[0]
        receiver = self._receivers.setdefault(identity, _Receiver())
        receiver.heard_ns = time.monotonic_ns()
        self._has_receivers.set()
        while receiver.under_way and receiver.under_way[0] <= ping.got_seq:
            receiver.under_way.popleft()
        pong = Pong(WIRE_VERSION, self._camera, ping.sent_ns, received_ns, self._clock())
        self._socket.send_multipart([identity, b"pong", pack(pong)])
        self._send_newest(identity, receiver)

    def _take(self, parts: list[bytes]) -> None:
        seq, header, payload = parts
        if self._newest is not None and any(r.sent_seq < self._newest[0] for r in self._receivers.values()):
            self.dropped += 1
        self._newest = (int(seq), header, payload)
        for identity, receiver in self._receivers.items():
            self._send_newest(identity, receiver)

    def _send_newest(self, identity: bytes, receiver: "_Receiver") -> None:
        if self._newest is None:
            return
        seq, header, payload = self._newest
        if receiver.sent_seq < seq and len(receiver.under_way) < UNDER_WAY:
            self._socket.send_multipart([identity, b"frame", header, payload], copy=False)
            receiver.sent_seq = seq
            receiver.under_way.append(seq)

    def _forget_receivers(self) -> None:
        limit_ns = time.monotonic_ns() - _RECEIVER_GONE_NS
        for identity in [name for name, receiver in self._receivers.items() if receiver.heard_ns < limit_ns]:
            del self._receivers[identity]
        if not self._receivers:
            self._has_receivers.clear()
            self._newest = None


class _Receiver:
    """What is known of one receiving host."""

    __slots__ = ("heard_ns", "sent_seq", "under_way")

    def __init__(self) -> None:
        self.heard_ns = 0
        self.sent_seq = -1
        self.under_way: deque[int] = deque()
