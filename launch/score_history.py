"""Pairs of found and true joints of a session of any length, in memory that does not grow."""

import numpy as np
from numpy.typing import NDArray

_CAPACITY = 16_384  # nine minutes at 30 Hz


class ScoreHistory:
    """Found and true joints of one person at evenly spread instants.

    All instants are kept until the history is full; then every second one is forgotten, and from there on only every
    second one is taken, and so on: the whole session stays represented.

    Args:
        joints: how many.
        capacity: instants that are kept at most; even.
    """

    def __init__(self, joints: int, capacity: int = _CAPACITY) -> None:
        self._pairs = np.full((capacity, 2, joints, 3), np.nan, dtype=np.float32)  # touched now, not later
        self._kept = 0
        self._apart = 1
        self._seen = 0

    def __len__(self) -> int:
        return self._kept

    def add(self, found: NDArray[np.float64], true: NDArray[np.float64]) -> None:
        """The next instant: (joints, 3) metres each, NaN = unknown."""
        turn, self._seen = self._seen % self._apart, self._seen + 1
        if turn:
            return
        if self._kept == len(self._pairs):
            self._kept //= 2
            self._pairs[: self._kept] = self._pairs[::2].copy()
            self._apart *= 2
        self._pairs[self._kept] = found, true
        self._kept += 1

    def last(self, count: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Found and true joints, (n, joints, 3) each, of the `count` instants that were kept last, or of all."""
        first = 0 if count is None else max(self._kept - count, 0)
        pairs = self._pairs[first : self._kept].astype(np.float64)
        return pairs[:, 0], pairs[:, 1]
