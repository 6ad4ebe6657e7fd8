"""The recorder process: beside the runtime, from pictures, status and poses to a session folder."""

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from posecap.capture.camera_recorder import CameraRecorder, RecordingOptions
from posecap.capture.disk_space import DiskSpace
from posecap.capture.disk_sync import DiskSync
from posecap.capture.errors import CaptureError
from posecap.capture.frame import Frame
from posecap.capture.ring import Ring
from posecap.capture.session_folder import (
    LOSSES_METADATA,
    MCAP_FILE,
    SESSION_METADATA,
    SETTINGS_METADATA,
    STATUS_CHANNEL,
    VIDEO_FOLDER,
    SessionInfo,
    to_metadata,
)
from posecap.capture.session_writer import FLUSH_S, SessionWriter
from posecap.capture.transport import FrameReceiver
from posecap.capture.video_writer import check_encoder
from posecap.capture.wire import CameraStatus, pack
from posecap.runtime.client import Subscriber
from posecap.runtime.errors import RuntimeFault
from posecap.runtime.health import EXIT_CONFIG, Heartbeat
from posecap.runtime.record_config import CameraReport, RecordConfig, RecordReport
from posecap.runtime.record_reporter import RecordReporter
from posecap.runtime.take_metadata import posecap_version
from posecap.runtime.wire import TOPIC_FRAME_SET, TOPIC_INSTANT, TOPIC_REFINED, TOPIC_STATS

_log = logging.getLogger(__name__)

_TOPICS = (TOPIC_REFINED, TOPIC_INSTANT, TOPIC_STATS, TOPIC_FRAME_SET)
_POLL_MS = 20.0
_QUIET_MS = 100.0
_DRAIN_S = 2.0


def main(config: RecordConfig) -> None:
    """Record until SIGTERM, or until the disk is nearly full; SIGINT is left to the supervisor.

    What came before the request to stop is still written. Ends with status 78 where it can never work as configured.
    """
    if config.poses_endpoint:
        os.nice(config.nice)
    report = RecordReporter(config.report_endpoint)
    with Heartbeat("", 2 * config.patience_s) as heartbeat:
        try:
            record(config, heartbeat.stop.is_set, report.send)
        except (CaptureError, RuntimeFault) as error:
            _log.error("event=failed reason=%s", error)
            report.send(RecordReport(os.getpid(), "failed", time.monotonic_ns(), note=str(error)))
            sys.exit(EXIT_CONFIG)
        finally:
            report.close()


def record(config: RecordConfig, stop: Callable[[], bool], report: Callable[[RecordReport], None]) -> None:
    """From the opening of the session to its proper end, when `stop()` is true or the disk nearly full.

    Raises:
        CaptureError, RuntimeFault: as configured it can never work; each says the remedy.
    """
    folder = Path(config.folder)
    rings = {camera: Path(ring) for camera, ring in config.rings.items()}
    (folder / VIDEO_FOLDER).mkdir(exist_ok=True)
    for ring in rings.values():
        with Ring.attach(ring) as one:
            check_encoder(one.size_px, lossless=config.lossless, encoder=config.encoder)
    beside_runtime = bool(config.poses_endpoint)
    with (
        SessionWriter(folder / MCAP_FILE) as session,
        FrameReceiver(config.endpoint, rings, recorder=beside_runtime) as receiver,
    ):
        poses = None
        if beside_runtime:
            key = Path(config.server_key) if config.server_key else None
            poses = Subscriber(config.poses_endpoint, _TOPICS, key)
        videos = [folder / VIDEO_FOLDER / f"{camera}.mkv" for camera in config.cameras]
        sync = DiskSync([folder / MCAP_FILE, *videos], config.sync_s)
        sync.start()
        try:
            recorder = _Recorder(config, session, receiver, poses)
            report(recorder.report("ready"))
            while not stop() and not recorder.reason:
                if recorder.turn(_POLL_MS):
                    report(recorder.report("recording" if recorder.cameras else "ready"))
            recorder.finish()
            sync.finish()
            report(recorder.report("ended", recorder.reason))
        finally:
            if poses is not None:
                poses.close()


