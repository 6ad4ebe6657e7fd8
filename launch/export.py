"""Recorded poses as files of other programs. `python launch/export.py --help` has examples."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "posecap needs Python 3.11 or newer, this is %d.%d: install a newer Python"  # noqa: UP031
        % sys.version_info[:2]
    )

import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from posecap.calib.rig import Rig
from posecap.calib.rig_file import load_rig
from posecap.launch.errors import UsageError, user_errors
from posecap.launch.export_files import FORMATS, UNIFORM, Plan, Written, people_seen
from posecap.runtime.pose_take import PoseTake
from posecap.runtime.session_poses import read_poses
from posecap.runtime.uniform_take import Uniform, at_rate, fill_gaps

_EXAMPLES = """
Writes the poses of a recording as files of other programs. Unknown joints stay unknown in all of them.

Markers for OpenSim, one file for each person:

    python launch/export.py session/ --trc

For data frames, at the recording's own times:

    python launch/export.py session/ --csv --parquet --npz

One person at 100 Hz, gaps of up to 0.2 s filled, for motion analysis and animation:

    python launch/export.py session/ --c3d --bvh --person 3 --rate 100 --fill-gaps 0.2 --out study

What `python launch/subscribe.py > poses.jsonl` took down from a live stream:

    python launch/export.py poses.jsonl --csv

