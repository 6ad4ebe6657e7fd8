"""Points of the world looked up in the heatmaps of several calibrated views."""

from typing import NamedTuple

import torch
from torch import Tensor


class HeatmapViews(NamedTuple):
    """Pinhole cameras with OpenCV's lens model, and where their heatmaps lie in the picture.

    Everything has the same floating type; the unit of length is the caller's, one for all (metres in posecap).

    Attributes:
        cam_from_world: (frames, views, 3, 4).
        focal_px: (frames, views, 2).
        center_px: (frames, views, 2), principal points.
        distortion: (frames, views, 5): k1 k2 p1 p2 k3.
        heatmap_from_image: (frames, views, 2, 3), affine, from full-image px to heatmap px.
    """

    cam_from_world: Tensor
    focal_px: Tensor
    center_px: Tensor
    distortion: Tensor
    heatmap_from_image: Tensor


def heatmap_from_image(center_px: Tensor, side_px: Tensor, heatmap_px: int) -> Tensor:
    """Affine (..., 2, 3) of a square crop with `center_px` (..., 2) and `side_px` (...) under a square heatmap.

    heatmap px = (image px - centre) * heatmap side / crop side + heatmap side / 2, Cross View Fusion's convention.
    Its boxes give the scale in units of 200 px: side_px = 200 * scale.
    """
    scale = heatmap_px / side_px
    zero = torch.zeros_like(scale)
    x, y = (heatmap_px / 2 - center_px * scale[..., None]).unbind(-1)
    return torch.stack([torch.stack([scale, zero, x], -1), torch.stack([zero, scale, y], -1)], -2)


def project(points: Tensor, views: HeatmapViews, *, one_focal: bool = False) -> tuple[Tensor, Tensor]:
    """Heatmap px (frames, views, ..., 2) of world points (frames, ..., 3), and their depths (frames, views, ...).

    Args:
        one_focal: both axes get the mean of the focal lengths, as in the original program.
    """
    shape = points.shape[1:-1]
    flat = points.flatten(1, -2)[:, None]  # (frames, 1, n, 3)
    R, t = views.cam_from_world[..., :3], views.cam_from_world[..., 3]
    local = flat @ R.transpose(-1, -2) + t[..., None, :]  # (frames, views, n, 3)
    depth = local[..., 2]
    x, y = local[..., 0] / depth, local[..., 1] / depth
    k1, k2, p1, p2, k3 = views.distortion[..., None].unbind(-2)  # (frames, views, 1) each
    r2 = x * x + y * y
    factor = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3)) + 2.0 * (p1 * y + p2 * x)
    bent = torch.stack([x * factor + p2 * r2, y * factor + p1 * r2], -1)
    focal = views.focal_px.mean(-1, keepdim=True) if one_focal else views.focal_px
    image = bent * focal[..., None, :] + views.center_px[..., None, :]
    affine = views.heatmap_from_image
    pixels = image @ affine[..., :2].transpose(-1, -2) + affine[..., None, :, 2]
    return pixels.unflatten(2, shape), depth.unflatten(2, shape)


def sample(heatmaps: Tensor, pixels: Tensor) -> Tensor:
    """Bilinear values (frames, views, joints, n) of heatmaps (frames, views, joints, height, width).

    The centre of the top-left cell is (0, 0); beyond the centres of the border cells, and at NaN, the value is 0.

    Args:
        pixels: (frames, views, joints or 1, n, 2); with 1 all joints are read at the same places.
    """
    height, width = heatmaps.shape[-2:]
    x, y = pixels.unbind(-1)
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    x, y = torch.where(inside, x, 0.0), torch.where(inside, y, 0.0)
    left, top = x.floor().clamp(max=width - 2), y.floor().clamp(max=height - 2)
    right_part, lower_part = x - left, y - top
    corner = (top * width + left).long()
    flat = heatmaps.flatten(-2)

    def at(step: int) -> Tensor:
        index = (corner + step).expand(*flat.shape[:3], corner.shape[-1])
        return flat.gather(-1, index)

    upper = at(0) * (1.0 - right_part) + at(1) * right_part
    lower = at(width) * (1.0 - right_part) + at(width + 1) * right_part
    return torch.where(inside, upper * (1.0 - lower_part) + lower * lower_part, 0.0)
