"""HRNet and MobileNetV2 against the key names and sizes of the published files."""

import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch
from torch import nn

from posecap.models.hrnet import PoseHRNet
from posecap.models.mobilenet_v2 import MobileNetV2, PoseMobileNetV2


def shapes(build, **options) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {key: tuple(tensor.shape) for key, tensor in build(**options).state_dict().items()}


def count(build, **options) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build(**options).parameters())


def test_hrnet_has_the_published_size() -> None:
    final = 32 * 17 + 17  # which the published logs do not count
    assert count(PoseHRNet, width=32, joints=17) - final == 28_535_552


def test_hrnet_has_the_published_names() -> None:
    state = shapes(PoseHRNet, width=32, joints=17)
    expected = {
        "conv2.weight": (64, 64, 3, 3),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "transition1.0.0.weight": (32, 256, 3, 3),
        "transition1.1.0.0.weight": (64, 256, 3, 3),
        "transition2.2.0.0.weight": (128, 64, 3, 3),
        "transition3.3.0.1.running_mean": (256,),
        "stage2.0.branches.1.3.conv2.weight": (64, 64, 3, 3),
        "stage2.0.fuse_layers.0.1.0.weight": (32, 64, 1, 1),
        "stage2.0.fuse_layers.1.0.0.0.weight": (64, 32, 3, 3),
        "stage3.3.fuse_layers.2.0.0.0.weight": (32, 32, 3, 3),
        "stage3.3.fuse_layers.2.0.1.0.weight": (128, 32, 3, 3),
        "stage4.1.fuse_layers.3.0.2.1.weight": (256,),
        "stage4.2.fuse_layers.0.3.0.weight": (32, 256, 1, 1),
        "final_layer.bias": (17,),
    }
    assert {key: state.get(key) for key in expected} == expected
    assert not any(
        key.startswith(("stage4.2.fuse_layers.1", "transition2.0", "transition3.2")) for key in state
    )


def test_mobilenet_has_the_published_names() -> None:
    state = shapes(PoseMobileNetV2)
    expected = {
        "mobilenetv2.features.0.0.weight": (32, 3, 3, 3),
        "mobilenetv2.features.1.conv.0.weight": (32, 1, 3, 3),
        "mobilenetv2.features.1.conv.3.weight": (16, 32, 1, 1),
        "mobilenetv2.features.2.conv.3.weight": (96, 1, 3, 3),
        "mobilenetv2.features.17.conv.7.running_var": (320,),
        "deconv_layers.0.weight": (320, 256, 4, 4),
        "final_layer.weight": (20, 256, 1, 1),
    }
    assert {key: state.get(key) for key in expected} == expected
    assert len(shapes(MobileNetV2)) == 306  # the tensors of the ImageNet file that the original never loaded


@pytest.mark.parametrize(
    "build", [lambda: PoseHRNet(4, 3), lambda: PoseMobileNetV2(3)], ids=["hrnet", "mobilenet"]
)
def test_one_person_does_not_see_the_others_of_the_batch(build) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    module = build().eval()
    for (
        layer
    ) in module.modules():  # weights of a trained network's size, so that something arrives at the end
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight)
    x = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        both, second = module(x), module(x[1:])
    assert both.shape == (2, 3, 16, 24)
    assert both.std() > 1e-3
    torch.testing.assert_close(both[1:], second, rtol=1e-4, atol=1e-5 * float(both.abs().max()))
