from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch

from posecap.models.checkpoints import load_checkpoint
from posecap.models.vgg_trunk import VggTrunk, openpose_key_map

torch.set_num_threads(1)

# The VGG part in OpenPose's numbering: convolution -> its input and output channels
OPENPOSE = {
    0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256), 14: (256, 256),
    16: (256, 256), 19: (256, 512), 21: (512, 512), 23: (512, 256), 25: (256, 128),
}  # fmt: skip


def openpose_file(path: Path) -> dict[str, torch.Tensor]:
    """A file in OpenPose's layout, with a layer of a later stage that we do not want."""
    torch.manual_seed(0)
    state = {"module.model1_1.0.weight": torch.rand(128, 128, 3, 3)}
    for index, (inputs, outputs) in OPENPOSE.items():
        state[f"module.model0.{index}.weight"] = torch.randn(outputs, inputs, 3, 3) * (2 / 9 / inputs) ** 0.5
        state[f"module.model0.{index}.bias"] = torch.rand(outputs)
    torch.save(state, path)
    return state


def test_weights_of_openpose_fill_the_vgg_part_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "pose_model.pth"
    state = openpose_file(path)
    trunk = VggTrunk()
    loaded = load_checkpoint(path, trunk, key_map=openpose_key_map(prefix=""), partial=True)
    assert loaded.count == 2 * len(OPENPOSE)
    assert {misfit.why for misfit in loaded.misfits} == {"missing"}
    assert all(misfit.key.startswith("conv_") for misfit in loaded.misfits)
    # the same numbers as OpenPose's own sequence
    x = torch.rand(1, 3, 16, 16) - 0.5
    with torch.inference_mode():
        ours = trunk.model4(trunk.model3(trunk.model1_2(x)))
        for index in OPENPOSE:
            if index in (5, 10, 19):
                x = torch.nn.functional.max_pool2d(x, 2)
            weight, bias = state[f"module.model0.{index}.weight"], state[f"module.model0.{index}.bias"]
            x = torch.nn.functional.conv2d(x, weight, bias, padding=1).relu()
    torch.testing.assert_close(ours, x)
    assert float(x.abs().max()) > 0


def test_keys_of_later_stages_are_not_wanted() -> None:
    our_key = openpose_key_map()
    assert our_key("model0.19.bias") == "backbone.model4.1.bias"
    for other in ("model0.18.weight", "model1_1.0.weight", "model0.0", "model00.0.weight"):
        assert our_key(other) is None


def test_features_have_a_quarter_of_the_side() -> None:
    with torch.inference_mode():
        assert VggTrunk().eval()(torch.rand(1, 3, 32, 48)).shape == (1, 32, 8, 12)
