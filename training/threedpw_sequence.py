"""One recording of 3DPW as its pickle has it: camera of every picture, people in the world and in the picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from posecap.training.errors import DatasetError
from posecap.training.threedpw_joints import COCO_18, SMPL_24
from posecap.training.threedpw_pickle import numbers, read_pickle

Split = Literal["train", "validation", "test"]

FOLDER = "sequenceFiles"

_MOST_FRAMES = 100_000
_MOST_PEOPLE = 100
_MOST_M = 1e5
_FOCAL_PX = (10.0, 1e5)
_RIGID = 1e-3
_LEAST_SKEW = 1e-2


@dataclass(frozen=True, slots=True, eq=False)
class PersonTrack:
    """One person through a recording.

    Attributes:
        valid: (frames,) the camera is aligned with the picture (`campose_valid`).
        xy_px: (frames, 18, 2) found in the picture, order `COCO_18`; NaN = not found.
        confidence: (frames, 18) of these, 0 = not found.
        xyz_m: (frames, 24, 3) metres, world of the recording, order `SMPL_24`; NaN = not finite in the file.
    """

    valid: NDArray[np.bool_]
    xy_px: NDArray[np.float64]
    confidence: NDArray[np.float64]
    xyz_m: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PickledSequence:
    """One recording; row i of everything belongs to picture i.

    Attributes:
        name: also of the folder with its pictures.
        K: (3, 3) pixels.
        cam_from_world: (frames, 4, 4) metres; rigid where anybody is valid.
        people: one or two.
    """

    name: str
    K: NDArray[np.float64]
    cam_from_world: NDArray[np.float64]
    people: tuple[PersonTrack, ...]

    def in_camera_m(self, person: int) -> NDArray[np.float64]:
        """(frames, 24, 3) metres, x right, y down, z forward; NaN where the person is not valid."""
        track = self.people[person]
        R, t = self.cam_from_world[:, :3, :3], self.cam_from_world[:, None, :3, 3]
        xyz = np.full_like(track.xyz_m, np.nan)
        good = track.valid
        xyz[good] = track.xyz_m[good] @ np.swapaxes(R[good], 1, 2) + t[good]
        return xyz


def find_sequences(root: Path, split: Split) -> list[Path]:
    """The pickles of a split, `root/sequenceFiles/{split}/*.pkl`, by name; empty where there are none."""
    return sorted((root / FOLDER / split).glob("*.pkl"))


def read_sequence(path: Path) -> PickledSequence:
    """A recording of 3DPW. Nothing of the pickle is run (`threedpw_pickle`).

    Raises:
        DatasetError: not a pickle of plain values, a field is missing or has another shape, a camera is no rigid
            motion, a number is beyond all measure.
    """
    table = read_pickle(path)
    name = plain_name(_field(table, "sequence", path), f"{path}: sequence")
    K = _shaped(table, "cam_intrinsics", (3, 3), path)
    check_lens((K[0, 0], K[1, 1]), (K[0, 2], K[1, 2]), f"{path}: cam_intrinsics")
    if np.abs(K[[0, 1, 2, 2, 2], [1, 0, 0, 1, 2]] - [0, 0, 0, 0, 1]).max() > _LEAST_SKEW:
        raise DatasetError(
            f"{path}: cam_intrinsics is {K.tolist()}, expected [fx 0 cx; 0 fy cy; 0 0 1]: fetch it anew"
        )
    cameras = _shaped(table, "cam_poses", (None, 4, 4), path)
    frames = len(cameras)
    if not 0 < frames <= _MOST_FRAMES:
        raise DatasetError(f"{path} has {frames} pictures, expected 1 to {_MOST_FRAMES}: extract it again")
    joints = _people(table, "jointPositions", (frames, len(SMPL_24) * 3), path)
    valid = _people(table, "campose_valid", (frames,), path)
    found = _people(table, "poses2d", (frames, 3, len(COCO_18)), path) if "poses2d" in table else []
    if len(valid) != len(joints) or (found and len(found) != len(joints)):
        raise DatasetError(
            f"{path} has {len(joints)} people with joints, {len(valid)} with campose_valid and {len(found)} with "
            "poses2d, expected as many of each: extract it again"
        )
    people = []
    for index, (row, flags) in enumerate(zip(joints, valid, strict=True)):
        if not np.isin(flags, (0, 1)).all():
            raise DatasetError(
                f"{path}: campose_valid has values other than 0 and 1: is it a sequence of 3DPW?"
            )
        if (np.abs(row) > _MOST_M).any():
            raise DatasetError(
                f"{path}: a joint is further than {_MOST_M:g} m away, expected metres: extract it again"
            )
        xyz = np.where(np.isfinite(row), row, np.nan).reshape(frames, len(SMPL_24), 3)
        people.append(PersonTrack(flags == 1, *_detections(found[index] if found else None, frames, K), xyz))
    _check_rigid(cameras, np.any([person.valid for person in people], axis=0), path)
    return PickledSequence(name, K, cameras, tuple(people))


def plain_name(name: Any, what: str) -> str:
    """`name`, one folder or file below another folder; DatasetError where it could lead elsewhere."""
    if (
        not isinstance(name, str)
        or not 0 < len(name) <= 128
        or name in (".", "..")
        or any(mark in name for mark in "/\\:")
        or not name.isprintable()
    ):
        raise DatasetError(
            f"{what} is {name!r:.80}, expected the plain name of a folder or file: fetch it anew"
        )
    return name


def check_lens(focal: tuple[float, float], centre: tuple[float, float], what: str) -> None:
    """DatasetError where a focal length or principal point, pixels, cannot be one."""
    low, high = _FOCAL_PX
    if not all(np.isfinite(one) and low <= one <= high for one in focal):
        raise DatasetError(
            f"{what}: focal lengths are {focal[0]:g} and {focal[1]:g} px, expected {low:g} to {high:g}: fetch it anew"
        )
    if not all(np.isfinite(one) and abs(one) <= high for one in centre):
        raise DatasetError(
            f"{what}: the principal point is ({centre[0]:g}, {centre[1]:g}), expected pixels: fetch it anew"
        )


def _detections(
    rows: NDArray[np.float64] | None, frames: int, K: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(frames, 18, 2) and (frames, 18) of (frames, 3, 18). Some detections of the data set lie far off the picture."""
    if rows is None:
        return np.full((frames, len(COCO_18), 2), np.nan), np.zeros((frames, len(COCO_18)))
    xy, confidence = np.swapaxes(rows[:, :2], 1, 2).copy(), rows[:, 2].copy()
    side = 2 * max(K[0, 2], K[1, 2], 1.0)
    with np.errstate(invalid="ignore"):
        known = np.isfinite(xy).all(-1) & (confidence > 0) & (np.abs(xy - K[:2, 2]) < side).all(-1)
    xy[~known], confidence[~known] = np.nan, 0
    return xy, confidence


