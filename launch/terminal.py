"""The session in a terminal: a table that is redrawn, or a line a second where there is no terminal."""

import math
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from posecap.launch.score import StageScore
from posecap.runtime.messages import CameraStats, PoseMessage, Stage, StatsMessage

_REDRAW_S = 0.25
_COLOURS = {
    "live": "green",
    "starting": "yellow",
    "ended": "cyan",
}


class Display(Protocol):
    """Where a session shows itself."""

    def news(self, line: str) -> None:
        """Something happened."""
        ...

    def show(self, pose: PoseMessage | None, stats: StatsMessage | None, error: StageScore | None) -> None:
        """The state of things: newest pose of the stage shown, statistics, error of the last seconds."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class LineDisplay:
    """One line a second, for logs and for sessions that are watched elsewhere."""

    def __init__(self, console: Console, stage: Stage, *, by_clock: bool) -> None:
        self._console, self._by_clock = console, by_clock
        self._stage: Stage = stage
        self._seq = -1
        self._alarms: tuple[str, ...] = ()

    def news(self, line: str) -> None:
        """Printed at once."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def show(self, pose: PoseMessage | None, stats: StatsMessage | None, error: StageScore | None) -> None:
        """A line where the statistics are new."""
        if stats is None or stats.seq == self._seq:
            return
        self._seq = stats.seq
        alarms = tuple(camera.name for camera in stats.cameras if camera.alarm)
        if alarms != self._alarms:
            self._alarms = alarms
            self.news(stats.note or "all cameras agree again")
        self.news(_headline(stats, self._stage, error, by_clock=self._by_clock))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class TableDisplay:
    """People, cameras, rates, latency and live error, redrawn four times a second."""

    def __init__(self, console: Console, stage: Stage, *, by_clock: bool) -> None:
        self._stage: Stage = stage
        self._by_clock = by_clock
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._due_s = 0.0
        self._console = console

    def news(self, line: str) -> None:
        """Printed above the table."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def show(self, pose: PoseMessage | None, stats: StatsMessage | None, error: StageScore | None) -> None:
        """Redraw, if it is time."""
        now_s = time.monotonic()
        if now_s < self._due_s:
            return
        self._due_s = now_s + _REDRAW_S
        headline = "waiting for the first pictures"
        if stats is not None:
            headline = _headline(stats, self._stage, error, by_clock=self._by_clock)
        parts: list[Table | Text] = [Text(headline, style="bold"), _people(pose)]
        if stats is not None:
            parts.append(_cameras(stats))
            if stats.note:
                parts.append(Text(stats.note, style="red"))
        self._live.update(Group(*parts), refresh=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()


def _headline(stats: StatsMessage, stage: Stage, error: StageScore | None, *, by_clock: bool) -> str:
    """One line: rate, people, latency, drops, error."""
    latency = stats.latency_refined if stage == "refined" else stats.latency_instant
    words = [f"{stats.fps:5.1f} frame sets/s", f"{stats.people} people"]
    if latency.n and by_clock:
        words.append(f"latency {latency.p50:.0f} ms (p99 {latency.p99:.0f})")
    if stats.dropped or stats.torn:
        words.append(f"dropped {stats.dropped}, torn {stats.torn}")
    states = [f"{camera.name} {camera.state}" for camera in stats.cameras if camera.state != "live"]
    states += [f"{camera.name} {camera.alarm}" for camera in stats.cameras if camera.alarm]
    words.append(", ".join(states) if states else f"{len(stats.cameras)} cameras live")
    if error is not None and math.isfinite(error.mpjpe_mm):
        words.append(f"error {error.mpjpe_mm:.0f} mm, {error.offset_removed_mm:.0f} without constant offsets")
    return " | ".join(words)


def _people(pose: PoseMessage | None) -> Table:
    table = Table(title="people", title_justify="left", expand=False)
    for name in ("id", "x m", "y m", "joints", "residual px", "sigma mm"):
        table.add_column(name, justify="right")
    if pose is None:
        return table
    for row, person in enumerate(pose.header.people):
        xyz = pose.xyz[row]
        seen = np.isfinite(xyz[:, 0])
        x, y = np.nanmedian(xyz[:, :2], axis=0) if seen.any() else (math.nan, math.nan)
        variance = pose.covariance[row][seen][:, [0, 3, 5]]
        sigma_mm = 1e3 * math.sqrt(float(np.median(variance.mean(axis=1)))) if seen.any() else math.nan
        table.add_row(
            str(person.id),
            f"{x:.2f}",
            f"{y:.2f}",
            f"{seen.sum()}/{len(seen)}",
            f"{person.residual_px:.1f}",
            f"{sigma_mm:.0f}",
        )
    return table


def _shift(camera: CameraStats) -> str:
    """How far a camera is off, of what would raise an alarm."""
    if math.isnan(camera.shift_mm):
        return "-"
    return f"{camera.shift_mm:.0f} of {camera.shift_limit_mm:.0f}"


def _cameras(stats: StatsMessage) -> Table:
    table = Table(title="cameras", title_justify="left", expand=False)
    for name in ("camera", "state", "fps", "decode ms", "dropped", "late", "missing", "shift mm", "note"):
        table.add_column(name, justify="left" if name in ("camera", "state", "note") else "right")
    for camera in stats.cameras:
        numbers: Sequence[str] = (
            f"{camera.fps:.1f}", f"{camera.decode_ms:.1f}", str(camera.dropped), str(camera.late),
            str(camera.missing), _shift(camera),
        )  # fmt: skip
        state = Text(camera.state, style=_COLOURS.get(camera.state, "red"))
        table.add_row(camera.name, state, *numbers, camera.note)
    return table
