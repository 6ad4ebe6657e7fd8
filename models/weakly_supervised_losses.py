"""Heatmap and depth losses of the weakly supervised network (Zhou et al., ICCV 2017, equations 2 to 4)."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss


def heatmap_loss(found: Tensor, target: Tensor, known: Tensor | None = None) -> Tensor:
    """Mean squared difference of the heatmaps of known joints; 0 where none is known.

    Args:
        found, target: (N, joints, height, width). A joint that is known to be outside of the crop has an empty target.
        known: (N, joints), whether it is known where the joint is; the others do not count. None = all are, and the
            mean is the original's.
    """
    if known is None:
        return (found - target).square().mean()
    known = known.to(torch.bool)
    apart = torch.where(known[..., None, None], found - target, 0.0).square().sum((-2, -1))  # (N, joints)
    return apart.sum() / (known.sum().clamp(min=1) * found.shape[-2] * found.shape[-1])


def depth_loss(
    found: Tensor, target: Tensor, known: Tensor, *, kind: Literal["smooth_l1", "l2"] = "smooth_l1"
) -> Tensor:
    """Sum of the differences over known depths, divided by (their number + 1e-4); 0 where none is known.

    Args:
        found, target: (N, joints), as fractions of the crop's side. Targets that are not known may be NaN.
        known: (N, joints) which count.
        kind: "smooth_l1" of the ResNet (quadratic within 1); "l2" of the hourglass.
    """
    known = known.to(torch.bool)
    target = torch.where(known, target, found.detach())
    apart = (
        smooth_l1_loss(found, target, reduction="none") if kind == "smooth_l1" else (found - target).square()
    )
    return (apart * known).sum() / (known.sum() + 1e-4)


def gathered(depths: Tensor, cells: Tensor) -> Tensor:
    """Values (N, joints) of depth maps (N, joints, height, width) at whole cells (N, joints, 2) as x, y.

    Cells outside are moved to the border: mask such joints.
    """
    height, width = depths.shape[-2:]
    x, y = cells[..., 0].clamp(0, width - 1), cells[..., 1].clamp(0, height - 1)
    return depths.flatten(-2).gather(-1, (y * width + x)[..., None])[..., 0]
