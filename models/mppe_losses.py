"""Losses of 3DMPPE (Moon et al., ICCV 2019, section 5): mean absolute differences of coordinates."""

from torch import Tensor


def coordinate_loss(found: Tensor, target: Tensor, visible: Tensor, has_depth: Tensor) -> Tensor:
    """(N, joints) a third of |dx| + |dy| + |dz|; the mean over all is what is trained on.

    Args:
        found, target: (N, joints, 3); PoseNet in voxels, RootNet (one joint) in cells and the unit of its distance.
        visible: (N, joints, 1) 1 = counts, 0 = does not.
        has_depth: (N, 1, 1) or (N, joints, 1) 1 = the target's depth is known, 0 = it comes from a 2D data set.
    """
    apart = (found - target).abs() * visible
    return (apart[..., 0] + apart[..., 1] + apart[..., 2] * has_depth[..., 0]) / 3
