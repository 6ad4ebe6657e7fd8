"""Both engines on a network made here: three channels in, two linear maps of them out."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from posecap.models.manifest import InputSpec
from posecap.runtime.engine import Engine, EngineName, open_engine, usable_cores
from posecap.runtime.errors import EngineError

ENGINES: list[EngineName] = ["openvino", "onnxruntime"]
MEAN, STD = (10.0, 20.0, 30.0), (2.0, 4.0, 5.0)
WEIGHTS = np.arange(6, dtype=np.float32).reshape(2, 3, 1, 1) - 2
PICTURES = np.random.default_rng(2).integers(0, 256, (5, 6, 8, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import onnx
    from onnx import helper, numpy_helper

    nodes = [
        helper.make_node("Conv", ["x", "w"], ["wanted"]),
        helper.make_node("Sigmoid", ["wanted"], ["unwanted"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 3, "H", "W"])],
        [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            for name in ("wanted", "unwanted")
        ],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    path = tmp_path_factory.mktemp("network") / "small.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def spec(channels: str = "rgb") -> InputSpec:
    assert channels in ("rgb", "bgr")
    return InputSpec(
        width=8, height=6, channels="rgb" if channels == "rgb" else "bgr", layout="nchw", mean=MEAN, std=STD
    )


def opened(network: Path, engine: EngineName, channels: str = "rgb") -> Engine:
    if engine == "onnxruntime":
        pytest.importorskip("onnxruntime", reason="pip install onnxruntime")
    return open_engine(network, spec(channels), ("wanted",), engine=engine, threads=2)


def answer(pictures: NDArray[np.uint8], channels: str) -> NDArray[np.float32]:
    ordered = pictures[..., ::-1] if channels == "rgb" else pictures
    x = (ordered.astype(np.float64) - MEAN) / STD
    return np.einsum("nhwc,mc->nmhw", x, WEIGHTS[:, :, 0, 0]).astype(np.float32)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_bgr_pictures_enter_as_the_network_wants_them(
    network: Path, engine: EngineName, channels: str
) -> None:
    opened_engine = opened(network, engine, channels)
    outputs = opened_engine.infer(PICTURES)
    assert list(outputs) == ["wanted"]
    np.testing.assert_allclose(outputs["wanted"], answer(PICTURES, channels), rtol=1e-4, atol=1e-3)
    assert opened_engine.io.size_px == (8, 6)
    assert opened_engine.io.outputs == {"wanted": (2, 6, 8)}
    opened_engine.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_is_its_parts(network: Path, engine: EngineName) -> None:
    opened_engine = opened(network, engine)
    whole = opened_engine.infer(PICTURES)["wanted"]
    for k in range(len(PICTURES)):
        np.testing.assert_array_equal(whole[k], opened_engine.infer(PICTURES[k : k + 1])["wanted"][0])
    assert opened_engine.infer(PICTURES[:0])["wanted"].shape == (0, 2, 6, 8)


@pytest.mark.parametrize("engine", ENGINES)
def test_results_survive_the_next_call(network: Path, engine: EngineName) -> None:
    opened_engine = opened(network, engine)
    first = opened_engine.infer(PICTURES[:1])["wanted"]
    copy = first.copy()
    opened_engine.infer(255 - PICTURES)
    np.testing.assert_array_equal(first, copy)


@pytest.mark.parametrize("engine", ENGINES)
def test_missing_output_names_those_there_are(network: Path, engine: EngineName) -> None:
    with pytest.raises(EngineError, match=r"small.onnx has no output 'heat', it has .*wanted"):
        open_engine(network, spec(), ("heat",), engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_broken_file(tmp_path: Path, engine: EngineName) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"\x08not a network")
    with pytest.raises(
        EngineError, match=rf"{engine} cannot load broken.onnx .*: delete /.*broken.onnx and start again"
    ):
        open_engine(path, spec(), ("wanted",), engine=engine)


def test_onnxruntime_says_what_it_cannot_do(network: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"cannot run net.tflite, .*: use --engine openvino"):
        open_engine(tmp_path / "net.tflite", spec(), ("wanted",), engine="onnxruntime")
    with pytest.raises(EngineError, match=r"no bf16 on the CPU"):
        open_engine(network, spec(), ("wanted",), engine="onnxruntime", precision="bf16")


def test_unknown_engine(network: Path) -> None:
    with pytest.raises(EngineError, match="no engine 'tensorrt', there are openvino, onnxruntime"):
        open_engine(network, spec(), ("wanted",), engine="tensorrt")  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [np.zeros((1, 6, 9, 3), np.uint8), np.zeros((1, 6, 8, 3), np.float32)])
def test_pictures_of_another_shape(network: Path, wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(EngineError, match=r"takes \(n, 6, 8, 3\) uint8, got"):
        opened(network, "openvino").infer(wrong)


def test_usable_cores() -> None:
    assert usable_cores() >= 1
