"""Losses of canonical fusion (Remelli et al., CVPR 2020, section 3.4): joints in every view, points of the world."""

from typing import Literal

import torch
from torch import Tensor


def keypoint_loss(found: Tensor, target: Tensor, *, over_views: Literal["mean", "sum"] = "mean") -> Tensor:
    """Mean squared difference of coordinates (N, views, joints, 2), unit squared; NaN targets do not count.

    Args:
        over_views: the original adds up its four views, so its loss is four times the mean.
    """
    return _squares(found, target) * (found.shape[1] if over_views == "sum" else 1)


def point_loss(found: Tensor, target: Tensor) -> Tensor:
    """Mean distance of world points (N, joints, 3), in their unit; points without a target or an answer do not count.

    A distance, not its square: one joint that is far off does not outweigh the others. The original has no such loss.
    """
    known = ~(torch.isnan(target) | torch.isnan(found)).any(-1)
    apart = torch.where(known[..., None], found - target, torch.zeros_like(found))
    squares = (apart * apart).sum(-1)
    # the root has no slope at 0, where unknown points and perfect answers are
    distance = torch.where(
        squares > 0, torch.where(squares > 0, squares, torch.ones_like(squares)).sqrt(), squares
    )
    return distance.sum() / known.sum().clamp_min(1)


def canonical_loss(
    xy: Tensor,
    xyz: Tensor,
    target_xy: Tensor,
    target_xyz: Tensor | None = None,
    *,
    point_weight: float = 0.0,
    over_views: Literal["mean", "sum"] = "mean",
) -> Tensor:
    """What is trained on: `keypoint_loss` plus `point_weight` times `point_loss`.

    The original trains with weight 0 and views summed, on pixels; with a weight both outputs should be in metres and
    [-1, 1], where the two are of one size.

    Args:
        xy, xyz: outputs of `CanonicalFusion`.
        target_xy: (N, views, joints, 2), see `feature_transform.heatmap_points`.
        target_xyz: (N, joints, 3), for a weight above 0.

    Raises:
        ValueError: a weight without points.
    """
    loss = keypoint_loss(xy, target_xy, over_views=over_views)
    if point_weight == 0:
        return loss
    if target_xyz is None:
        raise ValueError(f"point_weight {point_weight} without target_xyz: give the points, or weight 0")
    return loss + point_weight * point_loss(xyz, target_xyz)


def _squares(found: Tensor, target: Tensor) -> Tensor:
    known = ~torch.isnan(target).any(-1, keepdim=True).expand_as(target)
    apart = torch.where(known, found - target, torch.zeros_like(found))
    return (apart * apart).sum() / known.sum().clamp_min(1)
