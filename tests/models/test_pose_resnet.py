import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch
from parity import compare, filled, parity

from posecap.models.networks import network
from posecap.models.pose_resnet import PoseResNet

PREFIX = "resnet."


@pytest.fixture(scope="module")
def published() -> tuple[object, PoseResNet]:
    """Cross View Fusion's fixture and our PoseResNet-50 with its weights."""
    torch.set_num_threads(1)
    fixture = parity("cross_view/r50_fusion_img64_hm16")
    with torch.device("meta"):
        module = PoseResNet(50, 20)
    trunk = [record for record in fixture.description["tensors"] if record["key"].startswith(PREFIX)]
    fixture.description["tensors"] = trunk
    return fixture, filled(module, fixture, lambda key: key.removeprefix(PREFIX))


def test_heatmaps_are_those_of_the_original(published) -> None:
    fixture, module = published
    x = network("pose-resnet-50", "compat").picture.prepare(fixture["image_u8_bgr"])
    with torch.inference_mode():
        compare("single", module(torch.from_numpy(x)), fixture, relative=1e-4)


def test_swapped_channels_are_noticed(published) -> None:
    fixture, module = published
    x = network("pose-resnet-50", "clean").picture.prepare(fixture["image_u8_bgr"])
    with torch.inference_mode(), pytest.raises(AssertionError, match="single: differs by"):
        compare("single", module(torch.from_numpy(x)), fixture, relative=1e-4)
