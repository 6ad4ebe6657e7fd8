"""Cross View Fusion (Qiu et al., ICCV 2019): one backbone for all views, then fusion of their heatmaps."""

from typing import Literal

import torch
from torch import Tensor, nn

from posecap.models.errors import NetworkError
from posecap.models.hrnet import PoseHRNet
from posecap.models.mobilenet_v2 import PoseMobileNetV2
from posecap.models.pose_resnet import PoseResNet
from posecap.models.view_fusion import ViewFusion

Backbone = Literal["resnet-50", "resnet-101", "resnet-152", "mobilenet-v2", "hrnet-w32", "hrnet-w48"]


class CrossView(nn.Module):
    """Heatmaps of one person in crops of several views, each view alone and all fused.

    Parameter names: `resnet.*` for every backbone, with the backbone's own names behind it, and
    `aggre_layer.aggre.{n}.weight`, as in the original's files.

    Args:
        backbone: makes heatmaps of a quarter of the crop's side.
        joints: how many heatmaps a view.
        views: of the rig.
        side_px: of the square crops; a multiple of 32.
        weights: of the fusion, see `ViewFusion`.
    """

    def __init__(
        self,
        backbone: Backbone = "resnet-50",
        joints: int = 20,
        views: int = 4,
        side_px: int = 256,
        weights: Literal["fixed", "normalised"] = "normalised",
    ) -> None:
        super().__init__()
        self.resnet = _backbone(backbone, joints)
        self.aggre_layer = ViewFusion(views, (side_px // 4) ** 2, weights)

    def forward(self, pictures: Tensor, present: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Heatmaps of each view alone and fused, both (N, views, joints, H/4, W/4), of crops (N, views, 3, H, W).

        Args:
            present: (N, views) bool, see `ViewFusion.forward`; pictures of views that are not there may be NaN.
        """
        if present is not None:  # NaN in one picture would spoil the backbone's gradient for all
            pictures = torch.where(present[..., None, None, None], pictures, 0.0)
        single = self.resnet(pictures.flatten(0, 1))  # (N views, joints, H/4, W/4)
        single = single.unflatten(0, pictures.shape[:2])
        return single, self.aggre_layer(single, present)


def _backbone(name: str, joints: int) -> nn.Module:
    family, _, size = name.partition("-")
    if family == "resnet" and size in ("50", "101", "152"):
        return PoseResNet(int(size), joints)
    if name == "mobilenet-v2":
        return PoseMobileNetV2(joints)
    if family == "hrnet" and size in ("w32", "w48"):
        return PoseHRNet(int(size[1:]), joints)
    raise NetworkError(
        f"no backbone {name!r}: choose resnet-50, resnet-101, resnet-152, mobilenet-v2, hrnet-w32 or hrnet-w48"
    )
