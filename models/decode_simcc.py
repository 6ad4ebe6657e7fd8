"""SimCC read (Li et al. 2022, "SimCC: a simple coordinate classification perspective"; the head of RTMPose).

Each axis of a joint is a classification over bins of half an input pixel.
"""

import numpy as np
from numpy.typing import NDArray

from posecap.models.crop_poses import CropPoses, joint_variance

_BINS_PER_PX = 2.0


def decode_simcc(outputs: dict[str, NDArray[np.float32]]) -> CropPoses:
    """Poses of a batch from `simcc_x` (n, joints, 2 width) and `simcc_y` (n, joints, 2 height).

    The score is the lower of the two peaks: RTMPose trains them towards Gaussians of height 1.
    """
    axes = [outputs["simcc_x"].astype(np.float64), outputs["simcc_y"].astype(np.float64)]
    peaks = [axis.argmax(axis=2) for axis in axes]
    height_x, height_y = (axis.max(axis=2) for axis in axes)
    score = np.clip(np.minimum(height_x, height_y), 0.0, 1.0)
    return CropPoses(
        xy=np.stack(peaks, axis=2) / _BINS_PER_PX,
        score=score,
        variance=joint_variance(score, 1.0, axes[1].shape[2] / _BINS_PER_PX),
        person=score.max(axis=1),
        logits=None,
        crop_from_cell=np.eye(2, 3),
    )
