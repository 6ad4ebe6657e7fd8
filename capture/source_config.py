"""The `source` block of a rig file: where the pictures of one camera come from."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from posecap.calib.rig_file import CameraEntry
from posecap.capture.errors import SourceConfigError

Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Emulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Faults that a source is made to have, for tests and demos.

    Attributes:
        offset_ms: every capture time is moved by this (a camera of another phase); its release moves with it.
        jitter_ms: standard deviation of capture times.
        delay_ms: pictures come this much after their capture time.
        drop: share of pictures that never come.
        freeze_at_s: seconds after the first picture at which the picture stops changing; None = never.
        freeze_for_s: for how long; 0 = for ever.
        push_px: from `push_at_s` on the picture is moved by (right, down), as by somebody who pushed the camera: one
            degree is about 0.0175 focal lengths. Its edges are drawn out.
        push_at_s: seconds after the first picture.
        seed: of the random numbers: the same seed gives the same faults to the same pictures.
    """

    offset_ms: float = 0.0
    jitter_ms: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    delay_ms: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    drop: Fraction = 0.0
    freeze_at_s: Annotated[float, msgspec.Meta(ge=0)] | None = None
    freeze_for_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    push_px: tuple[int, int] = (0, 0)
    push_at_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    seed: int = 0


class _Source(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="type",
):
    """What every source has.

    Attributes:
        time_offset_s: added to every capture time: true time = stamped time + offset (`posecap.calib.time_offset`).
        emulate: faults that it is made to have.
    """

    time_offset_s: Annotated[float, msgspec.Meta(ge=-10, le=10)] = 0.0
    emulate: Emulation | None = None


class VideoFile(_Source, frozen=True, tag="video"):
    """A recording in one file.

    Attributes:
        file: path; relative to the folder of the rig file.
        first_frame: pictures before this one are left out.
        frames: how many are played; None = to the end.
    """

    file: str
    first_frame: Count = 0
    frames: Annotated[int, msgspec.Meta(ge=1)] | None = None


class ImageFolder(_Source, frozen=True, tag="images"):
    """A recording in one picture a file, in the order of the numbers in their names.

    Attributes:
        folder: path; relative to the folder of the rig file.
        fps: pictures for each second of the recording.
        pattern: which files.
        first_frame: pictures before this one are left out.
        frames: how many are played; None = to the end.
    """

    folder: str
    fps: Positive
    pattern: str = "*"
    first_frame: Count = 0
    frames: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Recorded(_Source, frozen=True, tag="recorded"):
    """One camera of a session that posecap recorded, with its real capture times.

    Attributes:
        file: the camera's video in the session folder (session/video/CAMERA.mkv); relative to the folder of the rig
            file.
    """

    file: str


class Uvc(_Source, frozen=True, tag="uvc"):
    """A webcam or capture card.

    Attributes:
        device: index, or a path such as /dev/v4l/by-id/... (which survives re-plugging).
        fps: asked of the camera.
        fourcc: pixel format asked of the camera; "" leaves it as it is.
        exposure_ms: length of the exposure where it is known and fixed: capture times then are mid-exposure.
    """

    device: int | str
    fps: Positive = 30.0
    fourcc: Annotated[str, msgspec.Meta(max_length=4)] = "MJPG"
    exposure_ms: Annotated[float, msgspec.Meta(ge=0)] | None = None


class Rtsp(_Source, frozen=True, tag="rtsp"):
    """A network camera.

    Attributes:
        url: rtsp://user:password@host:port/path.
        transport: of the media.
        fps: nominal; the stream's own timestamps are what counts.
        latency_ms: the least time from mid-exposure to arrival, where it was measured; 0 = not known.
    """

    url: str
    transport: Literal["tcp", "udp"] = "tcp"
    fps: Positive = 30.0
    latency_ms: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class Remote(_Source, frozen=True, tag="remote"):
    """A camera of another host, published there by `python launch/camera.py`.

    Attributes:
        endpoint: tcp://host:port.
        server_key: file with the publisher's public CURVE key, path as above; None = not encrypted.
        fps: nominal.
    """

    endpoint: str
    server_key: str | None = None
    fps: Positive = 30.0


SourceConfig = VideoFile | ImageFolder | Recorded | Uvc | Rtsp | Remote

_KINDS: dict[str, type[SourceConfig]] = {
    "video": VideoFile,
    "images": ImageFolder,
    "recorded": Recorded,
    "uvc": Uvc,
    "rtsp": Rtsp,
    "remote": Remote,
}
_PATHS = {VideoFile: "file", ImageFolder: "folder", Recorded: "file", Remote: "server_key"}


def source_config(entry: CameraEntry, base: Path) -> SourceConfig:
    """The checked source of one camera of a rig file; relative paths start at the folder `base`.

    Raises:
        SourceConfigError: no source, unknown type, unknown field (with its path), a value out of range.
    """
    if entry.source is None:
        raise SourceConfigError(
            f"camera {entry.name!r} has no source: add `source: {{type: video, file: {entry.name}.mp4}}` to "
            "the rig file"
        )
    kind = _KINDS.get(str(entry.source.get("type")))
    if kind is None:
        found = entry.source.get("type")
        raise SourceConfigError(
            f"camera {entry.name!r}: source.type is {found!r}, expected {', '.join(_KINDS)}: "
            "correct it in the rig file"
        )
    try:
        config = msgspec.convert(entry.source, kind)
    except msgspec.ValidationError as error:
        known = Emulation if "$.emulate" in str(error) else kind
        where = str(error) if "`$" in str(error) else f"{error} - at `$`"
        raise SourceConfigError(
            f"camera {entry.name!r}: {where.replace('`$', '`source')}: "
            f"there are {', '.join(known.__struct_fields__)}; correct it in the rig file"
        ) from error
    field = _PATHS.get(kind)
    path = getattr(config, field) if field else None
    if field is None or path is None:
        return config
    return msgspec.structs.replace(config, **{field: str(base / Path(path).expanduser())})
