"""The converter on a graph written here, against the same operations in numpy."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from posecap.models.errors import WeightsError
from posecap.models.movenet import _HEADS_SINGLE, convert

RNG = np.random.default_rng(8)


def code(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def strings(*texts: str) -> dict[str, Any]:
    return {"list": {"s": [code(text) for text in texts]}}


class Graph:
    """A TensorFlow.js graph in the making."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.arrays: dict[str, NDArray[Any]] = {}

    def constant(self, name: str, array: NDArray[np.floating]) -> str:
        self.arrays[name] = array.astype(np.float16)
        self.nodes.append({"name": name, "op": "Const"})
        return name

    def node(self, name: str, op: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attributes})
        return name

    def files(self) -> tuple[bytes, bytes]:
        entries = [
            {"name": name, "shape": list(a.shape), "dtype": "float32"} for name, a in self.arrays.items()
        ]
        text = json.dumps({"modelTopology": {"node": self.nodes}, "weightsManifest": [{"weights": entries}]})
        return text.encode(), b"".join(a.tobytes() for a in self.arrays.values())


def small_graph() -> Graph:
    """Normalise; convolve with stride 2 and Relu6; depthwise; upsample and add; four heads."""
    graph = Graph()
    graph.node("input", "Placeholder")
    graph.node("cast", "Cast", "input")
    graph.node("scaled", "Mul", "cast", graph.constant("scale", np.full((1, 1, 1, 3), 0.0078125)))
    graph.node("x", "Sub", "scaled", graph.constant("one", np.array(1.0)))
    same = {"padding": {"s": code("SAME")}}
    step1, step2 = ({"strides": {"list": {"i": ["1", str(s), str(s), "1"]}}} for s in (1, 2))
    graph.constant("k1", RNG.normal(0, 0.5, (3, 3, 3, 4)))
    graph.constant("b1", RNG.normal(0, 1, 4))
    graph.node("c1", "_FusedConv2D", "x", "k1", "b1", **same, **step2, fused_ops=strings("BiasAdd", "Relu6"))
    graph.constant("k2", RNG.normal(0, 0.5, (3, 3, 4, 1)))
    graph.node("c2", "DepthwiseConv2dNative", "c1", "k2", **same, **step2)
    graph.node("up", "ResizeBilinear", "c2", "size", half_pixel_centers={"b": True})
    graph.node("sum", "AddV2", "up", "c1")
    for head, name in _HEADS_SINGLE.items():
        kernel = graph.constant(f"k/{head}", RNG.normal(0, 0.5, (1, 1, 4, 2)))
        bias = graph.constant(f"b/{head}", RNG.normal(0, 1, 2))
        conv = f"pre/{head}" if head == "centre" else name
        graph.node(conv, "_FusedConv2D", "sum", kernel, bias, **same, **step1, fused_ops=strings("BiasAdd"))
        if head == "centre":
            graph.node(name, "Sigmoid", conv)
    return graph


def convolve(x: NDArray[Any], kernel: NDArray[Any], stride: int) -> NDArray[Any]:
    """TensorFlow's SAME convolution of x (h, w, c) with kernel (3, 3, c, m), by definition."""
    height, width = x.shape[0] // stride, x.shape[1] // stride
    total = (height - 1) * stride + 3 - x.shape[0]
    before = max(total, 0) // 2
    padded = np.pad(x, ((before, 2), (before, 2), (0, 0)))
    out = np.zeros((height, width, kernel.shape[3]))
    for i in range(height):
        for j in range(width):
            window = padded[i * stride : i * stride + 3, j * stride : j * stride + 3]
            out[i, j] = np.einsum("abc,abcm->m", window, kernel)
    return out


def upsample(x: NDArray[Any]) -> NDArray[Any]:
    """Twice as large, half-pixel centres, edges repeated; (h, w, c)."""
    for axis in (0, 1):
        at = np.clip((np.arange(2 * x.shape[axis]) + 0.5) / 2 - 0.5, 0, x.shape[axis] - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        share = np.expand_dims(at - low, (1, 2) if axis == 0 else (0, 2))
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


def expected(graph: Graph, picture: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    a = {name: array.astype(np.float64) for name, array in graph.arrays.items()}
    x = picture * 0.0078125 - 1.0
    c1 = np.clip(convolve(x, a["k1"], 2) + a["b1"], 0, 6)
    c2 = np.concatenate([convolve(c1[..., c : c + 1], a["k2"][:, :, c : c + 1], 2) for c in range(4)], axis=2)
    total = upsample(c2) + c1
    heads = {head: total @ a[f"k/{head}"][0, 0] + a[f"b/{head}"] for head in _HEADS_SINGLE}
    heads["centre"] = 1 / (1 + np.exp(-heads["centre"]))
    return heads


def test_converted_graph_computes_the_same() -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="pip install onnxruntime")
    graph = small_graph()
    session = onnxruntime.InferenceSession(convert(*graph.files()), providers=["CPUExecutionProvider"])
    pictures = RNG.integers(0, 256, (3, 8, 12, 3), dtype=np.uint8)
    fed = pictures.transpose(0, 3, 1, 2).astype(np.float32)
    answers = dict(
        zip((o.name for o in session.get_outputs()), session.run(None, {"input": fed}), strict=True)
    )
    for k, picture in enumerate(pictures):
        for head, value in expected(graph, picture).items():
            np.testing.assert_allclose(answers[head][k].transpose(1, 2, 0), value, atol=2e-5)


def test_cut_weights() -> None:
    text, weights = small_graph().files()
    with pytest.raises(WeightsError, match="the graph asks for more: fetch them again"):
        convert(text, weights[:-2])
    with pytest.raises(WeightsError, match="the graph names"):
        convert(text, weights + b"\0\0")


def test_another_network() -> None:
    graph = Graph()
    graph.node("input", "Placeholder")
    with pytest.raises(WeightsError, match="none of MoveNet's heads"):
        convert(*graph.files())
    with pytest.raises(WeightsError, match=r"not a TensorFlow.js graph"):
        convert(b"<html>", b"")
