"""The runtime process: a loop from pictures to published poses."""

import logging
import secrets
import sys
import time
from collections import deque
from pathlib import Path

import cv2

from posecap.calib.errors import CalibrationError
from posecap.capture.errors import CaptureError
from posecap.capture.frame import FrameSet
from posecap.capture.sync import FrameGrouper
from posecap.capture.transport import FrameReceiver
from posecap.capture.wire import CameraStatus
from posecap.models.errors import ModelError
from posecap.runtime.camera_health import CameraHealth
from posecap.runtime.errors import RuntimeFault
from posecap.runtime.health import EXIT_CONFIG, Heartbeat
from posecap.runtime.pacing import Pacer
from posecap.runtime.pipeline import Pipeline, open_pipeline
from posecap.runtime.pose import StepResult
from posecap.runtime.publisher import PosePublisher
from posecap.runtime.runtime_config import RuntimeConfig
from posecap.runtime.stats import SessionStats
from posecap.runtime.thumbnail import ThumbnailPublisher
from posecap.runtime.warm_up import warm_up

_log = logging.getLogger(__name__)

_STATS_NS = 1_000_000_000
_LONGEST_POLL_MS = 50.0


def main(config: RuntimeConfig) -> None:
    """Publish the poses of every frame set until SIGTERM; SIGINT is left to the supervisor.

    Ends with status 78 where it can never work as configured; the last health message says why.
    """
    with Heartbeat(config.health_endpoint) as heartbeat:
        try:
            serve(config, heartbeat)
        except (RuntimeFault, ModelError, CaptureError, CalibrationError) as error:
            _log.error("event=failed reason=%s", error)
            heartbeat.report("failed", str(error))
            sys.exit(EXIT_CONFIG)


def serve(config: RuntimeConfig, heartbeat: Heartbeat) -> None:
    """From the opening of the engines to the request to stop.

    Raises:
        RuntimeFault, ModelError, CaptureError: as configured it can never work; each says the remedy.
    """
    cv2.setNumThreads(1)  # crops are small: threads that wait for each other cost more than they give
    session = secrets.token_hex(4)
    pipeline = open_pipeline(config.rig, config.settings)
    rings = {camera: Path(ring) for camera, ring in config.rings.items()}
    curve_key = Path(config.curve_key) if config.curve_key else None
    with (
        PosePublisher(
            config.publish_endpoint, session, config.rig.id, pipeline.joint_set, curve_key
        ) as publisher,
        FrameReceiver(config.frames_endpoint, rings) as receiver,
    ):
        try:
            warm_up(pipeline)
            heartbeat.report("ready")
            _log.info("event=ready session=%s endpoint=%s", session, config.publish_endpoint)
            loop = _Loop(config, pipeline, receiver, publisher)
            while not heartbeat.stop.is_set():
                loop.turn()
                heartbeat.turn()
        finally:
            pipeline.close()


class _Loop:
    """One turn: take what the cameras gave, process at most one frame set, say how it is going."""

    def __init__(
        self, config: RuntimeConfig, pipeline: Pipeline, receiver: FrameReceiver, publisher: PosePublisher
    ) -> None:
        self.config, self.pipeline = config, pipeline
        self.receiver, self.publisher = receiver, publisher
        self.grouper = FrameGrouper(config.rig.names, config.period_ns, config.wait_ns)
        self.cameras = CameraHealth(config.rig.names)
        self.stats = SessionStats(publisher.session)
        hurry_ns = config.period_ns if config.waiting else 0
        self.pacer = Pacer(len(config.rig), config.settings.least_views, hurry_ns)
        self.waiting: deque[FrameSet] = deque()
        self.thumbnails = (
            ThumbnailPublisher(publisher.send, pipeline.joint_set) if config.thumbnails else None
        )
        self.next_stats_ns = time.monotonic_ns() + _STATS_NS

    def turn(self) -> None:
        self._receive()
        if self.waiting:
            self._process(self.waiting.popleft())
        if time.monotonic_ns() >= self.next_stats_ns:
            self.next_stats_ns += _STATS_NS
            self._publish_stats()

    def _receive(self) -> None:
        """Fill `waiting` with the frame sets that are done, and drop the oldest that are too many."""
        for item in self.receiver.poll(self._patience_ms()):
            if isinstance(item, CameraStatus):
                self.cameras.hear(item)
                if item.state in ("lost", "frozen", "ended", "failed"):
                    self.grouper.lose(item.camera)
            else:
                self.waiting.extend(self.grouper.push(item))
        self.waiting.extend(self.grouper.poll())
        while self.config.waiting and len(self.waiting) > self.config.waiting:
            self._drop(self.waiting.popleft())

    def _patience_ms(self) -> float:
        """How long nothing can be due but a picture that comes; 0 while frame sets wait."""
        if self.waiting:
            return 0.0
        due_ns = min(self.next_stats_ns, self.grouper.deadline_ns or self.next_stats_ns)
        return min(max(due_ns - time.monotonic_ns(), 0) / 1e6, _LONGEST_POLL_MS)

    def _process(self, frame_set: FrameSet) -> None:
        if not self._is_intact(frame_set):
            self._drop(frame_set)
            return
        dropped = self.stats.dropped
        begin_ns = time.monotonic_ns()
        result = self.pipeline.step(frame_set, self.pacer.left_out)
        step_ns = time.monotonic_ns() - begin_ns
        if self._is_intact(frame_set):
            self._publish(frame_set, result)
        else:
            self.stats.torn += 1
        self.receiver.release(frame_set)
        self.pacer.after(step_ns, behind=bool(self.waiting) or self.stats.dropped > dropped)

    def _publish(self, frame_set: FrameSet, result: StepResult) -> None:
        cameras = self.cameras.states()
        self.stats.step(result.stage_ns, len(result.instant.skeletons))
        instant, refined = result.instant, result.refined
        self.stats.latency_instant.add(
            self.publisher.publish(instant, "instant", cameras) - instant.t_capture_ns
        )
        if refined is not None:
            self.stats.latency_refined.add(
                self.publisher.publish(refined, "refined", cameras) - refined.t_capture_ns
            )
        if self.config.overlays:
            sizes = tuple((camera.name, camera.size_px) for camera in self.config.rig.cameras)
            self.publisher.publish_overlay(frame_set, result.keypoints, sizes)
        if self.thumbnails is not None:
            tracks = [one.track for one in instant.skeletons]
            self.thumbnails.maybe_publish(frame_set, result.keypoints, tracks)

    def _is_intact(self, frame_set: FrameSet) -> bool:
        return all(frame is None or self.receiver.intact(frame) for frame in frame_set.frames)

    def _drop(self, frame_set: FrameSet) -> None:
        self.stats.dropped += 1
        self.receiver.release(frame_set)

    def _publish_stats(self) -> None:
        settings = self.config.settings
        counters = self.grouper.counters
        self.publisher.publish_stats(
            self.stats.message(
                complete=counters.complete,
                partial=counters.partial,
                cameras=self.cameras.stats(counters),
                engine=f"{settings.engine} {settings.precision}",
                model=f"{settings.model} + {settings.detector}",
                rig=self.config.rig.id,
                joint_set=self.pipeline.joint_set.name,
                note=self.cameras.note(),
            )
        )
