"""One line for each stage, from a frame set to people. Replay, live and evaluation call the same `step`."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.capture.frame import FrameSet
from posecap.models.joints import JointSet
from posecap.runtime.associate import Associator
from posecap.runtime.calibration_watch import CalibrationWatch
from posecap.runtime.detect import PersonDetector, open_detector
from posecap.runtime.errors import SettingsError
from posecap.runtime.estimate2d import PoseEstimator, open_estimator
from posecap.runtime.gather import gathered_keypoints, gathered_rays
from posecap.runtime.lift import Lifter
from posecap.runtime.lift_stage import LiftEvidence, LiftStage, Triangulated, open_lift_stage
from posecap.runtime.look import Looker, follows_anybody
from posecap.runtime.loose import LooseJoints
from posecap.runtime.pose import Keypoints2D, PoseSet, Skeleton3D, StepResult
from posecap.runtime.rays import Rays
from posecap.runtime.refine import Refiner
from posecap.runtime.settings import PipelineSettings
from posecap.runtime.sightings import Sightings
from posecap.runtime.stopwatch import Stopwatch
from posecap.runtime.strays import Strays, find_strays
from posecap.runtime.swaps import SwapResolver
from posecap.runtime.track import Tracker

_GATE_M = 0.22  # median distance of a row from the person whose row it is


@dataclass(frozen=True, slots=True, eq=False)
class Looking:
    """A frame set that the network is at work on, and what will have been seen."""

    frame_set: FrameSet
    left_out: int
    seen: Callable[[], Keypoints2D]
    watch: Stopwatch


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the network has seen in a frame set."""

    frame_set: FrameSet
    keypoints: Keypoints2D
    watch: Stopwatch


@dataclass(frozen=True, slots=True, eq=False)
class Lifted:
    """Stage 1 of a frame set, and the evidence that stage 2 goes on with: row p = instant.skeletons[p]."""

    instant: PoseSet
    keypoints: Keypoints2D
    rays: Rays
    watch: Stopwatch


