"""Pixels of what a video decoder gives: I420 as it is where that is what we mean by it, else converted to BGR."""

import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, VideoReformatter
from numpy.typing import NDArray

from posecap.capture.pixels import planes_of, shape_of

_BT601 = (2, 5, 6)  # of FFmpeg's AVColorSpace: not said, BT.470BG, SMPTE 170M


class PixelReader:
    """Reads one decoded frame after the other; keeps the buffers."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._i420 = np.empty((0, 0), np.uint8)

    def pixels(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """BGR or I420 (`posecap.capture.pixels`) of `frame`, upright; valid until the next call."""
        if not _is_i420(frame):
            return self.bgr(frame)
        shape = shape_of((frame.width, frame.height), "i420")
        if self._i420.shape != shape:
            self._i420 = np.empty(shape, np.uint8)
        for into, plane in zip(planes_of(self._i420), frame.planes, strict=True):
            np.copyto(into, _rows(plane)[:, : into.shape[1]])
        return self._i420

    def bgr(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """(height, width, 3) BGR of `frame`, upright; valid until the next call."""
        converted = self._reformatter.reformat(frame, format="bgr24", threads=1)
        rows = _rows(converted.planes[0])[:, : converted.width * 3]
        image = rows.reshape(converted.height, converted.width, 3)
        return np.rot90(image, frame.rotation // 90) if frame.rotation % 360 else image


def _is_i420(frame: VideoFrame) -> bool:
    return (
        frame.format.name == "yuv420p"
        and frame.color_range != ColorRange.JPEG
        and frame.colorspace in _BT601
        and not (frame.width % 2 or frame.height % 2 or frame.rotation % 360)
    )


def _rows(plane: VideoPlane) -> NDArray[np.uint8]:
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
