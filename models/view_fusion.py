"""The fusion layer of Qiu et al. (ICCV 2019, section 3): each view's heatmaps, helped by those of all other views."""

import math
import re
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from posecap.models.errors import NetworkError

OWN, OTHER = 0.4, 0.2
"""Weights of the original for four views: its own heatmap, and each of the three others. The paper has 1 and 1."""


class ViewWarp(nn.Module):
    """From the cells of one view to those of another: a learnt matrix, the same for all joints. Starts as U(0, 0.1)."""

    def __init__(self, cells: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(cells, cells).uniform_(0.0, 0.1))

    def forward(self, heatmaps: Tensor) -> Tensor:
        """(..., cells) of heatmaps (..., cells)."""
        return heatmaps @ self.weight


class ViewFusion(nn.Module):
    """One matrix for every ordered pair of views, so it belongs to one rig: its number of views and where they stand.

    Parameter names: `aggre.{n}.weight`. View i has the matrices (views - 1) i + rank, where rank counts the other
    views in ascending order.

    Args:
        views: 2 or more.
        cells: height * width of a heatmap. There are views * (views - 1) * cells^2 parameters, 805 MB at four views of
            64 x 64.
        weights: "fixed" takes 0.4 and 0.2 whatever the number of views, as the original (they sum to 0.8 at three
            views); "normalised" divides by the sum over the views that are there.
    """

    def __init__(
        self, views: int, cells: int, weights: Literal["fixed", "normalised"] = "normalised"
    ) -> None:
        super().__init__()
        if views < 2:
            raise NetworkError(f"fusion of {views} view: give 2 or more, or use the backbone alone")
        self.views = views
        self.cells = cells
        self.weights = weights
        self.aggre = nn.ModuleList(ViewWarp(cells) for _ in range(views * (views - 1)))

    def forward(self, heatmaps: Tensor, present: Tensor | None = None) -> Tensor:
        """Fused heatmaps (N, views, joints, H, W) of the single ones, same shape.

        Args:
            present: (N, views) bool; views that are not there say nothing, whatever their heatmaps are, NaN too. They
                still receive what the others say of them. NaN in samples where no view is there, with gradients of 0.
        """
        if heatmaps.shape[1] != self.views or heatmaps.shape[-2] * heatmaps.shape[-1] != self.cells:
            raise NetworkError(
                f"fusion was built for {self.views} views of {self.cells} cells, got heatmaps {tuple(heatmaps.shape)}: "
                "build it for these, a trained one serves only its own rig"
            )
        x = heatmaps.flatten(-2)  # (N, views, joints, cells)
        if present is None:
            there = torch.ones_like(x[:, :, 0, 0])
        else:
            there = present.to(x.dtype)
            x = torch.where(present[..., None, None], x, 0.0)
        fused = []
        for view in range(self.views):
            others = [other for other in range(self.views) if other != view]
            first = (self.views - 1) * view
            warped = [self.aggre[first + rank](x[:, other]) for rank, other in enumerate(others)]
            total = OWN * x[:, view] + OTHER * torch.stack(warped).sum(0)  # (N, joints, cells)
            if self.weights == "normalised":
                share = OWN * there[:, view] + OTHER * there[:, others].sum(1)
                share = torch.where(share > 0, share, 1.0)  # 0 / 0 would be NaN in every matrix's gradient
                total = total / share[:, None, None]
            fused.append(total)
        maps = torch.stack(fused, 1).unflatten(-1, heatmaps.shape[-2:])
        return (
            maps
            if present is None
            else torch.where(present.any(1)[:, None, None, None, None], maps, torch.nan)
        )


def trained_size(tensors: Mapping[str, Tensor]) -> tuple[int, int] | None:
    """(views, side of the crops in px) of a network of which these are the weights; None = it has no such fusion."""
    matrices = [tensor for key, tensor in tensors.items() if re.search(r"aggre\.\d+\.weight$", key)]
    views = (1 + math.isqrt(1 + 4 * len(matrices))) // 2
    cells = {tuple(matrix.shape) for matrix in matrices}
    if not matrices or views * (views - 1) != len(matrices) or len(cells) != 1:
        return None
    side = math.isqrt(matrices[0].shape[0])
    return (views, 4 * side) if cells == {(side * side, side * side)} else None
