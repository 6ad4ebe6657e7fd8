"""The process of one camera: a loop from its source to its ring, and a heartbeat beside it."""

import logging
import multiprocessing
import os
import select
import signal
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Literal, Protocol

import msgspec

from posecap.capture.errors import CaptureError, SourceLost
from posecap.capture.frame import Frame
from posecap.capture.freeze import FreezeDetector
from posecap.capture.source import Playback, Source, open_source
from posecap.capture.source_config import Emulation, SourceConfig
from posecap.capture.transport import FramePublisher
from posecap.capture.wire import WIRE_VERSION, CameraState, CameraStatus

_log = logging.getLogger(__name__)

EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: starting again would fail again
HEARTBEAT_S = 0.25
_GRACE_S = 0.6  # from the request to stop to the end by force
_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.25, 2.0
_BEATS_IN_RATES = 5


class CameraConfig(msgspec.Struct, frozen=True, kw_only=True):
    """All that a camera process has to know.

    Attributes:
        camera: name in the rig.
        size_px: (width, height) that was calibrated.
        source: where the pictures come from.
        endpoint: where the receiver of the pictures has bound its socket; the camera connects.
        ring: file of the shared memory that the receiver's side created for this camera.
        epoch_ns: instant of the first picture of a recording, the same for all cameras.
        emulate: faults; takes the place of those in `source`.
        speed: of a recording, seconds of the scene for each second of the clock.
        loop: a recording starts again at its end.
        pace: "clock" or, for recordings, "max": as fast as the receiver releases pictures.
        watch_endpoint: where a supervisor has bound a socket of its own for the status; "" = nowhere.
    """

    camera: str
    size_px: tuple[int, int]
    source: SourceConfig
    endpoint: str
    ring: str
    epoch_ns: int = 0
    emulate: Emulation | None = None
    speed: float = 1.0
    loop: bool = False
    pace: Literal["clock", "max"] = "clock"
    watch_endpoint: str = ""


class Publisher(Protocol):
    """Where a camera process puts its pictures."""

    @property
    def last_seq(self) -> int: ...

    def send(self, frame: Frame) -> None: ...

    def report(self, status: CameraStatus) -> None: ...

    def wait_for_room(self, seq: int, stop: Event) -> None: ...


def main(config: CameraConfig) -> None:
    """Publish every picture of one camera until SIGTERM; SIGINT is left to the supervisor.

    Ends with status 78 where the camera can never work as configured; the last status says why.
    """
    endpoints = tuple(endpoint for endpoint in (config.endpoint, config.watch_endpoint) if endpoint)
    try:
        with FramePublisher(config.camera, Path(config.ring), endpoints, config.size_px) as publisher:
            run_camera(config, publisher)
    except CaptureError as error:
        _log.error("camera=%s event=failed reason=%s", config.camera, error)
        sys.exit(EXIT_CONFIG)


def run_camera(config: CameraConfig, publisher: Publisher, *, ignore_interrupt: bool = True) -> None:
    """Publish the pictures of `config.source` until SIGTERM; call it from the main thread.

    A source that is lost is opened again, with growing pauses; a recording that is over keeps its heartbeat.

    Raises:
        CaptureError: as configured the source can never work (after a last status that says so).
    """
    health = _Health(config.camera)
    with _Heartbeat(health, publisher, ignore_interrupt=ignore_interrupt) as heartbeat:
        stop = heartbeat.stop
        pause_s = _FIRST_RETRY_S
        while not stop.is_set():
            sent_before = health.sent
            try:
                _publish(config, publisher, health, stop)
                health.state = "ended"
                heartbeat.beat()
                stop.wait()
            except SourceLost as error:
                if health.sent > sent_before:
                    pause_s = _FIRST_RETRY_S
                health.state, health.note = "lost", str(error)
                _log.info("camera=%s event=lost retry_s=%.2f reason=%s", config.camera, pause_s, error)
                heartbeat.beat()
                stop.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_RETRY_S)
            except CaptureError as error:
                health.state, health.note = "failed", str(error)
                heartbeat.beat()
                raise


