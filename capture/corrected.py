"""A live camera whose capture times are corrected by an offset that was measured (`posecap.calib.time_offset`).

Recordings need no such source: their schedule is moved (see `open_source`).
"""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from posecap.capture.clock import ClockReading
from posecap.capture.frame import Frame
from posecap.capture.source import Source


class Corrected:
    """`source` with `offset_ns` added to every capture time, which is never in the future."""

    def __init__(self, source: Source, offset_ns: int) -> None:
        self._source, self._offset_ns = source, offset_ns
        self.size_px, self.period_ns, self.live = source.size_px, source.period_ns, source.live
        self.counters = source.counters

    @property
    def clock(self) -> ClockReading:
        """That of the source."""
        return self._source.clock

    @property
    def note(self) -> str:
        """Says by how much times are corrected."""
        corrected = f"capture times corrected by {self._offset_ns / 1e6:+.1f} ms"
        return f"{self._source.note}; {corrected}" if self._source.note else corrected

    def frames(self) -> Iterator[Frame]:
        """Pictures of the source with corrected times, in ascending order as they were."""
        for frame in self._source.frames():
            t_ns = min(frame.t_ns + self._offset_ns, time.monotonic_ns())
            yield Frame(frame.camera, frame.seq, t_ns, frame.pixels)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