class _Recorder:
    """One turn: hand pictures to the threads of their cameras, append messages, flush twice a second."""

    def __init__(
        self,
        config: RecordConfig,
        session: SessionWriter,
        receiver: FrameReceiver,
        poses: Subscriber | None,
    ) -> None:
        self.config, self.session, self.receiver, self.poses = config, session, receiver, poses
        self.cameras: dict[str, CameraRecorder] = {}
        self.reason = ""  # why recording has to end
        self.messages = 0
        self.space = DiskSpace(Path(config.folder), config.keep_free_bytes)
        self._status: dict[str, CameraStatus] = {}
        self._start_ns: int | None = None
        self._next_flush_s = time.monotonic() + FLUSH_S
        self.options = RecordingOptions(
            lossless=config.lossless, encoder=config.encoder, threads=config.threads, buffer=config.buffer
        )
        self._describe(0)
        settings = {key: msgspec.json.encode(value).decode() for key, value in config.settings.items()}
        session.add_metadata(SETTINGS_METADATA, settings)
        session.flush()

    def turn(self, timeout_ms: float) -> bool:
        """Take what came within `timeout_ms`; true when something is to be reported: flushed, or about to end."""
        for item in self.receiver.poll(timeout_ms):
            if isinstance(item, Frame):
                self._camera(item).add(item)
            else:
                self._status[item.camera] = item
                self._append(STATUS_CHANNEL + item.camera, pack(item), b"")
        if self.poses is not None:
            for topic, header, payload in self.poses.drain_parts():
                if topic == TOPIC_FRAME_SET:
                    self.session.write(topic.decode(), header)
                else:
                    self._append(topic.decode(), header, payload)
                    self.messages += 1
        if time.monotonic() < self._next_flush_s:
            return False
        self._next_flush_s = time.monotonic() + FLUSH_S
        self.session.flush()
        self.reason = self._disk_failure() or self.space.shortage(self._size_bytes())
        return True

    def finish(self) -> None:
        """Write what came so far and close all files; without a disk that takes it, close them as they are."""
        until_s = time.monotonic() + _DRAIN_S
        waiting = not self.reason
        while waiting and time.monotonic() < until_s:
            before = self.messages + sum(one.waiting + one.written for one in self.cameras.values())
            self.turn(_QUIET_MS)
            after = self.messages + sum(one.waiting + one.written for one in self.cameras.values())
            waiting = after != before and not self.reason
        for camera in self.cameras.values():
            camera.finish()
        for camera in self.cameras.values():
            camera.join()
        self.reason = self.reason or self._disk_failure()
        losses = {camera: str(self._lost(camera)) for camera in self.config.cameras}
        self.session.add_metadata(LOSSES_METADATA, losses)
        self.session.finish()
        _log.info("event=ended reason=%s lost=%s", self.reason or "asked", losses)

    def report(self, state: str, note: str = "") -> RecordReport:
        """How it is now."""
        cameras = {
            name: CameraReport(
                one.written,
                self._lost(name),
                self.receiver.missing[name],
                one.waiting,
                one.size_bytes,
                one.codec,
            )
            for name in self.config.cameras
            if (one := self.cameras.get(name)) is not None
        }
        return RecordReport(
            pid=os.getpid(),
            state=state,  # pyright: ignore[reportArgumentType]
            t_ns=time.monotonic_ns(),
            cameras=cameras,
            messages=self.messages,
            size_bytes=self._size_bytes(),
            left_bytes=max(self.space.left, 0),
            note=note,
        )

    def _size_bytes(self) -> int:
        """Of the recording so far."""
        mcap = Path(self.config.folder) / MCAP_FILE
        return mcap.stat().st_size + sum(one.size_bytes for one in self.cameras.values())

    def _append(self, channel: str, header: bytes, payload: bytes) -> None:
        self.session.write(channel, msgspec.msgpack.encode((header, payload)))

    def _camera(self, frame: Frame) -> CameraRecorder:
        """The thread that writes the camera of `frame`; the first picture of all is instant 0 of the videos."""
        camera = self.cameras.get(frame.camera)
        if camera is None:
            if self._start_ns is None:
                self._start_ns = frame.t_ns
                self._describe(frame.t_ns)
            folder = Path(self.config.folder)
            camera = self.cameras[frame.camera] = CameraRecorder(
                frame.camera,
                self.receiver,
                self.session,
                folder,
                self._start_ns,
                lambda: self._fps(frame.camera),
                self.options,
            )
            camera.start()
        return camera

    def _fps(self, camera: str) -> float:
        status = self._status.get(camera)
        return 1e9 / status.period_ns if status is not None and status.period_ns else self.config.fps

    def _lost(self, camera: str) -> int:
        recorder = self.cameras.get(camera)
        return self.receiver.overwritten[camera] + (recorder.lost if recorder else 0)

    def _disk_failure(self) -> str:
        """Why nothing more can be written; "" while it can."""
        failures = [self.session.failed, *(one.failed for one in self.cameras.values())]
        failed = next((one for one in failures if one is not None), None)
        if failed is None:
            return ""
        return f"cannot write to {self.config.folder} ({failed}): free some space, or record to another disk"

    def _describe(self, start_ns: int) -> None:
        """Metadata of the session; the last one counts."""
        info = SessionInfo(
            posecap=posecap_version(),
            start_ns=start_ns,
            unix_offset_ns=time.time_ns() - time.monotonic_ns(),
            rig=self.config.rig,
            cameras=self.config.cameras,
        )
        self.session.add_metadata(SESSION_METADATA, to_metadata(info))
