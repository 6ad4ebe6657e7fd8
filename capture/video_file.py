"""Recordings in video files, by PyAV: exact presentation times, one decoding thread."""

import logging
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.error
import av.logging
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from posecap.capture.decoded_picture import PixelReader
from posecap.capture.errors import CaptureError
from posecap.capture.pixels import size_of

_log = logging.getLogger(__name__)


class VideoRecording:
    """One video file as a `Recording`; pictures are random access, cheap in ascending order.

    Attributes:
        times_ns: media time of each picture, the first is 0.
        duration_ns: to where the first picture of the next round belongs.
        size_px: (width, height) of the pictures, upright.
        fps: mean rate over the part that is played.
    """

    def __init__(
        self,
        path: Path,
        camera: str,
        *,
        size_px: tuple[int, int] | None = None,
        first_frame: int = 0,
        frames: int | None = None,
    ) -> None:
        """Open and index the file.

        Raises:
            CaptureError: missing, empty, not a video, no pictures, or pictures of another size than
            `size_px`.
        """
        self._camera, self._path, self._first = camera, path, first_frame
        self._container = _open(path, camera)
        try:
            self._stream = _video_stream(self._container, path, camera)
            self._stream.codec_context.thread_count = 1
            self._ticks, self._keyframes = self._index()
            self._select(frames)
            self._reader = PixelReader()
            self._decoded: Iterator[VideoFrame] = iter(())
            self._position = -1  # of the picture that was decoded last, in the file
            self._seek(0)
            self.size_px: tuple[int, int] = self._check_first(size_px)
        except CaptureError:
            self._container.close()
            raise

    def picture(self, index: int) -> NDArray[np.uint8] | None:
        """Picture `index`, (height, width, 3) uint8 BGR, valid until the next call; None if damaged."""
        frame = self._frame(index)
        return None if frame is None else self._reader.bgr(frame)

    def pixels(self, index: int) -> NDArray[np.uint8] | None:
        """Those of picture `index`, BGR or I420 (`capture.pixels`), valid until the next call; None if damaged."""
        frame = self._frame(index)
        return None if frame is None else self._reader.pixels(frame)

    def _frame(self, index: int) -> VideoFrame | None:
        wanted = index + self._first
        if wanted == self._position and self._held is not None:
            return self._held
        keyframe = self._keyframe_before(wanted)
        if wanted <= self._position or keyframe > self._position + 1:
            self._seek(keyframe)
        for frame in self._decoded:
            self._position = self._number(frame)
            if self._position >= wanted:
                self._held = frame
                return frame if self._position == wanted else None
        self._seek(0)
        return None

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _index(self) -> tuple[list[int], list[int]]:
        """Presentation times of all pictures, ascending, in ticks of the stream; numbers of the keyframes."""
        packets = [
            (packet.pts, packet.is_keyframe)
            for packet in self._container.demux(self._stream)
            if packet.size and not packet.is_discard
        ]
        if any(pts is None for pts, _ in packets):  # some raw streams: equal distances, no seeking
            rate = self._stream.average_rate or Fraction(30)
            tick = 1 / (rate * (self._stream.time_base or Fraction(1, 1000)))
            return [round(i * tick) for i in range(len(packets))], [0]
        times = sorted({int(pts) for pts, _ in packets if pts is not None})
        keys = {int(pts) for pts, key in packets if key and pts is not None}
        return times, [number for number, pts in enumerate(times) if pts in keys] or [0]

    def _select(self, frames: int | None) -> None:
        """Cut the schedule down to the pictures that are played."""
        count = len(self._ticks)
        last = count if frames is None else min(count, self._first + frames)
        if last - self._first < 1:
            raise CaptureError(
                f"camera {self._camera!r}: {self._path} has {count} pictures, asked for those from "
                f"{self._first}: lower first_frame or give another file"
            )
        base = self._stream.time_base or Fraction(1, 1000)
        self._number_of = {tick: number for number, tick in enumerate(self._ticks)}
        self.times_ns: Sequence[int] = [
            round((tick - self._ticks[self._first]) * base * 1_000_000_000)
            for tick in self._ticks[self._first : last]
        ]
        rate = self._stream.average_rate or Fraction(30)
        if len(self.times_ns) > 1:  # the last picture lasts as long as the mean one
            rate = (len(self.times_ns) - 1) / (base * (self._ticks[last - 1] - self._ticks[self._first]))
        self.duration_ns = round(len(self.times_ns) / rate * 1_000_000_000)
        self.fps = float(rate)

    def _check_first(self, size_px: tuple[int, int] | None) -> tuple[int, int]:
        pixels = self.pixels(0)
        if pixels is None:
            raise CaptureError(
                f"camera {self._camera!r}: picture {self._first} of {self._path} cannot be decoded: "
                "the file is damaged, copy or record it again"
            )
        found = size_of(pixels)
        if size_px is not None and found != tuple(size_px):
            raise CaptureError(
                f"camera {self._camera!r}: {self._path} has pictures of {found[0]} x {found[1]} px, "
                "calibrated "
                f"were {size_px[0]} x {size_px[1]}: calibrate again or give the video that belongs to it"
            )
        return found

    def _seek(self, keyframe: int) -> None:
        self._container.seek(self._ticks[keyframe], stream=self._stream, backward=True)
        self._decoded = self._decode()
        self._position = keyframe - 1
        self._held: VideoFrame | None = None

    def _decode(self) -> Iterator[VideoFrame]:
        """All pictures from here on; those that the decoder refuses are left out."""
        for packet in self._container.demux(self._stream):
            try:
                yield from self._stream.decode(packet)
            except av.error.InvalidDataError:
                _log.info("camera=%s event=damaged_picture pts=%s", self._camera, packet.pts)

    def _number(self, frame: VideoFrame) -> int:
        if frame.pts is None:
            return self._position + 1
        return self._number_of.get(frame.pts, self._position + 1)

    def _keyframe_before(self, number: int) -> int:
        return self._keyframes[max(bisect_right(self._keyframes, number) - 1, 0)]


def _open(path: Path, camera: str) -> InputContainer:
    if not path.is_file():
        raise CaptureError(f"camera {camera!r}: no video file at {path}: correct source.file in the rig file")
    if path.stat().st_size == 0:
        raise CaptureError(f"camera {camera!r}: {path} is empty (0 bytes): copy or record it again")
    try:
        return av.open(str(path), metadata_errors="ignore")
    except (av.error.FFmpegError, OSError) as error:
        raise CaptureError(
            f"camera {camera!r}: {path} is not a video that can be read ({_reason(error)}): "
            "play it with ffplay to check it, or record it again"
        ) from error


def _video_stream(container: InputContainer, path: Path, camera: str) -> VideoStream:
    if not container.streams.video:
        raise CaptureError(f"camera {camera!r}: {path} has no pictures, only other streams: give a video")
    return container.streams.video[0]


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
