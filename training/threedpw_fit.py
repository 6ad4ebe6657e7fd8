"""Whether the cameras, joints and detections of a 3DPW recording belong together, by reprojection."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.training.threedpw_joints import COCO_18_OF_SMPL, SMPL_24
from posecap.training.threedpw_sequence import PickledSequence

LEAST_DEPTH_M = 0.1
_COMPARED = tuple(
    place for place, found in enumerate(COCO_18_OF_SMPL) if found >= 0 and not SMPL_24[place].endswith("hip")
)
_MOST_OFF = (
    0.1  # of the person's size in the picture: joints of a body model and of a detector differ by 0.03
)
_LEAST_IN_PICTURE = 0.5
_LEAST_BEFORE = 0.95


@dataclass(frozen=True, slots=True)
class Fit:
    """How well `cam_poses` applied to `jointPositions` and projected with `cam_intrinsics` agrees with the picture.

    Attributes:
        frames: valid ones.
        joints: found in pictures and compared with the projected ones; hips are not, nor what only one side has.
        median_px: of their distances, NaN where there are none.
        relative: median of distance by the person's size (diagonal of the box of all projected joints).
        relative_inverse: the same with `cam_poses` read as world_from_cam.
        before_camera: share of the 24 joints at least 0.1 m before the camera.
        in_picture: share that falls into the picture.
    """

    frames: int
    joints: int
    median_px: float
    relative: float
    relative_inverse: float
    before_camera: float
    in_picture: float

    def misfit(self) -> str | None:
        """Why the reading of the file must be wrong, as the second half of a sentence; None where it fits."""
        if not self.frames:
            return None
        if self.before_camera < _LEAST_BEFORE:
            return f"puts {1 - self.before_camera:.0%} of the joints behind the camera{self._other_way()}"
        if self.joints and self.relative > _MOST_OFF:
            return (
                f"puts joints {self.median_px:.0f} px from where poses2d has them (median), {self.relative:.0%} of the "
                f"person's size, expected below {_MOST_OFF:.0%}{self._other_way()}"
            )
        if self.in_picture < _LEAST_IN_PICTURE:
            return f"puts only {self.in_picture:.0%} of the joints into the picture, expected most"
        return None

    def _other_way(self) -> str:
        return ", while the inverse of cam_poses fits" if self.relative_inverse <= _MOST_OFF else ""


def fit(sequence: PickledSequence, person: int, size_px: tuple[int, int]) -> Fit:
    """Compares one person of a recording with its pictures of `size_px` (width, height)."""
    track = sequence.people[person]
    valid = np.flatnonzero(track.valid)
    xyz = sequence.in_camera_m(person)[valid]
    xyz = xyz[np.isfinite(xyz).all((1, 2))]
    if not len(xyz):
        return Fit(len(valid), 0, np.nan, np.nan, np.nan, 0.0, 0.0)
    before = xyz[..., 2] >= LEAST_DEPTH_M
    xy = projected(xyz, sequence.K)
    with np.errstate(invalid="ignore"):
        inside = before & (xy >= -0.5).all(-1) & (xy <= np.array(size_px) - 0.5).all(-1)
    R, t = sequence.cam_from_world[valid, :3, :3], sequence.cam_from_world[valid, None, :3, 3]
    inverse = (track.xyz_m[valid] - t) @ R
    distances, relative = _distances(sequence, person, sequence.in_camera_m(person)[valid], valid)
    _, relative_inverse = _distances(sequence, person, inverse, valid)
    return Fit(
        frames=len(valid),
        joints=len(distances),
        median_px=_median(distances),
        relative=_median(relative),
        relative_inverse=_median(relative_inverse),
        before_camera=float(before.mean()),
        in_picture=float(inside.mean()),
    )


def projected(xyz: NDArray[np.float64], K: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 2) pixels of (..., 3) in camera axes; NaN less than 0.1 m before the camera."""
    with np.errstate(invalid="ignore"):
        depth = np.where(xyz[..., 2:] >= LEAST_DEPTH_M, xyz[..., 2:], np.nan)
    return xyz[..., :2] / depth * np.array([K[0, 0], K[1, 1]]) + K[:2, 2]


def picture_size(folder: Path, K: NDArray[np.float64]) -> tuple[int, int]:
    """(width, height) of the first picture in `folder`; without one, twice the principal point."""
    for path in sorted(folder.glob("image_*.jpg"))[:1]:
        picture = cv2.imread(str(path))
        if picture is not None:
            return picture.shape[1], picture.shape[0]
    return max(round(2 * K[0, 2]), 1), max(round(2 * K[1, 2]), 1)


def _distances(
    sequence: PickledSequence, person: int, xyz: NDArray[np.float64], valid: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Known distances in pixels, and by the person's size, of joints in camera axes from those found."""
    places = np.array(_COMPARED)
    xy = projected(xyz, sequence.K)
    found = sequence.people[person].xy_px[valid][:, np.array(COCO_18_OF_SMPL)[places]]
    size = np.linalg.norm(xy.max(1) - xy.min(1), axis=-1)
    distance = np.linalg.norm(xy[:, places] - found, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = distance / size[:, None]
    known = np.isfinite(relative)
    return distance[known], relative[known]


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if len(values) else float("nan")
