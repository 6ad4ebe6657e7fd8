"""Losses of 3DMPPE (Moon et al., ICCV 2019, section 5): mean absolute differences of coordinates."""

import torch
from torch import Tensor


def coordinate_loss(found: Tensor, target: Tensor, visible: Tensor, has_depth: Tensor) -> Tensor:
    """(N, joints) a third of |dx| + |dy| + |dz|; the mean over all is what is trained on.

    Args:
        found, target: (N, joints, 3); PoseNet in voxels, RootNet (one joint) in cells and the unit of its distance.
            Coordinates whose target is NaN are unknown and do not count.
        visible: (N, joints, 1) 1 = counts, 0 = does not.
        has_depth: (N, 1, 1) or (N, joints, 1) 1 = the target's depth is known, 0 = it comes from a 2D data set.
    """
    is_depth = torch.arange(3, device=found.device) == 2
    weights = visible * torch.where(is_depth, has_depth, 1.0)  # (N, joints, 3)
    counts = (weights > 0) & ~target.isnan()
    # chosen before the difference: 0 * NaN is NaN, in the gradient too
    apart = (torch.where(counts, found, 0.0) - torch.where(counts, target, 0.0)).abs() * weights
    return apart.sum(-1) / 3
