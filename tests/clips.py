"""Tiny recordings whose pictures say which they are: eight grey bars spell the picture's number in binary."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

SIZE_PX = (320, 240)
BITS = 10
_BAR_PX = SIZE_PX[0] // BITS


def numbered_picture(number: int, size_px: tuple[int, int] = SIZE_PX) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 BGR."""
    image = np.full((size_px[1], size_px[0], 3), 40, np.uint8)
    for bit in range(BITS):
        if number >> bit & 1:
            image[:, bit * _BAR_PX : (bit + 1) * _BAR_PX] = 210
    return image


def number_of(image: NDArray[np.uint8]) -> int:
    """What `numbered_picture` was given, also after lossy compression."""
    row = image[image.shape[0] // 2]
    return sum(
        1 << bit for bit in range(BITS) if row[bit * _BAR_PX + 4 : (bit + 1) * _BAR_PX - 4].mean() > 125
    )


def write_clip(
    path: Path,
    frames: int = 30,
    *,
    fps: int = 30,
    size_px: tuple[int, int] = SIZE_PX,
    b_frames: int = 0,
    gop: int = 10,
    ticks: Iterable[int] | None = None,
) -> Path:
    """An H.264 file; `ticks` are presentation times in milliseconds where the rate is not constant."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=fps, options={"preset": "ultrafast", "bf": str(b_frames)}
        )
        stream.width, stream.height = size_px
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = gop
        stream.codec_context.max_b_frames = b_frames
        stream.codec_context.thread_count = 1
        if ticks is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        times = list(ticks) if ticks is not None else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(numbered_picture(number, size_px), format="bgr24")
            if times is not None:
                frame.pts, frame.time_base = times[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
