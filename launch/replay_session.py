"""A recorded session through the pipeline again: shown, published, kept, compared."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from posecap.calib.rig import Rig
from posecap.calib.rig_file import load_rig
from posecap.capture.session_folder import MCAP_FILE, RecordedSession, open_session
from posecap.launch.errors import UsageError
from posecap.launch.interruption import ended_by_signals
from posecap.launch.model_files import with_weights
from posecap.launch.preparation import check_free
from posecap.launch.replay_viewer import ReplayViewer
from posecap.launch.saved_poses import SavedPoses
from posecap.launch.view import ViewConfig
from posecap.launch.viewer_choice import Viewer, chosen_viewer, reachable
from posecap.runtime.messages import CameraState, Stage
from posecap.runtime.pipeline import open_pipeline
from posecap.runtime.pose import PoseSet
from posecap.runtime.pose_check import PoseCheck
from posecap.runtime.publisher import PosePublisher
from posecap.runtime.recorded_sets import RecordedSet, RecordedSets
from posecap.runtime.replayer import Replayer
from posecap.runtime.session_poses import pose_messages
from posecap.runtime.settings import PipelineSettings, with_overrides
from posecap.runtime.warm_up import warm_up

STAGES: tuple[Stage, ...] = ("instant", "refined")
_LONGEST_NAP_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What the user asked of `replay.py` for a recorded session; None = not said.

    Attributes:
        session: folder of the recording.
        speed: seconds of the recording for each second; None = as fast as possible.
        duration_s: of the recording that is replayed.
        model, engine, joints: instead of those of the recording.
        overrides: other settings as key=value.
        check: compare with the recorded poses, bit for bit.
        against: folder whose poses are compared with instead.
        save: new folder for the replayed poses.
        whole: all recorded pictures, not only those that the live session had time for.
    """

    session: Path
    viewer: Viewer = "none"
    stage: Stage = "refined"
    speed: float | None = 1.0
    duration_s: float | None = None
    model: str | None = None
    engine: str | None = None
    joints: str | None = None
    overrides: tuple[str, ...] = ()
    bind: str = "tcp://127.0.0.1:5570"
    check: bool = False
    against: Path | None = None
    save: Path | None = None
    whole: bool = False


@dataclass(slots=True)
class Replayed:
    """What a replay came to.

    Attributes:
        frame_sets: that went through the pipeline.
        with_people: of these, those in which somebody was found.
        lost_pictures: that the live pipeline had and the recording has not.
        seconds: it took.
        step_ms: median of the time of one frame set in the pipeline.
        checks: by stage; empty where nothing was compared.
        lossless: the recording has every bit of the pictures.
    """

    frame_sets: int = 0
    with_people: int = 0
    lost_pictures: int = 0
    seconds: float = 0.0
    step_ms: float = float("nan")
    checks: dict[Stage, PoseCheck] = field(default_factory=dict)
    lossless: bool = False

    @property
    def identical(self) -> bool:
        """Whether every compared pose is the same in every bit, and something was compared."""
        checks = self.checks.values()
        return all(one.first is None for one in checks) and any(one.compared for one in checks)


def replay_session(options: ReplayOptions, console: Console) -> Replayed:
    """Replay until the end of the recording, `duration_s` or Ctrl-C.

    Raises:
        the errors of `posecap.launch.errors.user_errors`, each with the remedy.
    """
    session = open_session(options.session)
    rig = load_rig(session.rig_file)
    settings = with_weights(_settings(session, options), lambda line: _say(console, line))
    check_free(options.bind)
    references = _references(session, options)
    result = Replayed(checks={stage: PoseCheck(messages, stage) for stage, messages in references.items()})
    result.lossless = all(one.lossless for one in session.cameras.values())
    cv2.setNumThreads(1)
    with RecordedSets(session, rig, whole=options.whole) as recorded:
        _say(
            console,
            f"replaying {len(recorded)} frame sets of {len(rig)} cameras with {settings.model} on "
            f"{settings.engine} ({settings.precision}); poses at {options.bind}; Ctrl-C ends",
        )
        if not session.complete:
            _say(console, f"{session.path} was cut off: replayed up to there")
        pipeline = open_pipeline(rig, settings)
        try:
            warm_up(pipeline)
            with (
                PosePublisher(options.bind, secrets.token_hex(4), rig.id, pipeline.joint_set) as publisher,
                ReplayViewer(_window(options, session, console)) as viewer,
                SavedPoses(options.save, session, rig, settings, pipeline.joint_set) as saved,
                ended_by_signals(),
            ):
                run = _Run(options, rig, recorded, result, publisher, saved)
                run.play(Replayer(pipeline), viewer, console)
        finally:
            pipeline.close()
    return result


