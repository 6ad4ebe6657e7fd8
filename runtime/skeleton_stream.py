"""The skeleton of one person while poses arrive: rotations of each frame, measures that settle."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.runtime.skeleton import Layout
from posecap.runtime.skeleton_fit import NOISE_M, SegmentFrames, local_rotations

_MEASURED = 300  # newest frames that measures are taken from
_AGAIN = 30  # frames after which they are taken again


@dataclass(frozen=True, slots=True, eq=False)
class StreamedPose:
    """One person at one instant.

    Attributes:
        root_m: (3,) place of Hips, world metres.
        local: (segments, 3, 3) parent_from_segment, of Hips world_from_segment; where unknown the last one known, at
            first that of the T-pose.
        offset_m: (segments, 3) each pivot from the parent's, in its axes: medians over the last frames.
        seen: (segments,) False where `local` is not of this instant.
    """

    root_m: NDArray[np.float64]
    local: NDArray[np.float64]
    offset_m: NDArray[np.float64]
    seen: NDArray[np.bool_]


class SkeletonStream:
    """Rotations in closed form, frame after frame; see `skeleton_fit` for the whole take.

    Args:
        joints: names of the joints axis.
        noise_m: standard deviation of a joint.

    Raises:
        SkeletonError: hips or shoulders are missing in the joint set.
    """

    def __init__(self, joints: tuple[str, ...], noise_m: float = NOISE_M) -> None:
        self._frames = SegmentFrames(joints, noise_m)
        self.layout: Layout = self._frames.layout
        segments = len(self.layout.segments)
        self._local = np.broadcast_to(np.eye(3), (segments, 3, 3)).copy()
        self._recent: deque[NDArray[np.float64]] = deque(maxlen=_MEASURED)
        self._offset_m = np.zeros((segments, 3))
        self._pushed = 0

    def push(self, t_ns: int, xyz: NDArray[np.floating]) -> StreamedPose | None:
        """The pose at `t_ns` from joints (joints, 3), world metres; None where hips and shoulders are not all seen."""
        given = np.asarray(xyz, dtype=np.float64)[None]
        rotation = self._frames.rotations(np.array([t_ns]), given)
        if not np.isfinite(rotation[0, 0]).all():
            return None
        pivots = self._frames.pivots(given)[0]
        local = local_rotations(self.layout, rotation)[0]
        seen = np.isfinite(local[:, 0, 0])
        self._local = np.where(seen[:, None, None], local, self._local)
        self._measure(pivots, rotation[0])
        return StreamedPose(pivots[0], self._local, self._offset_m, seen)

    def _measure(self, pivots: NDArray[np.float64], rotation: NDArray[np.float64]) -> None:
        parents = np.array(self.layout.parents)
        offset = np.einsum("sab,sa->sb", rotation[parents], pivots - pivots[parents])
        offset[0] = 0.0
        self._recent.append(offset)
        self._pushed += 1
        if self._pushed < _AGAIN or self._pushed % _AGAIN == 0:
            recent = np.stack(self._recent)
            known = np.isfinite(recent[..., 0]).any(axis=0)
            fresh = self._offset_m.copy()
            fresh[known] = np.nanmedian(recent[:, known], axis=0)
            self._offset_m = fresh
