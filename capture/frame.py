"""A picture with its time, and the pictures of one instant."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posecap.capture.pixels import bgr_of, size_of


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera.

    Attributes:
        camera: name of the camera.
        seq: counts the pictures that the camera took; a gap is a drop.
        t_ns: mid-exposure on this host's monotonic clock, nanoseconds.
        pixels: uint8, read-only, valid until the source's ring has gone round: BGR or, as video decoders give it, I420
            (`posecap.capture.pixels`).
    """

    camera: str
    seq: int
    t_ns: int
    pixels: NDArray[np.uint8]

    @property
    def image(self) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 BGR; converted at each call where the pixels are I420."""
        return bgr_of(self.pixels)

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height)."""
        return size_of(self.pixels)


@dataclass(frozen=True, slots=True, eq=False)
class FrameSet:
    """The pictures of one instant, in rig order; cameras are never assumed to be simultaneous.

    Attributes:
        index: counts frame sets.
        t_ns: the instant the set stands for: the median of its frames' times.
        frames: one entry for each camera of the rig, None where it missed this instant.
    """

    index: int
    t_ns: int
    frames: tuple[Frame | None, ...]

    def copied(self) -> "FrameSet":
        """The same with pixels of its own, which stay."""
        own = [frame and replace(frame, pixels=frame.pixels.copy()) for frame in self.frames]
        return replace(self, frames=tuple(own))

    @property
    def t_oldest_ns(self) -> int:
        """Capture time of the oldest picture in the set, nanoseconds."""
        return min(frame.t_ns for frame in self.frames if frame is not None)
