"""RootNet of 3DMPPE (Moon et al., ICCV 2019): where a person's root is, in absolute distance, from one picture."""

import math

import torch
from torch import Tensor, nn

from posecap.models.deconv_head import deconv_layers, final_layer
from posecap.models.networks import NetworkSpec
from posecap.models.resnet import ResNet
from posecap.models.soft_argmax import SoftArgmax

PERSON_MM = 2000.0
"""Side of the square that a person is taken to fill, millimetres (section 4.1 of the paper)."""

_CELLS = 64


class RootNet(nn.Module):
    """ResNet-50 with one head for the place of the root in the picture and one for its distance.

    Parameter names: `backbone.*`, `root.deconv_layers.{0,1,3,4,6,7}`, `root.xy_layer`, `root.depth_layer`.

    Args:
        centred: a cell's coordinate is that of its centre, index + 1/2; the original takes the index.
    """

    def __init__(self, *, centred: bool = True) -> None:
        super().__init__()
        self.backbone = ResNet(50)
        self.root = _RootHead(self.backbone.channels, centred)

    def forward(self, x: Tensor, k: Tensor) -> Tensor:
        """Root (N, 3): x, y in cells of the 64 x 64 map, distance in the unit of `k`.

        Args:
            x: crops (N, 3, 256, 256).
            k: (N, 1) distances at which a person fills the box, see `k_value`.
        """
        return self.root(self.backbone(x), k)


class _RootHead(nn.Module):
    def __init__(self, channels: int, centred: bool) -> None:
        super().__init__()
        self.deconv_layers = deconv_layers(channels)
        self.xy_layer = final_layer(256, 1)
        self.depth_layer = final_layer(channels, 1)
        first = 0.5 if centred else 0.0
        self.soft_argmax = SoftArgmax([(_CELLS, first, first + _CELLS - 1.0)] * 2)

    def forward(self, features: Tensor, k: Tensor) -> Tensor:
        xy = self.soft_argmax(self.heatmap(features)[:, 0])  # (N, 2)
        return torch.cat([xy, self.gamma(features).flatten(1) * k], 1)

    def heatmap(self, features: Tensor) -> Tensor:
        """Logits (N, 1, 64, 64)."""
        return self.xy_layer(self.deconv_layers(features))

    def gamma(self, features: Tensor) -> Tensor:
        """The correction (N, 1, 1, 1) of `k` for what the picture tells: posture, size, children."""
        return self.depth_layer(features.mean((2, 3), keepdim=True))


def k_value(focal_px: tuple[float, float], box_px: tuple[float, float], person: float = PERSON_MM) -> float:
    """Distance at which a square of `person` fills the box, in the unit of `person` (equation 2 of the paper).

    Args:
        focal_px: fx, fy in pixels of the picture that `box_px` is measured in.
        box_px: width and height of the square, extended box. A box that is extended twice moves everybody away.
        person: side of the square that a person fills; 2000 gives millimetres, 2 metres.
    """
    return math.sqrt(person * person * focal_px[0] * focal_px[1] / (box_px[0] * box_px[1]))


def example(spec: NetworkSpec, batch: int) -> tuple[Tensor, Tensor]:
    """Inputs of `RootNet.forward`: noise, and people at about four metres."""
    width, height = spec.picture.size_px
    return torch.rand(batch, 3, height, width), torch.full((batch, 1), 4000.0)
