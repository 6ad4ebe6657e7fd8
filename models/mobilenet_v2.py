"""MobileNetV2 (Sandler et al., CVPR 2018) up to its last inverted residual, and a pose network on it."""

import torch
from torch import Tensor, nn

from posecap.models.deconv_head import deconv_layers, final_layer

STAGES = (
    # expansion, channels, blocks, stride of the first block
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Table 2 of the paper, without the last two rows."""


class InvertedResidual(nn.Module):
    """Widen by a 1x1, filter each channel by a 3x3, narrow by a 1x1 without activation; skip where shapes fit.

    Parameter names: `conv.{0,1,3,4,6,7}`; without widening `conv.{0,1,3,4}`.
    """

    def __init__(self, channels: int, wanted: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels * expansion
        self.skip = stride == 1 and channels == wanted
        widen = [] if expansion == 1 else [*_convolution(channels, hidden, 1), nn.ReLU6(inplace=True)]
        depthwise = [*_convolution(hidden, hidden, 3, stride, groups=hidden), nn.ReLU6(inplace=True)]
        self.conv = nn.Sequential(*widen, *depthwise, *_convolution(hidden, wanted, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.skip else self.conv(x)


class MobileNetV2(nn.Module):
    """The trunk of 18 layers, `features.0` (a plain convolution) to `features.17` (320 channels)."""

    channels = 320

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Sequential(*_convolution(3, 32, 3, 2), nn.ReLU6(inplace=True))]
        channels = 32
        for expansion, wanted, blocks, first_stride in STAGES:
            for index in range(blocks):
                layers.append(
                    InvertedResidual(channels, wanted, first_stride if index == 0 else 1, expansion)
                )
                channels = wanted
        self.features = nn.Sequential(*layers)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, 320, H/32, W/32) of pictures (N, 3, H, W); H and W are multiples of 32."""
        return self.features(x)


class PoseMobileNetV2(nn.Module):
    """Heatmaps of one person in a crop, by MobileNetV2 and three transposed convolutions.

    Parameter names: `mobilenetv2.features.*`, `deconv_layers.{0,1,3,4,6,7}`, `final_layer`, as in Cross View Fusion.
    """

    def __init__(self, joints: int = 20) -> None:
        super().__init__()
        self.mobilenetv2 = MobileNetV2()
        self.deconv_layers = deconv_layers(MobileNetV2.channels)
        self.final_layer = final_layer(256, joints)

    def forward(self, x: Tensor) -> Tensor:
        """Heatmaps (N, joints, H/4, W/4) of crops (N, 3, H, W); H and W are multiples of 32."""
        x = self.mobilenetv2(x)  # (N, 320, H/32, W/32)
        x = self.deconv_layers(x)  # (N, 256, H/4, W/4)
        return self.final_layer(x)


def _convolution(
    channels: int, wanted: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A convolution without biases and its BatchNorm."""
    convolution = nn.Conv2d(channels, wanted, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(wanted)]


@torch.no_grad()
def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
