"""A source that is made to have the faults of real cameras: jitter, drops, a picture that stops changing, a push.

Offset and delay are no business of this file: they move the schedule of a recording (see `open_source`).
"""

import math
import random
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from posecap.capture.clock import ClockReading
from posecap.capture.frame import Frame
from posecap.capture.pixels import planes_of
from posecap.capture.source import Source
from posecap.capture.source_config import Emulation


class Emulated:
    """`source` with the faults of `emulation`, which depend on the picture's number and the seed alone."""

    live = True  # whoever emulates a freeze wants it to be found

    def __init__(self, source: Source, emulation: Emulation, camera: str) -> None:
        self._source, self._emulation = source, emulation
        self._seed = zlib.crc32(camera.encode()) ^ emulation.seed
        self.size_px, self.period_ns = source.size_px, source.period_ns
        self.counters = source.counters  # emulated drops are added to its own

    @property
    def clock(self) -> ClockReading:
        """That of the source."""
        return self._source.clock

    @property
    def note(self) -> str:
        """Says that the faults are not real."""
        return f"emulated faults{'; ' if self._source.note else ''}{self._source.note}"

    def frames(self) -> Iterator[Frame]:
        """Pictures of the source, less those that are dropped, stamped with jitter, some of them frozen."""
        emulation = self._emulation
        first_ns: int | None = None
        held = None
        for frame in self._source.frames():
            chance = random.Random(self._seed << 40 ^ frame.seq)
            t_ns = frame.t_ns + round(chance.gauss(0, emulation.jitter_ms * 1e6))
            first_ns = frame.t_ns if first_ns is None else first_ns
            if emulation.freeze_at_s is not None:
                frozen_s = (frame.t_ns - first_ns) / 1e9 - emulation.freeze_at_s
                if frozen_s >= 0 and (emulation.freeze_for_s == 0 or frozen_s < emulation.freeze_for_s):
                    held = frame.pixels.copy() if held is None else held
                else:
                    held = None
            if chance.random() < emulation.drop:
                self.counters.dropped += 1
                continue
            pixels = frame.pixels if held is None else held
            if any(emulation.push_px) and (frame.t_ns - first_ns) / 1e9 >= emulation.push_at_s:
                pixels = pushed(pixels, emulation.push_px)
            yield Frame(frame.camera, frame.seq, t_ns, pixels)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def pushed(pixels: NDArray[np.uint8], by_px: tuple[int, int]) -> NDArray[np.uint8]:
    """A copy of a picture (BGR or I420) moved by (right, down) pixels, its edges drawn out."""
    if pixels.ndim == 3:
        return _moved(pixels, *by_px)
    moved = np.empty_like(pixels)
    luma, *colours = zip(planes_of(moved), planes_of(pixels), strict=True)
    luma[0][:] = _moved(luma[1], *by_px)
    for target, plane in colours:  # of half the size
        target[:] = _moved(plane, math.floor(by_px[0] / 2 + 0.5), math.floor(by_px[1] / 2 + 0.5))
    return moved


def _moved(plane: NDArray[np.uint8], right: int, down: int) -> NDArray[np.uint8]:
    rows = np.clip(np.arange(plane.shape[0]) - down, 0, plane.shape[0] - 1)
    columns = np.clip(np.arange(plane.shape[1]) - right, 0, plane.shape[1] - 1)
    return plane[rows][:, columns]
