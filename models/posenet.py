"""PoseNet of 3DMPPE (Moon et al., ICCV 2019): joints of one person relative to the root, in voxels of a box."""

import torch
from torch import Tensor, nn

from posecap.models.deconv_head import DeconvHead
from posecap.models.resnet import ResNet
from posecap.models.soft_argmax import SoftArgmax

VOXELS = 64
"""Cells along each axis of the box."""


class PoseNet(nn.Module):
    """ResNet-50, three transposed convolutions, and one volume of 64 x 64 x 64 for each joint.

    Parameter names: `backbone.*`, `head.deconv_layers.{0,1,3,4,6,7}`, `head.final_layer`.

    Args:
        joints: 18 (Human3.6M with the thorax) or 21 (MuCo-3DHP).
        centred: a voxel's coordinate is that of its centre, index + 1/2; the original takes the index.
    """

    def __init__(self, joints: int = 18, *, centred: bool = True) -> None:
        super().__init__()
        self.joints = joints
        self.backbone = ResNet(50)
        self.head = DeconvHead(self.backbone.channels, joints * VOXELS)
        first = 0.5 if centred else 0.0
        self.soft_argmax = SoftArgmax([(VOXELS, first, first + VOXELS - 1.0)] * 3)

    def forward(self, x: Tensor) -> Tensor:
        """Joints (N, joints, 3) as x, y, z in voxels of crops (N, 3, 256, 256); `posenet_box` has their meaning."""
        features = self.backbone(x)  # (N, 2048, 8, 8)
        return self.soft_argmax(self.volumes(features))

    def volumes(self, features: Tensor) -> Tensor:
        """Logits (N, joints, depth, row, column) of features (N, 2048, 8, 8)."""
        maps = self.head(features)  # (N, joints * 64, 64, 64)
        return maps.unflatten(1, (self.joints, VOXELS))


def mirrored_mean(voxels: Tensor, of_mirror: Tensor, pairs: list[tuple[int, int]], centred: bool) -> Tensor:
    """The flip test: mean of joints (N, joints, 3) and of those that were found in the mirrored crop.

    Args:
        voxels: of the crop.
        of_mirror: of the same crop with left and right exchanged.
        pairs: joints that exchange their names in a mirror.
        centred: as in `PoseNet`.
    """
    order = list(range(voxels.shape[1]))
    for left, right in pairs:
        order[left], order[right] = right, left
    back = of_mirror[:, order].clone()
    back[..., 0] = (VOXELS if centred else VOXELS - 1) - back[..., 0]
    return torch.lerp(voxels, back, 0.5)
