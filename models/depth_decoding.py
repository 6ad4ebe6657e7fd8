"""Joints out of heatmaps and depth maps: in the plane, in three dimensions, and with the mirrored picture's help."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from posecap.models.heatmap_argmax import heatmap_argmax
from posecap.models.published_joints import MPII_16

PELVIS = MPII_16.index("pelvis")


@dataclass(frozen=True, slots=True)
class DepthDecoding:
    """How maps are read; the defaults are the clean preset. Cell c of a map stands for pixel 4 c of the crop.

    Attributes:
        y_bias: the original divides the flat index by the width and keeps the fraction, so y is too large by
            column / width: up to one cell, which is four pixels. Only in `xy`, never in `xyz`, as in the original.
        sub_pixel: a quarter of a cell towards the higher neighbour. It does not depend on `y_bias`; both add up.
        exchanged_step: the quarter step across goes into y and the one down into x, as in the original's hourglass.
        flip_shift: the maps of the mirrored crop move one cell to the right before the mean. Pixel 4 c lies at
            255 - 4 c = 4 (63.75 - c) in the mirror: with the shift a quarter of a cell is left, without it three.
    """

    y_bias: bool = False
    sub_pixel: bool = True
    flip_shift: bool = True
    exchanged_step: bool = False

    def __post_init__(self) -> None:
        if self.exchanged_step and not self.sub_pixel:
            raise ValueError(
                "exchanged_step without sub_pixel has no step to exchange: set sub_pixel too, or neither"
            )

    def xy(self, heatmaps: Tensor) -> Tensor:
        """Joints (..., joints, 2), float64, in cells of heatmaps (..., joints, height, width)."""
        whole, _ = heatmap_argmax(heatmaps)
        xy = self._stepped(heatmaps, whole).double()
        if self.y_bias:
            return torch.stack([xy[..., 0], xy[..., 1] + whole[..., 0].double() / heatmaps.shape[-1]], -1)
        return xy

    def xyz(self, heatmaps: Tensor, depths: Tensor, root: int = PELVIS) -> Tensor:
        """Joints (..., joints, 3) relative to joint `root`, as fractions of the crop's side: x right, y down, z away.

        x and y are those of the highest cell, with the quarter step where there is one, divided by the width; z is
        the depth map's value at the whole cell. The y bias is never in here.

        Args:
            heatmaps: (..., joints, height, width).
            depths: maps of that shape, or (..., joints) as the hourglass gives them.

        Raises:
            ValueError: depths of another shape.
        """
        width = heatmaps.shape[-1]
        whole, _ = heatmap_argmax(heatmaps)  # (..., joints, 2)
        if depths.shape == heatmaps.shape:
            index = (whole[..., 1] * width + whole[..., 0]).nan_to_num().long()
            z = depths.flatten(-2).gather(-1, index[..., None])[..., 0]
        elif depths.shape == heatmaps.shape[:-2]:
            z = depths
        else:
            raise ValueError(
                f"depths {_sizes(depths)} for heatmaps {_sizes(heatmaps)}: give depth maps of the heatmaps' shape, "
                f"or one depth for each joint, {tuple(heatmaps.shape[:-2])}"
            )
        plane = self._stepped(heatmaps, whole).to(z.dtype)
        xyz = torch.cat([plane / width, z[..., None]], -1)
        xyz = torch.where(whole.isnan().any(-1, keepdim=True), torch.nan, xyz)
        return xyz - xyz[..., root : root + 1, :]

    def mirrored_mean(
        self, found: Tensor, of_mirror: Tensor, mirrored: Sequence[int] = MPII_16.mirrored
    ) -> Tensor:
        """The flip test: mean of what a crop gives and what the mirrored crop gives, heatmaps and depths alike.

        Args:
            found, of_mirror: maps (N, joints, height, width), or one depth for each joint (N, joints): there only left
                and right joints change places, for a mirror does not change how far away they are.
            mirrored: for each joint the one on the other side.

        Raises:
            ValueError: other shapes, two shapes, or another number of joints.
        """
        fits = found.ndim in (2, 4) and found.shape[1] == len(mirrored)
        if not fits or found.shape != of_mirror.shape:
            raise ValueError(
                f"mean of {_sizes(found)} and of the mirror's {_sizes(of_mirror)}: give two times maps "
                f"(N, {len(mirrored)}, height, width) or two times depths (N, {len(mirrored)})"
            )
        back = of_mirror[:, list(mirrored)]
        if found.ndim == 4:
            back = back.flip(-1)
            if self.flip_shift:
                back = torch.cat([back[..., :1], back[..., :-1]], -1)
        return torch.lerp(found, back, 0.5)

    def _stepped(self, heatmaps: Tensor, whole: Tensor) -> Tensor:
        """The highest cells `whole` (..., 2) with the quarter step that is asked for."""
        if not self.sub_pixel:
            return whole
        xy, _ = heatmap_argmax(heatmaps, quarter_step=True)
        return whole + (xy - whole).flip(-1) if self.exchanged_step else xy


def _sizes(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)