def _publish(config: CameraConfig, publisher: Publisher, health: "_Health", stop: Event) -> None:
    """One connection to the source, from its opening to its end."""
    source_config = config.source
    if config.emulate is not None:
        source_config = msgspec.structs.replace(source_config, emulate=config.emulate)
    playback = Playback(
        config.epoch_ns, config.speed, config.loop, config.pace, first_seq=publisher.last_seq + 1
    )
    watch = FreezeDetector()
    with open_source(source_config, config.camera, config.size_px, playback, stop) as source:
        health.opened(source)
        try:
            for frame in source.frames():
                if source.live and watch.frozen(frame.image, frame.t_ns):
                    health.state = "frozen"  # an old picture would give a wrong pose: better none
                    continue
                if config.pace == "max":
                    publisher.wait_for_room(frame.seq, stop)
                publisher.send(frame)
                health.sent += 1
                health.seq = frame.seq
                health.state = "live"
        finally:
            health.closed()


@dataclass(slots=True)
class _Health:
    """What the loop knows about the camera; the heartbeat reads it."""

    camera: str
    state: CameraState = "starting"
    note: str = ""
    seq: int = -1
    sent: int = 0
    source: Source | None = None
    dropped_before: int = 0
    late_before: int = 0
    made_before: int = 0
    make_ns_before: int = 0
    beats: deque[tuple[int, int, int, int]] = field(default_factory=lambda: deque(maxlen=_BEATS_IN_RATES))

    def opened(self, source: Source) -> None:
        self.source, self.note = source, ""

    def closed(self) -> None:
        if self.source is not None:
            counters = self.source.counters
            self.dropped_before += counters.dropped
            self.late_before += counters.late
            self.made_before += counters.made
            self.make_ns_before += counters.make_ns
        self.source = None

    def status(self) -> CameraStatus:
        now_ns = time.monotonic_ns()
        source = self.source
        counters = source.counters if source else None
        made = self.made_before + (counters.made if counters else 0)
        make_ns = self.make_ns_before + (counters.make_ns if counters else 0)
        self.beats.append((now_ns, self.sent, made, make_ns))
        then_ns, sent_then, made_then, make_ns_then = self.beats[0]
        clock = source.clock if source else None
        return CameraStatus(
            version=WIRE_VERSION,
            camera=self.camera,
            t_ns=now_ns,
            state=self.state,
            pid=os.getpid(),
            fps=(self.sent - sent_then) * 1e9 / max(now_ns - then_ns, 1),
            period_ns=source.period_ns if source else 0,
            size_px=source.size_px if source else (0, 0),
            seq=self.seq,
            sent=self.sent,
            dropped=self.dropped_before + (counters.dropped if counters else 0),
            late=self.late_before + (counters.late if counters else 0),
            decode_ms=(make_ns - make_ns_then) / max(made - made_then, 1) / 1e6,
            clock=clock.method if clock else "",
            clock_offset_ns=clock.offset_ns if clock else 0,
            clock_uncertainty_ns=clock.uncertainty_ns if clock else -1,
            note=self.note or (source.note if source else ""),
        )


class _Heartbeat(Thread):
    """Reports the status four times a second, and ends the process when told to, even from a blocked read.

    Also ends it when the parent is gone, so that nothing outlives a supervisor that was killed.
    """

    def __init__(self, health: _Health, publisher: Publisher, *, ignore_interrupt: bool) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.stop = Event()
        self._health, self._publisher = health, publisher
        self._ended = Event()
        parent = multiprocessing.parent_process()
        self._parent = os.getppid() if parent is None or parent.pid is None else parent.pid
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
        self._publisher.report(self._health.status())

    def run(self) -> None:
        while not self._ended.is_set():
            self.beat()
            readable, _, _ = select.select([self._wake], [], [], HEARTBEAT_S)
            if readable or os.getppid() != self._parent:
                self.stop.set()
                if not self._ended.wait(_GRACE_S):
                    os._exit(0)  # the source blocks in C code; the ring is not ours, nothing is left behind

    def __enter__(self) -> "_Heartbeat":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        signal.set_wakeup_fd(-1)
        self._signalled.send(b"\0")
        self.join()
        self._wake.close()
        self._signalled.close()
