"""The peak of a heatmap between its cells, from logarithms of neighbours (after Zhang et al., CVPR 2020)."""

import torch
from torch import Tensor

from posecap.models.heatmap_argmax import heatmap_argmax


def heatmap_peak(heatmaps: Tensor, floor: float = 1e-6) -> tuple[Tensor, Tensor]:
    """Coordinates xy (..., 2) in heatmap px and heights (...) of the peaks of maps (..., height, width).

    The logarithm of a Gaussian is a parabola, so three cells along each axis give its centre exactly. At the border,
    and where the neighbours are equal, the answer is the cell's centre. NaN in a map makes its answer NaN.

    Args:
        floor: values below it are taken for it, so that logarithms exist.
    """
    cell, height = heatmap_argmax(heatmaps)
    rows, columns = heatmaps.shape[-2:]
    known = torch.nan_to_num(cell)
    x, y = known[..., 0].long(), known[..., 1].long()
    logs = heatmaps.clamp(min=floor).log().flatten(-2)
    middle = _at(logs, y * columns + x)
    steps = []
    for position, count, stride in ((x, columns, 1), (y, rows, columns)):
        inside = (position > 0) & (position < count - 1)
        here = y * columns + x
        before = _at(logs, (here - stride).clamp(min=0))
        after = _at(logs, (here + stride).clamp(max=rows * columns - 1))
        bend = 2.0 * middle - before - after
        step = torch.where(inside & (bend > 1e-9), 0.5 * (after - before) / bend.clamp(min=1e-9), 0.0)
        steps.append(step.clamp(-0.5, 0.5))
    return cell + torch.stack(steps, -1).to(cell), height


def _at(flat: Tensor, index: Tensor) -> Tensor:
    return flat.gather(-1, index[..., None])[..., 0]
