"""MoveNet as it is published (a TensorFlow.js graph), made into an ONNX network without its post-processing.

The published graphs decode one picture at a time; cut at the heads of CenterNet (Zhou, Wang and Kraehenbuehl
2019, "Objects as Points") they take any batch, and `decode_movenet` reads them. A graph is
`modelTopology.node`, a GraphDef in JSON, and the weights in manifest order, float32 stored as float16.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posecap.models.errors import WeightsError

_HEADS_SINGLE = {
    "centre": "StatefulPartitionedCall/Sigmoid_1",
    "heatmap": "StatefulPartitionedCall/kpt_heatmap_0/conv2d_5/BiasAdd",
    "regression": "StatefulPartitionedCall/kpt_regress_0/conv2d_6/BiasAdd",
    "offset": "StatefulPartitionedCall/kpt_offset_0/conv2d_7/BiasAdd",
}
_HEADS_MULTI = {
    "centre": "StatefulPartitionedCall/Sigmoid",
    "heatmap": "StatefulPartitionedCall/kpt_heatmap_0/conv2d_7/BiasAdd",
    "regression": "StatefulPartitionedCall/kpt_regress_0/conv2d_8/BiasAdd",
    "offset": "StatefulPartitionedCall/kpt_offset_0/conv2d_9/BiasAdd",
    "box_size": "StatefulPartitionedCall/box_scale_0/conv2d_5/BiasAdd",
    "box_offset": "StatefulPartitionedCall/box_offset_0/conv2d_6/BiasAdd",
}
_VERSION = 1  # of the converter: part of the cached file's name
_OPSET, _IR_VERSION = 18, 10  # what every onnxruntime since 1.17 reads
_PASSED_OVER = {"Cast", "Unpack", "Squeeze", "ExpandDims"}  # take picture 0 of the batch apart and back

Node = dict[str, Any]


def converted(graph: Path, weights: Path) -> Path:
    """The ONNX file beside `graph` (.json) and `weights` (.bin), made when it is not there yet."""
    target = graph.with_name(f"{graph.stem}.v{_VERSION}.onnx")
    newest = max(graph.stat().st_mtime_ns, weights.stat().st_mtime_ns)
    if not target.is_file() or target.stat().st_mtime_ns < newest:
        content = convert(graph.read_bytes(), weights.read_bytes())
        partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        partial.write_bytes(content)
        partial.replace(target)
    return target


def convert(graph: bytes, weights: bytes) -> bytes:
    """ONNX bytes: input (N, 3, H, W) float32 RGB 0..255, outputs named as the heads, (N, channels, h, w).

    Raises:
        WeightsError: not a MoveNet graph, or weights that do not fit it.
    """
    try:
        content = json.loads(graph)
        nodes: dict[str, Node] = {node["name"]: node for node in content["modelTopology"]["node"]}
        entries = [entry for group in content["weightsManifest"] for entry in group["weights"]]
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"not a TensorFlow.js graph ({error}): delete it and fetch it again") from error
    heads = next(
        (heads for heads in (_HEADS_SINGLE, _HEADS_MULTI) if set(heads.values()) <= nodes.keys()), None
    )
    if heads is None:
        raise WeightsError("the graph has none of MoveNet's heads: it is another network or another version")
    return _Converter(nodes, _constants(entries, weights)).network(heads)


def _constants(entries: list[Node], weights: bytes) -> dict[str, NDArray[Any]]:
    """Arrays by node name."""
    arrays: dict[str, NDArray[Any]] = {}
    at = 0
    for entry in entries:
        stored = np.dtype("<f2" if entry["dtype"] == "float32" else "<i4")
        count = int(np.prod(entry["shape"], dtype=np.int64))
        if at + count * stored.itemsize > len(weights):
            raise WeightsError(
                f"weights end at byte {len(weights)}, the graph asks for more: fetch them again"
            )
        array = np.frombuffer(weights, stored, count, at).reshape(entry["shape"])
        arrays[entry["name"]] = array.astype(np.float32) if stored.kind == "f" else array
        at += count * stored.itemsize
    if at != len(weights):
        raise WeightsError(f"weights have {len(weights)} bytes, the graph names {at}: fetch them again")
    return arrays


class _Converter:
    def __init__(self, nodes: dict[str, Node], constants: dict[str, NDArray[Any]]) -> None:
        import onnx.helper
        import onnx.numpy_helper

        self.nodes = nodes
        self.constants = constants
        self.helper = onnx.helper
        self.tensor = onnx.numpy_helper.from_array
        self.float = onnx.TensorProto.FLOAT
        self.out: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self.names: dict[str, str] = {}

    def network(self, heads: dict[str, str]) -> bytes:
        for head, name in heads.items():
            self._emit("Identity", [self._value(name)], head)
        helper = self.helper
        inputs = [helper.make_tensor_value_info("input", self.float, ["N", 3, "H", "W"])]
        outputs = [helper.make_tensor_value_info(head, self.float, None) for head in heads]
        graph = helper.make_graph(self.out, "movenet", inputs, outputs, list(self.initializers.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
        model.ir_version = _IR_VERSION
        return model.SerializeToString()

    def _value(self, reference: str) -> str:
        """Name of the ONNX value of a node, its ancestors converted first."""
        name = reference.partition(":")[0].lstrip("^")
        if name not in self.names:
            self.names[name] = self._convert(name, self.nodes[name])
        return self.names[name]

    def _convert(self, name: str, node: Node) -> str:
        op, inputs = node["op"], node.get("input", [])
        if op == "Placeholder":
            return "input"
        if op in _PASSED_OVER:
            return self._value(inputs[0])
        if op in ("_FusedConv2D", "Conv2D", "FusedDepthwiseConv2dNative", "DepthwiseConv2dNative"):
            return self._convolution(name, node)
        if op == "ResizeBilinear":
            if not _flag(node, "half_pixel_centers"):
                raise WeightsError(
                    f"{name}: resize without half-pixel centres: it is another version of MoveNet"
                )
            scales = self._constant(f"{name}/scales", np.array([1, 1, 2, 2], dtype=np.float32))
            attributes = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
            return self._emit("Resize", [self._value(inputs[0]), "", scales], name, **attributes)
        simple = {"AddV2": "Add", "Sub": "Sub", "Mul": "Mul", "Sigmoid": "Sigmoid"}
        if op in simple:
            return self._emit(simple[op], [self._operand(reference) for reference in inputs], name)
        raise WeightsError(f"{name}: operation {op} is not one of MoveNet's: it is another network")

    def _operand(self, reference: str) -> str:
        """An input that may be a constant per channel."""
        if reference not in self.constants:
            return self._value(reference)
        array = self.constants[reference]
        per_channel = array.reshape(1, -1, 1, 1) if array.ndim else array.reshape(1, 1, 1, 1)
        return self._constant(reference, per_channel)

    def _convolution(self, name: str, node: Node) -> str:
        x, kernel, *bias = node["input"]
        weights = self.constants[kernel]
        group = 1
        if "Depthwise" in node["op"]:  # height, width, channels, multiplier
            group = weights.shape[2]
            weights = weights.transpose(2, 3, 0, 1).reshape(-1, 1, *weights.shape[:2])
        else:  # height, width, in, out
            weights = weights.transpose(3, 2, 0, 1)
        strides = [int(step) for step in node["attr"]["strides"]["list"]["i"][1:3]]
        padding = _text(node["attr"]["padding"]["s"])
        inputs = [self._value(x), self._constant(kernel, weights)]
        if bias:
            inputs.append(self._constant(bias[0], self.constants[bias[0]].reshape(-1)))
        fused = [_text(part) for part in node["attr"].get("fused_ops", {}).get("list", {}).get("s", [])]
        auto_pad = "SAME_UPPER" if padding == "SAME" else "VALID"
        raw = f"{name}/conv" if fused[1:] else name
        result = self._emit("Conv", inputs, raw, group=group, strides=strides, auto_pad=auto_pad)
        if fused[1:] == ["Relu"]:
            return self._emit("Relu", [result], name)
        if fused[1:] == ["Relu6"]:
            low = self._constant("relu6/low", np.array(0, dtype=np.float32))
            high = self._constant("relu6/high", np.array(6, dtype=np.float32))
            return self._emit("Clip", [result, low, high], name)
        if fused[1:]:
            raise WeightsError(f"{name}: fused {fused} is not one of MoveNet's: it is another network")
        return result

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        self.initializers[name] = self.tensor(np.ascontiguousarray(array), name)
        return name

    def _emit(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.out.append(self.helper.make_node(op, inputs, [output], output, **attributes))
        return output


def _text(value: str) -> str:
    return base64.b64decode(value).decode()


def _flag(node: Node, name: str) -> bool:
    return bool(node.get("attr", {}).get(name, {}).get("b", False))
