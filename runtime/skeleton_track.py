"""A fitted motion at evenly spaced instants, y-up, with its gaps filled or held: what animation files hold."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from posecap.runtime.skeleton import WORLD_FROM_BODY
from posecap.runtime.skeleton_fit import SkeletonMotion

LATE: Final = 1.5
"""Frame times between known frames from which on a frame counts as missing."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A motion without holes.

    Attributes:
        root_m: (frames, 3) place of Hips, metres, y-up.
        local: (frames, segments, 3, 3) parent_from_segment, of Hips y-up world_from_segment.
        filled: (frames,) where some rotation was interpolated across missing frames and none is held.
        held: (frames,) where some rotation stands still because more was missing than may be filled.
        at_rest: segments that were never seen; theirs is the identity.
    """

    root_m: NDArray[np.float64]
    local: NDArray[np.float64]
    filled: NDArray[np.bool_]
    held: NDArray[np.bool_]
    at_rest: tuple[str, ...]


def even_track(
    motion: SkeletonMotion, known_s: NDArray[np.float64], grid_s: NDArray[np.float64], max_gap_s: float
) -> Track:
    """`motion`, known at `known_s` (seconds, rising), at the instants of `grid_s`.

    Between known rotations slerp, up to `max_gap_s` apart; across more the last one before stays.
    """
    body_from_world = WORLD_FROM_BODY.T
    local = motion.local
    local[:, 0] = body_from_world @ local[:, 0]
    usual_s = float(np.median(np.diff(known_s))) if len(known_s) > 1 else 0.0
    even = np.broadcast_to(np.eye(3), (len(grid_s), *local.shape[1:])).copy()
    filled, held = np.zeros(len(grid_s), dtype=np.bool_), np.zeros(len(grid_s), dtype=np.bool_)
    at_rest: list[str] = []
    for segment, name in enumerate(motion.skeleton.layout.segments):
        known = np.isfinite(local[:, segment, 0, 0])
        if not known.any():
            at_rest.append(name)
            continue
        times = known_s[known]
        where_s, gap_s = _bridged(times, grid_s, max_gap_s)
        filled |= (gap_s > LATE * usual_s) & (gap_s <= max_gap_s)
        held |= gap_s > max_gap_s
        even[:, segment] = _slerp(times, local[known, segment], where_s)
    there = np.isfinite(motion.root_m[:, 0])
    where_s, _ = _bridged(known_s[there], grid_s, max_gap_s)
    root = (motion.root_m[there] @ body_from_world.T).T
    root_m = np.stack([np.interp(where_s, known_s[there], axis) for axis in root], axis=1)
    return Track(root_m, even, filled & ~held, held, tuple(at_rest))


def _bridged(
    times: NDArray[np.float64], grid_s: NDArray[np.float64], max_gap_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each instant of the grid: where to read the track, and how long the gap around it is (0 = it is known)."""
    before = np.clip(np.searchsorted(times, grid_s + 1e-6, side="right") - 1, 0, len(times) - 1)
    after = np.clip(np.searchsorted(times, grid_s - 1e-6, side="left"), 0, len(times) - 1)
    gap_s = times[after] - times[before]
    outside = np.maximum(times[0] - grid_s, grid_s - times[-1])
    gap_s = np.where(outside > 1e-6, np.inf, gap_s)
    where_s = np.where(gap_s > max_gap_s, times[before], np.clip(grid_s, times[0], times[-1]))
    return where_s, gap_s


def _slerp(
    times: NDArray[np.float64], rotation: NDArray[np.float64], at_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    if len(times) == 1:
        return np.broadcast_to(rotation[0], (len(at_s), 3, 3))
    return Slerp(times, Rotation.from_matrix(rotation))(at_s).as_matrix()
