"""The command line of `replay.py`."""

import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, get_args

import typer
from rich.console import Console

from posecap.launch.dataset_sources import dataset_session
from posecap.launch.errors import EXIT_FAILURE, UsageError, user_errors
from posecap.launch.options import one_of, positive
from posecap.launch.preparation import LiveOptions
from posecap.launch.recording import RecordOptions
from posecap.launch.replay_report import print_replayed
from posecap.launch.replay_session import ReplayOptions, replay_session
from posecap.launch.session import run_session
from posecap.launch.viewer_choice import Viewer
from posecap.runtime.messages import Stage

_EXAMPLES = """
Recorded pictures through the pipeline again, to the same viewer and subscribers.

A session that `live.py --record` or `record.py` wrote, as it happened, at double speed, as fast as possible:

    python launch/replay.py take1

    python launch/replay.py take1 --speed 2

    python launch/replay.py take1 --pace max

Are the poses those of the recording, bit for bit?

    python launch/replay.py take1 --check

Every picture, also those that the live session had no time for, with another model; the poses are kept for
export.py and later comparisons:

    python launch/replay.py take1 --pace max --all --model blazepose-heavy --save take1-heavy

    python launch/replay.py take1 --all --model blazepose-heavy --against take1-heavy

A sequence of a data set as live cameras, with its calibration, and its error in mm:

    python launch/replay.py --dataset human36m --root /data/h36m --sequence S9/Walking-1

    python launch/replay.py --dataset totalcapture --root /data/totalcapture --sequence s1/walking2
"""

_LINE = 120  # characters, where no terminal says how wide it is

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(help=_EXAMPLES, no_args_is_help=True)
def replay(
    session: Annotated[Path | None, typer.Argument(help="Folder of a recorded session.")] = None,
    *,
    viewer: Annotated[str, typer.Option(help="auto, open3d, terminal or none.")] = "auto",
    stage: Annotated[str, typer.Option(help="Poses that are shown: refined or instant.")] = "refined",
    speed: Annotated[float, typer.Option(help="Seconds of the recording for each second.")] = 1.0,
    pace: Annotated[
        str | None,
        typer.Option(help="clock, or max: as fast as possible.", show_default="clock; max with --check"),
    ] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds of the recording, from its start.")] = None,
    model: Annotated[str | None, typer.Option(help="Instead of the recording's.")] = None,
    engine: Annotated[str | None, typer.Option(help="Instead of the recording's.")] = None,
    joints: Annotated[str | None, typer.Option(help="Instead of the recording's joint set.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of the pipeline, several times.")
    ] = None,
    bind: Annotated[str, typer.Option(help="Where poses are published.")] = "tcp://127.0.0.1:5570",
    check: Annotated[
        bool, typer.Option("--check", help="Compare with the recorded poses, bit for bit.")
    ] = False,
    against: Annotated[
        Path | None, typer.Option(help="Compare with the poses in this folder, made by --save.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--all", help="Every recorded picture, also what live had no time for.")
    ] = False,
    save: Annotated[Path | None, typer.Option(help="Keep the replayed poses in this new folder.")] = None,
    dataset: Annotated[str | None, typer.Option(help="human36m or totalcapture.")] = None,
    root: Annotated[Path | None, typer.Option(help="Folder of the data set.")] = None,
    sequence: Annotated[str | None, typer.Option(help="Of the data set: S9/Walking-1.")] = None,
    cameras: Annotated[Path | None, typer.Option(help="Camera file, where it is not under --root.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Play a data set's sequence again and again.")] = False,
    record: Annotated[
        Path | None, typer.Option(help="Record the replay of a data set into this new folder.")
    ] = None,
    summary: Annotated[Path | None, typer.Option(help="Write the numbers there (data sets).")] = None,
) -> None:
    """Replay a session or a sequence."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _LINE)
    with user_errors():
        compared = check or against is not None
        if pace is not None:
            one_of("--pace", pace, ("clock", "max"))
        quick = (pace or ("max" if compared else "clock")) == "max"
        positive("--speed", speed)
        if duration is not None:
            positive("--duration", duration)
        common: dict[str, Any] = {
            "viewer": one_of("--viewer", viewer, get_args(Viewer)),
            "stage": one_of("--stage", stage, get_args(Stage)),
            "duration_s": duration,
            "overrides": tuple(settings or ()),
            "bind": bind,
            "model": model,
            "engine": engine,
            "joints": joints,
        }
        try:
            if dataset is not None:
                if session is not None or compared or save is not None:
                    raise UsageError(
                        f"--dataset {dataset} plays the videos of the data set: leave out the session, --check, "
                        "--against and --save (a session of it, made by --record, can be checked)"
                    )
                if root is None or sequence is None:
                    raise UsageError(f"--dataset {dataset} of what: give --root FOLDER and --sequence NAME")
                with TemporaryDirectory(prefix="posecap-") as folder:
                    rig = dataset_session(dataset, root, sequence, cameras).write(Path(folder))
                    kept = None if record is None else RecordOptions(folder=record)
                    live = LiveOptions(
                        cams=rig,
                        speed=speed,
                        loop=loop,
                        pace="max" if quick else "clock",
                        summary=summary,
                        record=kept,
                        **common,
                    )
                    run_session(live, console)
                return
            if session is None:
                raise UsageError("nothing to replay: name the folder of a session, or give --dataset")
            options = ReplayOptions(
                session=session,
                speed=None if quick else speed,
                check=check,
                against=against,
                save=save,
                whole=whole,
                **common,
            )
            result = replay_session(options, console)
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)
        same = print_replayed(result, options, console)
    if not same:
        sys.exit(EXIT_FAILURE)
