"""Stacked hourglasses with a depth regression (Newell et al., ECCV 2016; Zhou et al., ICCV 2017)."""

from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

WIDTH = 256


class PreActivation(nn.Module):
    """BatchNorm, ReLU and convolution three times (1x1, 3x3, 1x1 around half the channels), and a skip connection.

    Half of the channels is a whole number: an odd count loses the remainder.
    """

    def __init__(self, channels: int, wanted: int) -> None:
        super().__init__()
        half = wanted // 2
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, half, 1)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, half, 3, 1, 1)
        self.bn3 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(half, wanted, 1)
        self.skip = nn.Identity() if channels == wanted else nn.Conv2d(channels, wanted, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(relu(self.bn1(x)))
        y = self.conv2(relu(self.bn2(y)))
        return self.skip(x) + self.conv3(relu(self.bn3(y)))


class Hourglass(nn.Module):
    """Halves the map, does so again inside down to `depth`, comes back by nearest neighbours, adds the upper way."""

    def __init__(self, depth: int, modules: int) -> None:
        super().__init__()
        self.upper = residuals(modules)
        self.before = residuals(modules)
        self.inner = Hourglass(depth - 1, modules) if depth > 1 else residuals(modules)
        self.after = residuals(modules)

    def forward(self, x: Tensor) -> Tensor:
        low = self.before(nn.functional.max_pool2d(x, 2))
        low = self.after(self.inner(low))
        return self.upper(x) + interpolate(low, scale_factor=2.0, mode="nearest")


class StackedHourglass(nn.Module):
    """Hourglasses that each give heatmaps, and a depth for each joint from what the last one hands on.

    Args:
        stacks, modules, depth_modules: 2 each in the paper: 14,429,104 parameters for 16 joints. `modules`
            residuals lie at every place, `depth_modules` in each of the four steps of the regression.
        joints: heatmaps, and depths.
        size_px: side of the crop, a multiple of 64; the regression's last layer depends on it.
    """

    def __init__(
        self,
        stacks: int = 2,
        modules: int = 2,
        depth_modules: int = 2,
        joints: int = 16,
        *,
        size_px: int = 256,
    ) -> None:
        super().__init__()
        if size_px % 64:
            raise ValueError(f"StackedHourglass got crops of {size_px} px: give a multiple of 64")
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3)
        self.bn1 = nn.BatchNorm2d(64)
        self.stem = nn.ModuleList(
            [PreActivation(64, 128), PreActivation(128, 128), PreActivation(128, WIDTH)]
        )
        self.hourglasses = nn.ModuleList([Hourglass(4, modules) for _ in range(stacks)])
        self.residuals = nn.ModuleList([residuals(modules) for _ in range(stacks)])
        self.features = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 1), nn.BatchNorm2d(WIDTH), nn.ReLU())
                for _ in range(stacks)
            ]
        )
        self.heatmaps = nn.ModuleList([nn.Conv2d(WIDTH, joints, 1) for _ in range(stacks)])
        self.remap_features = nn.ModuleList([nn.Conv2d(WIDTH, WIDTH, 1) for _ in range(stacks)])
        self.remap_heatmaps = nn.ModuleList([nn.Conv2d(joints, WIDTH, 1) for _ in range(stacks)])
        self.depth_steps = nn.ModuleList([residuals(depth_modules) for _ in range(4)])
        self.depth = nn.Linear(WIDTH * (size_px // 64) ** 2, joints)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Heatmaps (N, joints, H/4, W/4) of every stack, then depths (N, joints), of crops (N, 3, H, W).

        A depth of 1 is the side of the picture, farther than the origin that it was trained with; -1 is nearer.
        """
        x = relu(self.bn1(self.conv1(x)))  # (N, 64, H/2, W/2)
        x = nn.functional.max_pool2d(self.stem[0](x), 2)  # (N, 128, H/4, W/4)
        x = self.stem[2](self.stem[1](x))  # (N, 256, H/4, W/4)
        found = []
        for index, hourglass in enumerate(self.hourglasses):
            features = self.features[index](self.residuals[index](hourglass(x)))
            heatmaps = self.heatmaps[index](features)
            found.append(heatmaps)
            x = x + self.remap_features[index](features) + self.remap_heatmaps[index](heatmaps)
        for step in self.depth_steps:
            x = nn.functional.max_pool2d(step(x), 2)  # (N, 256, H/64, W/64) after four
        return *found, self.depth(x.flatten(1))


def residuals(count: int) -> nn.Sequential:
    """`count` pre-activation residuals that keep the 256 channels."""
    return nn.Sequential(*(PreActivation(WIDTH, WIDTH) for _ in range(count)))
