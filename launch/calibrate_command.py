"""The command line of `calibrate.py`."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from posecap.calib.board import Board
from posecap.launch.board_option import board_of
from posecap.launch.board_print import print_board
from posecap.launch.board_sightings import BoardSightings
from posecap.launch.calibrate_lenses import calibrate_lenses
from posecap.launch.calibrate_options import (
    BoardText,
    Cams,
    Duration,
    Every,
    Force,
    Frames,
    Network,
    Only,
    Out,
    ReportPage,
    Size,
    Source,
    Tracks,
    Videos,
)
from posecap.launch.calibrate_people import PeopleOptions, calibrate_people, check_people
from posecap.launch.calibrate_places import WorldOptions, calibrate_places, check_places, gravity_of
from posecap.launch.calibrate_times import calibrate_times
from posecap.launch.calibration_cameras import CalibrationCameras, calibration_cameras
from posecap.launch.calibration_output import OutputOptions, check_writable, say_verdict
from posecap.launch.calibration_reading import read_boards
from posecap.launch.errors import EXIT_FAILURE, UsageError, user_errors

_LINE = 120  # characters, where no terminal says how wide it is
_EXAMPLES = """
Calibrates cameras, from live pictures or recordings, in four steps.

1. Print a board at 100 %, glue it on something flat, measure a square:

    python launch/calibrate.py board --board charuco:7x5:40mm:30mm --out board.pdf

2. The lenses: hold the board before each camera, everywhere in its picture, near, far and tilted:

    python launch/calibrate.py intrinsics --board charuco:7x5:40mm:30mm --videos lenses --out rig.yaml

    python launch/calibrate.py intrinsics --board charuco:7x5:40mm:30mm --source left=uvc:0 --source right=uvc:2
    --size 1280x720

3. The places: carry the board where two cameras see it at once, then lay it on the floor:

    python launch/calibrate.py extrinsics --board charuco:7x5:40mm:30mm --cams rig.yaml --videos places --floor 41.5

   Or from somebody who walks through the room, when the lenses are known:

    python launch/calibrate.py people --cams rig.yaml --videos walk --height 1.78

   Or a little better than they are, from the same walk, and the clocks of cameras that nothing synchronises:

    python launch/calibrate.py people --cams rig.yaml --videos walk --refine

    python launch/calibrate.py times --cams rig.yaml --videos walk

4. Whether it still holds; status 0 = usable, 1 = not:

    python launch/calibrate.py check --board charuco:7x5:40mm:30mm --cams rig.yaml --videos today --report check.html
"""

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help=_EXAMPLES,
)


@app.command()
def intrinsics(
    *,
    board: BoardText,
    cams: Cams = None,
    source: Source = None,
    videos: Videos = None,
    size: Size = None,
    camera: Only = None,
    model: Annotated[
        str, typer.Option(help="Of the lens: brown5, or fisheye4 for very wide ones.")
    ] = "brown5",
    every: Every = None,
    duration: Duration = None,
    out: Out = None,
    report: ReportPage = None,
    force: Force = False,
) -> None:
    """The lens of each camera, from a board that is held before it in many ways."""
    with _command() as console:
        if model not in ("brown5", "fisheye4"):
            raise UsageError(f"--model {model!r} is unknown, there are brown5, fisheye4: check the spelling")
        printed = board_of(board)
        output = _output(cams, out, report, force)
        cameras = _cameras(cams, source, videos, size, camera)
        seen = _seen(printed, cameras, console, every, duration, lenses=True)
        calibrate_lenses(
            printed, cameras, seen, "fisheye4" if model == "fisheye4" else "brown5", output, console
        )


@app.command()
def extrinsics(
    *,
    board: BoardText,
    cams: Cams = None,
    videos: Videos = None,
    camera: Only = None,
    floor: Annotated[
        float | None,
        typer.Option(help="Seconds into the recording when the board lay on the floor, print up."),
    ] = None,
    thickness: Annotated[float, typer.Option(min=0, help="Of the board, mm.")] = 0.0,
    gravity: Annotated[
        list[str] | None,
        typer.Option(
            help="CAMERA=x,y,z: where down is for a camera (x right, y down, z forward), instead of --floor.",
            show_default=False,
        ),
    ] = None,
    refine_lenses: Annotated[bool, typer.Option("--refine-lenses", help="Adjust the lenses, too.")] = False,
    every: Every = None,
    duration: Duration = None,
    out: Out = None,
    report: ReportPage = None,
    force: Force = False,
) -> None:
    """Where the cameras stand, from a board that is carried where two of them see it at once."""
    with _command() as console:
        if floor is not None and gravity:
            raise UsageError("--floor and --gravity both say where up is: give one of them")
        printed = board_of(board)
        world = WorldOptions(floor, thickness / 1000, dict(gravity_of(text) for text in gravity or []))
        output = _output(cams, out, report, force)
        cameras = _cameras(cams, None, videos, None, camera)
        seen = _seen(printed, cameras, console, every, duration, lenses=False)
        calibrate_places(printed, cameras, seen, world, output, console, refine_lenses=refine_lenses)


@app.command()
def people(
    *,
    cams: Cams = None,
    videos: Videos = None,
    camera: Only = None,
    height: Annotated[float | None, typer.Option(help="Of the person, metres, in shoes: the scale.")] = None,
    distance: Annotated[
        str | None, typer.Option(help="CAMERA:CAMERA=METRES between two lenses: a more exact scale.")
    ] = None,
    refine: Annotated[
        bool, typer.Option("--refine", help="Keep world and scale of the rig; move its cameras a little.")
    ] = False,
    tracks: Tracks = None,
    frames: Frames = 0,
    network: Network = "",
    out: Out = None,
    report: ReportPage = None,
    force: Force = False,
) -> None:
    """Where the cameras stand, from one person who walks through the room; the lenses must be known."""
    with _command() as console:
        output = _output(cams, out, report, force)
        cameras = _cameras(cams, None, videos, None, camera)
        options = PeopleOptions(height, distance, refine, tracks, frames, network)
        calibrate_people(cameras, options, output, console)


@app.command()
def times(
    *,
    cams: Cams = None,
    videos: Videos = None,
    camera: Only = None,
    tracks: Tracks = None,
    frames: Frames = 0,
    network: Network = "",
    out: Out = None,
) -> None:
    """By how much the cameras' clocks differ, from one person who moves; places must be known."""
    with _command() as console:
        output = _output(cams, out, None, force=False)
        cameras = _cameras(cams, None, videos, None, camera)
        calibrate_times(
            cameras, PeopleOptions(tracks=tracks, frames=frames, network=network), output, console
        )


