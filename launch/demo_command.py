"""The command line of `demo.py`."""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from posecap.launch.demo_camera import camera_choice
from posecap.launch.demo_networks import DemoOptions, expect_weights, open_mppe, open_single
from posecap.launch.demo_output import DemoOutput
from posecap.launch.demo_person import DemoPicture, DemoSystem
from posecap.launch.demo_pictures import picture_files
from posecap.launch.errors import UsageError, user_errors
from posecap.launch.interruption import interruption_beside_native_code
from posecap.launch.options import NetworkPreset, NetworkSet, network_options, network_preset
from posecap.models.networks import names, network
from posecap.models.weights import presets

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
            _show(console)
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
                if name in _networks() and network(name).picture.views > 1:
                    _expect_no_single(name, focal, fov, camera, root_checkpoint, root_depth, every)
                    _run_views(console, name, options, list(pictures or ()), cams, at, out)
                    return
                opener = _opener(name, options)
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
                _run(console, system, output, instants, files.count)
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


def _run_views(
    console: Console,
    name: str,
    options: DemoOptions,
    pictures: list[Path],
    cams: Path | None,
    at_s: float,
    out: Path,
) -> None:
    """One instant of a rig."""
    if cams is None:
        raise UsageError(f"{name} needs several calibrated views: give their rig file, --cams rig.yaml")
    if options.boxes:
        raise UsageError(f"{name} finds people in the room: leave out --box")
    if options.flip:
        raise UsageError(f"{name} cannot be shown mirrored views of a rig: leave out --flip")
    expect_weights(name, options, "--checkpoint", options.checkpoint, "of the original program, or posecap's")
    from posecap.launch.demo_multiview import open_views
    from posecap.launch.demo_rig import locate, rig_instant, whole_views

    def say(line: str) -> None:
        console.print(line, markup=False)

    with console.status("reading the recordings, finding people"):
        rig, sets = rig_instant(cams, pictures, at_s)
        pinholes, views = whole_views(rig, sets[-1], cams)
        located = locate(rig, sets, options.most_people, say)
        system = open_views(name, options, pinholes, located, say)
    output = DemoOutput(out, name, system, guessed=False, single=True, untrained=None in system.checkpoints)
    output.make_folder()
    _run(console, system, output, [views], 1)


def _run(
    console: Console,
    system: DemoSystem,
    output: DemoOutput,
    instants: Iterable[list[DemoPicture]],
    count: int,
) -> None:
    """Look at every instant, write what is found, sum up; status 1 where nobody is found at all."""
    seen = []
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    try:
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("finding people", total=count)
            for pictures in instants:
                people = system.people(pictures)
                output.add(pictures, people)
                seen.append(len(people))
                bar.advance(task)
    finally:  # what was found stays, whatever ends the work
        system.close()
        if seen:
            output.finish()
    if output.guessed and system.frame == "camera":
        console.print(
            "the focal length is guessed (the longer side of the picture): distances are off by as much as the "
            "guess; give --focal, --fov or --cams"
        )
    if not system.frame:
        console.print(f"{output.name} finds joints in the picture only: there is no 3D plot")
    shown = output.written if len(output.written) <= 6 else [*output.written[:4], output.written[-1]]
    for path in shown:
        console.print(str(path), markup=False)
    if len(shown) < len(output.written):
        console.print(f"and {len(output.written) - len(shown)} more")
    console.print(f"pictures: {len(seen)}, people: {sum(seen)}")
    if not any(seen):
        remedy = (
            "two cameras or more must see a person, from different sides: give more views, or another instant"
            if system.frame == "world"
            else "give pictures in which people are larger, or say where they are with --box"
        )
        print(f"error: nobody was found: {remedy}", file=sys.stderr)
        sys.exit(1)


def _opener(name: str, options: DemoOptions) -> Callable[[Callable[[str], None]], DemoSystem]:
    """What opens the system called `name`; nothing is opened yet.

    Raises:
        UsageError: no name, or one that a demo cannot run alone.
        NetworkError: no such network.
    """
    if not name:
        raise UsageError("no system named: see --list")
    if name in presets("pose"):
        _expect_no_network(name, options)
        from posecap.launch.demo_live import LiveModel

        return lambda say: LiveModel(name, options.most_people, say)
    if name in presets("detector"):
        raise UsageError(f"{name} finds people, not joints: choose a system of --list")
    if name not in _networks():
        known = ", ".join([*presets("pose"), *_networks()])
        raise UsageError(f"no system {name!r}, there are {known}: check the spelling")
    if name == "rootnet":
        raise UsageError(
            "rootnet finds roots only: run posenet-18 or posenet-21, and give its weights as --root-checkpoint"
        )
    spec = network(name)
    if spec.system == "mppe":
        return lambda say: open_mppe(name, options, say)
    return lambda say: open_single(name, options, say)


def _expect_no_network(name: str, options: DemoOptions) -> None:
    wrong = [
        option
        for option, value in (
            ("--checkpoint", options.checkpoint),
            ("--root-checkpoint", options.root_checkpoint),
            ("--root-depth", options.root_depth_mm),
            ("--preset", options.preset),
            ("--box", options.boxes),
            ("--flip", options.flip),
            ("--set", options.network),
        )
        if value
    ]
    if wrong:
        raise UsageError(f"{name} comes with its weights and detector: leave out {', '.join(wrong)}")


def _networks() -> list[str]:
    """Those that look at pictures."""
    return [name for name in names() if "pictures" in network(name).inputs]


def _show(console: Console) -> None:
    table = Table(box=None)
    table.add_column("name", no_wrap=True)
    for title in ("takes", "weights", "what it is"):
        table.add_column(title)
    for name, entry in presets("pose").items():
        table.add_row(name, "a picture", "fetched", entry.about)
    for name in _networks():
        spec = network(name)
        takes = "calibrated views" if spec.picture.views > 1 else "a picture"
        weights = "--root-checkpoint" if name == "rootnet" else "--checkpoint"
        table.add_row(name, takes, weights, spec.about)
    console.print(table)
