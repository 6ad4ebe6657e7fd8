import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch

from posecap.models.resnet import Bottleneck, ResNet


def on_meta(layers: int, **options) -> ResNet:
    """The shapes without the numbers."""
    with torch.device("meta"):
        return ResNet(layers, **options)


@pytest.mark.parametrize(
    ("layers", "parameters", "channels"),
    [  # torchvision's published counts without the classifier
        (18, 11_176_512, 512),
        (34, 21_284_672, 512),
        (50, 23_508_032, 2048),
        (101, 42_500_160, 2048),
        (152, 58_143_808, 2048),
    ],
)
def test_size_is_that_of_torchvision(layers, parameters, channels) -> None:
    trunk = on_meta(layers)
    assert sum(parameter.numel() for parameter in trunk.parameters()) == parameters
    assert trunk.channels == channels


def test_features_are_a_32nd_of_the_picture() -> None:
    assert on_meta(18)(torch.empty(2, 3, 64, 96, device="meta")).shape == (2, 512, 2, 3)


def test_names_are_those_of_torchvision() -> None:
    state = on_meta(50).state_dict()
    assert len(state) == 318
    assert {
        "conv1.weight", "bn1.running_var", "layer1.0.downsample.0.weight", "layer1.0.downsample.1.bias",
        "layer2.3.conv3.weight", "layer4.2.bn3.num_batches_tracked",
    } <= set(state)  # fmt: skip
    assert not any(key.startswith(("fc.", "layer1.1.downsample")) for key in state)
    assert "layer1.0.downsample.0.weight" not in on_meta(18).state_dict()


@pytest.mark.parametrize(("stride_on", "seen"), [("3x3", True), ("1x1", False)])
def test_stride_on_the_first_convolution_skips_every_second_pixel(stride_on, seen) -> None:
    torch.manual_seed(0)
    block = Bottleneck(8, 4, stride=2, stride_on=stride_on, bias=False, eps=1e-5).eval()
    x = torch.rand(1, 8, 6, 6)
    moved = x.clone()
    moved[..., 1::2, 1::2] += 1
    with torch.inference_mode():
        assert (not torch.equal(block(x), block(moved))) == seen


def test_the_variant_of_keras_has_biases_and_its_epsilon() -> None:
    trunk = on_meta(50, stride_on="1x1", bias=True, eps=1.001e-5)
    assert "layer3.0.downsample.0.bias" in trunk.state_dict()
    norms = [module for module in trunk.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {1.001e-5}


@pytest.mark.parametrize("layers", [18, 50])
def test_every_norm_has_the_momentum_asked_for(layers: int) -> None:
    for momentum, options in ((0.1, {}), (0.01, {"momentum": 0.01})):
        norms = [m for m in on_meta(layers, **options).modules() if isinstance(m, torch.nn.BatchNorm2d)]
        assert {norm.momentum for norm in norms} == {momentum}


def test_unknown_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="ResNet-51 does not exist: choose one of 18, 34, 50, 101, 152"):
        ResNet(51)
