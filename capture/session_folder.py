"""A recorded session: what is in its folder, and opening one. Light: numpy, msgspec and mcap.

    session/
      session.mcap         everything but pixels
      rig.yaml             the cameras; the source of each is {type: recorded, file: video/<camera>.mkv}
      video/<camera>.mkv   its pictures in the order of their recording

Channels of `session.mcap`, message encoding msgpack, log time = monotonic clock of the recording host: `frame/<camera>`
(`PictureRecord`), `frame_set` (`FrameSetRecord`), and as they were on the wire, [header, payload]: `pose3d`,
`pose3d/instant`, `stats`, `status/<camera>` (its header is for `capture.wire.unpack_status`).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.capture.errors import SessionError
from posecap.capture.session_records import RecordedMessage, RecordedMetadata, SessionRecords

SESSION_VERSION = 1
MCAP_FILE = "session.mcap"
RIG_FILE = "rig.yaml"
VIDEO_FOLDER = "video"

PICTURE_CHANNEL = "frame/"
STATUS_CHANNEL = "status/"
FRAME_SET_CHANNEL = "frame_set"

SESSION_METADATA, CAMERA_METADATA, SETTINGS_METADATA = "posecap", "camera/", "settings"
LOSSES_METADATA, REPAIR_METADATA = "losses", "repair"

Count = Annotated[int, msgspec.Meta(ge=0)]


class PictureRecord(msgspec.Struct, frozen=True, gc=False):
    """One picture that was written.

    Attributes:
        seq: number that the camera gave it; a gap was never taken, or lost before it was written.
        t_ns: mid-exposure, monotonic clock of the recording host.
        index: its place in the video file, from 0.
    """

    seq: Count
    t_ns: int
    index: Count


class FrameSetRecord(msgspec.Struct, frozen=True):
    """One frame set that the pipeline processed.

    Attributes:
        index: of the frame set, as in the pose messages.
        t_ns: the instant it stands for, same clock.
        seqs: number of each camera's picture, rig order; None = the camera missed the set.
        left_out: views that were not read because the machine was too slow (`Pipeline.step`).
        session: of the runtime; `index` starts again with another one.
        ahead: the pipeline looked at it before the frame set before it was lifted.
        torn: a picture was overwritten while the network read it; what was seen was thrown away.
    """

    index: Count
    t_ns: int
    seqs: tuple[Count | None, ...]
    left_out: Count = 0
    session: str = ""
    ahead: bool = False
    torn: bool = False


class RecordedCamera(msgspec.Struct, frozen=True, kw_only=True):
    """How the pictures of one camera are kept.

    Attributes:
        name: in the rig.
        size_px: (width, height).
        file: path of the video in the session folder.
        codec: encoder that wrote it.
        layout: "bgr24" or "i420", what the pixels were (`capture.pixels`).
        lossless: the video gives these pixels back exactly.
    """

    name: str
    size_px: tuple[int, int]
    file: str
    codec: str
    layout: str
    lossless: bool


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Where and with what a session was recorded.

    Attributes:
        version: of the folder's layout.
        posecap: version of the program.
        start_ns: instant 0 of the video files, monotonic clock of the recording host.
        unix_offset_ns: Unix time minus that clock when the recording began.
        rig: id of the calibration.
        cameras: names in rig order.
    """

    version: int = SESSION_VERSION
    posecap: str = ""
    start_ns: int = 0
    unix_offset_ns: int = 0
    rig: str = ""
    cameras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The pictures of one camera that were written, in the order of their recording.

    Attributes:
        seq: (pictures,) int64, number that the camera gave.
        t_ns: (pictures,) int64, mid-exposure, monotonic clock of the recording host.
        index: (pictures,) int64, place in the video file.
    """

    seq: NDArray[np.int64]
    t_ns: NDArray[np.int64]
    index: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.seq)


@dataclass(frozen=True, slots=True, eq=False)
class RecordedSession:
    """A session folder, opened for reading.

    Attributes:
        path: of the folder.
        info: where and with what it was recorded.
        cameras: how pictures are kept, by camera, in rig order; without those that never gave a picture.
        settings: of the pipeline; empty where only cameras were recorded.
        losses: pictures that were lost on the way to the disk, by camera; empty where the end was cut off.
        pictures: of each camera of `cameras`. The video of a session that was cut off may hold fewer or more.
        frame_sets: those that the pipeline processed, in the order of their recording.
        complete: it was ended properly; False = cut off, `python launch/record.py --repair` makes it whole.
    """

    path: Path
    info: SessionInfo
    cameras: dict[str, RecordedCamera]
    settings: dict[str, Any]
    losses: dict[str, int]
    pictures: dict[str, Pictures]
    frame_sets: tuple[FrameSetRecord, ...]
    complete: bool

    @property
    def rig_file(self) -> Path:
        """Path of the rig file: `calib.rig_file.read_rig_file` reads it."""
        return self.path / RIG_FILE

    def video(self, camera: str) -> Path:
        """Path of the video of `camera`; raises SessionError where the session does not have it."""
        if camera not in self.cameras:
            known = ", ".join(self.cameras) or "none"
            raise SessionError(
                f"{self.path} has no pictures of camera {camera!r}, there are {known}: check the name"
            )
        return self.path / self.cameras[camera].file

    def messages(self, channels: Collection[str] | None = None) -> Iterator[RecordedMessage]:
        """Messages in the order of their recording, of `channels` only where they are given."""
        for record in SessionRecords(self.path / MCAP_FILE):
            if isinstance(record, RecordedMessage) and (channels is None or record.channel in channels):
                yield record


def open_session(path: Path) -> RecordedSession:
    """The session in the folder `path`, also one whose recorder was killed or whose disk was full.

    Raises:
        SessionError: not a session folder, written by a later version, or damaged in its first bytes.
    """
    if not path.is_dir() or not (path / MCAP_FILE).is_file():
        raise SessionError(f"{path} is no recorded session: give a folder that has {MCAP_FILE}")
    records = SessionRecords(path / MCAP_FILE)
    metadata: dict[str, dict[str, str]] = {}
    rows: dict[str, list[PictureRecord]] = {}
    frame_sets: list[FrameSetRecord] = []
    try:
        for record in records:
            if isinstance(record, RecordedMetadata):
                metadata[record.name] = record.values
                _check_version(metadata, path)
            elif record.channel.startswith(PICTURE_CHANNEL):
                picture = _picture_decoder.decode(record.data)
                rows.setdefault(record.channel.removeprefix(PICTURE_CHANNEL), []).append(picture)
            elif record.channel == FRAME_SET_CHANNEL:
                frame_sets.append(_frame_set_decoder.decode(record.data))
        info = from_metadata(metadata.get(SESSION_METADATA, {}), SessionInfo)
        named = {
            name.removeprefix(CAMERA_METADATA): from_metadata(values, RecordedCamera)
            for name, values in metadata.items()
            if name.startswith(CAMERA_METADATA)
        }
        kept = {camera: named[camera] for camera in (*info.cameras, *named) if camera in named}
        settings = {
            key: msgspec.json.decode(value) for key, value in metadata.get(SETTINGS_METADATA, {}).items()
        }
        losses = {camera: int(count) for camera, count in metadata.get(LOSSES_METADATA, {}).items()}
        return RecordedSession(
            path=path,
            info=info,
            cameras=kept,
            settings=settings,
            losses=losses,
            pictures={camera: _pictures(rows.get(camera, [])) for camera in kept},
            frame_sets=tuple(frame_sets),
            complete=records.complete,
        )
    except (msgspec.DecodeError, ValueError) as error:
        raise SessionError(
            f"{path / MCAP_FILE} cannot be understood ({error}): it was not written by this posecap"
        ) from error


Value = TypeVar("Value", bound=msgspec.Struct)


def to_metadata(value: msgspec.Struct) -> dict[str, str]:
    """The fields of `value` as MCAP metadata holds them: each as JSON."""
    return {field: msgspec.json.encode(getattr(value, field)).decode() for field in value.__struct_fields__}


def from_metadata(values: dict[str, str], kind: type[Value]) -> Value:
    """The inverse of `to_metadata`; raises msgspec.DecodeError."""
    return msgspec.convert({name: msgspec.json.decode(value) for name, value in values.items()}, kind)


def _pictures(rows: list[PictureRecord]) -> Pictures:
    columns = ([getattr(row, name) for row in rows] for name in ("seq", "t_ns", "index"))
    return Pictures(*(np.array(column, dtype=np.int64) for column in columns))


def _check_version(metadata: dict[str, dict[str, str]], path: Path) -> None:
    version = int(metadata.get(SESSION_METADATA, {}).get("version", SESSION_VERSION))
    if version > SESSION_VERSION:
        raise SessionError(
            f"{path} has version {version}, this program reads {SESSION_VERSION}: update posecap on this machine"
        )


_picture_decoder = msgspec.msgpack.Decoder(PictureRecord)
_frame_set_decoder = msgspec.msgpack.Decoder(FrameSetRecord)
