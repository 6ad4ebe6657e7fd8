"""Subscribing to poses, on this host or another. Needs numpy, msgspec and pyzmq, nothing else."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

import zmq

from posecap.runtime.errors import EndpointError, StalePose, WireError
from posecap.runtime.messages import (
    TOPIC_OF_STAGE,
    FrameSetMessage,
    Message,
    PoseMessage,
    Stage,
    StatsMessage,
    View2DMessage,
    unpack,
)

DEFAULT_ENDPOINT = "tcp://127.0.0.1:5570"
AnyMessage = TypeVar("AnyMessage", bound=Message)


class Subscriber(Generic[AnyMessage]):
    """Messages of some topics, in the order of their publication.

    Args:
        endpoint: that the runtime publishes at.
        topics: exact names. (A ZeroMQ subscription is a prefix: to `pose3d` it also gives `pose3d/instant`.)
        server_key: file with the publisher's public CURVE key; None = the stream is not encrypted.

    Raises:
        EndpointError: a malformed endpoint or an unusable key file.
    """

    def __init__(
        self, endpoint: str = DEFAULT_ENDPOINT, topics: Sequence[bytes] = (), server_key: Path | None = None
    ) -> None:
        self.endpoint = endpoint
        self._topics = frozenset(topics)
        self._socket = zmq.Context.instance().socket(zmq.SUB)
        self._socket.linger = 0
        try:
            if server_key is not None:
                _encrypt(self._socket, server_key)
            for topic in self._topics:
                self._socket.subscribe(topic)
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise EndpointError(
                f"cannot subscribe to {endpoint!r} ({error}): write it as tcp://host:port"
            ) from error
        except EndpointError:
            self.close()
            raise

    def read(self, timeout_s: float | None = None) -> AnyMessage:
        """The next message; waits for ever where no timeout is given.

        Raises:
            StalePose: none came within `timeout_s`.
            WireError: a message of another version or of a wrong size.
        """
        parts = self._receive(timeout_s)
        if parts is None:
            raise StalePose(
                f"no message from {self.endpoint} within {timeout_s:g} s: is `python launch/live.py` running?"
            )
        return unpack(parts)  # pyright: ignore[reportReturnType]

    def drain(self, timeout_s: float = 0.0) -> list[AnyMessage]:
        """All messages that wait, waiting up to `timeout_s` for the first; empty where there is none."""
        messages: list[AnyMessage] = []
        parts = self._receive(timeout_s)
        while parts is not None:
            messages.append(unpack(parts))  # pyright: ignore[reportArgumentType]
            parts = self._receive(0.0)
        return messages

    def drain_parts(self) -> list[list[bytes]]:
        """The parts of all messages that wait, unread: for whoever keeps or forwards them."""
        messages = []
        while (parts := self._receive(0.0)) is not None:
            messages.append(parts)
        return messages

    def latest(self, max_age_s: float, timeout_s: float | None = None) -> AnyMessage:
        """The newest message, at most `max_age_s` old; all that wait with it are thrown away.

        Waits up to `timeout_s` (default: `max_age_s`) for one. For its age see `age_s`.

        Raises:
            StalePose: nothing that fresh came.
            WireError: a message of another version or of a wrong size.
        """
        until = time.monotonic() + (max_age_s if timeout_s is None else timeout_s)
        while True:
            parts = self._receive(max(until - time.monotonic(), 0.0))
            if parts is None:
                raise StalePose(
                    f"nothing younger than {max_age_s:g} s from {self.endpoint}: look at its stats"
                )
            while (newer := self._receive(0.0)) is not None:
                parts = newer
            message = unpack(parts)
            if age_s(message) <= max_age_s:
                return message  # pyright: ignore[reportReturnType]

    def __iter__(self) -> Iterator[AnyMessage]:
        while True:
            yield self.read()

    def _receive(self, timeout_s: float | None) -> list[bytes] | None:
        """Parts of the next message of an asked topic; None after `timeout_s`."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left_ms = None if until is None else max(0.0, until - time.monotonic()) * 1000
            if not self._socket.poll(left_ms):
                return None
            parts = self._socket.recv_multipart()
            if parts[0] in self._topics:
                return parts

    def close(self) -> None:
        """Leave; nothing is read any more."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class PoseSubscriber(Subscriber[PoseMessage]):
    """Skeletons of one stage.

    Args:
        endpoint: that the runtime publishes at.
        stage: "refined" = smoothed, a stated lag later; "instant" = each frame set for itself, at once.
        server_key: file with the publisher's public CURVE key; None = the stream is not encrypted.

    Example:
        with PoseSubscriber() as poses:
            for pose in poses:
                print(pose.t_capture_ns, pose.ids, pose.xyz.shape)
    """

    def __init__(
        self, endpoint: str = DEFAULT_ENDPOINT, stage: Stage = "refined", server_key: Path | None = None
    ) -> None:
        super().__init__(endpoint, (TOPIC_OF_STAGE[stage],), server_key)


def age_s(message: Message) -> float:
    """Seconds since the oldest picture of a pose was taken (other messages: since their own time).

    Goes by Unix time, with the offset that the publisher sent along: exact on its host, elsewhere as good as
    both Unix clocks.
    """
    match message:
        case PoseMessage(header=header):
            t_ns, offset_ns = header.t_capture_ns, header.unix_offset_ns
        case StatsMessage():
            t_ns, offset_ns = message.t_ns, message.unix_offset_ns
        case View2DMessage(header=header):
            t_ns, offset_ns = header.t_ns, header.unix_offset_ns
        case FrameSetMessage(header=header):
            t_ns, offset_ns = header.t_ns, header.unix_offset_ns
    return (time.time_ns() - offset_ns - t_ns) / 1e9


def _encrypt(socket: "zmq.Socket[bytes]", server_key: Path) -> None:
    from zmq.auth import load_certificate

    try:
        public, _ = load_certificate(server_key)
    except (OSError, ValueError) as error:
        raise EndpointError(
            f"{server_key} is not a CURVE key file ({error}): copy the publisher's .key file here"
        ) from error
    socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
    socket.curve_serverkey = public


__all__ = ["DEFAULT_ENDPOINT", "PoseSubscriber", "Subscriber", "WireError", "age_s"]
