"""Capture times of other clocks, mapped to this host's monotonic clock: the offset AND its uncertainty.

Three cases: a device on this host (one clock), a stream whose timestamps only their arrival ties to this
host, and another host that answers pings.
"""

from collections import deque
from dataclasses import dataclass

_DRIFT = 100e-6  # two ordinary quartz oscillators differ by less
_RELAX = 200e-6  # faster than any drift, far slower than network jitter
_JUMP_NS = 250_000_000
_JUMP_AFTER_NS = 2_000_000_000
_JITTER_GAIN = 1 / 64
_SAMPLES = 64


@dataclass(frozen=True, slots=True)
class ClockReading:
    """How the capture times of a source are known.

    Attributes:
        method: one phrase.
        offset_ns: the device's clock minus this host's; 0 where both are one.
        uncertainty_ns: half-width of the interval in which the true offset lies; -1 = not known.
    """

    method: str
    offset_ns: int = 0
    uncertainty_ns: int = -1


class ArrivalClock:
    """Offset of a stream's clock, from when its pictures arrive.

    Delay only ever adds: `arrival - timestamp` is never below (offset + least delay). Its lower envelope,
    which relaxes upwards by 200 ppm so that it follows a slow clock, is free of network jitter; the least
    delay itself cannot be known this way, and capture times are late by it unless it is given.
    """

    def __init__(self, least_delay_ns: int = 0) -> None:
        self._least_delay_ns = least_delay_ns
        self._envelope_ns: float | None = None  # of arrival - timestamp
        self._last_ns = 0
        self._jitter_ns = 0.0
        self._window_min_ns = float("inf")
        self._window_from_ns = 0

    def host_ns(self, stream_ns: int, arrival_ns: int) -> int:
        """Capture time, host clock, of the picture stamped `stream_ns` that arrived at `arrival_ns`."""
        difference = arrival_ns - stream_ns
        if self._envelope_ns is None:
            self._restart(difference, arrival_ns)
        assert self._envelope_ns is not None
        self._envelope_ns += _RELAX * max(arrival_ns - self._last_ns, 0)
        self._last_ns = arrival_ns
        excess = difference - self._envelope_ns
        self._window_min_ns = min(self._window_min_ns, difference)
        if excess < 0:
            self._envelope_ns = float(difference)
            excess = 0.0
        self._jitter_ns += (excess - self._jitter_ns) * _JITTER_GAIN
        if arrival_ns - self._window_from_ns > _JUMP_AFTER_NS:
            if self._window_min_ns - self._envelope_ns > _JUMP_NS:  # the stream's clock was set back
                self._restart(round(self._window_min_ns), arrival_ns)
            self._window_from_ns, self._window_min_ns = arrival_ns, float("inf")
        return round(stream_ns + self._envelope_ns) - self._least_delay_ns

    @property
    def reading(self) -> ClockReading:
        """Offset as of the last picture; the uncertainty is the mean delay above the least one."""
        if self._envelope_ns is None:
            return ClockReading("stream timestamps, no picture yet")
        note = "" if self._least_delay_ns else " (late by the least delay, which is not known)"
        return ClockReading(
            f"stream timestamps by their earliest arrival{note}",
            round(-self._envelope_ns) + self._least_delay_ns,
            round(self._jitter_ns),
        )

    def _restart(self, difference_ns: int, arrival_ns: int) -> None:
        self._envelope_ns = float(difference_ns)
        self._last_ns = self._window_from_ns = arrival_ns
        self._window_min_ns, self._jitter_ns = float("inf"), 0.0


class RoundTripClock:
    """Offset of another host's clock, from pings that it answers (as NTP does, RFC 5905 section 8)."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float, int]] = deque(maxlen=_SAMPLES)  # half trip, offset, when

    def add(self, sent_ns: int, received_ns: int, answered_ns: int, returned_ns: int) -> None:
        """One ping: sent and returned by this host's clock, received and answered by the other's."""
        trip = (returned_ns - sent_ns) - (answered_ns - received_ns)
        offset = ((received_ns - sent_ns) + (answered_ns - returned_ns)) / 2
        self._samples.append((max(trip, 0) / 2, offset, returned_ns))

    def reading(self, now_ns: int) -> ClockReading:
        """The offset by the ping that bounds it best: half its trip, plus possible drift since."""
        if not self._samples:
            return ClockReading("other host, no ping answered yet")
        bound, offset = min(
            (half_trip + _DRIFT * (now_ns - when), offset) for half_trip, offset, when in self._samples
        )
        return ClockReading("other host, by round trips", round(offset), round(bound))
