"""What a camera looks like to the rest: frames, counters and a clock; `open_source` opens one."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

import msgspec

from posecap.capture.clock import ClockReading
from posecap.capture.errors import SourceConfigError
from posecap.capture.frame import Frame
from posecap.capture.source_config import (
    Emulation,
    ImageFolder,
    Recorded,
    Remote,
    Rtsp,
    SourceConfig,
    Uvc,
    VideoFile,
)

if TYPE_CHECKING:
    from posecap.capture.video_file import VideoRecording


@dataclass(slots=True)
class SourceCounters:
    """What a source did, counted since it was opened.

    Attributes:
        made: pictures decoded and converted.
        make_ns: time that took.
        dropped: pictures that existed and were not delivered.
        late: pictures delivered more than half a period after their schedule.
    """

    made: int = 0
    make_ns: int = 0
    dropped: int = 0
    late: int = 0

    def __add__(self, other: "SourceCounters") -> "SourceCounters":
        return SourceCounters(
            self.made + other.made,
            self.make_ns + other.make_ns,
            self.dropped + other.dropped,
            self.late + other.late,
        )


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source before it starts.

    Attributes:
        fps: nominal pictures for each second of the scene.
        n_frames: pictures that it will give in one round; None for a live camera.
        size_px: (width, height); None for a live camera.
        live: a camera, not a recording.
    """

    fps: float
    n_frames: int | None
    size_px: tuple[int, int] | None
    live: bool


@dataclass(frozen=True, slots=True)
class Playback:
    """When the pictures of a recording are taken.

    Attributes:
        epoch_ns: instant of the first picture, host monotonic clock; the same for all cameras of a rig.
        speed: seconds of the recording for each second of the clock.
        loop: start again at the end.
        pace: "clock" releases pictures at their time, "max" as fast as they are taken.
        first_seq: a restarted camera goes on from this picture.
        delay_ns: pictures are released this much after their time.
    """

    epoch_ns: int
    speed: float = 1.0
    loop: bool = False
    pace: Literal["clock", "max"] = "clock"
    first_seq: int = 0
    delay_ns: int = 0


