"""Data sets on this disk: what is there, what is missing, whether it fits. `python launch/datasets.py --help`."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "posecap needs Python 3.11 or newer, this is %d.%d: install a newer Python"  # noqa: UP031
        % sys.version_info[:2]
    )

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from posecap.launch.dataset_overlay import write_overlay
from posecap.launch.dataset_sources import DATASETS, dataset_of, dataset_session
from posecap.launch.errors import UsageError, user_errors
from posecap.training.errors import DatasetError
from posecap.training.write_datasets import main as write_datasets

_EXAMPLES = """
Human3.6M and TotalCapture as they were downloaded; nothing is converted or copied.

What there is, and what is missing:

    python launch/datasets.py list --dataset human36m --root /data/human36m

Whether cameras, truth and videos of a sequence fit; draws the truth over pictures of every view:

    python launch/datasets.py check --dataset totalcapture --root /data/totalcapture --sequence s1/walking2

A small synthetic one of the same layout, to see what is expected where:

    python launch/datasets.py write totalcapture --out /tmp/like-totalcapture

A rig file and truth of it, for any program that takes --cams:

    python launch/datasets.py check --dataset human36m --root /data/human36m --sequence S9/Walking-1 --write run
"""
_MOST_ROWS = 400

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=_EXAMPLES,
    no_args_is_help=True,
)

_Dataset = Annotated[str, typer.Option(help=f"{' or '.join(DATASETS)}.")]
_Root = Annotated[Path, typer.Option(help="Folder of the data set.")]
_Cameras = Annotated[Path | None, typer.Option(help="Camera file, where it is not in the folder.")]


@app.command("list")
def list_sequences(dataset: _Dataset, root: _Root) -> None:
    """List the sequences found and what each lacks."""
    console = Console(highlight=False, soft_wrap=True)
    with user_errors():
        try:
            found = dataset_of(dataset).find(root)
        except DatasetError as error:
            raise UsageError(str(error)) from error
        if not found:
            raise UsageError(f"no sequence of {dataset} under {root}: see training/README.md for the layout")
        table = Table("sequence", "videos", "missing", "known", box=None)
        for one in found[:_MOST_ROWS]:
            table.add_row(one.name, str(len(one.cameras)), ", ".join(one.missing), " ".join(one.notes))
        console.print(table)
        whole = sum(not one.missing for one in found)
        console.print(f"{len(found)} sequences, {whole} complete")


@app.command()
def check(
    dataset: _Dataset,
    root: _Root,
    sequence: Annotated[str, typer.Option(help="S9/Walking-1, s1/walking2.")],
    cameras: _Cameras = None,
    picture: Annotated[Path, typer.Option(help="Truth over pictures of every view.")] = Path("overlay.png"),
    write: Annotated[
        Path | None, typer.Option(help="Folder for a rig file and truth to run live.py with.")
    ] = None,
) -> None:
    """Read a sequence, compare its cameras with its truth, draw the truth over its pictures."""
    console = Console(highlight=False, soft_wrap=True)
    with user_errors():
        session = dataset_session(dataset, root, sequence, cameras)
        read = session.sequence
        table = Table("camera", "picture", "true joints in it", "off the 2D truth", box=None)
        for camera, seen, rms in zip(read.rig.cameras, read.seen, read.rms_px, strict=True):
            width, height = camera.size_px
            off = "no 2D truth" if np.isnan(rms) else f"{rms:.3f} px"
            table.add_row(camera.name, f"{width} x {height}", f"{seen:.1%}", off)
        console.print(table)
        for note in read.notes:
            console.print(note)
        with console.status("drawing the truth over pictures"):
            frames = write_overlay(read, picture)
        console.print(
            f"{read.name}: {len(read.xyz)} frames at {read.fps:g} a second, {len(read.joints)} joints, "
            f"{np.isfinite(read.xyz).mean():.1%} known"
        )
        shown = ", ".join(str(frame) for frame in frames)
        console.print(
            f"{picture}: pictures {shown}; the lines must lie on the person, orange on the left side"
        )
        if write is not None:
            console.print(f"{session.write(write)}: give it to live.py with --cams, --no-loop and --pace max")


app.command("write")(write_datasets)


if __name__ == "__main__":
    app()
