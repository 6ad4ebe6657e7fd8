"""One live session: cameras in, skeletons out, until it is over or somebody ends it."""

import os
import time

import msgspec
from rich.console import Console

from posecap.launch.errors import LaunchError
from posecap.launch.interruption import ended_by_signals
from posecap.launch.model_files import with_weights
from posecap.launch.preparation import LiveOptions, Prepared, prepare
from posecap.launch.recording import record_config, recorded_line, session_folder
from posecap.launch.score import MediaClock, StageScore
from posecap.launch.summary import Record, Summary, print_summary, write_summary
from posecap.launch.supervisor import Supervisor
from posecap.launch.terminal import Display, LineDisplay, TableDisplay
from posecap.launch.topology import RunFolder, topology
from posecap.launch.view import ViewConfig
from posecap.launch.view_score import write_score
from posecap.launch.viewer_choice import chosen_viewer, reachable
from posecap.runtime.client import Subscriber
from posecap.runtime.messages import (
    TOPIC_INSTANT,
    TOPIC_REFINED,
    TOPIC_STATS,
    PoseMessage,
    StatsMessage,
)

_SLOTS = 8
_POLL_S = 0.05
_QUIET_S = 1.0  # after the end of all recordings
_LIVE_ERROR_INSTANTS = 150
_SCORE_FILE = "score"  # in the run folder; the viewer reads it
_ENDED = ("ended", "failed")


def run_session(options: LiveOptions, console: Console) -> Summary:
    """Prepare, start, show, and end a session; returns its summary, which is also printed and written.

    Raises:
        the errors of `posecap.launch.errors.user_errors`, each with the remedy.
    """
    prepared = prepare(options)
    settings = with_weights(prepared.settings, lambda line: console.print(line, markup=False, soft_wrap=True))
    viewer = chosen_viewer(options.viewer, console)
    runtime = msgspec.structs.replace(prepared.runtime, settings=settings, thumbnails=viewer == "open3d")
    title = (
        f"posecap {settings.model} on {settings.engine} ({settings.precision}), people found by "
        f"{settings.detector}; {len(prepared.rig)} cameras of {options.cams}"
    )
    console.print(title, markup=False, highlight=False, soft_wrap=True)
    console.print(f"poses at {options.bind}; Ctrl-C ends", markup=False, highlight=False, soft_wrap=True)
    recorder = None
    if options.record is not None:
        recorder = msgspec.structs.replace(
            record_config(options.record, prepared.content, prepared.fps, msgspec.to_builtins(settings)),
            poses_endpoint=reachable(options.bind),
            server_key=str(options.curve_key or ""),
        )
    view = None
    if viewer == "open3d":
        view = ViewConfig(
            endpoint=reachable(options.bind),
            rig=str(options.cams),
            stage=options.stage,
            server_key=str(options.curve_key or ""),
        )
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of the child processes: 3 x 3 systems need no more
    with (
        session_folder(options.record, prepared.content),
        RunFolder(prepared.rig, _SLOTS) as folder,
        ended_by_signals(),
    ):
        if view is not None:
            view = msgspec.structs.replace(view, score_file=str(folder.path / _SCORE_FILE))
        plan = topology(folder, prepared.cameras, runtime, view, recorder)
        record = Record()
        with Supervisor(plan) as supervisor:
            display: Display = (
                TableDisplay(console, options.stage, by_clock=options.pace == "clock")
                if viewer == "terminal"
                else LineDisplay(console, options.stage, by_clock=options.pace == "clock")
            )
            _Session(options, prepared, supervisor, record).run(display)
            seconds = max(time.monotonic_ns() - supervisor.epoch_ns, 0) / 1e9 if supervisor.epoch_ns else 0.0
    summary = record.summary(
        endpoint=options.bind,
        rig=prepared.rig.id,
        speed=options.speed,
        pace=options.pace,
        seconds=seconds,
        restarts=supervisor.restarts,
    )
    print_summary(summary, console)
    if options.record is not None:
        line = recorded_line(options.record.folder, supervisor.recording, supervisor.recorder_ended)
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if options.summary is not None:
        write_summary(summary, options.summary)
    return summary


class _Session:
    """The loop of one session: hear, record, show, until there is a reason to end."""

    def __init__(
        self, options: LiveOptions, prepared: Prepared, supervisor: Supervisor, record: Record
    ) -> None:
        self.options, self.prepared = options, prepared
        self.supervisor, self.record = supervisor, record
        self.pose: PoseMessage | None = None
        self.error: StageScore | None = None
        self.scored_s = time.monotonic()

    def run(self, display: Display) -> None:
        """From the start of the processes to the end; Ctrl-C and SIGTERM are reasons like any other."""
        topics = (TOPIC_INSTANT, TOPIC_REFINED, TOPIC_STATS)
        endpoint = reachable(self.options.bind)
        try:
            with Subscriber(endpoint, topics, self.options.curve_key) as messages, display:
                self.supervisor.start()
                if self.prepared.truth is not None and self.prepared.media_s is not None:
                    speed = self.prepared.cameras[0].speed
                    clock = MediaClock(self.supervisor.epoch_ns, speed, self.prepared.media_s)
                    self.record.compare(self.prepared.truth, clock)
                while not self._is_over():
                    self._turn(messages, display)
        except KeyboardInterrupt:
            pass

    def _turn(self, messages: Subscriber[PoseMessage | StatsMessage], display: Display) -> None:
        for message in messages.drain(_POLL_S):
            self.record.add(message, time.monotonic_ns())
            if isinstance(message, PoseMessage) and message.header.stage == self.options.stage:
                self.pose = message
        for line in self.supervisor.poll():
            display.news(line)
        scorer = self.record.scorer(self.options.stage)
        if scorer is not None and time.monotonic() - self.scored_s > 1.0:
            self.error, self.scored_s = scorer.score(_LIVE_ERROR_INSTANTS), time.monotonic()
            write_score(
                self.supervisor.topology.logs / _SCORE_FILE, self.error.mpjpe_mm, self.error.offset_removed_mm
            )
        display.show(self.pose, self.record.stats, self.error)

    def _is_over(self) -> bool:
        """Raises LaunchError where it ended badly."""
        supervisor, duration_s = self.supervisor, self.options.duration_s
        if duration_s is not None and time.monotonic_ns() >= supervisor.epoch_ns + duration_s * 1e9:
            return True
        if supervisor.viewer_ended == "":
            return True  # its window was closed
        if supervisor.viewer_ended is not None and self.options.viewer == "open3d":
            raise LaunchError(f"{supervisor.viewer_ended}; use --viewer terminal")
        statuses = supervisor.cameras.values()
        if len(statuses) < len(self.prepared.cameras) or any(one.state not in _ENDED for one in statuses):
            return False
        if all(one.state == "failed" for one in statuses):
            raise LaunchError(next(iter(statuses)).note)
        stats = self.record.stats
        given = stats.complete + stats.partial if stats else 0
        done = stats is not None and given > 0 and stats.processed + stats.dropped + stats.torn >= given
        return done and self._was_quiet()

    def _was_quiet(self) -> bool:
        """Whether a whole round of statistics has come since the last pose."""
        stats, pose = self.record.stats, self.pose
        return stats is not None and (pose is None or stats.t_ns - pose.header.t_publish_ns > _QUIET_S * 1e9)
