"""Recording cameras without poses: started, shown and ended like a live session."""

import shutil
import time
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.live import Live
from rich.table import Table

from posecap.launch.camera_preparation import prepare_cameras
from posecap.launch.errors import LaunchError
from posecap.launch.interruption import ended_by_signals
from posecap.launch.recording import (
    RecordOptions,
    record_config,
    recorded_line,
    session_folder,
)
from posecap.launch.supervisor import Supervisor
from posecap.launch.topology import RunFolder, topology
from posecap.runtime.record_config import RecordReport

_SLOTS = 8
_POLL_S = 0.1
_SHOW_S, _PRINT_S = 1.0, 5.0  # in a terminal, and as lines elsewhere
_PATIENCE_S = 10.0  # until the first pictures, where there is a duration
_ENDED = ("ended", "failed")


def record_cameras(
    options: RecordOptions,
    cams: Path,
    console: Console,
    *,
    duration_s: float | None = None,
    speed: float = 1.0,
    loop: bool = True,
    pace: Literal["clock", "max"] = "clock",
) -> RecordReport:
    """Record the cameras of the rig file `cams` until Ctrl-C, `duration_s`, or the end of all recordings.

    Raises:
        the errors of `posecap.launch.errors.user_errors`; LaunchError where the recorder died or the disk is full.
    """
    cameras = prepare_cameras(cams, speed=speed, loop=loop, pace=pace)
    config = record_config(options, cameras.content, cameras.fps)
    console.print(
        f"recording {len(cameras.rig)} cameras of {cams} into {options.folder}, {_free(options)} GB free; Ctrl-C ends",
        markup=False,
        soft_wrap=True,
    )
    with (
        session_folder(options, cameras.content),
        RunFolder(cameras.rig, _SLOTS) as folder,
        ended_by_signals(),
    ):
        plan = topology(folder, cameras.configs, None, None, config)
        with Supervisor(plan) as supervisor:
            try:
                supervisor.start()
                _watch(supervisor, len(cameras.configs), duration_s, console)
            except KeyboardInterrupt:
                console.print("writing what still waits", markup=False)
    report = supervisor.recording
    console.print(recorded_line(options.folder, report), markup=False, soft_wrap=True)
    if supervisor.recorder_ended is not None:
        raise LaunchError(f"recording ended early: {supervisor.recorder_ended}")
    if report is None or not any(one.written for one in report.cameras.values()):
        notes = [f"{name}: {one.note or one.state}" for name, one in supervisor.cameras.items()]
        raise LaunchError(f"no pictures came ({'; '.join(notes) or 'no camera answered'}): check the cameras")
    return report


def _free(options: RecordOptions) -> str:
    """GB on the disk of the nearest folder that exists."""
    folder = next(one for one in (options.folder, *options.folder.resolve().parents) if one.exists())
    return f"{shutil.disk_usage(folder).free / 1e9:.1f}"


def _watch(supervisor: Supervisor, cameras: int, duration_s: float | None, console: Console) -> None:
    """Show how it goes until there is a reason to end."""
    before: RecordReport | None = None
    shown_s = 0.0
    first_s = time.monotonic() + _PATIENCE_S  # of the pictures
    came = False
    every_s = _SHOW_S if console.is_terminal else _PRINT_S
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while supervisor.recorder_ended is None:
            time.sleep(_POLL_S)
            for line in supervisor.poll():
                console.print(line, markup=False, soft_wrap=True)
            report = supervisor.recording
            if report is not None and report.cameras and not came:
                first_s, came = time.monotonic(), True
            if report is not None and report.cameras and time.monotonic() - shown_s >= every_s:
                if console.is_terminal:
                    live.update(_table(report, before), refresh=True)
                else:
                    console.print(_line(report, before), markup=False, soft_wrap=True)
                before, shown_s = report, time.monotonic()
            if duration_s is not None and time.monotonic() >= first_s + duration_s:
                return
            states = [one.state for one in supervisor.cameras.values()]
            if len(states) == cameras and all(state in _ENDED for state in states):
                return


def _table(report: RecordReport, before: RecordReport | None) -> Table:
    caption = f"{report.size_bytes / 1e6:.0f} MB written, {_left(report, before)}"
    table = Table(
        "camera", "pictures", "fps", "MB", "waiting", "lost", "not taken", "encoder", caption=caption
    )
    for name, one in report.cameras.items():
        table.add_row(
            name,
            str(one.written),
            f"{_fps(name, report, before):.1f}",
            f"{one.size_bytes / 1e6:.1f}",
            str(one.waiting),
            str(one.lost),
            str(one.missing),
            one.codec,
        )
    return table


def _line(report: RecordReport, before: RecordReport | None) -> str:
    cameras = ", ".join(
        f"{name} {one.written} ({_fps(name, report, before):.1f} fps, {one.lost} lost)"
        for name, one in report.cameras.items()
    )
    return f"{cameras} | {report.size_bytes / 1e6:.1f} MB | {_left(report, before)}"


def _left(report: RecordReport, before: RecordReport | None) -> str:
    """Room on the disk, and for how long that is at the present rate."""
    room = f"{report.left_bytes / 1e9:.1f} GB left"
    grown = report.size_bytes - before.size_bytes if before is not None else 0
    if before is None or grown <= 0:
        return room
    minutes = report.left_bytes / grown * (report.t_ns - before.t_ns) / 60e9
    return f"{room}, for {minutes / 60:.1f} h" if minutes > 120 else f"{room}, for {minutes:.0f} min"


def _fps(camera: str, report: RecordReport, before: RecordReport | None) -> float:
    """Pictures written for each second between two reports."""
    if before is None or camera not in before.cameras or report.t_ns <= before.t_ns:
        return 0.0
    count = report.cameras[camera].written - before.cameras[camera].written
    return count * 1e9 / (report.t_ns - before.t_ns)
