"""The command line of `live.py`."""

import signal
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.console import Console

from posecap.launch.errors import user_errors
from posecap.launch.options import one_of, positive
from posecap.launch.preparation import LIFTS, LiveOptions
from posecap.launch.recording import RecordOptions
from posecap.launch.session import run_session
from posecap.launch.viewer_choice import Viewer
from posecap.runtime.messages import Stage

_EXAMPLES = """
Cameras in, 3D skeletons out: shows them and publishes them at tcp://127.0.0.1:5570.

The bundled virtual rig, until Ctrl-C:

    python launch/live.py --cams calib/rig.yaml

Ten seconds without a window, numbers into a file:

    python launch/live.py --cams calib/rig.yaml --viewer none --duration 10 --summary run.json

Real people, each picture once, as fast as this machine can, against the published reference:

    python launch/live.py --cams data/pose2sim-single/rig.yaml --no-loop --pace max --truth single.trc

Another model, less smoothing, poses for other hosts:

    python launch/live.py --cams rig.yaml --model movenet-thunder --set lag_frames=0 --bind 'tcp://*:5570'

3D from the heatmaps and bone lengths together, or from a network that was trained for this rig (both need PyTorch):

    python launch/live.py --cams rig.yaml --model movenet-thunder --lift rpsm

    python launch/live.py --cams rig.yaml --lift cross_view --lift-weights trained.pth

Poses and pictures into a folder, which --cams then plays:

    python launch/live.py --cams rig.yaml --record take1

    python launch/live.py --cams take1/rig.yaml
"""

_LINE = 120  # characters, where no terminal says how wide it is

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            print(f"posecap {version('posecap')}")
        except PackageNotFoundError:
            print("posecap, not installed")
        raise typer.Exit


@app.command(help=_EXAMPLES)
def live(
    cams: Annotated[Path, typer.Option(help="Rig file: calibrated cameras and their sources.")],
    viewer: Annotated[str, typer.Option(help="auto, open3d, terminal or none (a line a second).")] = "auto",
    duration: Annotated[float | None, typer.Option(help="Seconds from the first picture to the end.")] = None,
    model: Annotated[str | None, typer.Option(help="Preset that finds joints, see launch/fetch.py.")] = None,
    engine: Annotated[str | None, typer.Option(help="Inference backend: openvino or onnxruntime.")] = None,
    joints: Annotated[str | None, typer.Option(help="Published joint set, for example coco-17/1.")] = None,
    lift: Annotated[str | None, typer.Option(help=f"Stage 1: {', '.join(LIFTS)}.")] = None,
    lift_weights: Annotated[
        Path | None, typer.Option(help="Trained weights of the multi-view network of --lift.")
    ] = None,
    stage: Annotated[str, typer.Option(help="Poses that are shown: refined or instant.")] = "refined",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of the pipeline, several times.")
    ] = None,
    speed: Annotated[float, typer.Option(help="Of recordings: scene seconds for each second.")] = 1.0,
    loop: Annotated[bool, typer.Option(help="Recordings start again at their end.")] = True,
    pace: Annotated[str, typer.Option(help="Recordings play by the clock, or at max speed.")] = "clock",
    bind: Annotated[str, typer.Option(help="Where poses are published.")] = "tcp://127.0.0.1:5570",
    summary: Annotated[Path | None, typer.Option(help="Write the numbers of the session there.")] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Exact joints (.npz) or a reference (.trc) to compare with.")
    ] = None,
    view2d: Annotated[bool, typer.Option("--view2d", help="Publish 2D joints too.")] = False,
    curve: Annotated[Path | None, typer.Option(help="Encrypt with this .key_secret file.")] = None,
    record: Annotated[
        Path | None, typer.Option(help="Record pictures and poses into this new folder.")
    ] = None,
    lossless: Annotated[bool, typer.Option("--lossless", help="Record every bit of the pictures.")] = False,
    keep_free: Annotated[
        float | None, typer.Option(help="Recording ends when fewer MB are free; default 2 %, at most 500.")
    ] = None,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it and end.")
    ] = False,
) -> None:
    """Run one session."""
    with user_errors():
        options = LiveOptions(
            cams=cams,
            viewer=cast(Viewer, one_of("--viewer", viewer, get_args(Viewer))),
            duration_s=None if duration is None else positive("--duration", duration),
            model=model,
            engine=engine,
            joints=joints,
            lift=lift,
            lift_weights=lift_weights,
            stage=cast(Stage, one_of("--stage", stage, get_args(Stage))),
            overrides=tuple(settings or ()),
            speed=positive("--speed", speed),
            loop=loop,
            pace="max" if one_of("--pace", pace, ("clock", "max")) == "max" else "clock",
            bind=bind,
            summary=summary,
            truth=truth,
            view2d=view2d,
            curve_key=curve,
            record=None
            if record is None
            else RecordOptions(folder=record, lossless=lossless, keep_free_mb=keep_free),
        )
        try:
            run_session(options, Console(highlight=False, width=None if sys.stdout.isatty() else _LINE))
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)  # while weights were fetched or files checked
