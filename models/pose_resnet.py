"""PoseResNet (Xiao et al., ECCV 2018): a ResNet, three transposed convolutions and a 1x1 convolution to heatmaps."""

from torch import Tensor

from posecap.models.deconv_head import deconv_layers, final_layer
from posecap.models.resnet import ResNet


class DeconvResNet(ResNet):
    """A ResNet and the transposed convolutions on it, in one flat list of names; heads are a subclass's business.

    Parameter names: those of `ResNet`, and `deconv_layers.{0,1,3,4,6,7}`.
    """

    def __init__(self, layers: int = 50) -> None:
        super().__init__(layers)
        self.deconv_layers = deconv_layers(self.channels)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, 256, H/4, W/4) of pictures (N, 3, H, W); H and W are multiples of 32."""
        return self.deconv_layers(super().forward(x))


class PoseResNet(DeconvResNet):
    """Heatmaps of one person in a crop.

    Parameter names: those of `DeconvResNet`, and `final_layer`, as in the files of the paper and of Cross View Fusion.

    Args:
        layers: 50, 101 or 152 in the paper; 18 and 34 work too.
        joints: how many heatmaps.
    """

    def __init__(self, layers: int = 50, joints: int = 20) -> None:
        super().__init__(layers)
        self.final_layer = final_layer(256, joints)

    def forward(self, x: Tensor) -> Tensor:
        """Heatmaps (N, joints, H/4, W/4) of crops (N, 3, H, W); H and W are multiples of 32."""
        return self.final_layer(super().forward(x))
