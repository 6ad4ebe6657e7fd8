"""Errors of estimated poses in camera or world space, each called after what was removed before it was measured."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from posecap.training.errors import DatasetError

_LEAST_KNOWN = 4  # joints; fewer can nearly always be aligned


@dataclass(frozen=True, slots=True)
class PoseErrors:
    """Mean Euclidean distances in millimetres over joints and frames; NaN where nothing can be compared.

    Attributes:
        absolute_mm: nothing removed: place, size and orientation count.
        root_mm: of the root joint alone, absolute.
        root_axis_mm: mean absolute difference of the root along x, y, z.
        root_relative_mm: each pose less its own root; the root's own 0 is in the mean, as in published figures.
        aligned_rigid_mm: after the best rotation and translation at each frame, WITHOUT scale. Some call this PA.
        aligned_similarity_mm: after the best rotation, translation and scale at each frame. PA-MPJPE of most papers.
        joints: compared in at least one frame, the root among them.
        frames: with at least one compared joint.
        aligned_frames: with at least four, which the two alignments need.
        without_root: frames whose root is not known in both, so that `root_relative_mm` leaves them out.
    """

    absolute_mm: float
    root_mm: float
    root_axis_mm: tuple[float, float, float]
    root_relative_mm: float
    aligned_rigid_mm: float
    aligned_similarity_mm: float
    joints: int
    frames: int
    aligned_frames: int
    without_root: int


def pose_errors(found_mm: NDArray[np.floating], true_mm: NDArray[np.floating], root: int) -> PoseErrors:
    """Compares poses; a joint counts where it is known in both.

    Args:
        found_mm: (frames, joints, 3) millimetres; NaN = not known.
        true_mm: the same, same frame of reference.
        root: place of the joint that root-relative poses are relative to; a pelvis.

    Raises:
        DatasetError: shapes differ, or there is no such root.
    """
    found, true = np.array(found_mm, np.float64), np.array(true_mm, np.float64)
    if found.shape != true.shape or found.ndim != 3 or found.shape[-1] != 3:
        raise DatasetError(
            f"poses have shapes {found.shape} and {true.shape}, expected both (frames, joints, 3): compare equal sets"
        )
    if not 0 <= root < found.shape[1]:
        raise DatasetError(f"joint {root} is the root, there are {found.shape[1]}: choose one of them")
    both = np.asarray(np.isfinite(found).all(-1) & np.isfinite(true).all(-1))
    found[~both] = true[~both] = np.nan
    difference = found - true
    distance = np.linalg.norm(difference, axis=-1)
    relative = np.linalg.norm(difference - difference[:, root : root + 1], axis=-1)
    rigid, aligned_frames = aligned(found, true, scale=False)
    similar, _ = aligned(found, true, scale=True)
    x, y, z = (_mean(np.abs(difference[:, root, axis])) for axis in range(3))
    return PoseErrors(
        absolute_mm=_mean(distance),
        root_mm=_mean(distance[:, root]),
        root_axis_mm=(x, y, z),
        root_relative_mm=_mean(relative),
        aligned_rigid_mm=_mean(np.linalg.norm(rigid - true, axis=-1)),
        aligned_similarity_mm=_mean(np.linalg.norm(similar - true, axis=-1)),
        joints=int(both.any(0).sum()),
        frames=int(both.any(1).sum()),
        aligned_frames=int(aligned_frames.sum()),
        without_root=int((both.any(1) & ~both[:, root]).sum()),
    )


def aligned(
    found: NDArray[np.floating], true: NDArray[np.floating], *, scale: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Each pose moved onto the true one with least squares, never mirrored (Umeyama 1991, eq. 39 to 42).

    Args:
        found, true: (frames, joints, 3), NaN = not known; any unit.
        scale: also the best size; without it only rotation and translation.

    Returns:
        (frames, joints, 3) moved poses, NaN for joints not known in both and for frames with fewer than four of
        them; (frames,) whether a frame was aligned.
    """
    known = np.isfinite(found).all(-1) & np.isfinite(true).all(-1)
    usable = known.sum(-1) >= _LEAST_KNOWN
    weight = (known & usable[:, None])[..., None]
    count = np.maximum(weight.sum(1, keepdims=True), 1)
    x, y = (np.where(weight, pose, 0.0) for pose in (found, true))
    x_mean, y_mean = x.sum(1, keepdims=True) / count, y.sum(1, keepdims=True) / count
    x, y = np.where(weight, x - x_mean, 0.0), np.where(weight, y - y_mean, 0.0)
    u, d, vt = np.linalg.svd(np.swapaxes(y, 1, 2) @ x)
    sign = np.ones((len(u), 3))
    sign[:, 2] = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    rotation = (u * sign[:, None]) @ vt
    size = np.ones(len(u))
    if scale:
        spread = (x**2).sum((1, 2))  # 0 where all joints of a pose lie in one point: it stays a point
        size = np.where(spread > 0, (d * sign).sum(1) / np.where(spread > 0, spread, 1.0), 0.0)
    moved = size[:, None, None] * x @ np.swapaxes(rotation, 1, 2) + y_mean
    return np.where(weight, moved, np.nan), usable


def error_table(errors: Mapping[str, PoseErrors]) -> Table:
    """A row for each estimate, a column for each error called by its content, then how many joints and frames."""
    table = Table(
        "poses", "absolute", "root alone", "root-relative", "aligned, no scale", "aligned with scale", "joints",
        "frames", title="mean error, mm", box=None,
    )  # fmt: skip
    for name, one in errors.items():
        figures = (
            one.absolute_mm, one.root_mm, one.root_relative_mm, one.aligned_rigid_mm, one.aligned_similarity_mm,
        )  # fmt: skip
        shown = ["unknown" if np.isnan(value) else f"{value:.1f}" for value in figures]
        table.add_row(name, *shown, str(one.joints), str(one.frames))
    return table


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
