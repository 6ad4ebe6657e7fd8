"""The runtime process: a loop from pictures to published poses."""

import logging
import secrets
import sys
import time
from collections import deque
from dataclasses import dataclass
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
from posecap.runtime.control import ControlReply, ControlServer, ResolveCamera
from posecap.runtime.errors import RuntimeFault
from posecap.runtime.health import EXIT_CONFIG, Heartbeat
from posecap.runtime.pacing import Pacer
from posecap.runtime.pipeline import Lifted, Looking, Pipeline, open_pipeline
from posecap.runtime.publisher import PosePublisher
from posecap.runtime.runtime_config import RuntimeConfig
from posecap.runtime.stats import SessionStats
from posecap.runtime.thumbnail import ThumbnailPublisher
from posecap.runtime.warm_up import warm_up

_log = logging.getLogger(__name__)

_STATS_NS = 1_000_000_000
_LONGEST_POLL_MS = 50.0
_RECENT = 2.0  # what a camera is solved from is no older than this, in units of how much of it is asked for


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
            loop.control.close()
        finally:
            pipeline.close()


@dataclass(frozen=True, slots=True)
class _Taken:
    """A frame set that the network is at work on.

    Attributes:
        looking: what the network is asked.
        ahead: since before the frame set before was lifted.
        copied: its pictures are our own.
    """

    looking: Looking
    ahead: bool
    copied: bool


