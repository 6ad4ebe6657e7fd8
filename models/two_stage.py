"""Two-stage multi-view volumetric network: joints of one person from any number of calibrated views.

Written from a description of the published program (systems, section 2); none of its code was used.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from posecap.models.errors import NetworkError
from posecap.models.example_cameras import circle
from posecap.models.networks import NetworkSpec
from posecap.models.soft_argmax import SoftArgmax
from posecap.models.unproject import Edge, box_points, unproject
from posecap.models.vgg_trunk import VggTrunk
from posecap.models.view_enhancement import Update, enhance_views
from posecap.models.volume_crop import cropped_box, resampled, voxels_around
from posecap.models.volume_encoder import VolumeDecoder, VolumeEncoder

FEATURES = 32
"""Channels of a view's features."""

CELL_PX = 4.0
"""Pixels of the picture along one cell of the features."""


@dataclass(frozen=True, slots=True)
class TwoStageSettings:
    """What can be chosen; the defaults are the `clean` preset, world in metres.

    Attributes:
        joints: heatmaps of each stage.
        voxels: along each axis of both boxes, a multiple of 8; heatmaps of the first stage have half as many.
        half_size: from the first box's centre to its faces, in the unit of the projections.
        update: how views strengthen each other, see `view_enhancement`.
        aggregation: of the views' volumes.
        edge, half_pixel, mask_behind: how features are carried to voxels, see `unproject`.
        margin_voxels: of the first stage's heatmaps that the second box keeps around the joints.
        freeze_vgg: the VGG part of the trunk is not trained.
    """

    joints: int = 17
    voxels: int = 32
    half_size: float = 1.6
    update: Update = "simultaneous"
    aggregation: Literal["avg", "sum"] = "avg"
    edge: Edge = "zero"
    half_pixel: bool = True
    mask_behind: bool = True
    margin_voxels: float = 2.0
    freeze_vgg: bool = True

    def __post_init__(self) -> None:
        if self.voxels < 8 or self.voxels % 8:
            raise NetworkError(
                f"two-stage network: {self.voxels} voxels an axis, expected a multiple of 8: use 32"
            )
        if self.half_size <= 0:
            raise NetworkError(
                f"two-stage network: half size {self.half_size} is not positive: use 1.6 for metres"
            )
        for name, given, known in (
            ("update", self.update, ("sequential", "simultaneous")),
            ("aggregation", self.aggregation, ("avg", "sum")),
            ("edge", self.edge, ("original", "border", "zero")),
        ):
            if given not in known:
                raise NetworkError(
                    f"two-stage network: {name} {given!r} is unknown: choose {' or '.join(known)}"
                )


class Stage(NamedTuple):
    """What one stage found.

    Attributes:
        points: (B, J, 3) joints in the world, in the unit of the projections.
        joints: (B, J, 3) the same in the stage's box, -1 on its lower and 1 on its upper faces.
        heatmaps: (B, J, n, n, n) logits over the box, axes x, y, z.
        lower: (B, 3) corner of the box.
        upper: (B, 3) the opposite corner.
    """

    points: Tensor
    joints: Tensor
    heatmaps: Tensor
    lower: Tensor
    upper: Tensor


class TwoStageNet(nn.Module):
    """Features of all views in a box around the person, then once more in a smaller box around the joints.

    Parameter names: `backbone.*`, `volume_net.{feature_extractor, feature_extractor_2}.*`,
    `volume_net.{predict_stage1, predict_stage_2}.*`.
    """

    def __init__(self, settings: TwoStageSettings = TwoStageSettings()) -> None:
        super().__init__()
        self.settings = settings
        self.backbone = VggTrunk(FEATURES, frozen=settings.freeze_vgg)
        self.volume_net = _VolumeNet(settings)

    def forward(self, pictures: Tensor, projections: Tensor, centre: Tensor) -> tuple[Stage, Stage]:
        """Both stages; the second one's `points` are the answer.

        Args:
            pictures: (B, V, 3, H, W) of any number V of views, prepared as the network's entry says; H and W are
                multiples of 16. All views are taken as they are: leave out a view that has no picture.
            projections: (B, V, 3, 4) from the world to pixels of `pictures`.
            centre: (B, 3) of the person in the world. The published program takes the middle of the TRUE joints
                7 and 8, also in its evaluation.
        """
        batch, views = pictures.shape[:2]
        features = self.backbone(pictures.flatten(0, 1))  # (B V, 32, H/4, W/4)
        return self.volume_net(features.reshape(batch, views, *features.shape[1:]), projections, centre)


