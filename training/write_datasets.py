"""Small synthetic recordings in the layouts of Human3.6M and TotalCapture, with exact truth."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from posecap.calib.errors import CalibrationError
from posecap.training.errors import DatasetError, SyntheticError
from posecap.training.human36m import FPS as HUMAN36M_FPS
from posecap.training.human36m_cameras import CAMERAS
from posecap.training.synthetic_take import SyntheticTake, draw_take, hall, studio, take_of
from posecap.training.totalcapture import BENCHMARK_CAMERAS
from posecap.training.totalcapture import FPS as TOTALCAPTURE_FPS
from posecap.training.write_human36m import CAMERA_FILES, write_human36m
from posecap.training.write_totalcapture import write_totalcapture

_PROGRAM = "python -m posecap.training.write_datasets"
_LAYOUTS = ("human36m", "totalcapture")
_DEFAULTS = {"human36m": "S9/Walking 1", "totalcapture": "s1/walking2"}

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.command(
    epilog="Examples:\n\n"
    f"{_PROGRAM} human36m --out data/human36m-like --seconds 2\n\n"
    f"{_PROGRAM} totalcapture --out data/totalcapture-like\n\n"
    f"{_PROGRAM} human36m --from capture/sample/solo --out data/tiny --camera-file h5"
)
def main(
    layout: Annotated[str, typer.Argument(help=f"{' or '.join(_LAYOUTS)}.")],
    out: Annotated[Path, typer.Option(help="Root of the data set; made when it is not there.")],
    sequence: Annotated[str, typer.Option(help="S9/Walking 1 or s1/walking2 where it is not said.")] = "",
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="How long, where it is drawn.")] = 1.5,
    start: Annotated[float, typer.Option(min=0, help="First second of the scene.")] = 4.9,
    play: Annotated[
        str, typer.Option("--set", help="Scene, see write_synthetic; its first person counts.")
    ] = "solo",
    clips: Annotated[
        Path | None, typer.Option("--from", help="Lay out this recording instead of drawing one.")
    ] = None,
    camera_file: Annotated[str, typer.Option(help=f"Of Human3.6M: {', '.join(CAMERA_FILES)}.")] = "json",
) -> None:
    """Draw a person in the picture sizes and rates of a data set, and write everything its readers need."""
    console = Console(stderr=True)
    try:
        if layout not in _LAYOUTS:
            raise DatasetError(f"no layout {layout!r}, there are {', '.join(_LAYOUTS)}: choose one")
        subject, name = _parts(sequence or _DEFAULTS[layout])
        with tempfile.TemporaryDirectory(prefix="posecap-") as folder:
            take = take_of(clips) if clips else _drawn(layout, play, start, seconds, Path(folder), console)
            if layout == "human36m":
                path = write_human36m(take, out, f"S{subject}", name, camera_file)
            else:
                path = write_totalcapture(take, out, subject, name)
    except (DatasetError, SyntheticError, CalibrationError) as error:
        console.print(f"[red]{error}[/red]", soft_wrap=True)
        raise typer.Exit(2) from None
    except OSError as error:
        console.print(
            f"[red]cannot write into {out} ({error.strerror}): choose another folder with --out[/red]"
        )
        raise typer.Exit(1) from None
    console.print(
        f"{path}: {len(take.xyz)} frames at {take.fps:g} a second, {len(take.rig)} cameras", soft_wrap=True
    )


def _parts(sequence: str) -> tuple[int, str]:
    subject, _, name = sequence.partition("/")
    if not name or not subject[1:].isdecimal():
        raise DatasetError(
            f"--sequence is {sequence!r}, expected a subject and a name as in {_DEFAULTS}: correct it"
        )
    return int(subject[1:]), name


def _drawn(
    layout: str, play: str, start_s: float, seconds: float, folder: Path, console: Console
) -> SyntheticTake:
    if layout == "human36m":
        rig, names, fps = studio(), CAMERAS, round(HUMAN36M_FPS)
    else:
        rig, fps = hall(), round(TOTALCAPTURE_FPS)
        names = tuple(f"cam{number}" for number in BENCHMARK_CAMERAS)
    frames = max(round(seconds * fps), 1)
    steps = draw_take(play, rig, names, fps, start_s, frames, folder)
    done = [
        step
        for step in track(steps, total=frames + 1, description=layout, console=console)
        if step is not None
    ]
    return done[0]


if __name__ == "__main__":
    app()
