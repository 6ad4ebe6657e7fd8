"""Residual networks over volumes: features of four scales, and heatmaps from them."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Basic3D(nn.Module):
    """Convolution, BatchNorm, ReLU. Parameter names: `block.{0,1}`."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv3d(inputs, outputs, kernel, padding=kernel // 2),
            nn.BatchNorm3d(outputs),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


class Res3D(nn.Module):
    """Two 3x3x3 convolutions and a skip connection, which is a 1x1x1 convolution where the channels differ.

    Parameter names: `res_branch.{0,1,3,4}`, `skip_con.{0,1}`.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.res_branch = nn.Sequential(
            nn.Conv3d(inputs, outputs, 3, padding=1),
            nn.BatchNorm3d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv3d(outputs, outputs, 3, padding=1),
            nn.BatchNorm3d(outputs),
        )
        self.skip_con = (
            nn.Sequential()
            if inputs == outputs
            else nn.Sequential(nn.Conv3d(inputs, outputs, 1), nn.BatchNorm3d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.res_branch(x) + self.skip_con(x), inplace=True)


class VolumeEncoder(nn.Module):
    """A volume's features at its own resolution, gathered from four scales.

    The names of the side convolutions count voxels of a volume of 32. Parameter names: `encoder_basic1`,
    `encoder_res{2..6}`, `conv_16x16x16.0`, `conv_8x8x8.0`, `conv_4x4x4.0`.

    Attributes:
        channels: of the output, twice the input's.
    """

    def __init__(self, inputs: int = 32) -> None:
        super().__init__()
        self.channels = 2 * inputs
        self.encoder_basic1 = Basic3D(inputs, inputs, 7)
        self.encoder_res2 = Res3D(inputs, inputs)
        self.encoder_res3 = Res3D(inputs, inputs)
        self.encoder_res4 = Res3D(inputs, 64)
        self.encoder_res5 = Res3D(64, 128)
        self.encoder_res6 = Res3D(128, 128)
        self.conv_16x16x16 = _side(64, inputs, 2)
        self.conv_8x8x8 = _side(128, inputs, 4)
        self.conv_4x4x4 = _side(128, inputs, 8)
        initialise_volume_layers(self)

    def forward(self, volume: Tensor) -> Tensor:
        """Features (B, channels, n, n, n) of a volume (B, inputs, n, n, n); n is a multiple of 8."""
        full = self.encoder_res3(self.encoder_res2(self.encoder_basic1(volume)))  # (B, inputs, n)
        half = self.encoder_res4(F.max_pool3d(full, 2))  # (B, 64, n/2)
        quarter = self.encoder_res5(F.max_pool3d(half, 2))  # (B, 128, n/4)
        eighth = self.encoder_res6(F.max_pool3d(quarter, 2))  # (B, 128, n/8)
        fine = full + self.conv_16x16x16(half)
        coarse = self.conv_8x8x8(quarter) + self.conv_4x4x4(eighth)
        return torch.cat([fine, coarse], 1)


class VolumeDecoder(nn.Module):
    """Heatmaps from features. Parameter names: `decoder_res1`, `decoder_basic2.block`, `decoder_out`."""

    def __init__(self, inputs: int, width: int, joints: int) -> None:
        super().__init__()
        self.decoder_res1 = Res3D(inputs, inputs)
        self.decoder_basic2 = Basic3D(inputs, width, 1)
        self.decoder_out = nn.Conv3d(width, joints, 1)
        initialise_volume_layers(self)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, joints, n, n, n) of features (B, inputs, n, n, n)."""
        return self.decoder_out(self.decoder_basic2(self.decoder_res1(features)))


def initialise_volume_layers(module: nn.Module) -> None:
    """Convolutions of all volumes in `module` with Xavier normal weights and no biases."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv3d):
            nn.init.xavier_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _side(inputs: int, outputs: int, factor: int) -> nn.Module:
    up = nn.Upsample(scale_factor=factor, mode="trilinear", align_corners=False)
    return nn.Sequential(nn.Conv3d(inputs, outputs, 1), up)
