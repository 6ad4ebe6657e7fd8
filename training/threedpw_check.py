"""What lies in a download of 3DPW, and whether its parts fit. `python -m posecap.training.threedpw --help`."""

from pathlib import Path
from typing import Annotated
from zipfile import BadZipFile

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from posecap.models.published_joints import MPII_16
from posecap.training.errors import DatasetError
from posecap.training.pose_errors import error_table, pose_errors
from posecap.training.threedpw import ThreeDPW, read_3dpw

_PROGRAM = "python -m posecap.training.threedpw"
_WIDTH = 120  # of the table, letters
_LEGEND = (
    "valid: people in pictures with an aligned camera. Of these: found: joints that the data set found in the picture; "
    "before, inside: joints of the body model before the camera, and in the picture; off: median distance of the two, "
    "in pixels and by the person's size, for each person."
)

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.command(
    epilog="Examples:\n\n"
    f"{_PROGRAM} /data/3DPW --split train\n\n"
    f"{_PROGRAM} /data/3DPW --split test --places coco\n\n"
    f"{_PROGRAM} /data/3DPW --split test --score found.npz"
)
def main(
    folder: Annotated[Path, typer.Argument(help="With sequenceFiles (or 3DPW_{split}.json) and imageFiles.")],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
    places: Annotated[
        str, typer.Option(help="Joints in the picture: smpl (projected) or coco (found in it).")
    ] = "smpl",
    found_only: Annotated[bool, typer.Option(help="Leave out pictures in which nothing was found.")] = False,
    score: Annotated[
        Path | None,
        typer.Option(
            help="Estimated joints to compare: .npz with xyz_mm (samples, 16, 3), mpii-16/1, camera axes, in the "
            "order of the samples; NaN = not known."
        ),
    ] = None,
) -> None:
    """Read a split of 3DPW as it was downloaded, reproject its joints, and say what is in it."""
    console, said = Console(highlight=False, soft_wrap=True), Console(stderr=True, soft_wrap=True)
    console.width = max(console.width, _WIDTH)
    try:
        if split not in ("train", "validation", "test"):
            raise DatasetError(
                f"no split {split!r} of 3DPW, there are train, validation and test: choose one"
            )
        if places not in ("smpl", "coco"):
            raise DatasetError(f"no places {places!r}, there are smpl and coco: choose one with --places")
        with said.status(f"reading {split}"):
            samples = read_3dpw(folder, split, places=places, found_only=found_only)
        if samples.contents:
            console.print(_table(samples))
            console.print(_LEGEND)
        for note in samples.notes:
            console.print(note, markup=False)
        for reason, count in sorted(samples.left_out.items()):
            console.print(f"{count} left out: {reason}", markup=False)
        console.print(_summary(samples), markup=False)
        if score is not None:
            _score(samples, score, console)
    except DatasetError as error:
        said.print(f"error: {error}", markup=False)
        raise typer.Exit(2) from None
    except OSError as error:
        said.print(f"error: cannot read {error.filename} ({error.strerror}): check its rights", markup=False)
        raise typer.Exit(1) from None


def estimates(path: Path, samples: int) -> NDArray[np.float64]:
    """(samples, 16, 3) millimetres out of `xyz_mm` of an .npz file.

    Raises:
        DatasetError: no such file, or not one array of that shape.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            xyz = np.asarray(file["xyz_mm"], np.float64)
    except FileNotFoundError:
        raise DatasetError(f"no file {path}: give the estimated joints with --score") from None
    except (OSError, KeyError, ValueError, EOFError, TypeError, IndexError, BadZipFile) as error:
        raise DatasetError(f"{path} has no array xyz_mm ({error}): write it with numpy.savez") from None
    if xyz.shape != (samples, len(MPII_16), 3):
        raise DatasetError(
            f"{path}: xyz_mm is {xyz.shape}, expected {(samples, len(MPII_16), 3)}: give a pose for every sample"
        )
    return xyz


def _table(samples: ThreeDPW) -> Table:
    table = Table(box=None)
    for name in ("recording", "people", "pictures", "on disk", "valid", "found", "before", "inside", "off"):
        table.add_column(name, no_wrap=True)
    for one in samples.contents:
        on_disk = sum(1 for _ in (samples.images / one.name).glob("image_*.jpg"))
        off = [f"{fit.median_px:.1f} px {fit.relative:.1%}" if fit.joints else "unknown" for fit in one.fits]
        table.add_row(
            one.name, str(one.people), str(one.pictures), str(on_disk), str(one.valid), _share(one.known),
            "\n".join(_share(fit.before_camera) for fit in one.fits),
            "\n".join(_share(fit.in_picture) for fit in one.fits), "\n".join(off),
        )  # fmt: skip
    return table


def _summary(samples: ThreeDPW) -> str:
    pictures = {person.picture for person in samples.people}
    missing = [name for name in sorted(pictures) if not (samples.images / name).is_file()]
    parts = [f"{len(samples)} samples in {len(pictures)} pictures"]
    if samples.contents:
        people = sum(one.people for one in samples.contents)
        parts.append(f"recordings: {len(samples.contents)}, people in them: {people}")
    said = "; ".join(parts)
    if missing:
        said += f"; {len(missing)} of these pictures are missing, the first is {samples.images / missing[0]}"
    return said


def _score(samples: ThreeDPW, path: Path, console: Console) -> None:
    found = estimates(path, len(samples))
    true = np.array([samples.truth_mm(index) for index in range(len(samples))]).reshape(found.shape)
    errors = pose_errors(found, true, MPII_16.names.index("pelvis"))
    console.print(error_table({path.stem: errors}))
    x, y, z = errors.root_axis_mm
    console.print(f"pelvis along x, y, z: {x:.1f}, {y:.1f}, {z:.1f} mm; absolute errors are in camera axes")


def _share(value: float) -> str:
    return "unknown" if np.isnan(value) else f"{value:.0%}"
