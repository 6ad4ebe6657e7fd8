"""Making a session that was cut off whole: files with an end and an index, records and pixels of the same pictures."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import msgspec
from av.video.stream import VideoStream

from posecap.capture.disk_sync import sync_file
from posecap.capture.errors import CaptureError, SessionError
from posecap.capture.session_folder import (
    MCAP_FILE,
    PICTURE_CHANNEL,
    REPAIR_METADATA,
    PictureRecord,
    RecordedSession,
    open_session,
)
from posecap.capture.session_records import RecordedMetadata, SessionRecords
from posecap.capture.session_writer import SessionWriter
from posecap.capture.video_file import VideoRecording

_NEW = ".new"


@dataclass(frozen=True, slots=True)
class CameraRepair:
    """What is left of one camera.

    Attributes:
        pictures: with record and pixels.
        without_pixels: records that were dropped: their pictures never reached the disk.
        without_record: pictures at the end of the video that were dropped: nothing says when they were taken.
        in_video: pictures of the new video; more than `pictures` where a damaged chunk held their records.
        last_ns: capture time of the last picture that is left; None = there is none.
    """

    pictures: int
    without_pixels: int
    without_record: int
    in_video: int
    last_ns: int | None


@dataclass(frozen=True, slots=True)
class SessionRepair:
    """What was done.

    Attributes:
        cameras: what is left of each.
        messages: in the new file.
        cut_bytes: of the old file, after its last whole record.
        damaged_chunks: of the old file, left out.
        was_whole: there was nothing to do, and nothing was done.
    """

    cameras: dict[str, CameraRepair]
    messages: int
    cut_bytes: int
    damaged_chunks: int
    was_whole: bool


def repair(path: Path) -> SessionRepair:
    """Write the session in the folder `path` anew where it was cut off; each old file stays until its new one is whole.

    What is on the disk is a session at every moment: a repair that is cut off itself is done again.

    Raises:
        SessionError: not a session, still being recorded, or no room for a second copy of its largest file.
    """
    session = open_session(path)
    with _kept_from_others(path / MCAP_FILE):
        old = SessionRecords(path / MCAP_FILE)
        damaged = _damaged_chunks(old)
        cameras = {name: _left_of(session, name) for name in session.cameras}
        lost = any(one.without_pixels or one.without_record for one in cameras.values())
        if session.complete and not lost and not damaged:
            return SessionRepair(cameras, 0, 0, 0, was_whole=True)
        cut_bytes = (path / MCAP_FILE).stat().st_size - old.whole_bytes
        try:
            for camera, one in cameras.items():
                if one.in_video:
                    _rewrite_video(session.video(camera), one.in_video)
            messages = _rewrite_records(old, cameras)
        except (OSError, av.error.FFmpegError) as error:
            raise SessionError(
                f"{path} cannot be repaired ({error}): free as much space as its largest file takes, and try again"
            ) from error
    return SessionRepair(cameras, messages, cut_bytes, damaged, was_whole=False)


@contextmanager
def _kept_from_others(mcap: Path) -> Iterator[None]:
    """Refuses a file that its recorder, or another repair, still has open."""
    with mcap.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SessionError(
                f"{mcap.parent} is still being written: end the recording first (Ctrl-C in its terminal)"
            ) from error
        except OSError:  # a file system without locks
            pass
        yield


def _damaged_chunks(records: SessionRecords) -> int:
    for _ in records:
        pass
    return records.damaged


def _left_of(session: RecordedSession, camera: str) -> CameraRepair:
    index, t_ns = session.pictures[camera].index, session.pictures[camera].t_ns
    count = _pictures_in(session.video(camera), camera)
    kept = min(count, int(index.max()) + 1 if len(index) else 0)
    there = index < kept
    last_ns = int(t_ns[there][-1]) if there.any() else None
    return CameraRepair(int(there.sum()), int((~there).sum()), count - kept, kept, last_ns)


def _pictures_in(video: Path, camera: str) -> int:
    """Whole pictures of a video that may end anywhere."""
    try:
        recording = VideoRecording(video, camera)
    except CaptureError:
        return 0
    count = len(recording.times_ns)
    while count and recording.pixels(count - 1) is None:
        count -= 1
    recording.close()
    return count


def _rewrite_records(old: SessionRecords, cameras: dict[str, CameraRepair]) -> int:
    """Copy everything but pictures without pixels; returns the number of messages."""
    new = old.path.with_name(old.path.name + _NEW)
    new.unlink(missing_ok=True)
    with SessionWriter(new) as writer:
        for record in old:
            if isinstance(record, RecordedMetadata):
                writer.add_metadata(record.name, record.values)
                continue
            camera = record.channel.removeprefix(PICTURE_CHANNEL)
            if camera != record.channel and camera in cameras:
                picture = msgspec.msgpack.decode(record.data, type=PictureRecord)
                if picture.index >= cameras[camera].in_video:
                    continue
            writer.write(record.channel, record.data, record.log_ns)
        dropped = {camera: str(one.without_pixels + one.without_record) for camera, one in cameras.items()}
        writer.add_metadata(REPAIR_METADATA, dropped)
        writer.finish()
    if writer.failed is not None:
        new.unlink(missing_ok=True)
        raise writer.failed
    new.replace(old.path)
    return writer.messages


def _rewrite_video(path: Path, pictures: int) -> None:
    """Copy the first packets of a video, one for each picture, into a file with an end and an index."""
    new = path.with_name(path.name + _NEW)
    try:
        with av.open(str(path)) as source, av.open(str(new), "w", format="matroska") as target:
            stream = source.streams.video[0]
            copy = target.add_stream_from_template(stream)
            assert isinstance(copy, VideoStream)
            left = pictures
            for packet in source.demux(stream):
                if not packet.size or not left:
                    continue
                packet.stream = copy
                target.mux(packet)
                left -= 1
        sync_file(new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
