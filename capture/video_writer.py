"""Pictures of one camera into a video file that is whole up to half a second ago, whenever its writer dies."""

import logging
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.error
import numpy as np
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from posecap.capture.errors import SessionError
from posecap.capture.pixels import Layout, layout_of

_log = logging.getLogger(__name__)

_TICK = Fraction(1, 1000)  # of Matroska
_CLUSTER_MS = 400  # a cluster is what the file is whole up to
_MATROSKA = {"cluster_time_limit": str(_CLUSTER_MS), "flush_packets": "1"}
_PIXEL_FORMAT: dict[Layout, str] = {"bgr24": "bgr24", "i420": "yuv420p"}
_SOFTWARE = "libx264"
_QUALITY = 18  # of H.264, constant: hardly to be told from the original


class VideoWriter:
    """A Matroska file of H.264 without B-frames: the order of the pictures is that of writing.

    Args:
        path: of the file; must not exist.
        size_px: (width, height).
        layout: of the pictures, see `capture.pixels`.
        fps: nominal; the times are those that are given with the pictures.
        lossless: keep every bit. Measured at 1080 x 1920 on one core: x264 without quantisation 18 ms a picture and
            0.4 MB, ffv1 58 to 71 ms and 0.5 MB; both exact.
        encoder: "auto" = the first of `HARDWARE` that really works here, else libx264; or a name.
        threads: of the software encoder.

    Attributes:
        codec: name of the encoder in use.
        pictures: how many were written.

    Raises:
        SessionError: the file exists or cannot be made, or no encoder takes such pictures.
    """

    HARDWARE = ("h264_nvenc", "h264_qsv", "h264_vaapi", "h264_v4l2m2m")

    def __init__(
        self,
        path: Path,
        size_px: tuple[int, int],
        layout: Layout,
        fps: float,
        *,
        lossless: bool = False,
        encoder: str = "auto",
        threads: int = 1,
    ) -> None:
        self.path = path
        self.pictures = 0
        self._last_tick = -1
        if path.exists():
            raise SessionError(f"{path} exists: record into a new folder")
        try:
            self._container = av.open(str(path), "w", format="matroska", options=_MATROSKA)
        except (OSError, av.error.FFmpegError) as error:
            raise SessionError(
                f"cannot write {path} ({error}): check the folder and its permissions"
            ) from error
        try:
            self._stream = self._open_stream(size_px, layout, fps, lossless, encoder, threads)
        except SessionError:
            self._container.close()
            path.unlink()
            raise
        self.codec = self._stream.codec_context.name

    @staticmethod
    def picture(pixels: NDArray[np.uint8]) -> VideoFrame:
        """A copy of `pixels`, BGR or I420, for `write`."""
        return VideoFrame.from_ndarray(pixels, format=_PIXEL_FORMAT[layout_of(pixels)])

    def write(self, picture: VideoFrame, since_start_ns: int) -> int:
        """Append `picture`, taken `since_start_ns` after the start of the session; returns its place in the file.

        Times are kept in whole milliseconds, at least one after the other: the exact ones belong into `session.mcap`.

        Raises:
            OSError: the disk is full or gone.
        """
        self._last_tick = max(round(since_start_ns * 1e-6), self._last_tick + 1)
        picture.pts, picture.time_base = self._last_tick, _TICK
        for packet in self._stream.encode(picture):
            self._container.mux(packet)
        self.pictures += 1
        return self.pictures - 1

    def close(self) -> None:
        """Write what the encoder still holds, and the index; raises OSError where the disk is full."""
        try:
            for packet in self._stream.encode(None):
                self._container.mux(packet)
        finally:
            self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open_stream(
        self, size_px: tuple[int, int], layout: Layout, fps: float, lossless: bool, encoder: str, threads: int
    ) -> VideoStream:
        refusals = []
        for name in _candidates(layout, lossless, encoder):
            pixel_format = _encoded_format(name, size_px, layout, lossless)
            options = _options(name, lossless)
            try:
                if refusal := _refusal(name, size_px, pixel_format, lossless):
                    raise ValueError(refusal)
                stream = self._container.add_stream(
                    name, rate=Fraction(fps).limit_denominator(1000), options=options
                )
                assert isinstance(stream, VideoStream)
                _configure(stream.codec_context, size_px, pixel_format, fps)
                stream.codec_context.thread_count = threads
                stream.time_base = _TICK
                stream.codec_context.open()
            except (OSError, ValueError, av.error.FFmpegError) as error:
                refusals.append(f"{name}: {error}")
                continue
            return stream
        raise SessionError(f"{self.path}: {_nothing_takes(size_px, refusals)}")


