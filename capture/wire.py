"""What camera processes say: a descriptor for each picture, and how they are. Decoders refuse with advice."""

from typing import Literal, TypeVar

import msgspec

from posecap.capture.errors import FrameWireError

WIRE_VERSION = 1
FRAME_TOPIC = b"frame/"
STATUS_TOPIC = b"status/"
MAX_PIXELS = 1 << 28
MAX_PAYLOAD_BYTES = 64 << 20
_MAX_HEADER_BYTES = 64 << 10

CameraState = Literal["starting", "live", "lost", "frozen", "ended", "failed"]


class FrameDescriptor(msgspec.Struct, frozen=True, tag="frame", array_like=True, gc=False):
    """Where one picture is. Layout on the wire: a msgpack array in this order.

    Attributes:
        version: of the wire.
        camera: name in the rig.
        seq: number of the picture; its ring slot is `seq % slots`.
        t_ns: mid-exposure, the sender's monotonic clock.
        size_px: (width, height).
        format: "bgr24", "i420" = so laid out in the ring of this host; "jpeg" = in the payload of the message.
        payload_bytes: length of the payload; 0 where the picture is in the ring.
    """

    version: int
    camera: str
    seq: int
    t_ns: int
    size_px: tuple[int, int]
    format: Literal["bgr24", "i420", "jpeg"] = "bgr24"
    payload_bytes: int = 0


class CameraStatus(msgspec.Struct, frozen=True, tag="status", gc=False):
    """How a camera is, four times a second.

    Attributes:
        version: of the wire.
        camera: name in the rig.
        t_ns: when this was said, the sender's monotonic clock.
        state: starting | live | lost (tries again) | frozen (pictures do not change, none are sent) |
            ended (the recording is over) | failed (as configured it can never work: see note).
        pid: of the camera process.
        fps: pictures sent, over the last second.
        period_ns: nominal time between two pictures; 0 where it is not known.
        size_px: (width, height).
        seq: number of the picture sent last; -1 before the first.
        sent: pictures since the process started.
        dropped: pictures that existed and were not sent (behind schedule, no reader, undecodable, emulated).
        late: pictures that were sent more than half a period after their schedule.
        decode_ms: mean time to make one picture, over the last second.
        clock: how capture times are known.
        clock_offset_ns: device or remote clock minus this host's; 0 where both are one clock.
        clock_uncertainty_ns: half-width of the interval in which the true offset lies; -1 = not known.
        note: one sentence: exposure, or what is wrong and what to do.
    """

    version: int
    camera: str
    t_ns: int
    state: CameraState
    pid: int = 0
    fps: float = 0.0
    period_ns: int = 0
    size_px: tuple[int, int] = (0, 0)
    seq: int = -1
    sent: int = 0
    dropped: int = 0
    late: int = 0
    decode_ms: float = 0.0
    clock: str = ""
    clock_offset_ns: int = 0
    clock_uncertainty_ns: int = -1
    note: str = ""


class Ping(msgspec.Struct, frozen=True, tag="ping", array_like=True, gc=False):
    """From the host that uses a remote camera, four times a second and after every picture.

    Attributes:
        version: of the wire.
        sent_ns: the asking host's monotonic clock.
        got_seq: number of the newest picture that has arrived; -1 = none.
    """

    version: int
    camera: str
    sent_ns: int
    got_seq: int = -1


class Pong(msgspec.Struct, frozen=True, tag="pong", array_like=True, gc=False):
    """The answer to a ping.

    Attributes:
        version: of the wire.
        camera: which one is published here.
        sent_ns: copied from the ping.
        received_ns: when the ping came, the answering host's monotonic clock.
        answered_ns: when this was sent, the same clock.
    """

    version: int
    camera: str
    sent_ns: int
    received_ns: int
    answered_ns: int


Message = TypeVar("Message", FrameDescriptor, CameraStatus, Ping, Pong)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[FrameDescriptor] = msgspec.msgpack.Decoder(FrameDescriptor)
_ping_decoder: msgspec.msgpack.Decoder[Ping] = msgspec.msgpack.Decoder(Ping)
_pong_decoder: msgspec.msgpack.Decoder[Pong] = msgspec.msgpack.Decoder(Pong)
_status_decoder: msgspec.msgpack.Decoder[CameraStatus] = msgspec.msgpack.Decoder(CameraStatus)


def pack(message: FrameDescriptor | CameraStatus | Ping | Pong) -> bytes:
    """The header part of a message."""
    return _encoder.encode(message)


def unpack_descriptor(header: bytes, payload_bytes: int = 0) -> FrameDescriptor:
    """The descriptor in `header`, whose message carries a payload of `payload_bytes`.

    Raises:
        FrameWireError: too large, not a descriptor, another version, or a payload of another length than
        announced.
    """
    descriptor = _decode(_decoder, header, "descriptor of a picture")
    width, height = descriptor.size_px
    if not (width > 0 and height > 0 and width * height <= MAX_PIXELS and descriptor.seq >= 0):
        raise FrameWireError(
            f"camera {descriptor.camera!r}: picture {descriptor.seq} of {width} x {height} px is out of "
            "range: "
            "something else sends to this endpoint"
        )
    if descriptor.payload_bytes != payload_bytes or payload_bytes > MAX_PAYLOAD_BYTES:
        raise FrameWireError(
            f"camera {descriptor.camera!r}: payload of {payload_bytes} bytes, announced "
            f"{descriptor.payload_bytes}, "
            f"at most {MAX_PAYLOAD_BYTES}: the message is damaged"
        )
    return descriptor


def unpack_status(header: bytes) -> CameraStatus:
    """The status in `header`; raises FrameWireError as `unpack_descriptor` does."""
    return _decode(_status_decoder, header, "camera status")


def unpack_ping(header: bytes) -> Ping:
    """The ping in `header`; raises FrameWireError as `unpack_descriptor` does."""
    return _decode(_ping_decoder, header, "ping")


def unpack_pong(header: bytes) -> Pong:
    """The answer in `header`; raises FrameWireError as `unpack_descriptor` does."""
    return _decode(_pong_decoder, header, "answer to a ping")


def _decode(decoder: "msgspec.msgpack.Decoder[Message]", header: bytes, what: str) -> "Message":
    if len(header) > _MAX_HEADER_BYTES:
        raise FrameWireError(
            f"{what}: header of {len(header)} bytes, at most {_MAX_HEADER_BYTES}: something else sends to "
            "this endpoint"
        )
    try:
        message = decoder.decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FrameWireError(
            f"{what} cannot be read ({error}): run camera and receiver from the same version of posecap"
        ) from error
    if message.version != WIRE_VERSION:
        raise FrameWireError(
            f"{what} of camera {message.camera!r} has wire version {message.version}, expected "
            f"{WIRE_VERSION}: "
            "run camera and receiver from the same version of posecap"
        )
    return message
