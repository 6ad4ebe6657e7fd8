"""The life signs of a camera process: status four times a second, and an end when told to or orphaned."""

import multiprocessing
import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Self

from posecap.capture.clock import ClockReading
from posecap.capture.source import Source, SourceCounters
from posecap.capture.wire import WIRE_VERSION, CameraState, CameraStatus

HEARTBEAT_S = 0.25
_GRACE_S = 0.6  # from the request to stop to the end by force
_BEATS_IN_RATES = 5


@dataclass(slots=True)
class CameraHealth:
    """What the loop of a camera process knows about its camera, over all connections to it.

    Attributes:
        state: written by the loop, as is `note`, which goes before the source's own.
        seq: number of the picture sent last; -1 before the first.
        sent: pictures since the process started.
    """

    camera: str
    state: CameraState = "starting"
    note: str = ""
    seq: int = -1
    sent: int = 0
    _source: Source | None = None
    _past: SourceCounters = field(default_factory=SourceCounters)  # of connections that are over
    _period_ns: int = 0
    _size_px: tuple[int, int] = (0, 0)
    _beats: deque[tuple[int, int, int, int]] = field(default_factory=lambda: deque(maxlen=_BEATS_IN_RATES))

    def opened(self, source: Source) -> None:
        """From now on the counters and the clock of `source` are reported."""
        self._source, self.note = source, ""
        self._period_ns = source.period_ns

    def closed(self) -> None:
        """The connection is over; its counters are kept."""
        self._past, self._source = self._counters(), None

    def status(self) -> CameraStatus:
        """How the camera is now; rates are over the last second."""
        now_ns = time.monotonic_ns()
        source, counters = self._source, self._counters()
        self._size_px = source.size_px if source else self._size_px
        self._beats.append((now_ns, self.sent, counters.made, counters.make_ns))
        then_ns, sent_then, made_then, make_ns_then = self._beats[0]
        clock = source.clock if source else ClockReading("")
        return CameraStatus(
            version=WIRE_VERSION,
            camera=self.camera,
            t_ns=now_ns,
            state=self.state,
            pid=os.getpid(),
            fps=(self.sent - sent_then) * 1e9 / max(now_ns - then_ns, 1),
            period_ns=self._period_ns,
            size_px=self._size_px,
            seq=self.seq,
            sent=self.sent,
            dropped=counters.dropped,
            late=counters.late,
            decode_ms=(counters.make_ns - make_ns_then) / max(counters.made - made_then, 1) / 1e6,
            clock=clock.method,
            clock_offset_ns=clock.offset_ns,
            clock_uncertainty_ns=clock.uncertainty_ns,
            note=self.note or (source.note if source else ""),
        )

    def _counters(self) -> SourceCounters:
        return self._past + self._source.counters if self._source else self._past


class Heartbeat(Thread):
    """Reports the status four times a second, and ends the process when told to, even from a blocked read.

    Also ends it when the parent is gone, so that nothing outlives a supervisor that was killed.
    """

    def __init__(
        self, health: CameraHealth, report: Callable[[CameraStatus], None], *, ignore_interrupt: bool
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.stop = Event()
        self._health, self._report = health, report
        self._ended = Event()
        parent = multiprocessing.parent_process()
        self._parent = None if parent is None else parent.pid  # None: started by hand, may outlive its shell
        self._wake, self._signalled = socket.socketpair()
        self._signalled.setblocking(False)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN if ignore_interrupt else self._on_signal)
        # C code that blocks the main thread also blocks Python's signal handlers, not this:
        signal.set_wakeup_fd(self._signalled.fileno(), warn_on_full_buffer=False)

    def _on_signal(self, *_: object) -> None:
        self.stop.set()

    def beat(self) -> None:
        """Report now."""
        self._report(self._health.status())

    def run(self) -> None:
        while not self._ended.is_set():
            self.beat()
            readable, _, _ = select.select([self._wake], [], [], HEARTBEAT_S)
            if readable or (self._parent is not None and os.getppid() != self._parent):
                self.stop.set()
                if not self._ended.wait(_GRACE_S):
                    os._exit(0)  # the source blocks in C code; the ring is not ours, nothing is left behind

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        signal.set_wakeup_fd(-1)
        self._signalled.send(b"\0")
        self.join()
        self._wake.close()
        self._signalled.close()
