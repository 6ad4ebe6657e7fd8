"""The part of a volume where joints were found: a smaller box, and the heatmaps resampled into it.

No size depends on the data, so networks with a crop in their middle export.
"""

import torch
from torch import Tensor

MARGIN_VOXELS = 2
"""Voxels that are kept around the joints on each side."""

_ROUNDING = 1e-4  # voxels; the last one must not fall below itself in float32


def peak_voxels(heatmaps: Tensor) -> Tensor:
    """Indices (B, J, 3) of the highest voxel of heatmaps (B, J, X, Y, Z), as floats.

    Where several voxels are equally high it is the mean of their indices, which need not be whole.
    """
    highest = (heatmaps == heatmaps.amax((2, 3, 4), keepdim=True)).to(heatmaps.dtype)
    count = highest.sum((2, 3, 4))  # (B, J)
    axes = []
    for axis in (2, 3, 4):
        others = [other for other in (2, 3, 4) if other != axis]
        index = torch.arange(heatmaps.shape[axis], device=heatmaps.device, dtype=heatmaps.dtype)
        axes.append((highest.sum(others) * index).sum(-1) / count)
    return torch.stack(axes, -1)


def voxels_around(heatmaps: Tensor, margin: float = MARGIN_VOXELS) -> tuple[Tensor, Tensor]:
    """First and last voxel (B, 3) along each axis of the box around all joints' peaks, as floats.

    `margin` voxels are added on each side, as far as the volume reaches.
    """
    peaks = peak_voxels(heatmaps)
    last = _last_voxels(heatmaps)
    low = (peaks.amin(1) - margin).clamp(min=0.0)
    high = torch.minimum(peaks.amax(1) + margin, last)
    return low, high


def cropped_box(
    lower: Tensor, upper: Tensor, low: Tensor, high: Tensor, heatmaps: Tensor
) -> tuple[Tensor, Tensor]:
    """World corners (B, 3) of the voxels from `low` to `high` of heatmaps whose grid spans `lower` to `upper`.

    The first voxel lies on the lower face and the last one on the upper face. The new box need not be a cube.
    """
    step = (upper - lower) / _last_voxels(heatmaps)
    return lower + low * step, lower + high * step


def resampled(heatmaps: Tensor, low: Tensor, high: Tensor, voxels: int) -> Tensor:
    """Heatmaps (B, J, voxels, voxels, voxels) of the voxels `low` to `high`, both included; none is interpolated.

    New voxel k shows the old one at floor(low + k (high - low) / (voxels - 1)): new and old voxels lie on the faces.
    """
    batch = heatmaps.shape[0]
    k = torch.arange(voxels, device=heatmaps.device, dtype=heatmaps.dtype)
    source = low[..., None] + k * (high - low)[..., None] / (voxels - 1)  # (B, 3, voxels)
    last = _last_voxels(heatmaps).long()[:, None]
    source = torch.floor(source + _ROUNDING).long()
    source = torch.minimum(source.clamp(min=0), last)  # NaN heatmaps have no place; they stay NaN
    for axis in range(3):
        shape = [batch, 1, 1, 1, 1]
        shape[2 + axis] = voxels
        sizes = list(heatmaps.shape)
        sizes[2 + axis] = voxels
        heatmaps = torch.gather(heatmaps, 2 + axis, source[:, axis].reshape(shape).expand(sizes))
    return heatmaps


def _last_voxels(heatmaps: Tensor) -> Tensor:
    sizes = [size - 1.0 for size in heatmaps.shape[2:]]
    return torch.tensor(sizes, device=heatmaps.device, dtype=heatmaps.dtype)