@app.command()
def check(
    *,
    board: Annotated[
        str | None, typer.Option("--board", help="As above; without it, people are looked at.")
    ] = None,
    cams: Cams = None,
    videos: Videos = None,
    camera: Only = None,
    every: Every = None,
    duration: Duration = None,
    tracks: Tracks = None,
    frames: Frames = 0,
    network: Network = "",
    report: ReportPage = None,
) -> None:
    """Whether a calibration still holds; status 0 = usable, 1 = not."""
    with _command() as console:
        printed = None if board is None else board_of(board)
        check_writable(OutputOptions(Path("rig.yaml"), report), only_report=True)
        cameras = _cameras(cams, None, videos, None, camera)
        if printed is None:
            page = check_people(
                cameras, PeopleOptions(tracks=tracks, frames=frames, network=network), console
            )
        else:
            seen = _seen(printed, cameras, console, every, duration, lenses=False)
            page = check_places(printed, cameras, seen)
        say_verdict(page, report, console)
        if not page.verdict.usable:
            raise typer.Exit(EXIT_FAILURE)


@app.command("board")
def print_a_board(
    *,
    board: BoardText,
    out: Annotated[Path, typer.Option(help="board.pdf, in exact millimetres, or board.png.")],
    dpi: Annotated[int, typer.Option(min=36, max=2400, help="Of a .png.")] = 300,
) -> None:
    """A board to print."""
    with _command() as console:
        console.print(print_board(board_of(board), out, dpi), markup=False, soft_wrap=True)
        console.print("print it at 100 %, glue it on something flat, and measure a square", markup=False)


@contextmanager
def _command() -> Iterator[Console]:
    """A console; user mistakes are one sentence, Ctrl-C ends with the usual status."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _LINE)
    with user_errors():
        try:
            yield console
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)


def _cameras(
    cams: Path | None, source: list[str] | None, videos: Path | None, size: str | None, only: list[str] | None
) -> CalibrationCameras:
    cameras = calibration_cameras(cams, source or [], videos, size)
    return cameras.only(only) if only else cameras


def _output(cams: Path | None, out: Path | None, report: Path | None, force: bool) -> OutputOptions:
    """Where results go, checked."""
    if out is None:
        out = Path("rig.yaml") if cams is None else cams / "rig.yaml" if cams.is_dir() else cams
    options = OutputOptions(out, report or out.with_name(f"{out.stem}-report.html"), force)
    check_writable(options)
    return options


def _seen(
    board: Board,
    cameras: CalibrationCameras,
    console: Console,
    every: int | None,
    duration: float | None,
    *,
    lenses: bool,
) -> BoardSightings:
    """Boards in recordings, or before live cameras."""
    if duration is not None and not 0 < duration < float("inf"):
        raise UsageError(f"--duration is {duration:g}, expected more than 0: correct it")
    if not cameras.live:
        return read_boards(board, cameras, console, every=every)
    from posecap.launch.calibration_live import watch_boards

    return watch_boards(board, cameras, console, duration_s=duration, lenses=lenses)
