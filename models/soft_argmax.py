"""Coordinates as expectations over heatmaps (Sun et al., ECCV 2018), in one, two or three dimensions."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Axis = tuple[int, float, float]
"""Cells along one axis of the map, the coordinate of the first cell and that of the last."""


class SoftArgmax(nn.Module):
    """The expected coordinate under a map that is made into a distribution.

    Args:
        axes: of the map, in its order: (cells, first, last). See `pixels` and `voxels` for the usual ones.
        order: "reversed" gives the coordinate of the LAST axis first, which is x, y (, z) for maps
            ((depth,) row, column); "same" gives them in the order of the axes.
        normalise: "softmax" for maps of any sign; "sum" divides by the sum, for maps that are nowhere negative
            (the centre of mass). A map that is zero everywhere has no centre: its coordinates are NaN.
        sharpness: factor on the values before a softmax.

    The coordinates are buffers that move with the module and are not in its state dict, so checkpoints need
    not know of them and the module exports.
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        *,
        order: Literal["reversed", "same"] = "reversed",
        normalise: Literal["softmax", "sum"] = "softmax",
        sharpness: float = 1.0,
    ) -> None:
        super().__init__()
        self.sizes = tuple(cells for cells, _, _ in axes)
        self.order = order
        self.normalise = normalise
        self.sharpness = sharpness
        for index, (cells, first, last) in enumerate(axes):
            self.register_buffer(f"axis{index}", torch.linspace(first, last, cells), persistent=False)

    @classmethod
    def pixels(cls, height: int, width: int, **more: object) -> "SoftArgmax":
        """For maps (..., height, width): x in 0..width-1, y in 0..height-1."""
        return cls([_indices(height), _indices(width)], **more)  # pyright: ignore[reportArgumentType]

    @classmethod
    def voxels(cls, depth: int, height: int, width: int, **more: object) -> "SoftArgmax":
        """For maps (..., depth, height, width): x, y, z as indices of the last, the middle and the first axis."""
        return cls([_indices(depth), _indices(height), _indices(width)], **more)  # pyright: ignore[reportArgumentType]

    def forward(self, maps: Tensor) -> Tensor:
        """Coordinates (..., dimensions), float32, of maps (..., *sizes)."""
        p = self.distribution(maps)
        first = p.ndim - len(self.sizes)
        coordinates = []
        for index in range(len(self.sizes)):
            others = [first + other for other in range(len(self.sizes)) if other != index]
            marginal = p.sum(others) if others else p  # (..., cells)
            # a matrix product, as OpenVINO 2026.4 gets the sum of a product wrong along the first axis; divided, as
            # float32 sums of 64^3 cells differ from 1 by 6e-5, which is 0.002 voxels
            expected = marginal @ getattr(self, f"axis{index}")[:, None]  # (..., 1)
            coordinates.append(expected[..., 0] / marginal.sum(-1))
        if self.order == "reversed":
            coordinates.reverse()
        return torch.stack(coordinates, -1)

    def distribution(self, maps: Tensor) -> Tensor:
        """The maps (..., *sizes) as float32 distributions: each sums to 1 over its cells."""
        # half precision cannot count the cells of a volume
        flat = maps.float().flatten(maps.ndim - len(self.sizes))  # (..., cells)
        flat = (
            torch.softmax(flat * self.sharpness, -1)
            if self.normalise == "softmax"
            else flat / flat.sum(-1, True)
        )
        return flat.unflatten(-1, self.sizes)


def _indices(cells: int) -> Axis:
    return cells, 0.0, cells - 1.0