class _VolumeNet(nn.Module):
    def __init__(self, settings: TwoStageSettings) -> None:
        super().__init__()
        self.settings = settings
        joints, voxels = settings.joints, settings.voxels
        self.feature_extractor = VolumeEncoder(FEATURES)
        self.feature_extractor_2 = VolumeEncoder(FEATURES)
        channels = self.feature_extractor.channels
        self.shrink = nn.MaxPool3d(2)
        self.predict_stage1 = VolumeDecoder(channels, 32, joints)
        self.predict_stage_2 = VolumeDecoder(channels + joints, 64, joints)
        self.soft_argmax = SoftArgmax([(voxels // 2, -1.0, 1.0)] * 3, order="same")
        self.soft_argmax_2 = SoftArgmax([(voxels, -1.0, 1.0)] * 3, order="same")

    def forward(self, features: Tensor, projections: Tensor, centre: Tensor) -> tuple[Stage, Stage]:
        settings = self.settings
        lower, upper = centre - settings.half_size, centre + settings.half_size
        volume = self.aggregated(self.unprojected(features, projections, lower, upper))  # (B, 32, n, n, n)
        encoded = self.shrink(self.feature_extractor(volume))  # (B, 64, n/2, n/2, n/2)
        heatmaps = self.predict_stage1(encoded)  # (B, J, n/2, n/2, n/2)
        first = _stage(self.soft_argmax, heatmaps, lower, upper)

        low, high = voxels_around(heatmaps, settings.margin_voxels)
        lower, upper = cropped_box(lower, upper, low, high, heatmaps)
        prior = resampled(heatmaps, low, high, settings.voxels)  # (B, J, n, n, n)

        volume = self.aggregated(self.unprojected(features, projections, lower, upper))
        encoded = self.feature_extractor_2(volume)  # (B, 64, n, n, n)
        heatmaps = self.predict_stage_2(torch.cat([encoded, prior], 1))  # (B, J, n, n, n)
        return first, _stage(self.soft_argmax_2, heatmaps, lower, upper)

    def unprojected(self, features: Tensor, projections: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """(B, V, 32, n, n, n): what each view shows at the voxels of the box."""
        settings = self.settings
        return unproject(
            features,
            projections,
            box_points(lower, upper, settings.voxels),
            cell_px=CELL_PX,
            edge=settings.edge,
            half_pixel=settings.half_pixel,
            mask_behind=settings.mask_behind,
        )

    def aggregated(self, volumes: Tensor) -> Tensor:
        """(B, 32, n, n, n): the views' volumes, strengthened by each other, as one."""
        enhanced = enhance_views(volumes, self.settings.update)
        return enhanced.mean(1) if self.settings.aggregation == "avg" else enhanced.sum(1)


def _stage(soft_argmax: SoftArgmax, heatmaps: Tensor, lower: Tensor, upper: Tensor) -> Stage:
    joints = soft_argmax(heatmaps)
    middle, half = (lower + upper) / 2, (upper - lower) / 2
    return Stage(middle[:, None] + half[:, None] * joints, joints, heatmaps, lower, upper)


def two_stage(**options: object) -> TwoStageNet:
    """The network with `TwoStageSettings(**options)`."""
    return TwoStageNet(TwoStageSettings(**options))  # pyright: ignore[reportArgumentType]


def example(spec: NetworkSpec, batch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs of `TwoStageNet.forward`: noise, cameras in a circle that look at the centre, and the centre."""
    width, height = spec.picture.size_px
    views, half_size = spec.picture.views, spec.options.get("half_size", 1.6)
    assert isinstance(half_size, float)
    pictures = torch.rand(batch, views, 3, height, width) - 0.5
    K, cam_from_world = circle(views, 3 * half_size, (width, height))
    projections = (K @ cam_from_world).float()  # (views, 3, 4)
    return pictures, projections.repeat(batch, 1, 1, 1), torch.zeros(batch, 3)
