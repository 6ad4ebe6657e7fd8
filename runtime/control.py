"""What a running session can be asked to do: one camera is solved again from people. A private socket, JSON."""

from typing import Literal

import msgspec
import zmq

from posecap.runtime.errors import EndpointError

_MOST_BYTES = 4096


class ResolveCamera(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="ask", tag="resolve_camera"
):
    """Solve `camera` again from the last `seconds` in which it saw people, and go on with that."""

    camera: str
    seconds: float


class ControlReply(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        state: collecting (too little was seen yet: ask again) | done | refused (see reason).
        have_s: how long the camera saw people, of what was asked for.
        rig_before, rig: id of the calibration, before and now.
        cam_from_world: (4, 4) the new pose, metres.
        given_px, median_px: median distance of the joints from where the others see them, before and now.
        turn_sigma_rad, position_sigma_m: standard deviations of the new pose, along the worst direction.
        reason: one sentence.
    """

    state: Literal["collecting", "done", "refused"]
    have_s: float = 0.0
    rig_before: str = ""
    rig: str = ""
    cam_from_world: list[list[float]] = []
    given_px: float = 0.0
    median_px: float = 0.0
    turn_sigma_rad: float = 0.0
    position_sigma_m: float = 0.0
    reason: str = ""


class ControlServer:
    """The runtime's end; "" = nobody can ask anything. Raises EndpointError where the address cannot be bound."""

    def __init__(self, endpoint: str) -> None:
        self._socket: zmq.Socket[bytes] | None = None
        if not endpoint:
            return
        socket = self._socket = zmq.Context.instance().socket(zmq.REP)
        socket.linger = 0
        socket.setsockopt(zmq.MAXMSGSIZE, _MOST_BYTES)
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise EndpointError(
                f"cannot listen at {endpoint} ({error}): end the session that does"
            ) from error

    def asked(self) -> ResolveCamera | None:
        """A request, where there is one; it has to be answered. What cannot be read is refused here."""
        if self._socket is None or not self._socket.poll(0):
            return None
        try:
            return msgspec.json.decode(self._socket.recv(), type=ResolveCamera)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.answer(ControlReply(state="refused", reason=f"the request cannot be read: {error}"))
            return None

    def answer(self, reply: ControlReply) -> None:
        """To the last request."""
        if self._socket is not None:
            self._socket.send(msgspec.json.encode(reply))

    def close(self) -> None:
        """Free the address."""
        if self._socket is not None:
            self._socket.close()


def ask(endpoint: str, request: ResolveCamera, timeout_s: float) -> ControlReply:
    """The answer of the session at `endpoint`; raises EndpointError where none comes in time."""
    socket = zmq.Context.instance().socket(zmq.REQ)
    socket.linger = 0
    try:
        socket.connect(endpoint)
        socket.send(msgspec.json.encode(request))
        if not socket.poll(timeout_s * 1e3):
            raise EndpointError(
                f"no answer from {endpoint} within {timeout_s:g} s: is the session still running?"
            )
        return msgspec.json.decode(socket.recv(), type=ControlReply)
    except zmq.ZMQError as error:
        raise EndpointError(f"cannot reach {endpoint} ({error}): is the session still running?") from error
    finally:
        socket.close()
