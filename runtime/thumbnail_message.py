"""Small pictures of what a camera sees, people drawn in; a few times a second, only when asked for."""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from posecap.runtime.wire import WIRE_VERSION, decode_header, encode_header, expect_bytes

TOPIC_THUMBNAIL = b"thumbnail"
MAX_SIDE_PX = 1024

Side = Annotated[int, msgspec.Meta(ge=1, le=MAX_SIDE_PX)]


class ThumbnailHeader(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="thumbnail"):
    """All of a thumbnail but its picture.

    Attributes:
        version: of the wire.
        camera: name in the rig.
        seq: number of the picture in its camera's stream.
        t_ns: its mid-exposure, monotonic clock of the publishing host.
        w, h: size of the thumbnail, pixels.
        length: bytes of the JPEG.
    """

    version: int = WIRE_VERSION
    camera: str
    seq: int
    t_ns: int
    w: Side
    h: Side
    length: Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True, slots=True, eq=False)
class ThumbnailMessage:
    """One small picture: `header`, and the JPEG as bytes."""

    header: ThumbnailHeader
    jpeg: bytes

    def pack(self) -> list[bytes]:
        """Topic, header, JPEG."""
        return [TOPIC_THUMBNAIL, encode_header(self.header), self.jpeg]

    @classmethod
    def unpack(cls, header: bytes, payload: bytes) -> "ThumbnailMessage":
        """The message in these parts, the JPEG not yet decoded; raises WireError."""
        head = decode_header(_decoder, header, "thumbnail")
        expect_bytes("thumbnail", len(payload), head.length)
        return cls(head, payload)


_decoder: "msgspec.msgpack.Decoder[ThumbnailHeader]" = msgspec.msgpack.Decoder(ThumbnailHeader)


def pack_thumbnail(camera: str, seq: int, t_ns: int, size_px: tuple[int, int], jpeg: bytes) -> list[bytes]:
    """Topic, header, JPEG of a thumbnail of `size_px` (width, height)."""
    header = ThumbnailHeader(camera=camera, seq=seq, t_ns=t_ns, w=size_px[0], h=size_px[1], length=len(jpeg))
    return ThumbnailMessage(header, jpeg).pack()