TRC, C3D and BVH have one rate: frames are interpolated at it, and the summary says how far times were moved. TRC is in
metres with Y up, C3D in millimetres with Z up, everything else in metres with Z up.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(help=_EXAMPLES, no_args_is_help=True)
def export(
    session: Annotated[Path, typer.Argument(help="Folder of a recording, or JSON lines of subscribe.py.")],
    *,
    trc: Annotated[bool, typer.Option("--trc", help="OpenSim, Pose2Sim.")] = False,
    c3d: Annotated[bool, typer.Option("--c3d", help="Motion analysis programs.")] = False,
    bvh: Annotated[bool, typer.Option("--bvh", help="Animation: a fitted skeleton.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="One row for each joint and frame.")] = False,
    parquet: Annotated[bool, typer.Option("--parquet", help="The same table for data frames.")] = False,
    npz: Annotated[bool, typer.Option("--npz", help="The arrays for numpy.")] = False,
    openpose_json: Annotated[
        bool, typer.Option("--openpose-json", help="One file for each camera and frame, 2D and 3D.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the files.", show_default="export/ in the recording")
    ] = None,
    stage: Annotated[
        str, typer.Option(help="refined = smoothed; instant = each frame set alone.")
    ] = "refined",
    person: Annotated[list[int] | None, typer.Option(help="Only this id; may be given again.")] = None,
    joints: Annotated[str | None, typer.Option(help="Only these, by name: left_hip,left_knee.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(help="Frames a second.", show_default="as recorded; TRC, C3D, BVH: its median"),
    ] = None,
    fill_gaps_s: Annotated[
        float, typer.Option("--fill-gaps", help="Fill gaps of a joint up to so many seconds; 0 = leave all.")
    ] = 0.0,
    openpose_order: Annotated[str, typer.Option(help="body_25, coco_18 or coco_17.")] = "body_25",
    rig: Annotated[
        Path | None, typer.Option(help="Rig file for --openpose-json.", show_default="that of the recording")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Write every format asked for."""
    console = Console(highlight=False, soft_wrap=True)
    asked = (trc, c3d, bvh, csv, parquet, npz, openpose_json)
    formats = tuple(kind for kind, wanted in zip(FORMATS, asked, strict=True) if wanted)
    with user_errors():
        if not formats:
            raise UsageError(f"nothing to write: give one or more of {', '.join('--' + k for k in FORMATS)}")
        try:
            with console.status(f"reading {session}"):
                poses = _read(session, stage, person, joints, formats, rate, fill_gaps_s)
                plan = Plan(
                    formats=formats,
                    name=_name(session, stage),
                    take=poses.take,
                    uniform=poses.uniform.take if poses.uniform else None,
                    rate_hz=poses.uniform.rate_hz if poses.uniform else 0.0,
                    longest_s=fill_gaps_s,
                    rig=_rig(session, rig) if openpose_json else None,
                    order=openpose_order,
                )
            folder = out or _default_folder(session)
            written = _write_all(plan, folder, console, force=force)
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)
        _summarise(poses, written, folder, console, fill_gaps_s)


@dataclass(frozen=True, slots=True, eq=False)
class _Poses:
    """What is written: the take, the take at one rate where one is needed, joints filled, frame sets never recorded."""

    take: PoseTake
    uniform: Uniform | None
    filled: int
    lost: int


def _read(
    session: Path, stage: str, people: list[int] | None, joints: str | None, formats: tuple[str, ...],
    rate_hz: float | None, longest_s: float,
) -> _Poses:  # fmt: skip
    take = read_poses(session, stage, people)  # pyright: ignore[reportArgumentType] - it checks the stage
    if joints is not None:
        take = take.of_joints([name.strip() for name in joints.split(",") if name.strip()])
    if not people_seen(take):
        raise UsageError(f"{session}: nobody was seen: record people, or export other --joints or --person")
    lost = int((~take.recorded).sum())
    take, filled = fill_gaps(take, longest_s) if longest_s else (take, 0)
    needed = rate_hz is not None or any(kind in UNIFORM for kind in formats)
    uniform = at_rate(take, rate_hz) if needed else None
    return _Poses(uniform.take if uniform and rate_hz is not None else take, uniform, filled, lost)


def _name(session: Path, stage: str) -> str:
    path = session.resolve()
    name = path.parent.name if path.name == "session.mcap" else path.stem if path.is_file() else path.name
    return name if stage == "refined" else f"{name}_{stage}"


def _default_folder(session: Path) -> Path:
    return session / "export" if session.is_dir() else session.parent / "export"


def _rig(session: Path, path: Path | None) -> Rig:
    place = path or (session if session.is_dir() else session.parent) / "rig.yaml"
    if not place.is_file():
        raise UsageError(f"no rig file at {place}, --openpose-json needs one: give it with --rig")
    return load_rig(place)


def _write_all(plan: Plan, folder: Path, console: Console, *, force: bool) -> list[Written]:
    """Write beside the place, then move there: what is interrupted leaves nothing half written."""
    there = [name for name in plan.names() if (folder / name).exists()]
    if there and not force:
        raise UsageError(f"{folder / there[0]} exists: choose another folder with --out, or give --force")
    written: list[Written] = []
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            TemporaryDirectory(dir=folder, prefix=".export-") as temporary,
            Progress(*columns, console=console, transient=True) as bar,
        ):
            for kind in plan.formats:
                written += plan.write(Path(temporary), kind, _Bar(bar, bar.add_task(kind, total=None)))
            for made in sorted(Path(temporary).iterdir()):
                if (folder / made.name).is_dir():
                    shutil.rmtree(folder / made.name)
                made.replace(folder / made.name)
    except OSError as error:
        raise UsageError(
            f"cannot write into {folder} ({error.strerror}): choose another folder with --out"
        ) from error
    return written


@dataclass(frozen=True, slots=True)
class _Bar:
    """One task of a progress bar, as writers tell it."""

    bar: Progress
    task: TaskID

    def __call__(self, done: int, total: int) -> None:
        self.bar.update(self.task, completed=done, total=total)


def _summarise(
    poses: _Poses, written: list[Written], folder: Path, console: Console, longest_s: float
) -> None:
    table = Table("file", "people", "frames", "gaps", "unknown", "", box=None, header_style="bold")
    for one in written:
        people = ", ".join(str(person) for person in one.people)
        numbers = str(one.frames), str(one.gaps), f"{100 * one.unknown:.1f} %"
        table.add_row(one.name, people, *numbers, one.note)
    console.print(table)
    take = poses.take
    console.print(
        f"in {folder}: {take.t_s[-1]:.1f} s of {take.joint_set}, stage {take.stage}, calibration {take.rig_id}"
    )
    if poses.lost:
        console.print(f"{poses.lost} frame sets are not in the recording; nobody is known in them")
    if longest_s:
        console.print(f"{poses.filled} joint positions filled, in gaps of up to {longest_s:g} s")
    else:
        console.print(
            "gaps are as recorded (a BVH holds the last pose); --fill-gaps 0.2 would fill up to 0.2 s"
        )
    if poses.uniform is not None:
        even = poses.uniform
        console.print(
            f"{even.rate_hz:g} Hz: times moved by {even.moved_median_s * 1e3:.1f} ms (median), "
            f"{even.moved_max_s * 1e3:.1f} ms at most, positions interpolated"
        )


if __name__ == "__main__":
    app()
