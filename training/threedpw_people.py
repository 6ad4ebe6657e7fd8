"""Who can be seen in which picture of 3DPW: one entry for each person and valid picture, out of the pickles."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posecap.training.errors import DatasetError
from posecap.training.threedpw_fit import LEAST_DEPTH_M, Fit, fit, picture_size, projected
from posecap.training.threedpw_sequence import PickledSequence, Split, find_sequences, read_sequence

Places = Literal["smpl", "coco"]
"""Where joints are in the picture: the body model's, projected, or those found in it (`poses2d`)."""

PICTURES = "imageFiles"
LEAST_JOINTS = 6
"""In the picture; 3DPW itself gives fewer found joints to nobody."""

_LEAST_BOX_PX = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class PersonInPicture:
    """One person in one picture.

    Attributes:
        picture: path below the folder of pictures, with /.
        bbox: left, top, width, height, pixels.
        xyz_m: (24, 3) metres, camera axes, order `SMPL_24`; all finite and before the camera.
        found_px: (18, 2) pixels, order `COCO_18`, NaN = not found; None where the data has none.
        focal_px, centre_px: of the picture's camera.
        person: number within the recording, or the number of the annotation.
    """

    picture: str
    bbox: tuple[float, float, float, float]
    xyz_m: NDArray[np.float64]
    found_px: NDArray[np.float64] | None
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    person: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What a recording holds, in numbers.

    Attributes:
        name: of the recording.
        people, pictures: how many.
        size_px: (width, height) of its first picture, or twice the principal point where there is none.
        valid: (person, picture) pairs whose camera is aligned.
        known: share of the 18 joints that were found, over valid pairs.
        fits: one for each person.
        notes: whole sentences on what does not fit; people they name are left out.
    """

    name: str
    people: int
    pictures: int
    size_px: tuple[int, int]
    valid: int
    known: float
    fits: tuple[Fit, ...]
    notes: tuple[str, ...]


def read_people(
    root: Path, split: Split, places: Places = "smpl", found_only: bool = False
) -> tuple[list[PersonInPicture], Counter[str], list[Contents]]:
    """Everybody in every valid picture of a split; how many were left out, by reason; what its recordings hold.

    Raises DatasetError as `threedpw_sequence.read_sequence`.
    """
    people: list[PersonInPicture] = []
    left_out: Counter[str] = Counter()
    held: list[Contents] = []
    for sequence, contents in read_contents(root, split):
        held.append(contents)
        for person, one in enumerate(contents.fits):
            if one.misfit() is not None:
                left_out["their recording does not fit its camera"] += one.frames
                continue
            people += _of_person(sequence, person, places, found_only, contents.size_px, left_out)
    return people, left_out, held


def read_contents(root: Path, split: Split) -> Iterator[tuple[PickledSequence, Contents]]:
    """Each recording of a split and what is in it, checked by reprojection.

    Raises DatasetError as `threedpw_sequence.read_sequence`, and where two pickles name one recording.
    """
    names: set[str] = set()
    for path in find_sequences(root, split):
        sequence = read_sequence(path)
        if sequence.name in names:
            raise DatasetError(f"{path} is a second {sequence.name} in {split}: remove one of the two")
        names.add(sequence.name)
        size = picture_size(root / PICTURES / sequence.name, sequence.K)
        fits = tuple(fit(sequence, person, size) for person in range(len(sequence.people)))
        notes = [
            f"{sequence.name}, person {person}: cam_poses applied to jointPositions {misfit}: left out."
            for person, one in enumerate(fits)
            if (misfit := one.misfit()) is not None
        ]
        found = [np.isfinite(one.xy_px[one.valid]).all(-1).ravel() for one in sequence.people]
        valid = sum(int(one.valid.sum()) for one in sequence.people)
        known = float(np.concatenate(found).mean()) if valid else float("nan")
        yield (
            sequence,
            Contents(
                name=sequence.name,
                people=len(sequence.people),
                pictures=len(sequence.cam_from_world),
                size_px=size,
                valid=valid,
                known=known,
                fits=fits,
                notes=tuple(notes),
            ),
        )


def box_around(
    xy_px: NDArray[np.float64], size_px: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    """Left, top, width, height around the joints (n, 2) inside a picture; None for fewer than six, or for a dot."""
    with np.errstate(invalid="ignore"):
        known = xy_px[(xy_px >= -0.5).all(-1) & (xy_px <= np.array(size_px) - 0.5).all(-1)]
    if len(known) < LEAST_JOINTS:
        return None
    low, high = known.min(0), known.max(0)
    if (high - low).max() < _LEAST_BOX_PX:
        return None
    left, top, width, height = (float(value) for value in (*low, *(high - low)))
    return left, top, width, height


def _of_person(
    sequence: PickledSequence,
    person: int,
    places: Places,
    found_only: bool,
    size_px: tuple[int, int],
    left_out: Counter[str],
) -> Iterator[PersonInPicture]:
    track, K = sequence.people[person], sequence.K
    xyz = sequence.in_camera_m(person)
    for frame in range(len(xyz)):
        if not track.valid[frame]:
            left_out["campose_valid is 0"] += 1
            continue
        found = track.xy_px[frame]
        if not np.isfinite(xyz[frame]).all():
            left_out["a joint is not finite"] += 1
            continue
        if (xyz[frame, :, 2] < LEAST_DEPTH_M).any():
            left_out["a joint is behind the camera"] += 1
            continue
        if found_only and not np.isfinite(found).any():
            left_out["nothing was found in the picture"] += 1
            continue
        bbox = box_around(found if places == "coco" else projected(xyz[frame], K), size_px)
        if bbox is None:
            left_out[f"fewer than {LEAST_JOINTS} joints in the picture"] += 1
            continue
        yield PersonInPicture(
            picture=f"{sequence.name}/image_{frame:05d}.jpg",
            bbox=bbox,
            xyz_m=xyz[frame],
            found_px=found,
            focal_px=(float(K[0, 0]), float(K[1, 1])),
            centre_px=(float(K[0, 2]), float(K[1, 2])),
            person=person,
        )
