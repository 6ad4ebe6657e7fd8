"""The process of one camera: a loop from its source to its ring, and a heartbeat beside it."""

import logging
import sys
from pathlib import Path
from threading import Event
from typing import Literal, Protocol

import msgspec

from posecap.capture.errors import CaptureError, SourceLost
from posecap.capture.frame import Frame
from posecap.capture.freeze import FreezeDetector
from posecap.capture.heartbeat import CameraHealth, Heartbeat
from posecap.capture.source import Playback, open_source
from posecap.capture.source_config import Emulation, SourceConfig
from posecap.capture.transport import FramePublisher
from posecap.capture.wire import CameraStatus

_log = logging.getLogger(__name__)

EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: starting again would fail again
_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.25, 2.0


class CameraConfig(msgspec.Struct, frozen=True, kw_only=True):
    """All that a camera process has to know.

    Attributes:
        camera: name in the rig.
        size_px: (width, height) that was calibrated.
        source: where the pictures come from.
        endpoint: where the receiver of the pictures has bound its socket; the camera connects; "" = nowhere.
        ring: file of the shared memory that the receiver's side created for this camera.
        epoch_ns: instant of the first picture of a recording, the same for all cameras.
        emulate: faults; takes the place of those in `source`.
        speed: of a recording, seconds of the scene for each second of the clock.
        loop: a recording starts again at its end.
        pace: "clock" or, for recordings, "max": as fast as the receiver releases pictures.
        watch_endpoint: where a supervisor has bound a socket of its own for the status; "" = nowhere.
        record_endpoint: where a recorder has bound one; "" = nowhere.
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
    record_endpoint: str = ""


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
    endpoints = (config.endpoint, config.record_endpoint, config.watch_endpoint)
    known = tuple(endpoint for endpoint in endpoints if endpoint)
    try:
        with FramePublisher(config.camera, Path(config.ring), known, config.size_px) as publisher:
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
    health = CameraHealth(config.camera)
    with Heartbeat(health, publisher.report, ignore_interrupt=ignore_interrupt) as heartbeat:
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


def _publish(config: CameraConfig, publisher: Publisher, health: CameraHealth, stop: Event) -> None:
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
                if source.live and watch.frozen(frame.pixels, frame.t_ns):
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