class _Loop:
    """One turn: take what the cameras gave, a step further with at most one frame set, say how it is going."""

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
        self.looking: _Taken | None = None  # the network is at work on it
        self.lifted: Lifted | None = None  # still without stage 2
        self.thumbnails = (
            ThumbnailPublisher(publisher.send, pipeline.joint_set) if config.thumbnails else None
        )
        self.alarms: tuple[tuple[str, str], ...] = ()
        self.control = ControlServer(config.control_endpoint)
        self.next_stats_ns = time.monotonic_ns() + _STATS_NS

    def turn(self) -> None:
        self._receive()
        ahead = self._look(self.waiting.popleft()) if self.waiting else None
        self._refine()  # while the network is at work
        if self.looking is not None and (ahead is not None or not self._waits_for_more()):
            self._finish(self.looking, behind=ahead is not None)
            self.looking = None
        self.looking = ahead or self.looking
        if self.cameras.all_over():
            self._publish_rest()
        if (request := self.control.asked()) is not None:
            self.control.answer(self._resolve(request))
        alarms = tuple((alarm.camera, alarm.kind) for alarm in self.pipeline.calibration.alarms)
        if alarms != self.alarms:  # at once: whoever listens may act on it
            self.alarms = alarms
            _log.info("event=calibration_alarm alarms=%s", alarms)
            self._publish_stats()
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
        """How long nothing can be due but a picture that comes; 0 while there is something to do."""
        if self.waiting or self.lifted is not None:
            return 0.0
        if self.looking is not None and not self._waits_for_more():
            return 0.0
        due_ns = min(self.next_stats_ns, self.grouper.deadline_ns or self.next_stats_ns)
        return min(max(due_ns - time.monotonic_ns(), 0) / 1e6, _LONGEST_POLL_MS)

    def _look(self, frame_set: FrameSet) -> _Taken | None:
        if not self._is_intact(frame_set):
            self._drop(frame_set)
            return None
        # finding people takes long, and must come to an end; a lift stage reads pictures after the network is done
        copied = self.pipeline.needs_copies
        if copied:
            own = frame_set.copied()
            if not self._is_intact(frame_set):
                self._drop(frame_set)
                return None
            frame_set = own
        looking = self.pipeline.look(frame_set, self.pacer.left_out)
        return _Taken(looking, ahead=self.looking is not None, copied=copied)

    def _finish(self, taken: _Taken, behind: bool) -> None:
        """Stage 1, unless a picture was overwritten before the network had seen it."""
        looking, dropped = taken.looking, self.stats.dropped
        frame_set = looking.frame_set
        seen = self.pipeline.see(looking)
        torn = not taken.copied and not self._is_intact(frame_set)
        if self.config.frame_sets:
            self.publisher.publish_frame_set(frame_set, looking.left_out, ahead=taken.ahead, torn=torn)
        if torn:
            self.stats.torn += 1
        else:
            self.lifted = self.pipeline.lift(seen)
            self._publish_instant(frame_set, self.lifted)
        self.receiver.release(frame_set)
        step_ns = sum(looking.watch.laps_ns.values())
        self.pacer.after(step_ns, behind=behind or bool(self.waiting) or self.stats.dropped > dropped)

    def _refine(self) -> None:
        """Stage 2 of the frame set that was lifted last, if that is still to be done."""
        if self.lifted is None:
            return
        result = self.pipeline.refine(self.lifted)
        self.lifted = None
        refined = result.refined
        if refined is not None:
            self.stats.latency_refined.add(
                self.publisher.publish(refined, "refined", self.cameras.states(self.pipeline.calibration))
                - refined.t_capture_ns
            )
        self.stats.step(result.stage_ns, len(result.instant.skeletons))

    def _publish_rest(self) -> None:
        """The recordings are over: what stage 2 still owes, once nothing is in the works any more."""
        if self.waiting or self.looking or self.lifted or self.grouper.deadline_ns is not None:
            return
        for refined in self.pipeline.rest():
            self.publisher.publish(refined, "refined", self.cameras.states(self.pipeline.calibration))

    def _publish_instant(self, frame_set: FrameSet, lifted: Lifted) -> None:
        instant = lifted.instant
        self.stats.latency_instant.add(
            self.publisher.publish(instant, "instant", self.cameras.states(self.pipeline.calibration))
            - instant.t_capture_ns
        )
        if self.config.overlays:
            sizes = tuple((camera.name, camera.size_px) for camera in self.config.rig.cameras)
            self.publisher.publish_overlay(frame_set, lifted.keypoints, sizes)
        if self.thumbnails is not None:
            tracks = [one.track for one in instant.skeletons]
            self.thumbnails.maybe_publish(frame_set, lifted.keypoints, tracks)

    def _resolve(self, request: ResolveCamera) -> ControlReply:
        """Another pose for one camera, in use from the next frame set on."""
        pipeline = self.pipeline
        before, alarms = pipeline.rig.id, {one.camera: one for one in pipeline.calibration.alarms}
        try:
            view = pipeline.rig.index(request.camera)
            since_ns = pipeline.sightings.newest_ns - round(_RECENT * request.seconds * 1e9)
            if request.camera in alarms:
                since_ns = max(since_ns, alarms[request.camera].since_ns)
            have_s = pipeline.sightings.seconds(view, since_ns)
            if have_s < request.seconds:
                return ControlReply(state="collecting", have_s=have_s)
            found = pipeline.sightings.resolved(pipeline.rig, request.camera, tuple(alarms), since_ns)
        except CalibrationError as error:
            return ControlReply(state="refused", reason=str(error))
        self._refine()
        for owed in pipeline.recalibrate(found.camera):
            self.publisher.publish(owed, "refined", self.cameras.states(pipeline.calibration))
        self.publisher.rig = pipeline.rig.id
        _log.info("event=recalibrated camera=%s rig=%s", request.camera, pipeline.rig.id)
        return ControlReply(
            state="done",
            have_s=have_s,
            rig_before=before,
            rig=pipeline.rig.id,
            cam_from_world=found.camera.cam_from_world.tolist(),
            given_px=found.given_px,
            median_px=found.median_px,
            turn_sigma_rad=found.turn_sigma_rad,
            position_sigma_m=found.position_sigma_m,
        )

    def _waits_for_more(self) -> bool:
        """Recordings at full speed: the next pictures are read before these are lifted, always and not by chance."""
        return not self.config.waiting and self.cameras.any_live()

    def _is_intact(self, frame_set: FrameSet) -> bool:
        return all(frame is None or self.receiver.intact(frame) for frame in frame_set.frames)

    def _drop(self, frame_set: FrameSet) -> None:
        self.stats.dropped += 1
        self.receiver.release(frame_set)

    def _publish_stats(self) -> None:
        settings = self.config.settings
        counters = self.grouper.counters
        notes = self.cameras.note(self.pipeline.calibration), self.pipeline.lift_stage.note()
        self.publisher.publish_stats(
            self.stats.message(
                complete=counters.complete,
                partial=counters.partial,
                cameras=self.cameras.stats(counters, self.pipeline.calibration),
                engine=f"{settings.engine} {settings.precision}",
                model=f"{settings.model} + {settings.detector}",
                rig=self.pipeline.rig.id,
                joint_set=self.pipeline.joint_set.name,
                note="; ".join(note for note in notes if note),
            )
        )
