"""A rig into a file of another tool: written beside its place, read back, compared, then moved there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from posecap.calib.errors import CalibrationError
from posecap.calib.export_rig import KINDS, export_rig
from posecap.calib.format_limits import Loss
from posecap.calib.import_rig import import_rig
from posecap.calib.rig import Rig
from posecap.calib.rig_difference import rig_difference_px
from posecap.launch.errors import UsageError

_SIZE = re.compile(r"(?:(?P<name>.+)=)?(?P<width>[0-9]{1,6})x(?P<height>[0-9]{1,6})")
_MOST_BYTES = 64 << 20
_OPTIONS = (  # what functions call it, what the command line calls it
    (r"\bsize_px=\(width, height\)", "--size 1920x1080"),
    (r"\bsize_px\b", "--size"),
    (r"\b(unit|up)='([^']*)'", r"--\1=\2"),
    (r"\b(unit|subject)= ", r"--\1 "),
    (r"\bunit=(?=[,: ]|$)", "--unit"),
    (r"\(lossy\)", "(--lossy)"),
    (r"\bpoints_m\b", "--points"),
)
_FIXED = ("posecap", "qualisys")  # their readers take no unit
_UNSAID_SIZES = ("human36m-h5", "human36m-json")
_NAMELESS = ("totalcapture",)


@dataclass(frozen=True, slots=True)
class Asked:
    """What to write, as `calib.export_rig` takes it."""

    kind: str
    unit: str | None = None
    up: str | None = None
    subject: int = 1
    lossy: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it.

    Attributes:
        losses: what the file does not hold.
        unit: of lengths in the file.
        up: axis of its world that points up.
        moved_px: how far points in the pictures move, at most, for who reads the file.
        unreadable: why it cannot be read back, where it cannot.
    """

    losses: list[Loss]
    unit: str
    up: str
    moved_px: float
    unreadable: str | None = None


def write_rig(rig: Rig, out: Path, asked: Asked, force: bool = False) -> Written:
    """Write `rig` as a file or folder at `out`. What fails leaves what was there as it was.

    Raises:
        UsageError: something is there and `force` is not set, or it is not to be replaced.
        CalibrationError: of `export_rig`.
    """
    if out.exists() and not force and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(f"{out} exists: choose another place, or give --force")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=out.parent, prefix=".convert-") as folder:
            made = Path(folder) / out.name
            losses = export_rig(rig, made, asked.kind, asked.unit, asked.up, asked.lossy, asked.subject)
            moved_px, unreadable = _read_back(rig, made, asked)
            _moved(made, out)
    except OSError as error:
        raise UsageError(f"cannot write {out} ({error.strerror or error}): choose another place") from error
    kind = KINDS[asked.kind]
    return Written(losses, asked.unit or kind.unit, asked.up or kind.up, moved_px, unreadable)


@contextmanager
def in_options() -> Iterator[None]:
    """Refusals that say what to give a function say what to give the command instead."""
    try:
        yield
    except CalibrationError as error:
        said = str(error)
        for pattern, option in _OPTIONS:
            said = re.sub(pattern, option, said)
        raise UsageError(said) from error


def picture_sizes(given: list[str]) -> dict[str, tuple[int, int]] | tuple[int, int] | None:
    """`1920x1080` for all cameras, or `name=1920x1080` once for each; None where nothing is given.

    Raises:
        UsageError: another form, or both forms.
    """
    sizes: dict[str | None, tuple[int, int]] = {}
    for text in given:
        match = _SIZE.fullmatch(text)
        if match is None:
            raise UsageError(f"--size is {text!r}, expected 1920x1080 or cam1=1920x1080: width first")
        sizes[match["name"]] = int(match["width"]), int(match["height"])
    if None in sizes and len(given) > 1:
        raise UsageError("--size is given for all cameras and again: give it once, or once for each by name")
    return sizes[None] if None in sizes else {str(name): size for name, size in sizes.items()} or None


def known_points(path: Path) -> NDArray[np.float64]:
    """(n, 3) m of a text file with x y z in each line; `nan` is an unknown point.

    Raises:
        UsageError: missing, far too large, or something else.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(
                f"{path} has {path.stat().st_size} bytes, expected at most {_MOST_BYTES}: give fewer points"
            )
        lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
        rows = [[float(value) for value in line.replace(",", " ").split()] for line in lines]
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}): give a text file with --points"
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{path} is not x y z in each line ({error}): give a text file with --points"
        ) from error
    if not rows or any(len(row) != 3 for row in rows):
        raise UsageError(f"{path} is not x y z in each line: give a text file with --points")
    return np.array(rows)


def _read_back(rig: Rig, made: Path, asked: Asked) -> tuple[float, str | None]:
    """By how much points move, or why the file is refused: checks of files are stricter than those of rig files."""
    kind = KINDS[asked.kind]
    fixed = asked.kind in _FIXED
    try:
        back = import_rig(
            made,
            unit=None if fixed else asked.unit or kind.unit,
            up=None if fixed else asked.up or kind.up,
            size_px={one.name: one.size_px for one in rig.cameras} if asked.kind in _UNSAID_SIZES else None,
        )
    except CalibrationError as error:
        return np.inf, str(error).replace(f"{made}: ", "").replace(str(made), made.name)
    return max(rig_difference_px(rig, back, asked.kind not in _NAMELESS).values()), None


def _moved(made: Path, out: Path) -> None:
    if not made.is_dir():
        if out.is_dir():
            raise UsageError(f"{out} is a folder, this kind is a file: choose another place")
        made.replace(out)
        return
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, this kind is a folder: choose another place")
    out.mkdir(exist_ok=True)
    names = {one.name for one in made.iterdir()}
    others = sorted(one.name for one in out.glob("*.y*ml") if one.name not in names)
    if others:  # they would be read as cameras of this rig
        raise UsageError(f"{out} has other files ({others[0]}): choose an empty folder")
    for one in made.iterdir():
        one.replace(out / one.name)