def check_encoder(size_px: tuple[int, int], *, lossless: bool = False, encoder: str = "auto") -> str:
    """Name of the encoder that would be used; tried out once here, it is opened quickly afterwards.

    Raises:
        SessionError: none takes such pictures.
    """
    refusals = []
    for name in _candidates("i420", lossless, encoder):
        refusal = _refusal(name, size_px, _encoded_format(name, size_px, "i420", lossless), lossless)
        if not refusal:
            return name
        refusals.append(f"{name}: {refusal}")
    raise SessionError(_nothing_takes(size_px, refusals))


def _nothing_takes(size_px: tuple[int, int], refusals: list[str]) -> str:
    return (
        f"no encoder takes pictures of {size_px[0]} x {size_px[1]} px ({'; '.join(refusals)}): "
        "leave out --encoder, or install PyAV with libx264"
    )


def _candidates(layout: Layout, lossless: bool, encoder: str) -> tuple[str, ...]:
    if encoder != "auto":
        return (encoder,)
    if lossless:
        return ("libx264rgb",) if layout == "bgr24" else (_SOFTWARE,)
    return (*(name for name in VideoWriter.HARDWARE if name in av.codecs_available), _SOFTWARE)


def _encoded_format(name: str, size_px: tuple[int, int], layout: Layout, lossless: bool) -> str:
    if lossless:
        return _PIXEL_FORMAT[layout]
    if name == "h264_qsv":
        return "nv12"
    return "yuv420p" if size_px[0] % 2 == size_px[1] % 2 == 0 else "yuv444p"


def _options(name: str, lossless: bool) -> dict[str, str]:
    quality = str(_QUALITY)
    match name:
        case "libx264" | "libx264rgb":
            rate = {"qp": "0"} if lossless else {"crf": quality}
            return {"preset": "ultrafast", "tune": "zerolatency", "bf": "0", **rate}
        case "h264_nvenc":
            return {
                "preset": "p3",
                "tune": "ll",
                "zerolatency": "1",
                "delay": "0",
                "bf": "0",
                "rc": "constqp",
                "qp": quality,
            }
        case "h264_qsv":
            return {"preset": "veryfast", "async_depth": "1", "bf": "0", "global_quality": quality}
        case _:
            return {"bf": "0"}


def _configure(context: VideoCodecContext, size_px: tuple[int, int], pixel_format: str, fps: float) -> None:
    context.width, context.height = size_px
    context.pix_fmt = pixel_format
    context.time_base = _TICK
    context.framerate = Fraction(fps).limit_denominator(1000)
    context.gop_size = max(round(fps), 1)  # a second: what has to be decoded to reach a picture
    if context.name not in ("libx264", "libx264rgb"):
        context.bit_rate = round(0.2 * size_px[0] * size_px[1] * fps)


@lru_cache(maxsize=64)
def _refusal(name: str, size_px: tuple[int, int], pixel_format: str, lossless: bool) -> str:
    """Why the encoder does not even take one grey picture; "" where it does. One compiled in may have no device."""
    grey = VideoFrame.from_ndarray(np.full((size_px[1], size_px[0], 3), 128, np.uint8), format="bgr24")
    grey.pts, grey.time_base = 0, _TICK
    try:
        context = CodecContext.create(name, "w")
        assert isinstance(context, VideoCodecContext)
        _configure(context, size_px, pixel_format, 30.0)
        context.options = _options(name, lossless)
        packets = [*context.encode(grey.reformat(format=pixel_format)), *context.encode(None)]
    except (OSError, ValueError, av.error.FFmpegError) as error:
        return str(error) or type(error).__name__
    return "" if packets else "gives no picture"