class _Run:
    """One pass over the frame sets."""

    def __init__(
        self,
        options: ReplayOptions,
        rig: Rig,
        recorded: RecordedSets,
        result: Replayed,
        publisher: PosePublisher,
        saved: SavedPoses,
    ) -> None:
        self.options, self.rig, self.recorded, self.result = options, rig, recorded, result
        self.publisher, self.saved = publisher, saved
        self.first_ns = recorded.records[0].t_ns if recorded.records else 0
        self.epoch_ns = 0

    def play(self, replayer: Replayer, viewer: ReplayViewer, console: Console) -> None:
        step_ms: list[float] = []
        session = ""
        begin_s = time.monotonic()
        with _progress(console) as progress:
            task = progress.add_task("replaying", total=len(self.recorded))
            for recorded, step in replayer.steps(self._timed()):
                session = recorded.record.session
                states = self._states(recorded)
                self._give(step.instant, "instant", session, states)
                if step.refined is not None:
                    self._give(step.refined, "refined", session, states)
                self.result.frame_sets += 1
                self.result.with_people += bool(step.instant.skeletons)
                self.result.lost_pictures += len(recorded.lost)
                step_ms.append(sum(step.stage_ns.values()) / 1e6)
                progress.advance(task)
                if viewer.closed():
                    break
            else:
                for refined in replayer.pipeline.rest():
                    self._give(refined, "refined", session, ())
        self.result.seconds = time.monotonic() - begin_s
        self.result.step_ms = float(np.median(step_ms)) if step_ms else float("nan")

    def _timed(self) -> Iterator[RecordedSet]:
        """The frame sets when they are due."""
        self.epoch_ns = time.monotonic_ns()
        for one in self.recorded:
            since_ns = one.frame_set.t_ns - self.first_ns
            if self.options.duration_s is not None and since_ns > self.options.duration_s * 1e9:
                return
            while self.options.speed is not None:
                left_s = (self._shown_ns(one.frame_set.t_ns) - time.monotonic_ns()) / 1e9
                if left_s <= 0:
                    break
                time.sleep(min(left_s, _LONGEST_NAP_S))
            yield one

    def _shown_ns(self, t_ns: int) -> int:
        """When the recorded instant `t_ns` is shown, monotonic clock of now: subscribers see live times."""
        return self.epoch_ns + round((t_ns - self.first_ns) / (self.options.speed or 1.0))

    def _give(self, poses: PoseSet, stage: Stage, session: str, states: tuple[CameraState, ...]) -> None:
        if stage in self.result.checks:
            self.result.checks[stage].add(poses, session)
        self.saved.add(poses, stage, session, states)
        shown = PoseSet(
            poses.index, self._shown_ns(poses.t_ns), self._shown_ns(poses.t_capture_ns), poses.skeletons
        )
        self.publisher.publish(shown, stage, states)

    def _states(self, recorded: RecordedSet) -> tuple[CameraState, ...]:
        frames = zip(self.rig.names, recorded.frame_set.frames, strict=True)
        return tuple(CameraState(name, "lost" if frame is None else "live") for name, frame in frames)


def _settings(session: RecordedSession, options: ReplayOptions) -> PipelineSettings:
    """Those of the recording with what the user replaced."""
    if options.check and options.whole and options.against is None:
        raise UsageError(
            "--check compares with poses of the pictures that the live session had time for: leave out --all"
        )
    named = {"model": options.model, "engine": options.engine, "joints": options.joints}
    chosen = {name: value for name, value in named.items() if value is not None}
    if (chosen or options.overrides) and options.check and options.against is None:
        raise UsageError(
            "--check compares with poses of the recorded settings: leave out --model, --engine, --joints and --set, "
            "or give poses to compare with, made by --save, with --against"
        )
    try:
        recorded = msgspec.convert(session.settings, PipelineSettings)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"the settings of {session.path} are of another version ({error}): name them anew with --set"
        ) from error
    return with_overrides(msgspec.structs.replace(recorded, **chosen), list(options.overrides))


def _window(options: ReplayOptions, session: RecordedSession, console: Console) -> ViewConfig | None:
    if chosen_viewer(options.viewer, console) != "open3d":
        return None
    return ViewConfig(endpoint=reachable(options.bind), rig=str(session.rig_file), stage=options.stage)


def _references(session: RecordedSession, options: ReplayOptions) -> dict[Stage, Any]:
    """Recorded poses to compare with, by stage."""
    if not options.check and options.against is None:
        return {}
    path = (options.against or session.path) / MCAP_FILE
    if options.against is None and not session.frame_sets:
        raise UsageError(
            f"{session.path} has no poses: it was recorded without the pipeline, replay it without --check"
        )
    return {stage: pose_messages(path, stage) for stage in STAGES}


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} frame sets"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
