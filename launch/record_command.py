"""The command line of `record.py`."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from posecap.launch.errors import UsageError, user_errors
from posecap.launch.record_session import record_cameras
from posecap.launch.recording import RecordOptions
from posecap.launch.repair_session import repair_session

_EXAMPLES = """
Records the cameras of a rig file into a new folder: pictures with their capture times, no poses.
(`launch/live.py --record FOLDER` records poses too.)

Until Ctrl-C:

    python launch/record.py --cams rig.yaml --out take1

A minute, every bit of the pictures:

    python launch/record.py --cams rig.yaml --out take1 --duration 60 --lossless

Play it, with the same capture times, and find the poses:

    python launch/live.py --cams take1/rig.yaml --no-loop --pace max

A recording whose machine or recorder died plays as it is; this writes it anew, and says what was lost:

    python launch/record.py --repair take1
"""

_LINE = 120  # characters, where no terminal says how wide it is

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(help=_EXAMPLES)
def record(
    cams: Annotated[Path | None, typer.Option(help="Rig file: calibrated cameras and their sources.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the recording; is made.")] = None,
    duration: Annotated[
        float | None, typer.Option(help="Seconds from the first pictures to the end.")
    ] = None,
    lossless: Annotated[bool, typer.Option("--lossless", help="Keep every bit of the pictures.")] = False,
    encoder: Annotated[
        str, typer.Option(help="auto = hardware where it works, else libx264; or the name of an encoder.")
    ] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="Of the encoder of each camera; 0 = all cores.")] = 1,
    buffer: Annotated[int, typer.Option(min=1, help="Pictures of a camera that may wait for it.")] = 30,
    keep_free: Annotated[
        float | None, typer.Option(help="End when fewer MB are free; default 2 % of the disk, at most 500.")
    ] = None,
    speed: Annotated[float, typer.Option(help="Of recordings: scene seconds for each second.")] = 1.0,
    loop: Annotated[bool, typer.Option(help="Recordings start again at their end.")] = True,
    pace: Annotated[str, typer.Option(help="Recordings play by the clock, or at max speed.")] = "clock",
    repair: Annotated[Path | None, typer.Option(help="Mend this recording instead, and end.")] = None,
) -> None:
    """Record, or mend a recording."""
    with user_errors():
        console = Console(highlight=False, width=None if sys.stdout.isatty() else _LINE)
        try:
            if repair is not None:
                repair_session(repair, console)
                return
            if cams is None or out is None:
                raise UsageError("give --cams RIG.YAML and --out FOLDER, or --repair FOLDER: see --help")
            if pace not in ("clock", "max"):
                raise UsageError(f"--pace {pace!r} is unknown, there are clock, max: check the spelling")
            for name, value in (("--duration", duration), ("--speed", speed)):
                if value is not None and not 0 < value < float("inf"):
                    raise UsageError(f"{name} is {value:g}, expected more than 0: correct it")
            options = RecordOptions(
                folder=out,
                lossless=lossless,
                encoder=encoder,
                threads=threads,
                buffer=buffer,
                keep_free_mb=keep_free,
            )
            record_cameras(
                options,
                cams,
                console,
                duration_s=duration,
                speed=speed,
                loop=loop,
                pace="max" if pace == "max" else "clock",
            )
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)
