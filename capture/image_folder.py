"""Recordings in one picture a file, by OpenCV."""

import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.capture.errors import CaptureError
from posecap.capture.source_config import ImageFolder

_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}


class ImageRecording:
    """The pictures of one folder as a `Recording`, in the order of the numbers in their names (2 before 10).

    Attributes:
        times_ns: media time of each picture, the first is 0.
        duration_ns: to where the first picture of the next round belongs.
        size_px: (width, height).
    """

    def __init__(self, config: ImageFolder, camera: str, *, size_px: tuple[int, int] | None = None) -> None:
        """List the folder and read the first picture.

        Raises:
            CaptureError: no folder, no pictures in it, an unreadable first one, or another size than
            `size_px`.
        """
        folder = Path(config.folder)
        if not folder.is_dir():
            raise CaptureError(
                f"camera {camera!r}: no folder {folder}: correct source.folder in the rig file"
            )
        found = sorted(
            (path for path in folder.glob(config.pattern) if path.suffix.lower() in _SUFFIXES), key=_natural
        )
        last = None if config.frames is None else config.first_frame + config.frames
        self._paths = found[config.first_frame : last]
        if not self._paths:
            raise CaptureError(
                f"camera {camera!r}: {folder} has {len(found)} pictures that match {config.pattern!r}, "
                f"asked for those from {config.first_frame}: correct source.pattern or source.first_frame"
            )
        count = len(self._paths)
        self.times_ns: Sequence[int] = [round(i * 1e9 / config.fps) for i in range(count)]
        self.duration_ns = round(count * 1e9 / config.fps)
        first = cv2.imread(str(self._paths[0]), cv2.IMREAD_COLOR)
        if first is None:
            raise CaptureError(
                f"camera {camera!r}: {self._paths[0]} is not a picture that can be read: remove it"
            )
        self.size_px: tuple[int, int] = (first.shape[1], first.shape[0])
        if size_px is not None and self.size_px != tuple(size_px):
            raise CaptureError(
                f"camera {camera!r}: {self._paths[0]} has {first.shape[1]} x {first.shape[0]} px, "
                f"calibrated were {size_px[0]} x {size_px[1]}: calibrate again or give the pictures that "
                "belong to it"
            )

    def pixels(self, index: int) -> NDArray[np.uint8] | None:
        """Picture `index`, (height, width, 3) uint8 BGR; None where it is damaged or of another size."""
        image = cv2.imread(str(self._paths[index]), cv2.IMREAD_COLOR)
        if image is None or (image.shape[1], image.shape[0]) != self.size_px:
            return None
        return np.asarray(image, np.uint8)

    def close(self) -> None:
        """Nothing stays open."""


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key that compares the numbers in a name as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name)]