def _check_rigid(cameras: NDArray[np.float64], used: NDArray[np.bool_], path: Path) -> None:
    R = cameras[:, :3, :3]
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(R @ np.swapaxes(R, 1, 2) - np.eye(3)).max((1, 2))
        right = (off < _RIGID) & (np.abs(cameras[:, 3] - [0, 0, 0, 1]).max(1) < _RIGID)
        right &= (np.linalg.det(np.where(np.isfinite(R), R, 0.0)) > 0) & (
            np.abs(cameras[:, :3, 3]) <= _MOST_M
        ).all(1)
    if (used & ~right).any():
        frame = int(np.flatnonzero(used & ~right)[0])
        raise DatasetError(
            f"{path}: cam_poses of picture {frame} is not a rotation with a translation: extract it again"
        )


def _field(table: dict[str, Any], name: str, path: Path) -> Any:
    if name not in table:
        there = ", ".join(sorted(table)[:20]) or "nothing"
        raise DatasetError(f"{path} has no {name}, there are {there:.300}: is it a sequence of 3DPW?")
    return table[name]


def _shaped(
    table: dict[str, Any], name: str, shape: tuple[int | None, ...], path: Path
) -> NDArray[np.float64]:
    return _numbers(_field(table, name, path), name, shape, path)


def _people(
    table: dict[str, Any], name: str, shape: tuple[int, ...], path: Path
) -> list[NDArray[np.float64]]:
    """One array for each person out of a list of arrays."""
    value = _field(table, name, path)
    if not isinstance(value, list | tuple) or not 0 < len(value) <= _MOST_PEOPLE:
        count = f"{len(value)} of them" if isinstance(value, list | tuple) else type(value).__name__
        raise DatasetError(
            f"{path}: {name} is {count}, expected a list with an array for each of 1 to {_MOST_PEOPLE} people: "
            "is it a sequence of 3DPW?"
        )
    return [_numbers(one, name, shape, path) for one in value]


def _numbers(value: Any, name: str, shape: tuple[int | None, ...], path: Path) -> NDArray[np.float64]:
    array = numbers(value)
    given = None if array is None else array.shape
    if (
        given is None
        or len(given) != len(shape)
        or any(b not in (None, a) for a, b in zip(given, shape, strict=True))
    ):
        wanted = "(" + ", ".join("pictures" if size is None else str(size) for size in shape) + ")"
        said = "not numbers" if given is None else f"an array {given}"
        raise DatasetError(f"{path}: {name} is {said}, expected {wanted}: is it a sequence of 3DPW?")
    assert array is not None
    return array
