"""What posecap says to the world: poses here, statistics and overlays beside; WIRE.md has the layout.

Every message is `[topic, msgpack header, payload]`. Decoders look at the version first, then at sizes and
counts, and only then touch the payload; whatever does not fit is a WireError that says what to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.runtime.errors import WireError
from posecap.runtime.frame_set_message import FrameSetHeader, FrameSetMessage
from posecap.runtime.stats_message import CameraStats, Percentiles, StatsMessage
from posecap.runtime.view2d_message import View2DHeader, View2DMessage, ViewPicture
from posecap.runtime.wire import (
    MAX_JOINTS,
    MAX_PEOPLE,
    MAX_VIEWS,
    TOPIC_FRAME_SET,
    TOPIC_INSTANT,
    TOPIC_OF_STAGE,
    TOPIC_REFINED,
    TOPIC_STATS,
    TOPIC_VIEW2D,
    WIRE_VERSION,
    Stage,
    decode_header,
    encode_header,
    expect_bytes,
)

_F4 = np.dtype("<f4")
_FLOATS = 3 + 6 + 1  # for each person and joint: xyz, covariance, residual_px

Count = Annotated[int, msgspec.Meta(ge=0)]


class Person(msgspec.Struct, frozen=True):
    """One person: stable id, and rms reprojection distance over the joints and views used, pixels."""

    id: Count
    residual_px: float


class CameraState(msgspec.Struct, frozen=True):
    """One camera: starting | live | lost | frozen | ended | failed; alarm: "", moved or misfit (its calibration)."""

    name: str
    state: str
    alarm: str = ""


class PoseHeader(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="pose3d"):
    """All of a pose message but its arrays.

    Attributes:
        version: of the wire.
        session: changes when the runtime restarts, and with it `seq`, `index` and every person's id.
        seq: counts the messages of this topic in this session; a gap was lost on the way to the subscriber.
        index: of the frame set described.
        stage: "instant" = each frame set for itself; "refined" = smoothed, a fixed number of sets later.
        t_ns: the instant described, monotonic clock of the publishing host.
        t_capture_ns: mid-exposure of the oldest picture used, same clock.
        t_publish_ns: when this message was handed to the socket, same clock.
        unix_offset_ns: Unix time minus that clock at publication, to compare with the clocks of other hosts.
        rig: id of the calibration; changes with any number of it.
        joint_set: name/version of the joint set.
        joints: its joint names, in the order of the joints axis.
        people: in the order of the people axis.
        cameras: in rig order.
        length_unit: of xyz; covariance is its square.
        up_axis: of the right-handed world frame.
    """

    version: int = WIRE_VERSION
    session: str
    seq: Count
    index: Count
    stage: Stage
    t_ns: int
    t_capture_ns: int
    t_publish_ns: int
    unix_offset_ns: int
    rig: str
    joint_set: str
    joints: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MAX_JOINTS)]
    people: Annotated[tuple[Person, ...], msgspec.Meta(max_length=MAX_PEOPLE)]
    cameras: Annotated[tuple[CameraState, ...], msgspec.Meta(max_length=MAX_VIEWS)]
    length_unit: Literal["m"] = "m"
    up_axis: Literal["+z"] = "+z"


@dataclass(frozen=True, slots=True, eq=False)
class PoseMessage:
    """All people at one instant.

    Attributes:
        header: times, ids, names.
        xyz: (people, joints, 3) float32 metres, world frame, +Z up; NaN = unknown.
        covariance: (people, joints, 6) float32 m^2: xx xy xz yy yz zz; NaN where xyz is.
        residual_px: (people, joints) float32, rms reprojection distance; NaN where xyz is.
        views: (people, joints) uint8, how many cameras support the joint.
    """

    header: PoseHeader
    xyz: NDArray[np.float32]
    covariance: NDArray[np.float32]
    residual_px: NDArray[np.float32]
    views: NDArray[np.uint8]

    @property
    def ids(self) -> tuple[int, ...]:
        """Identity of each person, in the order of the people axis."""
        return tuple(person.id for person in self.header.people)

    @property
    def t_ns(self) -> int:
        """The instant described, nanoseconds on the publishing host's monotonic clock."""
        return self.header.t_ns

    @property
    def t_capture_ns(self) -> int:
        """Mid-exposure of the oldest picture used, same clock."""
        return self.header.t_capture_ns

    def pack(self) -> list[bytes]:
        """Topic, header, payload."""
        floats = (self.xyz, self.covariance, self.residual_px)
        blocks = [np.ascontiguousarray(array, dtype=_F4).tobytes() for array in floats]
        blocks.append(np.ascontiguousarray(self.views, dtype=np.uint8).tobytes())
        return [TOPIC_OF_STAGE[self.header.stage], encode_header(self.header), b"".join(blocks)]

    @classmethod
    def unpack(cls, topic: bytes, header: bytes, payload: bytes) -> "PoseMessage":
        """The message in these parts, arrays as read-only views of `payload`; raises WireError."""
        head = decode_header(_decoder, header, "pose3d")
        if TOPIC_OF_STAGE[head.stage] != topic:
            raise WireError(
                f"pose3d: stage {head.stage!r} under topic {topic!r}: something else publishes here"
            )
        shape = (len(head.people), len(head.joints))
        cells = shape[0] * shape[1]
        expect_bytes("pose3d", len(payload), cells * (4 * _FLOATS + 1))
        floats = np.frombuffer(payload, dtype=_F4, count=cells * _FLOATS)
        return cls(
            header=head,
            xyz=floats[: cells * 3].reshape(*shape, 3),
            covariance=floats[cells * 3 : cells * 9].reshape(*shape, 6),
            residual_px=floats[cells * 9 :].reshape(shape),
            views=np.frombuffer(payload, dtype=np.uint8, offset=4 * cells * _FLOATS).reshape(shape),
        )


_decoder: "msgspec.msgpack.Decoder[PoseHeader]" = msgspec.msgpack.Decoder(PoseHeader)

Message = PoseMessage | StatsMessage | View2DMessage | FrameSetMessage


def unpack(parts: Sequence[bytes]) -> Message:
    """The message in the three parts that a socket gave.

    Raises:
        WireError: another number of parts, an unknown topic, another version, or a size that does not fit.
    """
    if len(parts) != 3:
        raise WireError(
            f"a message of {len(parts)} parts, expected 3: connect to the pose endpoint (tcp://host:5570)"
        )
    topic, header, payload = parts
    if topic in (TOPIC_REFINED, TOPIC_INSTANT):
        return PoseMessage.unpack(topic, header, payload)
    if topic == TOPIC_STATS:
        return StatsMessage.unpack(header, payload)
    if topic == TOPIC_VIEW2D:
        return View2DMessage.unpack(header, payload)
    if topic == TOPIC_FRAME_SET:
        return FrameSetMessage.unpack(header, payload)
    raise WireError(f"unknown topic {topic[:40]!r}: connect to the pose endpoint (tcp://host:5570)")


__all__ = [
    "TOPIC_FRAME_SET", "TOPIC_INSTANT", "TOPIC_OF_STAGE", "TOPIC_REFINED", "TOPIC_STATS", "TOPIC_VIEW2D",
    "WIRE_VERSION", "CameraState", "CameraStats", "FrameSetHeader", "FrameSetMessage", "Message", "Percentiles",
    "Person", "PoseHeader", "PoseMessage", "Stage", "StatsMessage", "View2DHeader", "View2DMessage", "ViewPicture",
    "unpack",
]  # fmt: skip
