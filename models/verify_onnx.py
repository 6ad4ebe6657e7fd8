"""An exported network's numbers and speed in each engine, against PyTorch."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from posecap.models.errors import NetworkError

ENGINES = ("onnxruntime", "openvino")

_Run = Callable[[Sequence[np.ndarray]], list[np.ndarray]]


@dataclass(frozen=True, slots=True)
class Verified:
    """One engine against PyTorch.

    Attributes:
        engine: "onnxruntime" or "openvino", both float32 on the CPU, one thread.
        difference: largest difference of any output, as a fraction of that output's largest value; inf where one
            of them is NaN.
        ms_per_view: processor time of one picture in milliseconds, median; independent of other load.
        batch: pictures or sets of pictures in one call.
    """

    engine: str
    difference: float
    ms_per_view: float
    batch: int


def verify(
    path: Path,
    module: nn.Module,
    inputs: Sequence[Tensor],
    *,
    views: int = 1,
    engines: Sequence[str] = ENGINES,
    repeats: int = 3,
) -> list[Verified]:
    """How the file at `path` differs from `module` (in evaluation mode) on `inputs`, and what it costs.

    Args:
        views: pictures in one item of the batch.
        repeats: timed calls after one untimed; 0 leaves the time NaN.

    Raises:
        NetworkError: an engine is missing or refuses the file, or an output is missing or has another shape.
    """
    module.eval()
    with torch.inference_mode():
        truth = [tensor.numpy() for tensor in flat(module(*inputs))]
    arrays = [tensor.numpy() for tensor in inputs]
    verified = []
    for engine in engines:
        run = _opened(engine, path)
        difference = _difference(engine, truth, run(arrays))
        seconds = [_seconds(run, arrays) for _ in range(repeats)]
        ms = 1e3 * float(np.median(seconds)) / (len(arrays[0]) * views) if seconds else float("nan")
        verified.append(Verified(engine, difference, ms, len(arrays[0])))
    return verified


def flat(outputs: Any) -> list[Tensor]:
    """The tensors in `outputs` in the order in which ONNX numbers them."""
    if isinstance(outputs, Tensor):
        return [outputs]
    parts = outputs.values() if isinstance(outputs, Mapping) else outputs
    return [tensor for part in parts for tensor in flat(part)]


def _opened(engine: str, path: Path) -> _Run:
    if engine not in ENGINES:
        raise NetworkError(f"no engine {engine!r}: choose {' or '.join(ENGINES)}")
    try:
        return _onnxruntime(path) if engine == "onnxruntime" else _openvino(path)
    except ImportError as error:
        raise NetworkError(f"{engine} is not installed: pip install {engine}") from error
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise NetworkError(f"{engine} refuses {path} ({reason}): export it with another opset") from error


def _onnxruntime(path: Path) -> _Run:
    import onnxruntime

    state = import_module("onnxruntime.capi.onnxruntime_pybind11_state")

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (state.Fail, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented) as error:
        raise RuntimeError(str(error)) from error  # its own errors have no common root
    names = [node.name for node in session.get_inputs()]
    return lambda arrays: session.run(None, dict(zip(names, arrays, strict=True)))  # pyright: ignore[reportReturnType]


def _openvino(path: Path) -> _Run:
    import openvino

    exact = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}
    compiled = openvino.Core().compile_model(str(path), "CPU", exact)
    request = compiled.create_infer_request()

    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        answer = request.infer(dict(enumerate(arrays)))
        return [np.array(answer[output]) for output in compiled.outputs]

    return run


def _difference(engine: str, truth: Sequence[np.ndarray], ours: Sequence[np.ndarray]) -> float:
    if [a.shape for a in truth] != [a.shape for a in ours]:
        raise NetworkError(
            f"{engine} gives shapes {[a.shape for a in ours]}, PyTorch {[a.shape for a in truth]}: "
            "check the network's outputs and dynamic axes"
        )
    worst = 0.0
    for a, b in zip(truth, ours, strict=True):
        largest = max(float(np.abs(a).max()), 1e-30)
        difference = float(np.abs(a.astype(np.float64) - b).max()) / largest
        worst = max(worst, difference if np.isfinite(difference) else float("inf"))
    return worst


def _seconds(run: _Run, arrays: Sequence[np.ndarray]) -> float:
    start = time.process_time()
    run(arrays)
    return time.process_time() - start
