"""Telling a camera that repeats one picture from one that looks at a still room."""

import zlib

import numpy as np
from numpy.typing import NDArray

_ROWS_APART, _COLUMNS_APART = 32, 8


class FreezeDetector:
    """Says when pictures have been identical, byte for byte, for longer than `after_ns`.

    Each picture costs a checksum over a sample of its pixels; only when the sample has not changed for half
    that time are whole pictures compared (a compressed stream of a still room repeats most of its pixels).
    """

    def __init__(self, after_ns: int = 1_000_000_000) -> None:
        self._after_ns = after_ns
        self._sample, self._sample_since_ns = -1, 0
        self._whole, self._whole_since_ns = -1, 0

    def frozen(self, pixels: NDArray[np.uint8], t_ns: int) -> bool:
        """Whether `pixels`, taken at `t_ns`, still is the picture of `after_ns` before."""
        sample = zlib.crc32(np.ascontiguousarray(pixels[::_ROWS_APART, ::_COLUMNS_APART]).data)
        if sample != self._sample:
            self._sample, self._sample_since_ns = sample, t_ns
            self._whole = -1
            return False
        if t_ns - self._sample_since_ns < self._after_ns // 2:
            return False
        whole = zlib.crc32(np.ascontiguousarray(pixels).data)
        if whole != self._whole:
            self._whole, self._whole_since_ns = whole, t_ns
            return False
        return t_ns - self._whole_since_ns >= self._after_ns // 2
