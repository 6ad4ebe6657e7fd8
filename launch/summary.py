"""What a session came to: collected while it runs, printed and written at its end."""

import math
from array import array
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from posecap.launch.errors import UsageError
from posecap.launch.score import MediaClock, Scorer, StageScore
from posecap.launch.truth import Truth
from posecap.runtime.messages import PoseMessage, Stage, StatsMessage

_MOST_LATENCIES = 1_000_000


class Latency(msgspec.Struct, frozen=True):
    """From mid-exposure of the oldest picture used to a subscriber that holds the pose, milliseconds."""

    n: int
    p50: float
    p95: float
    p99: float
    max: float


class StageSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: messages received, lost on the way, latency, and errors where there is truth.

    There is no latency at pace "max": pictures carry the time of a schedule that nobody kept.
    """

    messages: int
    lost: int
    latency_ms: Latency | None
    score: StageScore | None
    ids: dict[int, int]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The whole session.

    Attributes:
        seconds: from the first picture to the end.
        fps: frame sets processed for each second.
        published_share: frame sets that became a pose message, of all that the cameras gave.
        people_share: frame sets in which somebody was published, of all that the cameras gave.
        stages: by name; `ids` are messages in which each identity was published.
        runtime: last statistics of the runtime.
        restarts: of processes.
        endpoint, rig, speed, pace: of the session.
    """

    endpoint: str
    rig: str
    speed: float
    pace: str
    seconds: float
    fps: float
    published_share: float
    people_share: float
    stages: dict[str, StageSummary]
    runtime: StatsMessage | None
    restarts: dict[str, int]


class _StageRecord:
    def __init__(self) -> None:
        self.messages = 0
        self.lost = 0
        self.latencies_ms = array("f")
        self.ids: dict[int, int] = {}
        self.scorer: Scorer | None = None
        self._last: tuple[str, int] | None = None

    def add(self, message: PoseMessage, received_ns: int) -> None:
        header = message.header
        self.messages += 1
        if self._last is not None and self._last[0] == header.session:
            self.lost += max(header.seq - self._last[1] - 1, 0)
        self._last = (header.session, header.seq)
        if len(self.latencies_ms) < _MOST_LATENCIES:
            self.latencies_ms.append((received_ns - header.t_capture_ns) / 1e6)
        for track in message.ids:
            self.ids[track] = self.ids.get(track, 0) + 1
        if self.scorer is not None:
            self.scorer.add(message)

    def summary(self, *, by_clock: bool) -> StageSummary:
        latency = None
        if len(self.latencies_ms) and by_clock:
            values = np.percentile(np.frombuffer(self.latencies_ms, dtype=np.float32), [50, 95, 99, 100])
            latency = Latency(len(self.latencies_ms), *(float(value) for value in values))
        score = None if self.scorer is None else self.scorer.score()
        return StageSummary(
            messages=self.messages, lost=self.lost, latency_ms=latency, score=score, ids=self.ids
        )


class Record:
    """Everything that a session's summary needs; give it every message."""

    def __init__(self) -> None:
        self._stages: dict[Stage, _StageRecord] = {"instant": _StageRecord(), "refined": _StageRecord()}
        self.stats: StatsMessage | None = None
        self._finished: list[StatsMessage] = []  # last words of runtimes that were started again

    def compare(self, truth: Truth, clock: MediaClock) -> None:
        """From now on, poses are compared with `truth`."""
        for stage in self._stages.values():
            stage.scorer = Scorer(truth, clock)

    def scorer(self, stage: Stage) -> Scorer | None:
        """Of one stage; None without truth."""
        return self._stages[stage].scorer

    def add(self, message: PoseMessage | StatsMessage, received_ns: int) -> None:
        """Count one message, received at `received_ns` (monotonic clock)."""
        if isinstance(message, PoseMessage):
            self._stages[message.header.stage].add(message, received_ns)
            return
        if self.stats is not None and self.stats.session != message.session:
            self._finished.append(self.stats)
        self.stats = message

    @property
    def poses(self) -> int:
        """Stage 1 messages so far."""
        return self._stages["instant"].messages

    def summary(
        self, *, endpoint: str, rig: str, speed: float, pace: str, seconds: float, restarts: dict[str, int]
    ) -> Summary:
        """All of it."""
        all_stats = [*self._finished, *([self.stats] if self.stats else [])]
        sets = sum(one.complete + one.partial for one in all_stats)
        processed = sum(one.processed for one in all_stats)
        with_people = sum(one.with_people for one in all_stats)
        return Summary(
            endpoint=endpoint,
            rig=rig,
            speed=speed,
            pace=pace,
            seconds=seconds,
            fps=processed / seconds if seconds > 0 else math.nan,
            published_share=processed / sets if sets else math.nan,
            people_share=with_people / sets if sets else math.nan,
            stages={
                stage: record.summary(by_clock=pace == "clock") for stage, record in self._stages.items()
            },
            runtime=self.stats,
            restarts=restarts,
        )


