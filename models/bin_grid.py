"""A cube of bins, and the pairs of its bins that are a given distance apart."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


class BinGrid(nn.Module):
    """`bins` per axis on a cube about the origin, the outermost on its faces.

    Bins are numbered y slowest, then x, then z: of equal bins the first wins, so the numbering decides ties.
    The distance of two bins depends only on their offset in steps. There are (2 bins - 1)^3 offsets, and a limb fits
    few of them, a shell; looking only there is what makes the first level fast.

    Args:
        bins: per axis, 2 or more.
        edge: of the cube, in the caller's unit of length.
    """

    centers: Tensor  # (bins^3, 3)
    distance: Tensor  # of each offset, ((2 bins - 1)^3,)
    padded_offset: Tensor  # of each offset, as a step in the flat padded cube
    padded_cell: Tensor  # of each bin, its place in the flat padded cube
    offset_cell: Tensor  # of each bin, its place in a flat cube of offsets

    def __init__(self, bins: int, edge: float) -> None:
        super().__init__()
        self.bins = bins
        self.edge = edge
        self.spacing = edge / (bins - 1)
        axis = np.linspace(-edge / 2, edge / 2, bins)
        x, y, z = (values.ravel() for values in np.meshgrid(axis, axis, axis))  # y slowest, then x, then z
        steps = np.arange(1 - bins, bins)
        a, b, c = (values.ravel() for values in np.meshgrid(steps, steps, steps, indexing="ij"))
        i, j, k = np.indices((bins, bins, bins)).reshape(3, -1)
        pad, padded, offsets = bins - 1, 3 * bins - 2, 2 * bins - 1
        tables = {
            "centers": np.stack([x, y, z], -1),
            "distance": self.spacing * np.sqrt(a * a + b * b + c * c),
            "padded_offset": (a * padded + b) * padded + c,
            "padded_cell": ((i + pad) * padded + j + pad) * padded + k + pad,
            "offset_cell": (i * offsets + j) * offsets + k,
        }
        for name, table in tables.items():
            self.register_buffer(name, torch.from_numpy(table), persistent=False)

    def shell(self, length: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """The `size` offsets nearest to each length (n,): their distances (n, size) and steps (n, size)."""
        distance = self.distance.to(length)
        nearest = torch.topk(-(distance - length[:, None]).abs(), size, sorted=False).indices
        return distance[nearest], self.padded_offset[nearest]

    def padded(self, energy: Tensor, outside: float) -> Tensor:
        """Energies (frames, (3 bins - 2)^3) of energies (frames, bins^3), and of `outside` all around the cube."""
        cube = energy.unflatten(1, (self.bins, self.bins, self.bins))
        return functional.pad(cube, [self.bins - 1] * 6, value=outside).flatten(1)

    def neighbours(self, padded: Tensor, steps: Tensor) -> Tensor:
        """Energies (frames, bins^3, size) around every bin, of `padded` energies and steps (frames or 1, size)."""
        cells = self.padded_cell[:, None] + steps[:, None, :]  # (frames or 1, bins^3, size)
        index = cells.flatten(1).expand(padded.shape[0], -1)
        return padded.gather(1, index).unflatten(1, cells.shape[1:])

    def distances_from(self, state: Tensor) -> Tensor:
        """Distances (frames, bins^3) of all bins from bin `state` (frames,)."""
        width = 2 * self.bins - 1
        middle = (self.bins - 1) * (width * width + width + 1)
        return self.distance[self.offset_cell - self.offset_cell[state][:, None] + middle]
