import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch
from torch import nn

from posecap.models.checkpoints import load_checkpoint
from posecap.models.errors import CheckpointError
from posecap.models.imagenet_trunk import load_imagenet
from posecap.models.mobilenet_v2 import MobileNetV2, PoseMobileNetV2
from posecap.models.pose_resnet import PoseResNet
from posecap.models.resnet import ResNet


def saved(path, module: nn.Module, **more: torch.Tensor):
    torch.save({**module.state_dict(), **more}, path)
    return path


def test_a_classifier_fills_the_trunk_and_leaves_the_head(tmp_path) -> None:
    torch.manual_seed(0)
    source, target = ResNet(18), PoseResNet(18, 3)
    head = target.final_layer.weight.clone()
    path = saved(
        tmp_path / "resnet18.pth", source, **{"fc.weight": torch.zeros(10, 512), "fc.bias": torch.zeros(10)}
    )
    report = load_imagenet(path, target)
    assert (report.count, report.misfits) == (120, ())
    assert torch.equal(target.layer4[1].conv2.weight, source.layer4[1].conv2.weight)
    assert torch.equal(target.final_layer.weight, head)


@pytest.mark.parametrize("layout", ["numbered", "nested"])
def test_both_layouts_of_mobilenet_fill_all_306_tensors(layout, tmp_path) -> None:
    torch.manual_seed(0)
    source, target = MobileNetV2(), MobileNetV2()
    state = source.state_dict()
    if layout == "nested":  # as torchvision does it, worked out from its blocks
        wide = {"0": "0.0", "1": "0.1", "3": "1.0", "4": "1.1", "6": "2", "7": "3"}
        first = {"0": "0.0", "1": "0.1", "3": "1", "4": "2"}
        nested = {}
        for key, tensor in state.items():
            parts = key.split(".")
            if parts[2] == "conv":
                parts[3] = (first if parts[1] == "1" else wide)[parts[3]]
            nested[".".join(parts)] = tensor
        state = nested
    path = tmp_path / "mobilenet_v2.pth"
    torch.save({**state, "features.18.0.weight": torch.zeros(1280, 320, 1, 1)}, path)
    assert load_imagenet(path, target).count == 306
    for key, tensor in source.state_dict().items():
        assert torch.equal(target.state_dict()[key], tensor), key


def test_a_whole_network_is_no_trunk(tmp_path) -> None:
    path = saved(tmp_path / "mobilenet_v2.pth", MobileNetV2())
    with pytest.raises(
        CheckpointError, match="PoseMobileNetV2 is no trunk: pass its ResNet, MobileNetV2 or HRNet"
    ):
        load_imagenet(path, PoseMobileNetV2(3))
    with pytest.raises(CheckpointError, match="no tensor fits"):  # where the original said nothing
        load_checkpoint(path, PoseMobileNetV2(3), partial=True)


def test_half_a_trunk_is_refused_and_changes_nothing(tmp_path) -> None:
    path, target = saved(tmp_path / "resnet18.pth", ResNet(18)), ResNet(34)
    before = target.conv1.weight.clone()
    with pytest.raises(CheckpointError, match="not of this ResNet: check depth and width") as caught:
        load_imagenet(path, target)
    assert "layer1.2.conv1.weight" in str(caught.value)
    assert torch.equal(target.conv1.weight, before)