class Pipeline:
    """From frame sets to skeletons. State across frames: `track`, `refine`, `calibration`, the detector's turn.

    Args:
        lift_stage: goes on from triangulation; None = nothing does.
    """

    def __init__(
        self,
        rig: Rig,
        settings: PipelineSettings,
        estimator: PoseEstimator,
        detector: PersonDetector,
        lift_stage: LiftStage | None = None,
    ) -> None:
        joint_set = estimator.joint_set
        self.rig = rig
        self.settings = settings
        self.estimator = estimator
        self.detector = detector
        self.looker = Looker(rig, joint_set, detector, settings.detect_every, settings.max_people)
        self.associator = Associator(rig, _GATE_M, settings.min_views)
        self.lifter = Lifter(rig, settings.gross_m)
        self.lift_stage: LiftStage = lift_stage or Triangulated()
        self.swaps = SwapResolver(joint_set)
        self.loose = LooseJoints(joint_set)
        self.tracker = Tracker(joint_set, settings.time_scale, settings.max_people)
        self.refiner = Refiner(rig, joint_set, settings.lag_frames, settings.time_scale)
        self.calibration = CalibrationWatch(rig, settings.watch_mm / 1e3)
        self.sightings = Sightings()

    @property
    def joint_set(self) -> JointSet:
        """The joints of every skeleton."""
        return self.estimator.joint_set

    @property
    def needs_copies(self) -> bool:
        """Whether the next pictures will be read for longer than they may stay where the camera put them."""
        return self.lift_stage.reads_pictures or not self.follows_anybody

    @property
    def follows_anybody(self) -> bool:
        """Whether `look` knows where somebody is to be expected."""
        return follows_anybody(self.tracker.missed())

    def step(self, frame_set: FrameSet, left_out: int = 0) -> StepResult:
        """All people at the instant of `frame_set`, and refined those of `lag_frames` before, in the world frame.

        `left_out` views are not read for people who are tracked: another one each time.
        """
        return self.refine(self.lift(self.see(self.look(frame_set, left_out))))

    def look(self, frame_set: FrameSet, left_out: int = 0) -> Looking:
        """Choose where to look and set the network to work; the pictures must stay until `see` has returned.

        May be called before the frame set before is lifted: regions then are predicted from the one before that.
        """
        watch = Stopwatch()
        ids, expected = self.tracker.expected(frame_set.t_ns)
        regions = self.looker.regions(frame_set, ids, expected, self.tracker.missed(), left_out)
        watch.lap("detect")
        seen = self.estimator.start(frame_set, regions)
        watch.lap("estimate2d")
        return Looking(frame_set, left_out, seen, watch)

    def see(self, looking: Looking) -> Seen:
        """Wait for the network. What it saw may be thrown away here: nothing has learnt from it yet."""
        looking.watch.resume()
        keypoints = looking.seen()
        looking.watch.lap("estimate2d")
        return Seen(looking.frame_set, keypoints, looking.watch)

    def lift(self, seen: Seen) -> Lifted:
        """Stage 1: who is where, from what the network has seen."""
        frame_set, watch = seen.frame_set, seen.watch
        watch.resume()
        found = self.lifter.views.rays(seen.keypoints)
        people, rays, prior, strays = self._associate(
            seen.keypoints, found, *self.tracker.expected(frame_set.t_ns)
        )
        watch.lap("associate")
        skeletons, rays = self._lift(people, self.calibration.doubted(rays), prior)
        skeletons = tuple(self.loose.removed(skeleton) for skeleton in skeletons)
        skeletons = self.lift_stage.lifted(LiftEvidence(frame_set, people, rays), skeletons)
        watch.lap("lift")
        tracked = self.tracker.update(skeletons, frame_set.t_ns)
        instant = PoseSet(frame_set.index, frame_set.t_ns, frame_set.t_oldest_ns, tracked)
        rows = _rows_of(tracked, skeletons)
        evidence = _taken_rows(people, rows, tracked)
        watch.lap("track")
        self.calibration.update(_taken_rays(strays.joined(rays, found), rows), tracked, frame_set.t_ns)
        self.sightings.add(people, seen.keypoints, strays, frame_set.t_ns)
        watch.lap("calibration")
        return Lifted(instant, evidence, _taken_rays(rays, rows), watch)

    def refine(self, lifted: Lifted) -> StepResult:
        """Stage 2. Needs no pictures and changes nothing that `look` reads: it may run while the network is at work."""
        watch = lifted.watch
        watch.resume()
        refined = self.refiner.refine(lifted.instant, lifted.rays, lifted.keypoints.heatmaps)
        watch.lap("refine")
        return StepResult(lifted.instant, refined, lifted.keypoints, watch.laps_ns)

    def rest(self) -> list[PoseSet]:
        """After the last frame set of a recording: the refined people that `refine` still owes."""
        return self.refiner.rest()

    def _associate(
        self, seen: Keypoints2D, rays: Rays, ids: NDArray[np.int64], expected: NDArray[np.float64]
    ) -> tuple[Keypoints2D, Rays, NDArray[np.float64], Strays]:
        assignment = self.associator.assign(rays, expected)
        fresh = len(assignment.rows) - assignment.tracked
        tracks = np.concatenate([ids, np.full(fresh, -1)]).astype(np.int64)
        prior = np.concatenate([expected, np.full((fresh, *expected.shape[1:]), np.nan)])
        people = gathered_keypoints(seen, assignment.rows, tracks)
        return people, gathered_rays(rays, assignment.rows), prior, find_strays(seen, assignment.rows, ids)

    def _lift(
        self, people: Keypoints2D, rays: Rays, prior: NDArray[np.float64]
    ) -> tuple[tuple[Skeleton3D, ...], Rays]:
        """Stage 1; where views take left for right, lifted again with those joints exchanged."""
        tracks = people.track.max(axis=0, initial=-1)
        skeletons = self.lifter.skeletons(rays, prior, tracks)
        if not skeletons:
            return skeletons, rays
        lifted = np.stack([skeleton.xyz for skeleton in skeletons])
        reference = np.where(np.isfinite(prior), prior, lifted)
        misses = self.lifter.views.misses
        swapped = self.swaps.resolve(
            rays, misses(rays.xy, reference), misses(rays.xy, self.swaps.mirrored(reference))
        )
        if not swapped.any():
            return skeletons, rays
        rays = self.swaps.exchange(rays, swapped)
        return self.lifter.skeletons(rays, prior, tracks), rays

    def recalibrate(self, camera: Camera) -> list[PoseSet]:
        """Go on with `camera` in place of that of its name, nobody forgotten; what stage 2 owed with the old one."""
        owed = self.refiner.rest()
        others = self.rig.cameras
        rig = replace(self.rig, cameras=tuple(camera if one.name == camera.name else one for one in others))
        settings, joint_set = self.settings, self.joint_set
        self.rig = rig
        self.looker = Looker(rig, joint_set, self.detector, settings.detect_every, settings.max_people)
        self.associator = Associator(rig, _GATE_M, settings.min_views)
        self.lifter = Lifter(rig, settings.gross_m)
        self.lift_stage = self.lift_stage.anew(rig)
        self.refiner = Refiner(rig, joint_set, settings.lag_frames, settings.time_scale)
        self.calibration = self.calibration.replaced(rig)
        self.sightings = Sightings()
        return owed

    def anew(self) -> "Pipeline":
        """The same engines, nobody known yet."""
        stage = self.lift_stage.anew(self.rig)
        return Pipeline(self.rig, self.settings, self.estimator, self.detector, stage)

    def close(self) -> None:
        """Free the engines."""
        self.estimator.close()
        self.detector.close()


def open_pipeline(rig: Rig, settings: PipelineSettings) -> Pipeline:
    """The pipeline that `settings` ask for; raises SettingsError, EngineError or WeightsError with the remedy."""
    if len(rig) < 2:
        raise SettingsError(
            f"the rig has one camera ({rig.names[0]}), 3D needs at least two that see the same place: add a camera"
        )
    estimator = open_estimator(settings)
    stage = open_lift_stage(rig, settings, estimator.joint_set)
    return Pipeline(rig, settings, estimator, open_detector(settings), stage)


def _rows_of(tracked: tuple[Skeleton3D, ...], skeletons: tuple[Skeleton3D, ...]) -> list[int]:
    """The rows of `skeletons` that became `tracked`, in that order."""
    return [next(k for k, other in enumerate(skeletons) if other.xyz is one.xyz) for one in tracked]


def _taken_rays(people: Rays, rows: list[int]) -> Rays:
    return Rays(people.xy[:, rows], people.variance[:, rows])


def _taken_rows(people: Keypoints2D, rows: list[int], tracked: tuple[Skeleton3D, ...]) -> Keypoints2D:
    """`people` without the rows that belong to nobody, with the identities of those who stay."""
    ids = np.array([one.track for one in tracked], dtype=np.int64)
    return Keypoints2D(
        xy=people.xy[:, rows],
        score=people.score[:, rows],
        variance=people.variance[:, rows],
        track=np.broadcast_to(ids, (len(people.xy), len(rows))),
        heatmaps=tuple(tuple(of_view[row] for row in rows) for of_view in people.heatmaps),
    )
