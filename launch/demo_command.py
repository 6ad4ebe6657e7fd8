"""The command line of `demo.py`."""

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from posecap.launch.demo_camera import camera_choice
from posecap.launch.demo_networks import DemoOptions
from posecap.launch.demo_output import DemoOutput
from posecap.launch.demo_pictures import picture_files
from posecap.launch.demo_run import run_demo, run_views
from posecap.launch.demo_systems import show_systems, single_opener, takes_views
from posecap.launch.errors import UsageError, user_errors
from posecap.launch.interruption import interruption_beside_native_code
from posecap.launch.options import NetworkPreset, NetworkSet, network_options, network_preset

_EXAMPLES = """
Any system on your own pictures: people are found, cut out, read and drawn. Writes NAME_overlay.png, NAME_3d.png and
NAME.json into --out; of several pictures each gets its own, called NAME_PICTURE_overlay.png.

The live pipeline's own network, which comes with trained weights:

    python launch/demo.py blazepose-full photo.jpg

Absolute people from one picture (3DMPPE), with the weights of the original program:

    python launch/demo.py posenet-21 photo.jpg --checkpoint pose.pth.tar --root-checkpoint root.pth.tar --fov 65

One picture a second of a video; every picture of a folder:

    python launch/demo.py pose-resnet-50 walk.mp4 --checkpoint model_best.pth.tar --out walk

    python launch/demo.py pose-resnet-50 pictures --checkpoint model_best.pth.tar

Several calibrated cameras at once, a picture or video of each, or the recordings that the rig file names; people are
found by the live pipeline's networks:

    python launch/demo.py canonical-fusion left.png front.png right.png --cams rig.yaml --checkpoint weights.h5

    python launch/demo.py canonical-fusion --cams calib/rig.yaml --at 2.5 --checkpoint weights.h5

To see that everything fits, without weights; every picture is stamped:

    python launch/demo.py posenet-18 photo.jpg --untrained

What there is:

    python launch/demo.py --list
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(help=_EXAMPLES)
def demo(
    name: Annotated[str, typer.Argument(help="A system, see --list.", show_default=False)] = "",
    pictures: Annotated[
        list[Path] | None, typer.Argument(help="Pictures, videos, folders of pictures.", show_default=False)
    ] = None,
    *,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Trained weights of any layout.", show_default=False)
    ] = None,
    root_checkpoint: Annotated[
        Path | None, typer.Option(help="Trained weights of RootNet, for posenet-*.", show_default=False)
    ] = None,
    root_depth: Annotated[
        float | None,
        typer.Option(help="Distance of everybody in mm, instead of RootNet.", show_default=False),
    ] = None,
    preset: NetworkPreset = "",
    set_: NetworkSet = None,
    untrained: Annotated[bool, typer.Option("--untrained", help="Run with random weights.")] = False,
    focal: Annotated[
        float | None, typer.Option(help="Focal length, pixels of the picture.", show_default=False)
    ] = None,
    fov: Annotated[
        float | None, typer.Option(help="Horizontal field of view, degrees.", show_default=False)
    ] = None,
    cams: Annotated[
        Path | None,
        typer.Option(help="Rig file: who took the picture, or all views of an instant.", show_default=False),
    ] = None,
    camera: Annotated[str, typer.Option(help="Which one of --cams.", show_default=False)] = "",
    box: Annotated[
        list[str] | None,
        typer.Option(help="A person, LEFT,TOP,RIGHT,BOTTOM, instead of the detector.", show_default=False),
    ] = None,
    detector: Annotated[str, typer.Option(help="Which one finds people.")] = "auto",
    most_people: Annotated[int, typer.Option(min=1, help="That are read in one picture.")] = 10,
    flip: Annotated[
        bool,
        typer.Option("--flip", help="Read each crop mirrored, too: a little better, twice the time."),
    ] = False,
    at: Annotated[
        float, typer.Option(min=0, help="Instant of recordings of several cameras, seconds.")
    ] = 1.0,
    every: Annotated[
        int | None,
        typer.Option(min=1, help="n-th picture of a video. Default: one a second.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is found.")] = Path("demo"),
    list_all: Annotated[bool, typer.Option("--list", help="Show what there is, and end.")] = False,
) -> None:
    """Find, read, draw, and tell what came out."""
    console = Console(highlight=False, soft_wrap=True)
    with user_errors():
        if list_all:
            show_systems(console)
            return
        options = DemoOptions(
            checkpoint=checkpoint,
            root_checkpoint=root_checkpoint,
            root_depth_mm=root_depth,
            preset=network_preset(preset),
            network=network_options(set_ or []),
            untrained=untrained,
            boxes=tuple(box or ()),
            detector=detector,
            most_people=most_people,
            flip=flip,
        )
        try:
            with interruption_beside_native_code():
                if takes_views(name):
                    _expect_no_single(name, focal, fov, camera, root_checkpoint, root_depth, every)
                    run_views(console, name, options, list(pictures or ()), cams, at, out)
                    return
                opener = single_opener(name, options)
                choice = camera_choice(focal, fov, cams, camera)
                files = picture_files(pictures or (), every)
                system = opener(lambda line: console.print(line, markup=False))
                output = DemoOutput(
                    out,
                    name,
                    system,
                    choice.guessed,
                    single=files.count == 1,
                    untrained=None in system.checkpoints,
                )
                output.make_folder()
                instants = ([picture] for picture in files.pictures(choice))
                run_demo(console, system, output, instants, files.count)
        except KeyboardInterrupt:
            sys.stdout.flush()
            os._exit(128 + signal.SIGINT)  # engines and decoders may be in the middle of something


def _expect_no_single(
    name: str,
    focal: float | None,
    fov: float | None,
    camera: str,
    root_checkpoint: Path | None,
    root_depth: float | None,
    every: int | None,
) -> None:
    """Refuse what only networks of one picture take."""
    given = {
        "--focal": focal,
        "--fov": fov,
        "--camera": camera or None,
        "--root-checkpoint": root_checkpoint,
        "--root-depth": root_depth,
        "--every": every,
    }
    wrong = [option for option, value in given.items() if value is not None]
    if wrong:
        raise UsageError(f"{name} takes all views of a rig file at one instant: leave out {', '.join(wrong)}")
