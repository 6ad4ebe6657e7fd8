import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

from posecap.models.errors import NetworkError
from posecap.models.networks import names, network, read_table
from posecap.models.published_joints import PUBLISHED_SETS

ENTRY = """
[thing]
about = "a thing"
build = "posecap.models.pose_resnet:PoseResNet"
outputs = ["heatmaps"]
compat = {}
clean = {}
"""


def test_the_registry_needs_no_torch() -> None:
    code = "import sys; from posecap.models.networks import names; names(); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_presets_differ_where_the_table_says() -> None:
    compat, clean = network("pose-resnet-152", "compat"), network("pose-resnet-152")
    assert (compat.preset, clean.preset) == ("compat", "clean")
    assert (compat.picture.channels, clean.picture.channels) == ("bgr", "rgb")
    assert compat.picture.size_px == clean.picture.size_px == (320, 320)
    assert compat.options == clean.options == {"layers": 152, "joints": 20}


def test_pictures_are_normalised_in_the_order_of_the_channels() -> None:
    bgr = np.array([[[10, 20, 30]]], np.uint8)  # one pixel
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    clean = network("pose-resnet-50").picture.prepare(bgr)
    assert clean.shape == (3, 1, 1)
    assert clean.dtype == np.float32
    np.testing.assert_allclose(clean[:, 0, 0], (np.array([30, 20, 10]) / 255 - mean) / std, rtol=1e-6)
    compat = network("pose-resnet-50", "compat").picture.prepare(bgr[None, None])  # batch, views
    assert compat.shape == (1, 1, 3, 1, 1)
    np.testing.assert_allclose(compat[0, 0, :, 0, 0], (np.array([10, 20, 30]) / 255 - mean) / std, rtol=1e-6)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("preset", ["compat", "clean"])
def test_every_entry_names_things_that_exist(name, preset) -> None:
    pytest.importorskip("torch", reason="the networks need PyTorch")
    spec = network(name, preset)
    assert spec.joints == "" or spec.joints in PUBLISHED_SETS
    assert spec.outputs
    for reference in filter(None, (spec.build, spec.keys, spec.example)):
        module, _, attribute = reference.partition(":")
        assert callable(getattr(import_module(module), attribute)), reference


@pytest.mark.parametrize("name", names())
def test_inputs_and_outputs_are_as_many_as_the_table_says(name) -> None:
    torch = pytest.importorskip("torch", reason="the networks need PyTorch")
    if name == "rpsm":
        pytest.skip("asks for the size of its shells, which has no answer without numbers")
    from posecap.models.verify_onnx import flat

    spec = network(name)
    with torch.device("meta"):
        module = spec.module().eval()
    inputs = tuple(tensor.to("meta") for tensor in spec.example_inputs(2))
    assert len(inputs) == len(spec.inputs)
    for tensor, axes in zip(inputs, spec.inputs.values(), strict=True):
        sizes = {"batch": 2, "views": spec.picture.views}
        assert tuple(tensor.shape[: len(axes)]) == tuple(sizes[axis] for axis in axes)
    assert len(flat(module(*inputs))) == len(spec.outputs)


def test_the_number_of_views_is_free_where_the_arithmetic_allows_it() -> None:
    free = {name for name in names() if network(name).any_views}
    assert free == {"canonical-fusion", "two-stage-vgg", "dlt", "rpsm"}
    assert not network("canonical-fusion", "compat").any_views
    assert not network("two-stage-vgg", "compat").any_views
    assert network("two-stage-vgg", "compat").inputs["pictures"] == ("batch",)


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("pose-resnet-50", 34.00),
        ("pose-resnet-152", 68.64),
        ("pose-mobilenet-v2", 5.23),
        ("pose-hrnet-w48", 63.60),
    ],
)
def test_sizes_are_those_of_the_originals(name, millions) -> None:
    torch = pytest.importorskip("torch", reason="the networks need PyTorch")
    spec = network(name, "compat")
    with torch.device("meta"):
        module = spec.module()
        (x,) = spec.example_inputs(2)
    width, height = spec.picture.size_px
    assert sum(parameter.numel() for parameter in module.parameters()) / 1e6 == pytest.approx(
        millions, abs=0.005
    )
    assert module(x).shape == (2, 20, height // 4, width // 4)


def test_options_come_before_the_table() -> None:
    torch = pytest.importorskip("torch", reason="the networks need PyTorch")
    with torch.device("meta"):
        module = network("pose-mobilenet-v2").module(joints=17)
    assert module.final_layer.weight.shape[0] == 17


def test_unknown_network_and_preset_list_what_there_is() -> None:
    with pytest.raises(
        NetworkError, match=r"no network 'resnet', there are .*pose-resnet-50, .*check the spelling"
    ):
        network("resnet")
    with pytest.raises(NetworkError, match="has no preset 'old': choose compat or clean"):
        network("pose-resnet-50", "old")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENTRY + "batchible = true\n", r"table t.toml: .*unknown field `batchible`.*\[\.\.\.\]"),
        (ENTRY.replace("clean = {}", ""), "missing required field `clean`"),
        (ENTRY.replace("compat = {}", "compat.picture = { channels = 'gbr' }"), "Invalid enum value 'gbr'"),
        ("[thing", "table t.toml: .*see models/README.md"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(text, message) -> None:
    assert read_table(ENTRY, "t.toml")["thing"].about == "a thing"
    with pytest.raises(NetworkError, match=message):
        read_table(text, "t.toml")
