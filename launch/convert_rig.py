"""Calibrations from and to the files of other tools. `python launch/convert_rig.py --help` has examples."""

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

from posecap.calib.export_rig import KINDS
from posecap.calib.import_rig import import_rig, kind_of_calibration
from posecap.calib.plausibility import spacing_of
from posecap.calib.rig import Rig
from posecap.calib.rig_file import read_rig_file
from posecap.launch.errors import UsageError, user_errors
from posecap.launch.rig_conversion import Asked, Written, in_options, known_points, picture_sizes, write_rig

_EXAMPLES = """
Reads a calibration of any kind there is (--list) and writes it as another, with its units and axes.

What Pose2Sim, Caliscope, FreeMoCap, Qualisys or EasyMocap calibrated, for live.py:

    python launch/convert_rig.py Calib.toml rig.yaml

    python launch/convert_rig.py easymocap/ rig.yaml --size 1920x1080

A TOML that does not say that its lengths are millimetres, whose first camera is the world, y down:

    python launch/convert_rig.py in.toml out --to easymocap --unit mm --up -y

For other programs; what a format has no room for is refused with its cost in pixels unless --lossy:

    python launch/convert_rig.py rig.yaml calibration.toml --to freemocap --lossy

    python launch/convert_rig.py rig.yaml cameras --to opencv --to-unit mm

One subject of Human3.6M, checked against joints that all its cameras saw (a text file, x y z in metres a line):

    python launch/convert_rig.py camera-parameters.json rig.yaml --subject 9 --points joints.txt

Whatever is written is read back and compared; the summary says by how much points in the pictures move.
"""
_TO_BY_NAME = {
    "rig.yaml": "posecap", ".rig.yaml": "posecap", ".qca.txt": "qualisys", ".cal": "totalcapture", ".h5": "human36m-h5"
}  # fmt: skip
_TOML = ("aniposelib", "pose2sim", "caliscope", "freemocap")

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(help=_EXAMPLES, no_args_is_help=True)
def convert_rig(
    source: Annotated[
        Path | None, typer.Argument(metavar="IN", help="File or folder.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="File, or folder.", show_default=False)
    ] = None,
    *,
    from_kind: Annotated[
        str, typer.Option("--from", help="What IN must be, see --list; auto = what it turns out to be.")
    ] = "auto",
    to: Annotated[
        str | None,
        typer.Option(help="What to write, see --list.", show_default="by OUT: rig.yaml, .qca.txt, .cal, .h5"),
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="Of lengths in IN: m, cm, mm, in.", show_default="its own")
    ] = None,
    up: Annotated[
        str | None, typer.Option(help="Axis of IN's world that points up: +z, -y ...", show_default="its own")
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(
            help="1920x1080 for all, or cam1=1920x1080, again for others, where IN does not say it."
        ),
    ] = None,
    subject: Annotated[int | None, typer.Option(help="Whose calibration, in Human3.6M's files.")] = None,
    points: Annotated[
        Path | None, typer.Option(help="Points that all cameras saw: refuse IN if they would not have.")
    ] = None,
    to_unit: Annotated[
        str | None, typer.Option(help="Of lengths in OUT, where it can state it.", show_default="its own")
    ] = None,
    to_up: Annotated[
        str | None, typer.Option(help="Up axis of OUT, where it can state it.", show_default="its own")
    ] = None,
    to_subject: Annotated[int, typer.Option(help="Number in Human3.6M's files.")] = 1,
    lossy: Annotated[bool, typer.Option("--lossy", help="Leave out what OUT has no room for.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT.")] = False,
    list_all: Annotated[bool, typer.Option("--list", help="Show what there is, and end.")] = False,
) -> None:
    """Read, write, read back, and say what is different."""
    console = Console(highlight=False, soft_wrap=True)
    with user_errors():
        if list_all:
            _show(console)
            return
        if source is None or out is None:
            raise UsageError("IN and OUT are needed: see --help")
        kind = to or _kind_by_name(out)
        if kind not in KINDS:
            raise UsageError(f"--to is {kind!r}, expected one of {', '.join(KINDS)}: see --list")
        found = _checked_kind(source, from_kind)
        seen = None if points is None else known_points(points)
        sizes = picture_sizes(size or [])
        with in_options():
            rig = import_rig(source, unit, up, sizes, subject, seen)
            written = write_rig(rig, out, Asked(kind, to_unit, to_up, to_subject, lossy), force)
        _summarise(console, source, found, rig, out, kind, written)


def _kind_by_name(out: Path) -> str:
    for ending, kind in _TO_BY_NAME.items():
        if out.name == ending or (ending.startswith(".") and out.name.endswith(ending)):
            return kind
    raise UsageError(f"{out.name} does not say what to write: give --to, see --list")


def _checked_kind(source: Path, wanted: str) -> str:
    """What `source` is; it must be `wanted`."""
    if wanted != "auto" and wanted not in KINDS and wanted != "toml":
        raise UsageError(
            f"--from is {wanted!r}, expected auto, toml or one of {', '.join(KINDS)}: see --list"
        )
    found = kind_of_calibration(source)
    if wanted not in ("auto", found) and not (found == "toml" and wanted in _TOML):
        raise UsageError(
            f"{source} is of the kind {found}, not {wanted}: leave --from out, or give that file"
        )
    return found


def _show(console: Console) -> None:
    console.print(f"{'kind':17} {'unit':4} {'up':3} {'has room for':31} what")
    for name, kind in KINDS.items():
        more = "; states any unit and axis" if kind.states else ""
        console.print(
            f"{name:17} {kind.unit:4} {kind.up:3} {kind.holds!s:31} {kind.what}{more} ({kind.name})"
        )


def _summarise(
    console: Console, source: Path, found: str, rig: Rig, out: Path, kind: str, written: Written
) -> None:
    apart = spacing_of(np.stack([camera.centre for camera in rig.cameras]))
    console.print(
        f"{source} ({found}): {len(rig)} cameras, the farthest two {apart:.2f} m apart, rig {rig.id}"
    )
    console.print(f"{out} ({KINDS[kind].what}): lengths in {written.unit}, {written.up} up")
    if written.unreadable is not None:
        console.print(f"it cannot be read back: {written.unreadable}")
    else:
        console.print(f"read back: points in the pictures move by {written.moved_px:.2g} px at most")
    losses = [str(loss) for loss in written.losses]
    losses += _blocks_left(source) if found == "posecap" else []
    if kind == "posecap":
        console.print("give each camera its `source` to run it live: capture/README.md")
    for loss in losses:
        console.print(f"not kept: {loss}")


def _blocks_left(source: Path) -> list[str]:
    """Blocks of a rig file that are not about cameras."""
    content = read_rig_file(source)
    blocks = {
        "the source blocks": any(camera.source for camera in content.cameras),
        "truth": content.truth,
        "notes": content.notes,
    }
    return [f"{name} of {source}" for name, there in blocks.items() if there]


if __name__ == "__main__":
    app()