class Source(Protocol):
    """One camera, opened.

    Attributes:
        size_px: (width, height) of its pictures.
        period_ns: nominal time between two pictures.
        live: whether identical pictures mean that it is frozen.
        counters: what it did so far.
        clock: how its capture times are known, as of now.
        note: one sentence about exposure, "" where there is nothing to say.
    """

    size_px: tuple[int, int]
    period_ns: int
    live: bool
    counters: SourceCounters

    @property
    def clock(self) -> ClockReading: ...

    @property
    def note(self) -> str: ...

    def frames(self) -> Iterator[Frame]:
        """Pictures as they come; each is valid until the next. Ends with a recording; raises SourceLost."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_source(
    config: SourceConfig,
    camera: str,
    size_px: tuple[int, int] | None,
    playback: Playback,
    stop: threading.Event,
) -> Source:
    """The opened source of `camera`, whose pictures must have `size_px` where it is given.

    `playback` says when a recording is played; of it, a live camera uses `first_seq`. Setting `stop` ends
    `frames`.

    Raises:
        CaptureError: as configured it can never work.
        SourceLost: it cannot be reached now; try again later.
    """
    emulation = config.emulate
    if emulation is not None:
        playback = _emulated_schedule(config, emulation, camera, playback)
    recording = isinstance(config, VideoFile | ImageFolder | Recorded)
    offset_ns = round(config.time_offset_s * 1e9)
    if recording and offset_ns:
        playback = replace(playback, epoch_ns=playback.epoch_ns + round(offset_ns / playback.speed))
    source = _plain_source(config, camera, size_px, playback, stop)
    if offset_ns and not recording:
        from posecap.capture.corrected import Corrected

        source = Corrected(source, offset_ns)
    if emulation is None:
        return source
    from posecap.capture.emulate import Emulated

    return Emulated(source, emulation, camera)


def _plain_source(
    config: SourceConfig,
    camera: str,
    size_px: tuple[int, int] | None,
    playback: Playback,
    stop: threading.Event,
) -> Source:
    match config:
        case VideoFile():
            from posecap.capture.recording import PlayedSource

            video = _video(config, camera, size_px)
            return PlayedSource(video, camera, playback, stop)
        case ImageFolder():
            from posecap.capture.image_folder import ImageRecording
            from posecap.capture.recording import PlayedSource

            images = ImageRecording(config, camera, size_px=size_px)
            return PlayedSource(images, camera, playback, stop)
        case Recorded():
            from posecap.capture.recorded import RecordedCameraFile
            from posecap.capture.recording import PlayedSource

            recorded = RecordedCameraFile(Path(config.file), camera, size_px=size_px)
            return PlayedSource(recorded, camera, playback, stop)
        case Uvc():
            from posecap.capture.uvc import UvcSource

            return UvcSource(config, camera, size_px, playback.first_seq, stop)
        case Rtsp():
            from posecap.capture.rtsp import RtspSource

            return RtspSource(config, camera, size_px, playback.first_seq, stop)
        case Remote():
            from posecap.capture.remote import RemoteSource

            return RemoteSource(config, camera, size_px, playback.first_seq, stop)


def source_info(config: SourceConfig, camera: str, size_px: tuple[int, int] | None = None) -> SourceInfo:
    """What is known of a source before it starts; opens recordings, not cameras.

    Raises:
        CaptureError: a recording that is missing, empty, unreadable, or of another size than `size_px`.
    """
    match config:
        case VideoFile():
            video = _video(config, camera, size_px)
            video.close()
            return SourceInfo(video.fps, len(video.times_ns), video.size_px, live=False)
        case ImageFolder():
            from posecap.capture.image_folder import ImageRecording

            images = ImageRecording(config, camera, size_px=size_px)
            return SourceInfo(config.fps, len(images.times_ns), images.size_px, live=False)
        case Recorded():
            from posecap.capture.recorded import RecordedCameraFile

            recorded = RecordedCameraFile(Path(config.file), camera, size_px=size_px)
            recorded.close()
            return SourceInfo(recorded.fps, len(recorded.times_ns), recorded.size_px, live=False)
        case _:
            return SourceInfo(config.fps, None, None, live=True)


def played_together(sources: Sequence[SourceConfig], infos: Sequence[SourceInfo]) -> list[SourceConfig]:
    """`sources` with every recording cut to the length of the shortest, so that loops stay aligned.

    Cameras of a recorded session have one duration as they are.
    """
    counts = [info.n_frames for info in infos if info.n_frames is not None]
    return [
        msgspec.structs.replace(source, frames=min(counts))
        if isinstance(source, VideoFile | ImageFolder)
        else source
        for source in sources
    ]


def _video(config: VideoFile, camera: str, size_px: tuple[int, int] | None) -> "VideoRecording":
    from posecap.capture.video_file import VideoRecording

    return VideoRecording(
        Path(config.file), camera, size_px=size_px, first_frame=config.first_frame, frames=config.frames
    )


def _emulated_schedule(
    config: SourceConfig, emulation: Emulation, camera: str, playback: Playback
) -> Playback:
    """Offset and delay of a recording are a matter of its schedule; a live camera cannot be delayed."""
    if not isinstance(config, VideoFile | ImageFolder | Recorded):
        if emulation.delay_ms or emulation.offset_ms:
            raise SourceConfigError(
                f"camera {camera!r}: source.emulate offset_ms and delay_ms work with recordings, not with a "
                "live "
                "camera: remove them"
            )
        return playback
    return replace(
        playback,
        epoch_ns=playback.epoch_ns + round(emulation.offset_ms * 1e6),
        delay_ns=playback.delay_ns + round(emulation.delay_ms * 1e6),
    )
