"""People of 3DPW out of the COCO-style `3DPW_{split}.json` that RootNet's authors made of it."""

from collections import Counter
from pathlib import Path

import msgspec
import numpy as np

from posecap.training.errors import DatasetError
from posecap.training.threedpw_joints import SMPL_24
from posecap.training.threedpw_people import PersonInPicture
from posecap.training.threedpw_sequence import Split, check_lens, plain_name

_MOST_BYTES = 1 << 30
_MOST_PX = 1e5
_MOST_M = 1e3
_LEAST_DEPTH_M = 0.1


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
    joint_cam: list[list[float]]
    bbox: tuple[float, float, float, float]


class _Listing(msgspec.Struct, frozen=True):
    images: list[_Image]
    annotations: list[_Person]


def listing_path(root: Path, split: Split) -> Path:
    """Where the file of a split is looked for."""
    return root / f"3DPW_{split}.json"


def read_listing(root: Path, split: Split) -> tuple[list[PersonInPicture], Counter[str]]:
    """Everybody in `root/3DPW_{split}.json` who can be used, and how many cannot, by reason.

    Images have `cam_param` {focal, princpt}, `sequence` and `file_name`; annotations `joint_cam` (24 SMPL joints,
    metres, camera axes) and `bbox` (left, top, width, height).

    Raises:
        DatasetError: no such file, too large or too deep, not of this layout; a name that leads out of the folder, a
            lens that cannot be one, a person of an unknown picture.
    """
    path = listing_path(root, split)
    if path.stat().st_size > _MOST_BYTES:
        raise DatasetError(f"{path} is larger than {_MOST_BYTES >> 20} MiB: is it the annotations of 3DPW?")
    try:
        listing = msgspec.json.decode(path.read_bytes(), type=_Listing)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: {error}: is it the annotations of 3DPW?") from None
    except RecursionError:
        raise DatasetError(f"{path} is nested too deeply: is it the annotations of 3DPW?") from None
    images: dict[int, _Image] = {}
    for image in listing.images:
        what = f"{path}: picture {image.id}"
        plain_name(image.sequence, f"{what}: sequence")
        plain_name(image.file_name, f"{what}: file_name")
        check_lens(image.cam_param.focal, image.cam_param.princpt, what)
        if image.id in images:
            raise DatasetError(f"{what} is listed twice: fetch it anew")
        images[image.id] = image
    people: list[PersonInPicture] = []
    left_out: Counter[str] = Counter()
    for number, person in enumerate(listing.annotations):
        if person.image_id not in images:
            raise DatasetError(
                f"{path}: a person is in picture {person.image_id}, which is not listed: fetch it anew"
            )
        reason = _unusable(person)
        if reason is not None:
            left_out[reason] += 1
            continue
        image = images[person.image_id]
        people.append(
            PersonInPicture(
                picture=f"{image.sequence}/{image.file_name}",
                bbox=person.bbox,
                xyz_m=np.array(person.joint_cam, np.float64),
                found_px=None,
                focal_px=image.cam_param.focal,
                centre_px=image.cam_param.princpt,
                person=number,
            )
        )
    return people, left_out


def _unusable(person: _Person) -> str | None:
    """Why a person is left out."""
    if len(person.joint_cam) != len(SMPL_24) or any(len(joint) != 3 for joint in person.joint_cam):
        return f"not {len(SMPL_24)} joints of 3 numbers"
    joints = np.array(person.joint_cam, np.float64)
    if not (np.abs(joints) <= _MOST_M).all():  # also not a number
        return f"a joint is not finite, or further than {_MOST_M:g} m"
    if (joints[:, 2] < _LEAST_DEPTH_M).any():
        return "a joint is behind the camera"
    left, top, width, height = person.bbox
    if not (abs(left) <= _MOST_PX and abs(top) <= _MOST_PX and min(width, height) >= 1):
        return "a box without an area, or far off"
    if not max(width, height) <= _MOST_PX:
        return "a box without an area, or far off"
    return None
