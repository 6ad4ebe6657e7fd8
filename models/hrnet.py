"""HRNet for pose (Sun et al., CVPR 2019): up to four resolutions side by side, exchanged at every unit."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from posecap.models.resnet import BasicBlock, Bottleneck

UNITS = {2: 1, 3: 4, 4: 3}
"""Exchange units of the stages with two, three and four resolutions."""


class Exchange(nn.Module):
    """One unit: four basic blocks at each resolution, then every resolution receives all the others.

    Parameter names: `branches.<resolution>.<block>`, `fuse_layers.<to>.<from>`.

    Args:
        widths: channels of the resolutions, the finest first.
        outputs: how many resolutions go out, the finest first.
    """

    def __init__(self, widths: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(_basic(width) for _ in range(4))) for width in widths)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_path(widths, start, end) for start in range(len(widths))) for end in range(outputs)
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        """Maps (N, widths[i], h / 2^i, w / 2^i) for each resolution that goes out."""
        ys = [branch(x) for branch, x in zip(self.branches, xs, strict=True)]
        fused = []
        for paths in self.fuse_layers:
            total = _sum([path(y) for path, y in zip(paths, ys, strict=True)])  # pyright: ignore[reportArgumentType]
            fused.append(self.relu(total))
        return fused


class PoseHRNet(nn.Module):
    """Heatmaps of one person in a crop.

    Parameter names are those of the published pose checkpoints: `conv1`, `bn1`, `conv2`, `bn2`, `layer1`,
    `transition1..3`, `stage2..4`, `final_layer`.

    Args:
        width: channels of the finest resolution, 32 or 48.
        joints: how many heatmaps.
    """

    def __init__(self, width: int = 48, joints: int = 20) -> None:
        super().__init__()
        widths = [width * 2**index for index in range(4)]
        self.conv1 = nn.Conv2d(3, 64, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(*(_bottleneck(64 if index == 0 else 256) for index in range(4)))
        self.transition1 = _transition([256], widths[:2])
        self.stage2 = _stage(widths[:2])
        self.transition2 = _transition(widths[:2], widths[:3])
        self.stage3 = _stage(widths[:3])
        self.transition3 = _transition(widths[:3], widths)
        self.stage4 = _stage(widths, outputs=1)
        self.final_layer = nn.Conv2d(width, joints, 1)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Heatmaps (N, joints, H/4, W/4) of crops (N, 3, H, W); H and W are multiples of 32."""
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, H/2, W/2)
        x = self.relu(self.bn2(self.conv2(x)))  # (N, 64, H/4, W/4)
        x = self.layer1(x)  # (N, 256, H/4, W/4)
        xs = self.stage2(_branch(self.transition1, [x]))  # H/4, H/8
        xs = self.stage3(_branch(self.transition2, xs))  # H/4, H/8, H/16
        xs = self.stage4(_branch(self.transition3, xs))  # H/4 to H/32 in, H/4 out
        return self.final_layer(xs[0])


def _stage(widths: Sequence[int], outputs: int | None = None) -> nn.Sequential:
    """The exchange units of one stage; the last one gives `outputs` resolutions (all of them without)."""
    units = UNITS[len(widths)]
    full = len(widths)
    return nn.Sequential(
        *(Exchange(widths, full if outputs is None or unit < units - 1 else outputs) for unit in range(units))
    )


def _transition(before: Sequence[int], after: Sequence[int]) -> nn.ModuleList:
    """What makes the resolutions `after` of those `before`: a 3x3 where channels change, strides for the new one."""
    layers = nn.ModuleList()
    for index, width in enumerate(after):
        if index < len(before):
            fits = before[index] == width
            layers.append(
                nn.Identity() if fits else nn.Sequential(*_convolution(before[index], width), nn.ReLU(True))
            )
        else:  # from the coarsest there is, one halving
            halving = nn.Sequential(*_convolution(before[-1], width, stride=2), nn.ReLU(True))
            layers.append(nn.Sequential(halving))
    return layers


def _branch(transition: nn.ModuleList, xs: list[Tensor]) -> list[Tensor]:
    """The inputs of the next stage; what is beyond `xs` comes from its coarsest."""
    return [layer(xs[min(index, len(xs) - 1)]) for index, layer in enumerate(transition)]


def _path(widths: Sequence[int], start: int, end: int) -> nn.Module:
    """From resolution `start` to `end`: 1x1 and nearest upsampling, nothing, or halvings by 3x3."""
    if start == end:
        return nn.Identity()
    if start > end:
        up = nn.Upsample(scale_factor=2 ** (start - end), mode="nearest")
        return nn.Sequential(*_convolution(widths[start], widths[end], kernel=1), up)
    halvings: list[nn.Module] = []
    for step in range(end - start):
        last = step == end - start - 1
        convolution = _convolution(widths[start], widths[end] if last else widths[start], stride=2)
        halvings.append(nn.Sequential(*convolution) if last else nn.Sequential(*convolution, nn.ReLU(True)))
    return nn.Sequential(*halvings)


def _convolution(channels: int, wanted: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    """A convolution without biases and its BatchNorm."""
    return [nn.Conv2d(channels, wanted, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(wanted)]


def _basic(width: int) -> BasicBlock:
    return BasicBlock(width, width, stride=1, stride_on="3x3", bias=False, eps=1e-5)


def _bottleneck(channels: int) -> Bottleneck:
    return Bottleneck(channels, 64, stride=1, stride_on="3x3", bias=False, eps=1e-5)


def _sum(terms: Sequence[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


@torch.no_grad()
def _initialise(network: nn.Module) -> None:
    """N(0, 0.001) for every convolution, BatchNorm 1 and 0, as for the published networks."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=0.001)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
