"""A picture with its time, and the pictures of one instant."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera.

    Attributes:
        camera: name of the camera.
        seq: counts the pictures that the camera took; a gap is a drop.
        t_ns: mid-exposure on this host's monotonic clock, nanoseconds.
        image: (height, width, 3) uint8 BGR, read-only; valid until the source's ring has gone round.
    """

    camera: str
    seq: int
    t_ns: int
    image: NDArray[np.uint8]


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

    @property
    def t_oldest_ns(self) -> int:
        """Capture time of the oldest picture in the set, nanoseconds."""
        return min(frame.t_ns for frame in self.frames if frame is not None)
