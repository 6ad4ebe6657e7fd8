"""Open Sound Control: an address for each joint, metres."""

import socket
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from posecap.launch.bridge_forward import require, sigma_m
from posecap.launch.errors import UsageError
from posecap.runtime.messages import PoseMessage

if TYPE_CHECKING:
    from pythonosc.osc_message import OscMessage

MAX_DATAGRAM: Final = 1400  # bytes: one Ethernet packet, nothing is cut in pieces on its way
_BUNDLE_HEAD, _SIZE = 16, 4
UpAxis = Literal["z", "y"]
OscValue = tuple[str, "str | int | float"]
"""Type tag and value: i int32, f float32, d float64, s text."""


class UdpSender:
    """Sends OSC bundles to one address; who does not listen loses them.

    Raises:
        UsageError: python-osc is missing, or no such host or port.
    """

    def __init__(self, host: str, port: int) -> None:
        require("pythonosc", "python-osc")
        if not 1 <= port <= 65535:
            raise UsageError(f"port {port}, expected 1 to 65535: give --port as the receiver listens")
        try:
            family, kind, _, _, self._address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        except OSError as error:
            raise UsageError(f"no host {host!r} ({error.strerror}): correct --host") from error
        self.target: str = f"udp {host}:{port}"
        self._socket = socket.socket(family, kind)
        self._socket.setblocking(False)
        self.unsent = 0

    def send(self, messages: Iterable["OscMessage"]) -> None:
        """As few bundles as fit into packets, to be handled at once."""
        for datagram in bundles(messages):
            try:
                self._socket.sendto(datagram, self._address)
            except OSError:  # a full buffer, an unplugged network: the next pose is as good
                self.unsent += 1

    def news(self) -> str:
        """How many packets this host could not send."""
        return f"{self.unsent} packets not sent" if self.unsent else ""

    def close(self) -> None:
        """Free the socket."""
        self._socket.close()


def osc_message(address: str, *values: OscValue) -> "OscMessage":
    """A message with typed arguments."""
    from pythonosc.osc_message_builder import OscMessageBuilder

    builder = OscMessageBuilder(address)
    for tag, value in values:
        builder.add_arg(value, tag)
    return builder.build()


def bundles(messages: Iterable["OscMessage"]) -> Iterator[bytes]:
    """Datagrams of at most `MAX_DATAGRAM` bytes that hold the messages in their order."""
    from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder

    builder, size = OscBundleBuilder(IMMEDIATELY), _BUNDLE_HEAD
    for message in messages:
        more = _SIZE + message.size
        if size > _BUNDLE_HEAD and size + more > MAX_DATAGRAM:
            yield builder.build().dgram
            builder, size = OscBundleBuilder(IMMEDIATELY), _BUNDLE_HEAD
        builder.add_content(message)
        size += more
    if size > _BUNDLE_HEAD:
        yield builder.build().dgram


class OscBridge:
    """Messages for each pose, in this order; `PREFIX` is /posecap:

        PREFIX/frame             i index, d Unix time of the instant described (s)
        PREFIX/people            i id of everyone in view; without arguments where nobody is
        PREFIX/person/ID/JOINT   f x, f y, f z (m), f sigma (m, standard deviation for each axis)

    A joint that is unknown is not sent. With `up` "z" axes are the world's, with "y" (y, z, x) of them: both
    right-handed.

    Raises:
        UsageError: no such host or port, or a prefix that does not begin with a slash.
    """

    def __init__(self, host: str, port: int, *, prefix: str = "/posecap", up: UpAxis = "z") -> None:
        if not prefix.startswith("/") or any(character in " #*,?[]{}" for character in prefix):
            raise UsageError(f"prefix {prefix!r} is no OSC address: write it as /posecap")
        self._prefix = prefix.rstrip("/")
        self._axes = [0, 1, 2] if up == "z" else [1, 2, 0]
        self._sender = UdpSender(host, port)
        self.target: str = f"OSC {self._prefix} at {self._sender.target}"

    def send(self, message: PoseMessage) -> None:
        """Pass a message on."""
        self._sender.send(self.messages(message))

    def messages(self, message: PoseMessage) -> Iterator["OscMessage"]:
        """All that is sent for one pose."""
        header = message.header
        unix_s = (header.t_ns + header.unix_offset_ns) / 1e9
        yield osc_message(f"{self._prefix}/frame", ("i", header.index & 0x7FFFFFFF), ("d", unix_s))
        yield osc_message(f"{self._prefix}/people", *(("i", one & 0x7FFFFFFF) for one in message.ids))
        sigma = sigma_m(message)
        for row, one in enumerate(message.ids):
            for joint in np.flatnonzero(np.isfinite(message.xyz[row]).all(axis=1)):
                place = [("f", float(value)) for value in message.xyz[row, joint, self._axes]]
                address = f"{self._prefix}/person/{one}/{header.joints[joint]}"
                yield osc_message(address, *place, ("f", float(sigma[row, joint])))

    def news(self) -> str:
        """How many packets this host could not send."""
        return self._sender.news()

    def close(self) -> None:
        """Free the socket."""
        self._sender.close()
