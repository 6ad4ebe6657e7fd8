"""Associated 2D joints of one frame set, for overlays on the pictures. Published only when asked for."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.runtime.wire import (
    MAX_JOINTS,
    MAX_PEOPLE,
    MAX_VIEWS,
    TOPIC_VIEW2D,
    WIRE_VERSION,
    decode_header,
    encode_header,
    expect_bytes,
)

_F4 = np.dtype("<f4")


class ViewPicture(msgspec.Struct, frozen=True):
    """The picture of one camera that an overlay belongs to.

    Attributes:
        name: of the camera.
        size_px: (width, height).
        seq: number of the picture in the camera's ring; -1 where the camera missed the frame set.
        t_ns: its mid-exposure; 0 where it missed.
    """

    name: str
    size_px: tuple[int, int]
    seq: int
    t_ns: int


class View2DHeader(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="view2d"):
    """All of an overlay message but its arrays.

    `ids` are those of the people axis, `views` those of the views axis; the rest is as in a pose message.
    """

    version: int = WIRE_VERSION
    session: str
    seq: Annotated[int, msgspec.Meta(ge=0)]
    index: Annotated[int, msgspec.Meta(ge=0)]
    t_ns: int
    unix_offset_ns: int
    rig: str
    joint_set: str
    joints: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MAX_JOINTS)]
    ids: Annotated[tuple[int, ...], msgspec.Meta(max_length=MAX_PEOPLE)]
    views: Annotated[tuple[ViewPicture, ...], msgspec.Meta(max_length=MAX_VIEWS)]


@dataclass(frozen=True, slots=True, eq=False)
class View2DMessage:
    """Where the people of one frame set are in its pictures.

    Attributes:
        header: whose joints, and in which pictures.
        xy: (views, people, joints, 2) float32 full-image pixels, distorted; NaN = not seen.
        score: (views, people, joints) float32, 0..1; 0 where not seen.
    """

    header: View2DHeader
    xy: NDArray[np.float32]
    score: NDArray[np.float32]

    def pack(self) -> list[bytes]:
        """Topic, header, payload."""
        blocks = [np.ascontiguousarray(array, dtype=_F4).tobytes() for array in (self.xy, self.score)]
        return [TOPIC_VIEW2D, encode_header(self.header), b"".join(blocks)]

    @classmethod
    def unpack(cls, header: bytes, payload: bytes) -> "View2DMessage":
        """The message in these parts; raises WireError."""
        head = decode_header(_decoder, header, "view2d")
        shape = (len(head.views), len(head.ids), len(head.joints))
        cells = shape[0] * shape[1] * shape[2]
        expect_bytes("view2d", len(payload), cells * 12)
        floats = np.frombuffer(payload, dtype=_F4)
        return cls(head, floats[: cells * 2].reshape(*shape, 2), floats[cells * 2 :].reshape(shape))


_decoder: "msgspec.msgpack.Decoder[View2DHeader]" = msgspec.msgpack.Decoder(View2DHeader)
