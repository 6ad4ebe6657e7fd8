"""What all messages of the pose endpoint share: version, topics, bounds, and the refusals. See WIRE.md."""

from typing import Any, Literal, TypeVar

import msgspec

from posecap.runtime.errors import WireError

WIRE_VERSION = 1
TOPIC_REFINED = b"pose3d"
TOPIC_INSTANT = b"pose3d/instant"
TOPIC_STATS = b"stats"
TOPIC_VIEW2D = b"view2d"
TOPIC_FRAME_SET = b"frame_set"

Stage = Literal["instant", "refined"]
TOPIC_OF_STAGE: dict[Stage, bytes] = {"instant": TOPIC_INSTANT, "refined": TOPIC_REFINED}

MAX_PEOPLE, MAX_JOINTS, MAX_VIEWS = 256, 1024, 256
_MAX_HEADER_BYTES = 256 << 10

Header = TypeVar("Header")


class _Version(msgspec.Struct, frozen=True):
    version: int


_encoder = msgspec.msgpack.Encoder()
_version_decoder: msgspec.msgpack.Decoder[_Version] = msgspec.msgpack.Decoder(_Version)


def encode_header(header: Any) -> bytes:
    """The header part of a message: a msgpack map."""
    return _encoder.encode(header)


def decode_header(decoder: "msgspec.msgpack.Decoder[Header]", data: bytes, what: str) -> "Header":
    """The header in `data`, its version looked at first.

    Raises:
        WireError: too large, unreadable, another version, a field missing or out of range.
    """
    if len(data) > _MAX_HEADER_BYTES:
        raise WireError(
            f"{what}: header of {len(data)} bytes, at most {_MAX_HEADER_BYTES}: something else publishes here"
        )
    try:
        version = _version_decoder.decode(data).version
        if version == WIRE_VERSION:
            return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError(
            f"{what}: unreadable header ({_one_line(error)}): something else publishes here, or it is damaged"
        ) from error
    older = "this machine" if version > WIRE_VERSION else "the publishing machine"
    raise WireError(
        f"{what}: message of version {version}, this program reads {WIRE_VERSION}: update posecap on {older}"
    )


def expect_bytes(what: str, got: int, expected: int) -> None:
    """WireError unless the payload has the size that the header announces."""
    if got != expected:
        raise WireError(
            f"{what}: payload of {got} bytes, the header announces {expected}: the message is damaged, "
            "or is not posecap's"
        )


def _one_line(error: Exception) -> str:
    """The message of `error`, short, without whatever unprintable bytes it quotes."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(error))[:200]
