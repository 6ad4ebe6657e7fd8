"""The thread that writes the pictures of one camera: out of the ring, through the encoder, into the files."""

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Thread

import av.error
import msgspec
from av.video.frame import VideoFrame

from posecap.capture.errors import SessionError
from posecap.capture.frame import Frame
from posecap.capture.session_folder import (
    CAMERA_METADATA,
    PICTURE_CHANNEL,
    VIDEO_FOLDER,
    PictureRecord,
    RecordedCamera,
    to_metadata,
)
from posecap.capture.session_writer import SessionWriter
from posecap.capture.transport import FrameReceiver
from posecap.capture.video_writer import VideoWriter

_COPY_S = 0.02

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOptions:
    """How pictures are recorded.

    Attributes:
        lossless: keep every bit of them.
        encoder: "auto" or the name of one, see `VideoWriter`.
        threads: of the software encoder, for each camera.
        buffer: copies of pictures that may wait for the encoder, for each camera; more wait in the ring.
    """

    lossless: bool = False
    encoder: str = "auto"
    threads: int = 1
    buffer: int = 30


class CameraRecorder(Thread):
    """Writes what `add` announces, in that order, until `finish`.

    A picture that the camera overwrote before it could be copied is counted in `lost`. After an error of the disk or of
    the encoder the rest is thrown away, and `failed` says why.

    Args:
        camera: name.
        receiver: that gave the pictures; asked whether they are intact, and told that they were copied.
        session: where the records go.
        folder: of the session.
        start_ns: instant 0 of the video.
        fps: called with the first picture: nominal rate.
        options: how.

    Attributes:
        written: pictures in the files.
        lost: pictures that were gone before they were copied.
        failed: why nothing more is written; None while it is.
        codec: name of the encoder; "" before the first picture.
    """

    def __init__(
        self,
        camera: str,
        receiver: FrameReceiver,
        session: SessionWriter,
        folder: Path,
        start_ns: int,
        fps: Callable[[], float],
        options: RecordingOptions,
    ) -> None:
        super().__init__(name=f"record {camera}", daemon=True)
        self.camera = camera
        self.written = self.lost = 0
        self.failed: Exception | None = None
        self.codec = ""
        self._receiver, self._session, self._options = receiver, session, options
        self._file = f"{VIDEO_FOLDER}/{camera}.mkv"
        self._folder, self._start_ns, self._fps = folder, start_ns, fps
        self._announced: deque[Frame] = deque()
        self._copies: deque[tuple[int, int, VideoFrame]] = deque()
        self._ending = False
        self._news = Condition()
        self._video: VideoWriter | None = None

    def add(self, frame: Frame) -> None:
        """Take a picture whose pixels are still in the ring; never waits."""
        with self._news:
            self._announced.append(frame)
            self._news.notify()

    def finish(self) -> None:
        """Ask for the end: what was added is still written. `join` waits for it."""
        with self._news:
            self._ending = True
            self._news.notify()

    @property
    def waiting(self) -> int:
        """Pictures that wait to be written."""
        return len(self._announced) + len(self._copies)

    @property
    def size_bytes(self) -> int:
        """Length of the video file so far."""
        path = self._folder / self._file
        return path.stat().st_size if path.exists() else 0

    def run(self) -> None:
        while True:
            with self._news:
                while not (self._announced or self._copies or self._ending):
                    self._news.wait()
            self._copy()
            if self._copies:
                self._write(*self._copies.popleft())
            elif self._ending:
                break
        self._close()

    def _copy(self) -> None:
        """Take pictures out of the ring as long as there is room: it goes round soon."""
        while self._announced and len(self._copies) < max(self._options.buffer, 1):
            frame = self._announced.popleft()
            if self.failed is None:
                picture = VideoWriter.picture(frame.pixels)
                if self._receiver.intact(frame):
                    self._copies.append((frame.seq, frame.t_ns, picture))
                else:
                    self.lost += 1
            self._receiver.release_picture(frame)

    def _write(self, seq: int, t_ns: int, picture: VideoFrame) -> None:
        if self.failed is not None:
            return
        try:
            if self._video is None:
                self._video = self._open_while_copying(picture)
            index = self._video.write(picture, t_ns - self._start_ns)
        except (OSError, av.error.FFmpegError, SessionError) as error:
            self._fail(error)
            return
        record = PictureRecord(seq, t_ns, index)
        self._session.write(PICTURE_CHANNEL + self.camera, msgspec.msgpack.encode(record))
        self.written += 1

    def _open_while_copying(self, picture: VideoFrame) -> VideoWriter:
        """Opening an encoder may take longer than the ring needs to go round."""
        with ThreadPoolExecutor(1) as opener:
            video = opener.submit(self._open, picture)
            while not video.done():
                self._copy()
                with self._news:
                    self._news.wait(_COPY_S)
        return video.result()

    def _open(self, picture: VideoFrame) -> VideoWriter:
        layout = "i420" if picture.format.name == "yuv420p" else "bgr24"
        size_px = picture.width, picture.height
        options = self._options
        video = VideoWriter(
            self._folder / self._file,
            size_px,
            layout,
            self._fps(),
            lossless=options.lossless,
            encoder=options.encoder,
            threads=options.threads,
        )
        self.codec = video.codec
        kept = RecordedCamera(
            name=self.camera,
            size_px=size_px,
            file=self._file,
            codec=video.codec,
            layout=layout,
            lossless=options.lossless,
        )
        self._session.add_metadata(CAMERA_METADATA + self.camera, to_metadata(kept))
        self._session.flush()
        _log.info("camera=%s event=recording codec=%s layout=%s", self.camera, video.codec, layout)
        return video

    def _close(self) -> None:
        if self._video is None:
            return
        try:
            self._video.close()
        except (OSError, av.error.FFmpegError) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.failed = self.failed or error
        self._copies.clear()
        _log.error("camera=%s event=recording_failed reason=%s", self.camera, error)
