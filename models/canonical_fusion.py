"""Canonical fusion (Remelli et al., CVPR 2020): one person in many calibrated views, fused in a camera-free space.

The whole network: pictures of one person to joints in every view, and to points of the world.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from posecap.models.deconv_head import deconv_layers, final_layer
from posecap.models.dlt import START, triangulate
from posecap.models.errors import NetworkError
from posecap.models.example_cameras import circle
from posecap.models.feature_transform import Units, network_projections, to_view, to_world
from posecap.models.resnet import ResNet
from posecap.models.soft_argmax import SoftArgmax

if TYPE_CHECKING:
    from posecap.models.networks import NetworkSpec

VECTORS = 100
"""Vectors at every cell: 300 channels of a view, 400 of the world."""

_EPS = 1e-3
_MOMENTUM = 0.01  # Keras says 0.99 for what it keeps


@dataclass(frozen=True, slots=True)
class CanonicalSettings:
    """What the network is built from; the defaults are the preset `clean`, in brackets the original's.

    Attributes:
        layers: of the ResNet version 1 [152].
        joints: maps of the decoder [14].
        side_px: of the square pictures, a multiple of 32; heatmaps have a quarter of it [256].
        decoder_kernel: of the transposed convolutions. With 1 and a stride of 2 only every eighth cell sees the
            picture, the others hold three constants [1]; the paper has 4.
        fusion: "mean" takes any number of views in any order; "concatenate" [original] has weights for each of `views`.
        view_norms: "shared", or "each" view has its own BatchNorm [original], so that the order of cameras matters.
        views: how many, for "concatenate" and "each" [4]; otherwise it is free.
        units: of the world and of heatmaps ["millimetres, pixels"]; see `feature_transform`.
        shift, iterations, start: of the triangulation [-0.001, 2, random], see `dlt`. We start where the original's
            random vectors have their mean.
    """

    layers: int = 152
    joints: int = 14
    side_px: int = 256
    decoder_kernel: int = 4
    fusion: Literal["mean", "concatenate"] = "mean"
    view_norms: Literal["shared", "each"] = "shared"
    views: int = 4
    units: Units = "metres, -1 to 1"
    shift: float = 1e-3
    iterations: int = 3
    start: tuple[float, ...] = START


class CanonicalFusion(nn.Module):
    """Encoder, fusion in the world's frame, decoder, triangulation.

    Parameter names: `encoder.*`, `reduce`, `reduce_norm`, `fuse.{0,1,3,4}`, `expand`, `expand_norm`,
    `decoder.{0,1,3,4,6,7}`, `final_layer`.
    """

    def __init__(self, settings: CanonicalSettings) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = ResNet(settings.layers, stride_on="1x1", bias=True, eps=1.001e-5, momentum=_MOMENTUM)
        channels = self.encoder.channels
        views = settings.views if settings.view_norms == "each" else 1
        joined = settings.views if settings.fusion == "concatenate" else 1
        self.reduce = nn.Conv2d(channels, 3 * VECTORS, 1)
        self.reduce_norm = ViewNorm(3 * VECTORS, views)
        self.fuse = nn.Sequential(
            *_mixed(4 * VECTORS * joined, 4 * VECTORS), *_mixed(4 * VECTORS, 4 * VECTORS)
        )
        self.expand = nn.Conv2d(3 * VECTORS, channels, 1)
        self.expand_norm = ViewNorm(channels, views)
        kernel = settings.decoder_kernel
        self.decoder = deconv_layers(channels, kernel=kernel, bias=True, eps=_EPS, momentum=_MOMENTUM)
        self.final_layer = final_layer(256, settings.joints)
        cells = settings.side_px // 4
        edge = 1 - 1 / cells  # centres of the outermost cells
        axis = (cells, -edge, edge) if settings.units == "metres, -1 to 1" else (cells, 0.0, cells - 1.0)
        self.soft_argmax = SoftArgmax([axis, axis], normalise="sum")

    def forward(
        self, pictures: Tensor, view_from_world: Tensor, world_from_view: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Joints (N, views, joints, 2) in heatmaps and (N, joints, 3) in the world, in the units of the settings.

        Args:
            pictures: (N, views, 3, side, side), one person in each item.
            view_from_world, world_from_view: (N, views, 3, 4) and (N, views, 4, 3), see `network_projections`.

        Raises:
            NetworkError: another number of views than the network has weights for.
        """
        self._expect_views(pictures.shape[1])
        features = self.encode(pictures)  # (N, views, 2048, h, w)
        world = self.fused(features, world_from_view)  # (N, 400, h, w)
        heatmaps = self.decode(world, view_from_world)  # (N, views, joints, 8 h, 8 w)
        xy = self.soft_argmax(heatmaps)  # (N, views, joints, 2)
        s = self.settings
        xyz = triangulate(xy, view_from_world, shift=s.shift, iterations=s.iterations, start=s.start)
        return xy, xyz

    def encode(self, pictures: Tensor) -> Tensor:
        """Features (N, views, 2048, h, w), each view on its own."""
        return self.encoder(pictures.flatten(0, 1)).unflatten(0, pictures.shape[:2])

    def fused(self, features: Tensor, world_from_view: Tensor) -> Tensor:
        """What all views know together, (N, 400, h, w), in the world's frame (section 3.2)."""
        reduced = _each_view(self.reduce, features)  # (N, views, 300, h, w)
        reduced = torch.relu(self.reduce_norm(reduced))
        world = to_world(reduced, world_from_view)  # (N, views, 400, h, w)
        if self.settings.fusion == "concatenate":
            return self.fuse(world.flatten(1, 2))
        first, second = self.fuse[:3], self.fuse[3:]  # before and after the mean of the views
        return second(_each_view(first, world).mean(1))

    def decode(self, world: Tensor, view_from_world: Tensor) -> Tensor:
        """Heatmaps (N, views, joints, 8 h, 8 w) in 0..1 of fused features (N, 400, h, w), for every given view."""
        seen = to_view(world[:, None], view_from_world)  # (N, views, 300, h, w)
        seen = torch.relu(self.expand_norm(_each_view(self.expand, seen)))  # (N, views, 2048, h, w)
        return torch.sigmoid(_each_view(nn.Sequential(self.decoder, self.final_layer), seen))

    def _expect_views(self, views: int) -> None:
        s = self.settings
        if (s.fusion == "concatenate" or s.view_norms == "each") and views != s.views:
            raise NetworkError(
                f"canonical fusion got {views} views, the network has weights for {s.views}: "
                "give as many, or build the clean preset, which takes any number"
            )


