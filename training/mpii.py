"""MPII as samples without depth: one for every person of `annot/{train,valid}.json`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.models.published_joints import MPII_16
from posecap.training.errors import DatasetError
from posecap.training.weakly_supervised import DepthSample

_NAMES = {"train": ("train.json",), "valid": ("valid.json", "val.json")}
_MOST_BYTES = 256 << 20
_BODY_PX = 200.0  # MPII's scale tells how many times this high a person is
_MARGIN = 1.25
_DOWN_PX = 15.0  # for each unit of scale: MPII's centre is the chest


class _Person(msgspec.Struct, frozen=True):
    """As it stands in the file: pixels, the top-left one is (1, 1)."""

    image: str
    center: tuple[float, float]
    scale: float
    joints: list[tuple[float, float]]
    joints_vis: list[float]


@dataclass(frozen=True, slots=True, eq=False)
class Mpii:
    """A split of MPII; `read_mpii` makes it. Samples are cut when they are asked for.

    Attributes:
        images: `images` of the data set.
        people: one for each sample.
        side_px: of the crops.
    """

    images: Path
    people: tuple[_Person, ...]
    side_px: int

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, index: int, /) -> DepthSample:
        """Sample `index`: the crop with its picture, joints in the crop (those without a mark are NaN), no depth.

        The square around the person is 1.25 times 200 px times `scale`, at most the picture's longer side; its middle
        is 15 px times `scale` below `center`, as in the original.

        Raises:
            DatasetError: its picture is missing or broken.
        """
        person = self.people[index]
        path = self.images / person.image
        picture = cv2.imread(str(path))
        if picture is None:
            raise DatasetError(f"no picture at {path}: extract mpii_human_pose_v1.tar.gz there")
        x, y = person.center
        middle = np.array([x, y + _DOWN_PX * person.scale]) - 1.0  # from here on the top-left pixel is (0, 0)
        zoom = self.side_px / min(person.scale * _MARGIN * _BODY_PX, max(picture.shape[:2]))
        crop_from_whole = np.column_stack([np.eye(2) * zoom, (self.side_px - 1) / 2 - middle * zoom])
        crop = cv2.warpAffine(picture, crop_from_whole, (self.side_px, self.side_px))
        return DepthSample(
            picture_bgr=np.asarray(crop, np.uint8),
            xy_px=_places(person) @ crop_from_whole[:, :2].T + crop_from_whole[:, 2],
            depth=np.full(len(MPII_16), np.nan),
            whole_bgr=np.asarray(picture, np.uint8),
            crop_from_whole=crop_from_whole,
        )


def read_mpii(root: Path, split: Literal["train", "valid"] = "train", *, side_px: int = 256) -> Mpii:
    """The people of `root/annot/train.json`, or of `valid.json` there, which some copies call `val.json`.

    The file is a list of {image, center, scale, joints (16, 2), joints_vis (16)}; pictures lie in `root/images`.
    People without a centre or a size, and people of whom no joint is marked, are left out.

    Raises:
        DatasetError: no such file, too large, or not of this layout.
    """
    names = _NAMES[split]
    path = next((path for name in names if (path := root / "annot" / name).is_file()), None)
    if path is None:
        raise DatasetError(
            f"no {' or '.join(names)} in {root / 'annot'}: put the annotations of MPII there, as JSON"
        )
    if path.stat().st_size > _MOST_BYTES:
        raise DatasetError(
            f"{path} is larger than {_MOST_BYTES >> 20} MiB: give the annotations of MPII, a list of people"
        )
    try:
        people = msgspec.json.decode(path.read_bytes(), type=list[_Person])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: {error}: give the annotations of MPII, a list of people") from error
    for number, person in enumerate(people):
        if len(person.joints) != len(MPII_16) or len(person.joints_vis) != len(MPII_16):
            raise DatasetError(
                f"{path}: person {number} has {len(person.joints)} joints and {len(person.joints_vis)} marks, MPII "
                f"has {len(MPII_16)}: fetch the file anew"
            )
    return Mpii(root / "images", tuple(person for person in people if _usable(person)), side_px)


def _usable(person: _Person) -> bool:
    return person.scale > 0 and person.center[0] >= 0 and any(mark > 0 for mark in person.joints_vis)


def _places(person: _Person) -> NDArray[np.float64]:
    """(16, 2) pixels of the whole picture, the top-left one is (0, 0); NaN where there is no mark."""
    marked = np.array(person.joints_vis) > 0
    return np.where(marked[:, None], np.array(person.joints, np.float64) - 1.0, np.nan)
