"""The highest cell of a heatmap, with or without the quarter-pixel step of Newell et al. (ECCV 2016)."""

import torch
from torch import Tensor


def heatmap_argmax(heatmaps: Tensor, *, quarter_step: bool = False) -> tuple[Tensor, Tensor]:
    """Coordinates xy (..., 2) in heatmap px and heights (...) of the highest cells of maps (..., height, width).

    The centre of the top-left cell is (0, 0). Of equal cells the first in row order wins. `quarter_step` moves
    each coordinate by 0.25 towards the higher neighbour, not at the border. NaN in a map makes its answer NaN.
    """
    height, width = heatmaps.shape[-2:]
    flat = heatmaps.flatten(-2)  # (..., height * width)
    score, index = flat.max(-1)
    x, y = index % width, index.div(width, rounding_mode="floor")
    xy = torch.stack([x, y], -1).to(torch.float32)
    if quarter_step:
        xy = xy + 0.25 * torch.stack(
            [_slope(flat, index, x, 1, width), _slope(flat, index, y, width, height)], -1
        )
    return torch.where(score.isnan()[..., None], torch.nan, xy), score


def _slope(flat: Tensor, index: Tensor, position: Tensor, step: int, cells: int) -> Tensor:
    """Sign (...) of the difference between the neighbours of `index`, 0 at the border."""
    last = flat.shape[-1] - 1
    after = flat.gather(-1, (index + step).clamp(max=last)[..., None])[..., 0]
    before = flat.gather(-1, (index - step).clamp(min=0)[..., None])[..., 0]
    inside = (position > 0) & (position < cells - 1)
    return torch.where(inside, torch.sign(after - before), torch.zeros_like(after)).to(torch.float32)
