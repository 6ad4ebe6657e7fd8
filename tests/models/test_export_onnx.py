from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch
from torch import Tensor, nn

from posecap.models.deconv_head import DeconvHead
from posecap.models.errors import NetworkError
from posecap.models.export_onnx import export, input_names
from posecap.models.soft_argmax import SoftArgmax
from posecap.models.verify_onnx import flat, verify


class Small(nn.Module):
    """Every kind of layer that the published networks have, at 32 x 32; two inputs, nested outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.head = DeconvHead(8, 5)
        self.soft_argmax = SoftArgmax.pixels(32, 32)

    def forward(self, pictures: Tensor, shift: Tensor) -> dict[str, object]:
        maps = self.head(self.stem(pictures))  # (N, 5, 32, 32)
        xy = self.soft_argmax(maps)  # (N, 5, 2)
        return {"maps": maps, "points": (xy, xy + shift[:, None])}


def small() -> Small:
    torch.manual_seed(0)
    module = Small().eval()
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight)
    return module


@pytest.mark.slow
def test_engines_agree_with_pytorch_at_any_batch(tmp_path) -> None:
    torch.set_num_threads(1)
    module, path = small().train(), tmp_path / "deep" / "small.onnx"
    example = torch.rand(2, 3, 32, 32), torch.rand(2, 2)
    assert export(module, example, path, outputs=("maps", "xy", "moved")) == path
    assert module.training  # as it was
    assert [file.name for file in path.parent.iterdir()] == ["small.onnx"]
    for batch in (1, 5):
        inputs = torch.rand(batch, 3, 32, 32), torch.rand(batch, 2)
        for verified in verify(path, module, inputs, repeats=1):
            assert verified.difference < 1e-5
            assert verified.batch == batch
            assert verified.ms_per_view > 0
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [node.name for node in session.get_inputs()] == ["pictures", "input1"]
    assert [node.name for node in session.get_outputs()] == ["maps", "xy", "moved"]
    # other weights are other numbers
    with torch.no_grad():
        module.head.final_layer.bias += 1
    assert all(verified.difference > 1e-2 for verified in verify(path, module, example, repeats=0))


@pytest.mark.slow
def test_what_has_no_onnx_form_is_said_and_leaves_the_old_file(tmp_path) -> None:
    class Eigen(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.linalg.eigh(x)[1]

    path = tmp_path / "eigen.onnx"
    path.write_bytes(b"old")
    with pytest.raises(NetworkError, match=r"Eigen has no ONNX form \(.*\): replace what the exporter names"):
        export(Eigen(), (torch.rand(2, 4, 4),), path, outputs=("vectors",))
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["eigen.onnx"]


@pytest.mark.parametrize(
    ("batch", "options", "message"),
    [
        (2, {"opset": 12}, "ONNX opset 12 was not checked with all engines: choose 18, 19 or 20"),
        (1, {}, "example of 'pictures' has 1 along 'batch': give 2 or more"),
        (2, {"inputs": ("a",)}, "2 example inputs, 1 names, 2 sets of dynamic axes: give one of each"),
    ],
)
def test_a_wrong_request_is_refused_before_the_work(batch, options, message, tmp_path) -> None:
    with pytest.raises(NetworkError, match=message):
        export(
            small(), (torch.rand(batch, 3, 32, 32), torch.rand(2, 2)), tmp_path / "x", outputs=(), **options
        )
    assert not list(tmp_path.iterdir())


def test_inputs_have_names() -> None:
    assert input_names(3) == ("pictures", "input1", "input2")


def test_outputs_are_opened_in_their_order() -> None:
    a, b, c = (torch.full((1,), float(value)) for value in range(3))
    assert [float(tensor) for tensor in flat({"x": a, "y": [b, (c,)]})] == [0, 1, 2]


class Double(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def doubling(path: Path) -> Path:
    """A graph written by hand: y = x * 2."""
    onnx = pytest.importorskip("onnx")
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Mul", ["x", "two"], ["y"])],
        "double",
        [onnx.helper.make_tensor_value_info("x", kind, ["batch", 3])],
        [onnx.helper.make_tensor_value_info("y", kind, ["batch", 3])],
        [onnx.numpy_helper.from_array(np.array(2, np.float32), "two")],
    )
    opset = [onnx.helper.make_opsetid("", 20)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    return path


def test_a_difference_is_a_fraction_of_the_largest_value(tmp_path) -> None:
    path = doubling(tmp_path / "double.onnx")
    x = torch.tensor([[1.0, -4, 2]])
    assert [verified.difference for verified in verify(path, Double(2), (x,))] == [0, 0]
    for verified in verify(path, Double(1.5), (x,)):  # 8 against 6
        assert verified.difference == pytest.approx(1 / 3)
    for verified in verify(path, Double(float("nan")), (x,), repeats=0):
        assert verified.difference == float("inf")
        assert np.isnan(verified.ms_per_view)


def test_broken_files_and_other_outputs_are_refused(tmp_path) -> None:
    path = doubling(tmp_path / "double.onnx")
    x = torch.rand(2, 3)
    with pytest.raises(
        NetworkError, match=r"onnxruntime gives shapes \[\(2, 3\)\], PyTorch \[\(6,\)\]: check"
    ):
        verify(path, nn.Flatten(0), (x,), engines=("onnxruntime",))
    with pytest.raises(NetworkError, match="no engine 'tensorflow': choose onnxruntime or openvino"):
        verify(path, Double(2), (x,), engines=("tensorflow",))
    path.write_bytes(b"nothing")
    for engine in ("onnxruntime", "openvino"):
        with pytest.raises(
            NetworkError, match=rf"{engine} refuses .*double\.onnx .*: export it with another opset"
        ):
            verify(path, Double(2), (x,), engines=(engine,))
