"""3DPW as samples with depth: one for every person in every picture, of its pickles or of `3DPW_{split}.json`.

`python -m posecap.training.threedpw FOLDER --split train` checks a download and says what is in it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.models.published_joints import MPII_16
from posecap.training.errors import DatasetError
from posecap.training.threedpw_joints import COCO_18_OF_MPII, SMPL_OF_MPII, in_mpii
from posecap.training.threedpw_listing import listing_path, read_listing
from posecap.training.threedpw_people import PICTURES, Contents, PersonInPicture, Places, read_people
from posecap.training.threedpw_sequence import FOLDER, Split, find_sequences

if TYPE_CHECKING:
    from posecap.training.weakly_supervised import DepthSample

_MOST_SIDE_PX = 4096
_MOST_MARGIN = 10.0
_PELVIS = MPII_16.names.index("pelvis")


@dataclass(frozen=True, slots=True, eq=False)
class ThreeDPW:
    """A split of 3DPW; `read_3dpw` makes it. Samples are cut when they are asked for.

    Attributes:
        images: `imageFiles` of the data set.
        people: picture and person of each sample.
        side_px: of the crops.
        margin: side of the square around a box, as a multiple of the box's longer side.
        places: where joints are in the picture.
        left_out: how many (person, picture) pairs are no sample, by reason.
        contents: what the recordings hold, and whether they fit; empty for a listing.
    """

    images: Path
    people: tuple[PersonInPicture, ...]
    side_px: int
    margin: float
    places: Places = "smpl"
    left_out: Mapping[str, int] = field(default_factory=dict)
    contents: tuple[Contents, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Whole sentences on recordings whose camera does not fit."""
        return tuple(note for one in self.contents for note in one.notes)

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, index: int, /) -> "DepthSample":
        """Sample `index`: joints in the crop, depth from the pelvis at the pelvis' scale.

        Raises:
            DatasetError: its picture is missing or broken.
        """
        from posecap.training.weakly_supervised import (
            DepthSample,
        )  # needs torch; reading and checking does not

        person = self.people[index]
        path = self.images / person.picture
        picture = cv2.imread(str(path))
        if picture is None:
            raise DatasetError(f"no picture at {path}: extract imageFiles.zip of 3DPW there")
        xyz = in_mpii(person.xyz_m, SMPL_OF_MPII)
        focal = np.array(person.focal_px)
        if self.places == "coco" and person.found_px is not None:
            pixel = in_mpii(person.found_px, COCO_18_OF_MPII)
        else:
            pixel = xyz[:, :2] / xyz[:, 2:] * focal + person.centre_px
        crop_from_picture, side = _square(person.bbox, self.side_px, self.margin)
        xy = pixel @ crop_from_picture[:, :2].T + crop_from_picture[:, 2]
        pelvis_m = xyz[_PELVIS, 2]
        depth = (xyz[:, 2] - pelvis_m) / (side * pelvis_m / focal.mean())
        depth[np.isnan(xy).any(-1)] = np.nan  # a depth is learnt at its joint's place
        crop = cv2.warpAffine(picture, crop_from_picture, (self.side_px, self.side_px))
        return DepthSample(
            picture_bgr=np.asarray(crop, np.uint8),
            xy_px=xy,
            depth=depth,
            whole_bgr=np.asarray(picture, np.uint8),
            crop_from_whole=crop_from_picture,
        )

    def truth_mm(self, index: int) -> NDArray[np.float64]:
        """(16, 3) true joints of sample `index`, `mpii-16/1`, millimetres, camera axes; NaN = SMPL has none."""
        return in_mpii(self.people[index].xyz_m, SMPL_OF_MPII) * 1000

    def truth_24_mm(self, index: int) -> NDArray[np.float64]:
        """(24, 3) true joints of sample `index`, order `SMPL_24`, millimetres, camera axes."""
        return self.people[index].xyz_m * 1000


def read_3dpw(
    root: Path,
    split: Split = "train",
    *,
    side_px: int = 256,
    margin: float = 1.25,
    places: Places = "smpl",
    found_only: bool = False,
) -> ThreeDPW:
    """The people of a split: of `root/sequenceFiles/{split}/*.pkl` where there are any, or of `root/3DPW_{split}.json`.

    Pictures lie in `root/imageFiles/{sequence}`. A sample has all joints of SMPL before the camera and, of pickles, a
    camera that is aligned (`campose_valid`) and six joints in its picture. What is not a sample is counted.

    Args:
        root: folder of the data set.
        split: of its authors.
        side_px: of the crops.
        margin: side of the square around a box, as a multiple of the box's longer side.
        places: joints in the picture are SMPL's, projected, or those that were found in it; these are nearer to
            what 2D data sets call by the same names, and fewer. The listing has none.
        found_only: leave out pictures in which nothing was found, as 3DPW's challenge does.

    Raises:
        DatasetError: neither pickles nor listing, or they are broken (`read_people`, `read_listing`); an option that
            cannot be.
    """
    if not 0 < side_px <= _MOST_SIDE_PX:
        raise DatasetError(
            f"crops of {side_px} px were asked for, expected 1 to {_MOST_SIDE_PX}: correct side_px"
        )
    if not 0 < margin <= _MOST_MARGIN:
        raise DatasetError(
            f"a margin of {margin:g} was asked for, expected above 0 and at most {_MOST_MARGIN:g}: try 1.25"
        )
    if split not in ("train", "validation", "test"):
        raise DatasetError(f"no split {split!r} of 3DPW, there are train, validation and test: choose one")
    contents: list[Contents] = []
    if find_sequences(root, split):
        people, left_out, contents = read_people(root, split, places, found_only)
    elif listing_path(root, split).is_file():
        if places == "coco" or found_only:
            raise DatasetError(
                f"{listing_path(root, split)} has no joints found in pictures: use the pickles of 3DPW"
            )
        people, left_out = read_listing(root, split)
    else:
        raise DatasetError(
            f"no {listing_path(root, split).name} in {root} and no pickles in {FOLDER}/{split}: put the COCO-style "
            "annotations or sequenceFiles of 3DPW there"
        )
    return ThreeDPW(
        root / PICTURES, tuple(people), side_px, margin, places, Counter(left_out), tuple(contents)
    )


def _square(
    bbox: tuple[float, float, float, float], side_px: int, margin: float
) -> tuple[NDArray[np.float64], float]:
    """(2, 3) from pixel centres of the picture to those of the crop, and the square's side in the picture."""
    left, top, width, height = bbox
    side = margin * max(width, height)
    scale = side_px / side
    corner = np.array([left + width / 2, top + height / 2]) - side / 2
    shift = 0.5 * scale - 0.5 - corner * scale
    return np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]]), side


if __name__ == "__main__":
    from posecap.training.threedpw_check import app

    app()
