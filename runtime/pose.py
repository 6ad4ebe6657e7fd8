"""What the runtime knows about people: in pictures, and in the room. Axis order is always views, people, joints."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A square of one picture in which to look for one person.

    Attributes:
        view: index of the camera in the rig.
        centre_px: (x, y), full image.
        side_px: length of the square's side.
        roll_rad: how far the person's up direction leans from the picture's up, clockwise; 0 = upright.
        track: identity that predicted the region, -1 where a detector found it.
    """

    view: int
    centre_px: tuple[float, float]
    side_px: float
    roll_rad: float = 0.0
    track: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Heatmaps:
    """What the network saw in one region, kept for a second reading.

    Attributes:
        logits: (joints, height, width) float32, before the sigmoid.
        image_from_cell: (2, 3) affine map from cell (column, row) to full-image pixels.
    """

    logits: NDArray[np.float32]
    image_from_cell: NDArray[np.float64]


HeatmapRows = tuple[tuple[Heatmaps | None, ...], ...]
"""[view][person], None where the model gives no heatmaps or the row is empty."""


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints2D:
    """Joints in the pictures of one frame set.

    Attributes:
        xy: (views, people, joints, 2) full-image pixels, distorted; NaN = not seen.
        score: (views, people, joints) 0..1; 0 where not seen.
        variance: (views, people, joints) px^2 for each axis; inf where not seen.
        track: (views, people) identity that predicted the region, -1 = detector or empty row.
        heatmaps: [view][person], None where the model gives none.

    Before association the people of different views are unrelated and rows may be empty (all NaN); after it, row p is
    the same person in every view.
    """

    xy: NDArray[np.float64]
    score: NDArray[np.float64]
    variance: NDArray[np.float64]
    track: NDArray[np.int64]
    heatmaps: HeatmapRows


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton3D:
    """One person in the world.

    Attributes:
        track: stable identity; -1 before tracking.
        xyz: (joints, 3) metres, world frame, +Z up; NaN = unknown.
        covariance: (joints, 3, 3) m^2; NaN where xyz is.
        views: (joints,) how many cameras support the joint.
        residual_px: (joints,) rms reprojection distance over those cameras; NaN where xyz is.
    """

    track: int
    xyz: NDArray[np.float64]
    covariance: NDArray[np.float64]
    views: NDArray[np.int64]
    residual_px: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PoseSet:
    """All people at one instant.

    Attributes:
        index: of the frame set that the poses describe.
        t_ns: the instant that the poses describe, host monotonic clock.
        t_capture_ns: capture time of the oldest picture used.
        skeletons: one for each person, world frame, joints of the pipeline's joint set.
    """

    index: int
    t_ns: int
    t_capture_ns: int
    skeletons: tuple[Skeleton3D, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StepResult:
    """What one step of the pipeline gave.

    Attributes:
        instant: stage 1, for the frame set that was pushed.
        refined: stage 2, `lag` frame sets older; None while the lag is filling.
        keypoints: the associated 2D evidence of the frame set that was pushed (row p = instant.skeletons[p]).
        stage_ns: duration of each stage, nanoseconds.
    """

    instant: PoseSet
    refined: PoseSet | None
    keypoints: Keypoints2D
    stage_ns: dict[str, int]
