"""The picture trunk of the two-stage network: OpenPose's VGG-19 part and a head that joins four scales."""

import torch
from torch import Tensor, nn

from posecap.models.checkpoints import KeyMap

_OPENPOSE_PARTS = {
    "model1_2": {0: 0, 2: 2, 5: 5, 7: 7},
    "model3": {10: 0, 12: 2, 14: 4, 16: 6},
    "model4": {19: 1, 21: 3, 23: 5, 25: 7},
}


class VggTrunk(nn.Module):
    """Features at a quarter of the picture's side, from four scales.

    The names of three of its layers count pixels of a picture of 400 x 400, and one of them is wrong: `conv_200x200`
    works on 100 x 100. They stay, because checkpoints have them.

    Parameter names: `model1_2.*`, `model3.*`, `model4.*` (VGG), `conv_200x200`, `conv_100x100`, `conv_50x50.0`,
    `conv_25x25.1`, `conv_concat_out.{0,1}`, `conv_out.{0,1}`. Architecture: a description of the published program.

    Args:
        channels: of the features.
        frozen: the VGG part gets no gradient. It has no BatchNorm, so training mode changes nothing in it.
    """

    def __init__(self, channels: int = 32, *, frozen: bool = True) -> None:
        super().__init__()
        self.model1_2 = nn.Sequential(
            *_conv_relu(3, 64),
            *_conv_relu(64, 64),
            nn.MaxPool2d(2),
            *_conv_relu(64, 128),
            *_conv_relu(128, 128),
            nn.MaxPool2d(2),
        )
        self.model3 = nn.Sequential(
            *_conv_relu(128, 256), *_conv_relu(256, 256), *_conv_relu(256, 256), *_conv_relu(256, 256)
        )
        self.model4 = nn.Sequential(
            nn.MaxPool2d(2),
            *_conv_relu(256, 512),
            *_conv_relu(512, 512),
            *_conv_relu(512, 256),
            *_conv_relu(256, 128),
        )
        self.conv_200x200 = nn.Conv2d(128, 32, 1)
        self.conv_100x100 = nn.Conv2d(256, 32, 1)
        self.conv_50x50 = nn.Sequential(nn.Conv2d(128, 32, 1), _upsample(2))
        self.conv_25x25 = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(128, 32, 3, padding=1), _upsample(4))
        self.conv_concat_out = nn.Sequential(
            nn.Conv2d(128, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(inplace=True)
        )
        self.conv_out = nn.Sequential(
            nn.Conv2d(64, channels, 1), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )
        _initialise(self)
        if frozen:
            for part in (self.model1_2, self.model3, self.model4):
                part.requires_grad_(False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Features (N, channels, H/4, W/4) of pictures (N, 3, H, W); H and W are multiples of 16."""
        quarter = self.model1_2(pictures)  # (N, 128, H/4, W/4)
        deep = self.model3(quarter)  # (N, 256, H/4, W/4)
        eighth = self.model4(deep)  # (N, 128, H/8, W/8)
        scales = [
            self.conv_25x25(eighth),
            self.conv_50x50(eighth),
            self.conv_100x100(deep),
            self.conv_200x200(quarter),
        ]
        joined = self.conv_concat_out(torch.cat(scales, 1))  # (N, 64, H/4, W/4)
        return self.conv_out(joined)


def openpose_key_map(prefix: str = "backbone.") -> KeyMap:
    """From keys of OpenPose's PyTorch files (`model0.19.weight`) to those of a `VggTrunk` that lies under `prefix`.

    Keys of OpenPose's later stages become None. Pass it to `load_checkpoint` with `partial`, since the file has
    only the VGG part. Those weights were made for pictures as BGR / 256 - 0.5.
    """
    places = {
        str(theirs): f"{part}.{ours}"
        for part, map_ in _OPENPOSE_PARTS.items()
        for theirs, ours in map_.items()
    }

    def our_key(key: str) -> str | None:
        parts = key.split(".")
        if len(parts) != 3 or parts[0] != "model0" or parts[1] not in places:
            return None
        return f"{prefix}{places[parts[1]]}.{parts[2]}"

    return our_key


def _conv_relu(inputs: int, outputs: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)


def _upsample(factor: int) -> nn.Module:
    return nn.Upsample(scale_factor=factor, mode="bilinear", align_corners=False)


def _initialise(trunk: nn.Module) -> None:
    for layer in trunk.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=0.01)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
