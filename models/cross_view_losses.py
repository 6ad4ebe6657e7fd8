"""The loss of Cross View Fusion (Qiu et al., ICCV 2019, section 3): differences of single and fused heatmaps."""

import torch
from torch import Tensor


def cross_view_loss(
    single: Tensor,
    fused: Tensor,
    targets: Tensor,
    weights: Tensor,
    one_rig: Tensor | None = None,
    *,
    single_twice: bool = False,
) -> Tensor:
    """Scalar: the sum of `heatmap_loss` of the single and of the fused heatmaps.

    Args:
        single, fused, targets: (N, views, joints, H, W).
        weights: (N, views, joints); joints of weight 0 do not count, and their heatmaps and targets may be NaN.
        one_rig: (N,) bool: whether the views of a sample show one person at one time. Pictures of a set without
            cameras (MPII) that only fill the views have no fused heatmaps to learn from. None = all do.
        single_twice: such samples count their single heatmaps a second time in place of the fused ones, as in the
            original, where they weigh double.
    """
    if one_rig is None:
        second = fused
        second_weights = weights
    else:
        second = torch.where(one_rig[:, None, None, None, None], fused, single)
        second_weights = weights if single_twice else weights * one_rig[:, None, None]
    return heatmap_loss(single, targets, weights) + heatmap_loss(second, targets, second_weights)


def heatmap_loss(heatmaps: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Scalar: squared differences, mean over pixels and batch, SUM over joints and views.

    A weight multiplies the heatmap and its target, so it counts squared. Shapes as in `cross_view_loss`.
    """
    weights = weights[..., None, None]
    # chosen before the difference: 0 * NaN is NaN, in the gradient too
    difference = torch.where(weights > 0, heatmaps, 0.0) - torch.where(weights > 0, targets, 0.0)
    difference = difference * weights
    return difference.square().mean((0, -2, -1)).sum()
