"""SimCC read (Li et al. 2022, "SimCC: a simple coordinate classification perspective"; the head of RTMPose).

Each axis of a joint is a classification over bins of half an input pixel.
"""

import numpy as np
from numpy.typing import NDArray

from posecap.models.crop_poses import CropPoses

_BINS_PER_PX = 2.0
_WINDOW = 6  # bins to each side of the peak that its spread is taken over


def decode_simcc(outputs: dict[str, NDArray[np.float32]]) -> CropPoses:
    """Poses of a batch from `simcc_x` (n, joints, 2 width) and `simcc_y` (n, joints, 2 height).

    The score is the lower of the two peaks: RTMPose trains them towards Gaussians of height 1.
    """
    axes = [outputs["simcc_x"].astype(np.float64), outputs["simcc_y"].astype(np.float64)]
    peaks = [axis.argmax(axis=2) for axis in axes]
    height_x, height_y = (axis.max(axis=2) for axis in axes)
    spread_x, spread_y = (_spread(axis, at) for axis, at in zip(axes, peaks, strict=True))
    score = np.clip(np.minimum(height_x, height_y), 0.0, 1.0)
    return CropPoses(
        xy=np.stack(peaks, axis=2) / _BINS_PER_PX,
        score=score,
        variance=(spread_x + spread_y) / 2 / _BINS_PER_PX**2,
        person=score.max(axis=1),
        logits=None,
        crop_from_cell=np.eye(2, 3),
    )


def _spread(axis: NDArray[np.float64], at: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, joints) second moment, bins^2, of the positive answers around the peak."""
    steps = np.arange(-_WINDOW, _WINDOW + 1)
    index = at[..., None] + steps
    inside = (index >= 0) & (index < axis.shape[2])
    answer = np.take_along_axis(axis, np.clip(index, 0, axis.shape[2] - 1), 2)
    weight = np.where(inside, np.maximum(answer, 0.0), 0.0)
    return weight @ (steps**2).astype(np.float64) / np.maximum(weight.sum(axis=2), 1e-9)