def write_summary(summary: Summary, path: Path) -> None:
    """As JSON, unknown numbers as null; raises UsageError where the file cannot be written."""
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    except OSError as error:
        raise UsageError(
            f"--summary {path} cannot be written ({error.strerror}): choose another path"
        ) from error


def print_summary(summary: Summary, console: Console) -> None:
    """As tables for people."""
    table = Table(title="session", show_header=False, title_justify="left")
    table.add_column()
    table.add_column()
    table.add_row("duration", f"{summary.seconds:.1f} s ({summary.pace} pace, speed {summary.speed:g})")
    stats = summary.runtime
    if stats is not None:
        table.add_row("runs", f"{stats.engine}, {stats.model}, {stats.joint_set}")
        table.add_row("frame sets", f"{stats.complete} complete, {stats.partial} with a picture missing")
        table.add_row(
            "not processed", f"{stats.dropped} dropped (pipeline slower than cameras), {stats.torn} torn"
        )
        for camera in stats.cameras:
            table.add_row(
                f"camera {camera.name}",
                f"{camera.state}: {camera.sent} sent, {camera.dropped} dropped at the source, "
                f"{camera.late} late, {camera.missing} missing",
            )
    table.add_row("frame sets / s", f"{summary.fps:.1f}")
    table.add_row("published", f"{_percent(summary.published_share)} of frame sets")
    table.add_row("with people", f"{_percent(summary.people_share)} of frame sets")
    for name, count in summary.restarts.items():
        table.add_row(f"{name}", f"restarted: {count}")
    console.print(table)
    console.print(_stage_table(summary))
    if stats is not None and stats.stages:
        times = Table(title="stages of the pipeline, ms", title_justify="left")
        for column in ("stage", "p50", "p95", "p99", "max"):
            times.add_column(column, justify="left" if column == "stage" else "right")
        for name, stage in stats.stages.items():
            times.add_row(name, *(f"{value:.1f}" for value in (stage.p50, stage.p95, stage.p99, stage.max)))
        console.print(times)


def _stage_table(summary: Summary) -> Table:
    table = Table(title="poses", title_justify="left")
    table.add_column("")
    for name in summary.stages:
        table.add_column(
            {"instant": "stage 1 (instant)", "refined": "stage 2 (refined)"}[name], justify="right"
        )
    stages = list(summary.stages.values())
    table.add_row("messages", *(f"{one.messages} ({one.lost} lost)" for one in stages))
    table.add_row("people", *(str(len(one.ids)) + " ids" for one in stages))
    latencies = [one.latency_ms for one in stages]
    table.add_row(
        "latency p50 / p95 / p99, ms",
        *(f"{one.p50:.0f} / {one.p95:.0f} / {one.p99:.0f}" if one else "-" for one in latencies),
    )
    scores = [one.score for one in stages]
    if all(score is not None for score in scores):
        known = [score for score in scores if score is not None]
        rows = (
            ("true person published", [_percent(one.published) for one in known]),
            ("error, mean (median), mm", [f"{one.mpjpe_mm:.1f} ({one.median_mm:.1f})" for one in known]),
            ("... constant offsets removed", [f"{one.offset_removed_mm:.1f}" for one in known]),
            ("... Procrustes-aligned", [f"{one.procrustes_mm:.1f}" for one in known]),
            ("bone length variation", [f"{100 * one.bone_variation:.1f} %" for one in known]),
            ("... of the truth", [f"{100 * one.truth_bone_variation:.1f} %" for one in known]),
            ("identity switches", [str(one.id_switches) for one in known]),
        )
        for name, cells in rows:
            table.add_row(name, *cells)
    return table


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f} %"
