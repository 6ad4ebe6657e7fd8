"""How the runtime is doing, published once a second."""

from typing import Annotated

import msgspec

from posecap.runtime.wire import (
    MAX_VIEWS,
    TOPIC_STATS,
    WIRE_VERSION,
    decode_header,
    encode_header,
    expect_bytes,
)

Count = Annotated[int, msgspec.Meta(ge=0)]


class Percentiles(msgspec.Struct, frozen=True):
    """Of the last `n` samples, 3000 at most, in milliseconds; all NaN where there is none."""

    n: Count
    p50: float
    p95: float
    p99: float
    max: float


class CameraStats(msgspec.Struct, frozen=True, kw_only=True):
    """One camera.

    Attributes:
        name: in the rig.
        state: starting | live | lost | frozen | ended | failed.
        fps: pictures sent, over the last second.
        sent: pictures since its process started.
        dropped: pictures that existed and were not sent, since its process started.
        late: pictures that came after their frame set was closed, in this session.
        missing: frame sets that it missed, in this session.
        decode_ms: mean time to make one picture, over the last second.
        clock: how its capture times are known.
        clock_offset_ns: its clock minus the publishing host's.
        clock_uncertainty_ns: half-width of the interval in which the true offset lies; -1 = not known.
        note: one sentence: exposure, or what is wrong and what to do.
        alarm: of the calibration watch: "" | moved (since it began) | misfit (the calibration never fitted).
        shift_mm: how far the camera's joints are from where the other cameras see them, beyond what is usual for it, at
            the people; NaN where too little is known.
        shift_limit_mm: the shift that raises an alarm.
    """

    name: str
    state: str
    fps: float = 0.0
    sent: int = 0
    dropped: int = 0
    late: int = 0
    missing: int = 0
    decode_ms: float = 0.0
    clock: str = ""
    clock_offset_ns: int = 0
    clock_uncertainty_ns: int = -1
    note: str = ""
    alarm: str = ""
    shift_mm: float = float("nan")
    shift_limit_mm: float = float("nan")


class StatsMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="stats"):
    """Once a second. Counts are totals of the session.

    Attributes:
        version, session, seq, rig, joint_set, unix_offset_ns: as in a pose message.
        t_ns: when this was said, monotonic clock of the publishing host.
        uptime_s: since the runtime was ready.
        fps: frame sets processed for each second, over the last second.
        people: in the last frame set.
        complete: frame sets with a picture of every camera.
        partial: frame sets with a picture missing.
        dropped: frame sets thrown away unprocessed because the pipeline was slower than the cameras.
        torn: frame sets whose pictures were overwritten while they were read; no pose is published of them.
        processed: frame sets that went through the pipeline.
        with_people: those in which somebody was published.
        stages: duration of each stage of the pipeline, by name.
        latency_instant: from mid-exposure of the oldest picture used to publication, stage 1.
        latency_refined: the same for stage 2, its lag included.
        cameras: in rig order.
        engine: inference backend, device and precision.
        model: preset that finds joints, and the one that finds people.
        clock: what all times are measured with.
        note: one sentence when something is degraded.
    """

    version: int = WIRE_VERSION
    session: str
    seq: Count
    t_ns: int
    unix_offset_ns: int
    uptime_s: float
    fps: float
    people: Count
    complete: Count
    partial: Count
    dropped: Count
    torn: Count
    processed: Count
    with_people: Count
    stages: dict[str, Percentiles]
    latency_instant: Percentiles
    latency_refined: Percentiles
    cameras: Annotated[tuple[CameraStats, ...], msgspec.Meta(max_length=MAX_VIEWS)]
    engine: str
    model: str
    rig: str
    joint_set: str
    clock: str
    note: str = ""

    def pack(self) -> list[bytes]:
        """Topic, header, empty payload."""
        return [TOPIC_STATS, encode_header(self), b""]

    @classmethod
    def unpack(cls, header: bytes, payload: bytes) -> "StatsMessage":
        """The message in these parts; raises WireError."""
        expect_bytes("stats", len(payload), 0)
        return decode_header(_decoder, header, "stats")


_decoder: "msgspec.msgpack.Decoder[StatsMessage]" = msgspec.msgpack.Decoder(StatsMessage)
