"""A published network as an ONNX file. `python launch/export_model.py --help` has examples."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "posecap needs Python 3.11 or newer, this is %d.%d: install a newer Python"  # noqa: UP031
        % sys.version_info[:2]
    )

import signal
import tempfile
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from posecap.launch.errors import UsageError, user_errors
from posecap.launch.model_export import Exported, export_and_check
from posecap.launch.options import NetworkPreset, NetworkSet, network_options, network_preset
from posecap.models.networks import names, network

_EXAMPLES = """
Writes a published network as ONNX, runs it in ONNX Runtime and OpenVINO, and compares the numbers with PyTorch's.

Your weights; the preset is the one that the file records, `compat` for files of the original program:

    python launch/export_model.py pose-resnet-50 --onnx --checkpoint model_best.pth.tar --out pose.onnx

Random weights, to see whether everything fits:

    python launch/export_model.py pose-resnet-50 --onnx

All networks, one table, no files:

    python launch/export_model.py --all

What follows networks, triangulation and pictorial structures, in any number of views:

    python launch/export_model.py dlt --onnx

What there is:

    python launch/export_model.py --list
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(help=_EXAMPLES)
def export_model(
    name: Annotated[str, typer.Argument(help="A network, see --list.", show_default=False)] = "",
    *,
    onnx: Annotated[bool, typer.Option("--onnx", help="The format; there is no other.")] = True,
    out: Annotated[
        Path | None, typer.Option(help="The file. Default: NAME.onnx.", show_default=False)
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Weights of any layout. Random ones without.", show_default=False)
    ] = None,
    preset: NetworkPreset = "",
    set_: NetworkSet = None,
    batch: Annotated[int, typer.Option(min=1, help="Size of the batch that is checked and timed.")] = 4,
    opset: Annotated[int, typer.Option(help="ONNX opset, 18 to 20.")] = 20,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Largest difference to PyTorch, as a fraction of the largest value.")
    ] = 1e-4,
    repeats: Annotated[int, typer.Option(min=0, help="Timed calls of each engine.")] = 3,
    all_networks: Annotated[
        bool, typer.Option("--all", help="Check every network; nothing is kept.")
    ] = False,
    list_all: Annotated[bool, typer.Option("--list", help="Show what there is, and end.")] = False,
) -> None:
    """Export, check, and tell what came out."""
    console = Console(highlight=False, soft_wrap=True)
    with user_errors():
        if list_all:
            _show(console)
            return
        _expect_request(name, out, all_networks, of_one=any((name, out, checkpoint, set_)))
        wanted_preset = network_preset(preset)
        try:
            with tempfile.TemporaryDirectory() as folder, _bar(console) as bar:
                wanted = names() if all_networks else (name,)
                task = bar.add_task("", total=len(wanted))
                done: list[Exported] = []
                for one in wanted:
                    bar.update(task, description=one)
                    path = Path(folder) / "network.onnx" if all_networks else out or Path(f"{name}.onnx")
                    done.append(
                        export_and_check(
                            one,
                            path,
                            checkpoint=checkpoint,
                            preset=wanted_preset,
                            options=network_options(set_ or []),
                            batch=batch,
                            opset=opset,
                            repeats=repeats,
                        )
                    )
                    bar.advance(task)
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)
        except OSError as error:
            raise UsageError(
                f"cannot write {out or f'{name}.onnx'} ({error.strerror}): choose another place with --out"
            ) from error
        _report(console, done, None if all_networks else out or Path(f"{name}.onnx"))
        bad = [one.name for one in done if one.difference > tolerance]
        if bad:
            console.print(f"differs from PyTorch by more than {tolerance:g}: {', '.join(bad)}")
            sys.exit(1)


def _expect_request(name: str, out: Path | None, all_networks: bool, of_one: bool) -> None:
    """`of_one`: whether something was said that concerns one network."""
    if all_networks:
        if of_one:
            raise UsageError(
                "--all takes no name, --out, --checkpoint or --set: leave them out, or leave out --all"
            )
        return
    if not name:
        raise UsageError("no network named: see --list, or take --all")
    network(name)
    if out is not None and out.is_dir():
        raise UsageError(f"--out {out} is a folder: name a file, such as {out / name}.onnx")


def _report(console: Console, done: list[Exported], path: Path | None) -> None:
    for one in done[:1] if path is not None else []:
        if one.loaded is not None:
            console.print(one.loaded.table())
        console.print(
            f"{one.name} ({one.preset}): {one.parameters / 1e6:.2f} M parameters, {one.bytes / 1e6:.1f} MB, opset "
            f"{one.opset}, free sizes: {', '.join(one.free)}"
        )
    table = Table("network", box=None)
    for verified in done[0].verified:
        table.add_column(f"{verified.engine}", justify="right")
        table.add_column("ms a view", justify="right")
    for one in done:
        cells = [(f"{each.difference:.1e}", f"{each.ms_per_view:.1f}") for each in one.verified]
        table.add_row(one.name, *chain.from_iterable(cells))
    console.print(table)
    console.print(
        "largest difference to PyTorch, as a fraction of the output's largest value; processor time, float32"
    )
    if path is not None:
        console.print(f"{path} is written")


def _show(console: Console) -> None:
    table = Table("name", "system", "input", "what it is", box=None)
    for name in names():
        spec = network(name)
        width, height = spec.picture.size_px
        views = f"{spec.picture.views} x " if spec.picture.views > 1 else ""
        takes = f"{views}{width} x {height}" if "pictures" in spec.inputs else next(iter(spec.inputs))
        table.add_row(name, spec.system.replace("_", " "), takes, spec.about)
    console.print(table)


def _bar(console: Console) -> Progress:
    """Networks done; gone at the end, for the table says it all."""
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    return Progress(*columns, console=console, transient=True)


if __name__ == "__main__":
    app()
