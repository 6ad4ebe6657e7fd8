"""3DPW as samples with depth: one for every person in every picture that `3DPW_{split}.json` lists."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.models.published_joints import MPII_16
from posecap.training.errors import DatasetError
from posecap.training.weakly_supervised import DepthSample

SMPL_OF_MPII = (8, 5, 2, 1, 4, 7, 0, 12, 15, -1, 21, 19, 17, 16, 18, 20)
"""For each joint of `mpii-16/1` its place among the 24 of SMPL; SMPL has no top of the head."""

_MOST_BYTES = 1 << 30


class _Lens(msgspec.Struct, frozen=True):
    focal: tuple[float, float]
    princpt: tuple[float, float]


class _Image(msgspec.Struct, frozen=True):
    id: int
    sequence: str
    file_name: str
    cam_param: _Lens


class _Person(msgspec.Struct, frozen=True):
    image_id: int
    joint_cam: list[tuple[float, float, float]]
    bbox: tuple[float, float, float, float]


class _Listing(msgspec.Struct, frozen=True):
    images: list[_Image]
    annotations: list[_Person]


@dataclass(frozen=True, slots=True, eq=False)
class ThreeDPW:
    """A split of 3DPW; `read_3dpw` makes it. Samples are cut when they are asked for.

    Attributes:
        images: `imageFiles` of the data set.
        people: picture and person of each sample.
        side_px: of the crops.
        margin: side of the square around a box, as a multiple of the box's longer side.
    """

    images: Path
    people: tuple[tuple[Any, Any], ...]
    side_px: int
    margin: float

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, index: int, /) -> DepthSample:
        """Sample `index`: joints projected into the crop, depth from the pelvis at the pelvis' scale.

        Raises:
            DatasetError: its picture is missing or broken.
        """
        image, person = self.people[index]
        path = self.images / image.sequence / image.file_name
        picture = cv2.imread(str(path))
        if picture is None:
            raise DatasetError(f"no picture at {path}: extract imageFiles.zip of 3DPW there")
        xyz = np.array(person.joint_cam, np.float64)[list(SMPL_OF_MPII)]  # metres, camera axes
        xyz[np.array(SMPL_OF_MPII) < 0] = np.nan
        focal, centre = np.array(image.cam_param.focal), np.array(image.cam_param.princpt)
        crop_from_picture, side = _square(person.bbox, self.side_px, self.margin)
        pixel = xyz[:, :2] / xyz[:, 2:] * focal + centre
        xy = pixel @ crop_from_picture[:, :2].T + crop_from_picture[:, 2]
        pelvis_m = xyz[MPII_16.index("pelvis"), 2]
        metres_per_side = side * pelvis_m / focal.mean()
        crop = cv2.warpAffine(picture, crop_from_picture, (self.side_px, self.side_px))
        return DepthSample(np.asarray(crop, np.uint8), xy, (xyz[:, 2] - pelvis_m) / metres_per_side)


def read_3dpw(
    root: Path,
    split: Literal["train", "validation", "test"] = "train",
    *,
    side_px: int = 256,
    margin: float = 1.25,
) -> ThreeDPW:
    """The people in `root/3DPW_{split}.json` whose joints are all finite and before the camera.

    The file is COCO-like: images with `cam_param` {focal, princpt} and sequence, annotations with `joint_cam` (24
    SMPL joints, metres, camera axes) and bbox (left, top, width, height). Pictures lie in
    `root/imageFiles/{sequence}/{file_name}`. 3DPW's own pickles are not read.

    Raises:
        DatasetError: no such file, too large, not of this layout, or a person of an unknown picture.
    """
    path = root / f"3DPW_{split}.json"
    if not path.is_file():
        raise DatasetError(f"no {path.name} in {root}: put the COCO-style annotations of 3DPW there")
    if path.stat().st_size > _MOST_BYTES:
        raise DatasetError(f"{path} is larger than {_MOST_BYTES >> 20} MiB: is it the annotations of 3DPW?")
    try:
        listing = msgspec.json.decode(path.read_bytes(), type=_Listing)
    except msgspec.DecodeError as error:
        raise DatasetError(f"{path}: {error}: is it the annotations of 3DPW?") from error
    images = {image.id: image for image in listing.images}
    people = []
    for person in listing.annotations:
        if person.image_id not in images:
            raise DatasetError(
                f"{path}: a person is in picture {person.image_id}, which is not listed: fetch it anew"
            )
        if _usable(person):
            people.append((images[person.image_id], person))
    return ThreeDPW(root / "imageFiles", tuple(people), side_px, margin)


def _usable(person: _Person) -> bool:
    joints = np.array(person.joint_cam, np.float64)
    if joints.shape != (24, 3) or not np.isfinite(joints).all():
        return False
    return bool((joints[:, 2] > 0.1).all()) and min(person.bbox[2:]) >= 1


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
