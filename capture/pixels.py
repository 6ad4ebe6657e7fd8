"""The two ways in which the pixels of a picture are kept.

BGR: (height, width, 3). I420: (height * 3 / 2, width), all of Y, then U, then V at half the size, BT.601 with 16 as
black, width and height even. Video decoders give the second; it has half the bytes, and what nobody looks at is never
converted.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Layout = Literal["bgr24", "i420"]


def layout_of(pixels: NDArray[np.uint8]) -> Layout:
    """How `pixels` are laid out, by their number of axes."""
    return "bgr24" if pixels.ndim == 3 else "i420"


def size_of(pixels: NDArray[np.uint8]) -> tuple[int, int]:
    """(width, height) of the picture."""
    rows, width = pixels.shape[:2]
    return (width, rows) if pixels.ndim == 3 else (width, rows * 2 // 3)


def shape_of(size_px: tuple[int, int], layout: Layout) -> tuple[int, ...]:
    """Shape of the array that holds a picture of `size_px` = (width, height)."""
    width, height = size_px
    return (height, width, 3) if layout == "bgr24" else (height * 3 // 2, width)


def bgr_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 BGR; `pixels` themselves where they are BGR."""
    if pixels.ndim == 3:
        return pixels
    import cv2  # a subscriber that only knows the type does not need it

    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)


def planes_of(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Y (height, width), U and V (height / 2, width / 2) of I420 `pixels`, as views."""
    width, height = size_of(pixels)
    colour = pixels[height:].reshape(2, height // 2, width // 2)
    return pixels[:height], colour[0], colour[1]
