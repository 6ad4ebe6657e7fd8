"""Features of pictures, carried to the voxels of a box in the world."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Edge = Literal["original", "border", "zero"]


def box_points(lower: Tensor, upper: Tensor, voxels: int) -> Tensor:
    """World points (B, voxels, voxels, voxels, 3) of a grid over each box, axes x, y, z; the faces are included.

    Args:
        lower, upper: (B, 3) corners.
    """
    step = torch.arange(voxels, device=lower.device, dtype=lower.dtype) / (voxels - 1)
    x, y, z = (lower[:, None] + step[:, None] * (upper - lower)[:, None]).unbind(-1)  # (B, voxels) each
    shape = (-1, voxels, voxels, voxels)
    return torch.stack(
        [
            x[:, :, None, None].expand(shape),
            y[:, None, :, None].expand(shape),
            z[:, None, None].expand(shape),
        ],
        -1,
    )


def unproject(
    features: Tensor,
    projections: Tensor,
    points: Tensor,
    *,
    cell_px: float = 4.0,
    edge: Edge = "zero",
    half_pixel: bool = True,
    mask_behind: bool = True,
) -> Tensor:
    """Volumes (B, V, C, X, Y, Z): the features that each view shows at each point, interpolated bilinearly.

    Args:
        features: (B, V, C, H, W).
        projections: (B, V, 3, 4) from world points to pixels of the network's pictures; (0, 0) is the centre of
            the top-left pixel. The third row gives the depth, positive in front of the camera.
        points: (B, X, Y, Z, 3) in the projections' unit.
        cell_px: pixels of the picture along one cell of the features.
        edge: what lies outside of the picture. "border": the value of the nearest cell; "zero": it fades to 0
            within one cell, that is half a cell beyond the picture; "original": "border" to the left and the top,
            and 0 from the centre of the last cell on to the right and the bottom (the published program).
        half_pixel: cell = (pixel + 1/2) / cell_px - 1/2, the true relation. Without it cell = pixel / cell_px,
            as in the published program: features come from (cell_px - 1) / 2 px too far right and down.
        mask_behind: points at or behind a camera's plane get 0; without it they show what lies in front, mirrored.
    """
    height, width = features.shape[-2:]
    world = points.flatten(1, 3)  # (B, N, 3)
    pixels = world[:, None] @ projections[..., :3].transpose(-1, -2) + projections[..., 3].unsqueeze(-2)
    depth = pixels[..., 2:]  # (B, V, N, 1)
    in_front = depth > 0
    if mask_behind:
        depth = torch.where(in_front, depth, torch.ones_like(depth))
    cells = pixels[..., :2] / depth / cell_px
    if half_pixel:
        cells = cells + (0.5 / cell_px - 0.5)
    sampled = _sampled(features.flatten(0, 1), cells.flatten(0, 1), "zeros" if edge == "zero" else "border")
    volumes = sampled.reshape(*features.shape[:3], -1)  # (B, V, C, N)
    shown = in_front.squeeze(-1) if mask_behind else None  # (B, V, N)
    if edge == "original":
        within = (cells[..., 0] < width - 1) & (cells[..., 1] < height - 1)
        shown = within if shown is None else shown & within
    if shown is not None:
        volumes = torch.where(shown.unsqueeze(2), volumes, torch.zeros_like(volumes))
    return volumes.reshape(*features.shape[:3], *points.shape[1:4])


def _sampled(features: Tensor, cells: Tensor, padding: str) -> Tensor:
    """(M, C, N) of features (M, C, H, W) at cells (M, N, 2) as column, row."""
    height, width = features.shape[-2:]
    last = torch.tensor([width - 1.0, height - 1.0], device=cells.device, dtype=cells.dtype)
    # a point just beside the camera lies at infinity; one cell outside of the picture is as good
    cells = torch.minimum(cells.clamp(min=-2.0), last + 2.0)
    grid = (cells * (2.0 / last) - 1.0).unsqueeze(1)  # (M, 1, N, 2)
    return F.grid_sample(features, grid, mode="bilinear", padding_mode=padding, align_corners=True).squeeze(2)
