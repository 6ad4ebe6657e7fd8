"""Heatmaps and depth of one person from one picture (Zhou et al., ICCV 2017, with the ResNet of the later version)."""

from torch import Tensor

from posecap.models.deconv_head import final_layer
from posecap.models.depth_decoding import DepthDecoding
from posecap.models.depth_scale import BoneSum
from posecap.models.pose_resnet import DeconvResNet


class WeaklySupervised(DeconvResNet):
    """ResNet, three transposed convolutions, and two 1x1 heads on the same features.

    Parameter names: those of `DeconvResNet`, `hm.*` and `depth.*`, as in the original's files.

    Args:
        layers: 50 in the original; 18 to 152 work.
        joints: how many of each kind of map.
        y_bias, sub_pixel, flip_shift: how maps are read, see `DepthDecoding`; the weights do not depend on them.
        bone_sum_mm: what the bones of everybody sum to, as in the original; None = the size is for the caller to know.

    Attributes:
        decoding: reads joints out of the maps.
        bone_sum: the joints that the original scores, in millimetres; None in the clean preset.
    """

    def __init__(
        self,
        layers: int = 50,
        joints: int = 16,
        *,
        y_bias: bool = False,
        sub_pixel: bool = True,
        flip_shift: bool = True,
        bone_sum_mm: float | None = None,
    ) -> None:
        super().__init__(layers)
        self.hm = final_layer(256, joints)
        self.depth = final_layer(256, joints)
        self.decoding = DepthDecoding(y_bias=y_bias, sub_pixel=sub_pixel, flip_shift=flip_shift)
        self.bone_sum = None if bone_sum_mm is None else BoneSum(bone_sum_mm)

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, x: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Heatmaps and depth maps, each (N, joints, H/4, W/4), of crops (N, 3, H, W); multiples of 32.

        A joint's depth is what its depth map holds at the heatmap's peak: a fraction of the crop's side, larger is
        farther, from an origin that only differences leave out.
        """
        features = super().forward(x)  # (N, 256, H/4, W/4)
        return self.hm(features), self.depth(features)
