"""Which pictures a frame set was made of. Published only while somebody records: it ties poses to pictures."""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from posecap.runtime.wire import (
    MAX_VIEWS,
    TOPIC_FRAME_SET,
    WIRE_VERSION,
    decode_header,
    encode_header,
    expect_bytes,
)

Count = Annotated[int, msgspec.Meta(ge=0)]


class FrameSetHeader(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="frame_set"):
    """The whole message.

    Attributes:
        version: of the wire.
        session: of the runtime, as in the pose messages.
        seq: counts the messages of this topic in this session.
        index: of the frame set, as in the pose messages.
        t_ns: the instant that it stands for, monotonic clock of the publishing host.
        unix_offset_ns: Unix time minus that clock.
        seqs: number of each camera's picture, rig order; None = the camera missed the set.
        left_out: views that were not read for people who are tracked, since the machine was too slow.
        ahead: the pipeline looked at it before the frame set before it was lifted.
        torn: a picture was overwritten while the network read it; what was seen was thrown away.
    """

    version: int = WIRE_VERSION
    session: str
    seq: Count
    index: Count
    t_ns: int
    unix_offset_ns: int
    seqs: Annotated[tuple[Count | None, ...], msgspec.Meta(max_length=MAX_VIEWS)]
    left_out: Count = 0
    ahead: bool = False
    torn: bool = False


@dataclass(frozen=True, slots=True)
class FrameSetMessage:
    """One frame set that the pipeline was given."""

    header: FrameSetHeader

    def pack(self) -> list[bytes]:
        """Topic, header, an empty payload."""
        return [TOPIC_FRAME_SET, encode_header(self.header), b""]

    @classmethod
    def unpack(cls, header: bytes, payload: bytes) -> "FrameSetMessage":
        """The message in these parts; raises WireError."""
        head = decode_header(_decoder, header, "frame_set")
        expect_bytes("frame_set", len(payload), 0)
        return cls(head)


_decoder: "msgspec.msgpack.Decoder[FrameSetHeader]" = msgspec.msgpack.Decoder(FrameSetHeader)
