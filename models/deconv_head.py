"""The head of Xiao et al. (ECCV 2018, "simple baselines"): three transposed convolutions, then a 1x1 convolution."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class DeconvHead(nn.Module):
    """Features to maps of eight times their side.

    Parameter names: `deconv_layers.{0,1,3,4,6,7}` and `final_layer`.

    Args:
        channels: of the features.
        maps: how many maps (joints, or joints times depths).
    """

    def __init__(self, channels: int, maps: int) -> None:
        super().__init__()
        self.deconv_layers = deconv_layers(channels)
        self.final_layer = final_layer(256, maps)

    def forward(self, features: Tensor) -> Tensor:
        """(N, maps, 8 h, 8 w) of features (N, channels, h, w)."""
        return self.final_layer(self.deconv_layers(features))


def deconv_layers(
    channels: int,
    widths: Sequence[int] = (256, 256, 256),
    *,
    kernel: int = 4,
    bias: bool = False,
    eps: float = 1e-5,
    momentum: float = 0.1,
) -> nn.Sequential:
    """Transposed convolutions of stride 2, each with BatchNorm and ReLU: (N, channels, h, w) -> (N, 256, 8 h, 8 w).

    Every one doubles the side exactly, whatever `kernel` (1 to 4) is. Weights start as N(0, 0.001).
    The parameters are `{0,1,3,4,6,7}`: 0, 3, 6 convolutions, 1, 4, 7 BatchNorms with `eps` and `momentum`.
    """
    layers: list[nn.Module] = []
    for width in widths:
        padding = (kernel - 1) // 2
        rest = 2 - kernel + 2 * padding
        layers += [
            nn.ConvTranspose2d(channels, width, kernel, 2, padding, output_padding=rest, bias=bias),
            nn.BatchNorm2d(width, eps, momentum),
            nn.ReLU(inplace=True),
        ]
        channels = width
    sequence = nn.Sequential(*layers)
    initialise_head(sequence)
    return sequence


def final_layer(channels: int, maps: int) -> nn.Conv2d:
    """The 1x1 convolution with biases that ends a head; weights start as N(0, 0.001), biases as 0."""
    layer = nn.Conv2d(channels, maps, 1)
    initialise_head(layer)
    return layer


@torch.no_grad()
def initialise_head(network: nn.Module) -> None:
    """Convolutions N(0, 0.001), biases 0, BatchNorm 1 and 0, as in section 3.1 of Xiao et al."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=0.001)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
