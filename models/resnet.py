"""ResNet trunks (He et al., CVPR 2016) under torchvision's parameter names, so that its files load as they are."""

from typing import Literal

import torch
from torch import Tensor, nn

BLOCKS: dict[int, tuple[int, int, int, int]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
"""Residual blocks of the four stages, by the number that names the network."""

StrideOn = Literal["3x3", "1x1"]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a skip connection (ResNet-18 and -34)."""

    expansion = 1

    def __init__(
        self,
        channels: int,
        width: int,
        stride: int,
        stride_on: StrideOn,
        bias: bool,
        eps: float,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        del stride_on  # there is one place only
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=bias)
        self.bn1 = nn.BatchNorm2d(width, eps, momentum)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=bias)
        self.bn2 = nn.BatchNorm2d(width, eps, momentum)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _downsample(channels, width * self.expansion, stride, bias, eps, momentum)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a skip connection (ResNet-50 and deeper).

    The stride sits on the 3x3 (version 1.5, torchvision) or on the first 1x1 (version 1, the paper and Keras).
    """

    expansion = 4

    def __init__(
        self,
        channels: int,
        width: int,
        stride: int,
        stride_on: StrideOn,
        bias: bool,
        eps: float,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        first, second = (1, stride) if stride_on == "3x3" else (stride, 1)
        self.conv1 = nn.Conv2d(channels, width, 1, first, bias=bias)
        self.bn1 = nn.BatchNorm2d(width, eps, momentum)
        self.conv2 = nn.Conv2d(width, width, 3, second, 1, bias=bias)
        self.bn2 = nn.BatchNorm2d(width, eps, momentum)
        self.conv3 = nn.Conv2d(width, width * self.expansion, 1, bias=bias)
        self.bn3 = nn.BatchNorm2d(width * self.expansion, eps, momentum)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _downsample(channels, width * self.expansion, stride, bias, eps, momentum)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """The trunk without pooling and classifier.

    Parameter names are torchvision's: `conv1`, `bn1`, `layer1.0.conv1` ... `layer4.2.bn3`, `layer1.0.downsample.0`.

    Args:
        layers: 18, 34, 50, 101 or 152.
        stride_on: the convolution of a bottleneck that halves the picture.
        bias: convolutions with biases (Keras' ResNet has them).
        eps: of every BatchNorm (Keras' ResNet: 1.001e-5).
        momentum: of every BatchNorm, the share of the new batch in the running statistics (Keras' ResNet: 0.01).

    Attributes:
        channels: of the features, 512 or 2048.
    """

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(
        self,
        layers: int = 50,
        *,
        stride_on: StrideOn = "3x3",
        bias: bool = False,
        eps: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        if layers not in BLOCKS:
            raise ValueError(f"ResNet-{layers} does not exist: choose one of {', '.join(map(str, BLOCKS))}")
        block = BasicBlock if layers < 50 else Bottleneck
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=bias)
        self.bn1 = nn.BatchNorm2d(64, eps, momentum)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = 64
        for stage, count in enumerate(BLOCKS[layers]):
            width = 64 * 2**stage
            blocks = []
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(block(channels, width, stride, stride_on, bias, eps, momentum))
                channels = width * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.channels = channels
        initialise_trunk(self)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, channels, H/32, W/32) of pictures (N, 3, H, W); H and W are multiples of 32."""
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, H/2, W/2)
        x = self.maxpool(x)  # (N, 64, H/4, W/4)
        x = self.layer1(x)  # (N, 256, H/4, W/4)
        x = self.layer2(x)  # (N, 512, H/8, W/8)
        x = self.layer3(x)  # (N, 1024, H/16, W/16)
        return self.layer4(x)  # (N, 2048, H/32, W/32)


@torch.no_grad()
def initialise_trunk(network: nn.Module) -> None:
    """Convolutions normal with the variance of He et al. 2015 (fan out), BatchNorm 1 and 0, biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)


def _downsample(
    channels: int, wanted: int, stride: int, bias: bool, eps: float, momentum: float
) -> nn.Sequential | None:
    """The 1x1 convolution that fits the skip connection to the block's output; None where it fits already."""
    if stride == 1 and channels == wanted:
        return None
    convolution = nn.Conv2d(channels, wanted, 1, stride, bias=bias)
    return nn.Sequential(convolution, nn.BatchNorm2d(wanted, eps, momentum))
