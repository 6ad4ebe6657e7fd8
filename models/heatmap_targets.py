"""What a heatmap network is trained towards: a Gaussian at every joint."""

import torch
from torch import Tensor


def gaussian_targets(
    xy: Tensor, size_px: tuple[int, int], sigma_px: float = 2.0, *, rounded: bool = False
) -> tuple[Tensor, Tensor]:
    """Heatmaps (..., height, width) with peaks of 1, and weights (...): 1, or 0 for joints outside or unknown.

    A Gaussian ends at three standard deviations along each axis. Cross View Fusion takes 2 px at 64 x 64 and 3 px at
    80 x 80.

    Args:
        xy: (..., 2), heatmap px, the centre of the top-left cell is (0, 0); NaN = unknown.
        size_px: (width, height) of the heatmaps.
        rounded: the peak is at int(x + 0.5), as in the original; otherwise where the joint is, and the highest
            cell is below 1.
    """
    width, height = size_px
    center = torch.trunc(xy + 0.5) if rounded else xy
    x, y = center[..., 0, None], center[..., 1, None]
    last = torch.tensor([width, height], dtype=xy.dtype, device=xy.device) - 0.5
    inside = ((xy >= -0.5) & (xy < last)).all(-1)  # false where unknown
    across = _wave(torch.arange(width, device=xy.device) - x, sigma_px)  # (..., width)
    down = _wave(torch.arange(height, device=xy.device) - y, sigma_px)
    maps = down[..., :, None] * across[..., None, :]
    return torch.where(inside[..., None, None], maps, 0.0), inside.to(xy.dtype)


def _wave(away: Tensor, sigma: float) -> Tensor:
    return torch.where(away.abs() <= 3.0 * sigma, torch.exp(-away * away / (2.0 * sigma * sigma)), 0.0)