class ViewNorm(nn.Module):
    """BatchNorm of (N, views, channels, h, w): one for each of `views` views, or for 1 one that all share."""

    def __init__(self, channels: int, views: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels, _EPS, _MOMENTUM) for _ in range(views))

    def forward(self, x: Tensor) -> Tensor:
        if len(self.norms) == 1:
            return _each_view(self.norms[0], x)
        return torch.stack([norm(view) for norm, view in zip(self.norms, x.unbind(1), strict=True)], 1)


def canonical_fusion(**options: object) -> CanonicalFusion:
    """The network of a table's options."""
    return CanonicalFusion(CanonicalSettings(**options))  # pyright: ignore[reportArgumentType]


def example(spec: "NetworkSpec", batch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Noise pictures, and cameras in a `ring`."""
    views, side = spec.picture.views, spec.picture.size_px[0]
    units: Units = spec.options["units"]  # pyright: ignore[reportAssignmentType]
    return torch.rand(batch, views, 3, side, side), *ring(batch, views, side, units)


def ring(batch: int, views: int, side_px: int, units: Units) -> tuple[Tensor, Tensor]:
    """What `network_projections` gives for level cameras four metres around the origin."""
    K, cam_from_world = circle(views, 4.0, (side_px, side_px))
    return network_projections(
        (K @ cam_from_world).expand(batch, -1, -1, -1), side_px, units, cells=side_px // 4
    )


def _mixed(channels: int, wanted: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, wanted, 1), nn.BatchNorm2d(wanted, _EPS, _MOMENTUM), nn.ReLU(inplace=True)]


def _each_view(layer: nn.Module, x: Tensor) -> Tensor:
    """`layer` on (N, views, ...) as if every view were an item of the batch."""
    return layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])
