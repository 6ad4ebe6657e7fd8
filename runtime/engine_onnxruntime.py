"""ONNX Runtime on the CPU: one call for the whole batch, threads that do not spin while they wait."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posecap.models.manifest import InputSpec
from posecap.runtime.engine import EngineIO, Fill, Precision, Results, expect_pictures
from posecap.runtime.errors import EngineError


class OnnxRuntimeEngine:
    """See `posecap.runtime.engine.Engine`; arguments as in `open_engine`."""

    name = "onnxruntime"
    device = "CPU"

    def __init__(
        self, model: Path, spec: InputSpec, outputs: tuple[str, ...], *, precision: Precision, threads: int
    ) -> None:
        if model.suffix == ".tflite":
            raise EngineError(
                f"onnxruntime cannot run {model.name}, it is a TensorFlow Lite network: "
                "use --engine openvino, or a MoveNet model"
            )
        if precision != "f32":
            raise EngineError(f"onnxruntime has no {precision} on the CPU: use --engine openvino or f32")
        try:
            import onnxruntime
        except ImportError as error:
            raise EngineError(
                f"onnxruntime cannot be imported ({error}): pip install onnxruntime, or use --engine openvino"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(model), options, providers=["CPUExecutionProvider"]
            )
        except _refusals() as error:
            raise EngineError(
                f"onnxruntime cannot load {model.name} ({' '.join(str(error).split())[:200]}): "
                f"delete {model} and start again, or update onnxruntime"
            ) from error
        known = [output.name for output in self._session.get_outputs()]
        missing = [name for name in outputs if name not in known]
        if missing:
            raise EngineError(
                f"{model.name} has no output {missing[0]!r}, it has {', '.join(known)}: "
                "is it the file of this model?"
            )
        self._spec = spec
        self._outputs = list(outputs)
        entry = self._session.get_inputs()[0]
        self._input: str = entry.name
        self._one_by_one = entry.shape[0] == 1
        blank = self._run(np.zeros((1, spec.height, spec.width, 3), dtype=np.uint8))
        self.io = EngineIO(
            (spec.width, spec.height), {name: value.shape[1:] for name, value in blank.items()}
        )

    def start(self, batch: NDArray[np.uint8], fill: Fill | None = None) -> Callable[[], Results]:
        """See `posecap.runtime.engine.Engine.start`; runs when the results are asked for."""
        expect_pictures(batch, self.io.size_px)
        if fill is not None:
            for k in range(len(batch)):
                fill(k)
        return lambda: self.infer(batch)

    def infer(self, batch: NDArray[np.uint8]) -> Results:
        """See `posecap.runtime.engine.Engine.infer`."""
        expect_pictures(batch, self.io.size_px)
        if not len(batch):
            return {name: np.empty((0, *shape), dtype=np.float32) for name, shape in self.io.outputs.items()}
        if not self._one_by_one:
            return self._run(batch)
        results = [self._run(batch[k : k + 1]) for k in range(len(batch))]
        return {name: np.concatenate([result[name] for result in results]) for name in self._outputs}

    def close(self) -> None:
        """Free the network."""
        self._session = None

    def _run(self, batch: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        values = self._session.run(self._outputs, {self._input: fed(batch, self._spec)})
        return {
            name: np.asarray(value, dtype=np.float32)
            for name, value in zip(self._outputs, values, strict=True)
        }


def _refusals() -> tuple[type[Exception], ...]:
    """What the library raises for a file that it cannot load; they have no ancestor of their own."""
    state = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    names = ("Fail", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented", "RuntimeException")
    return tuple(getattr(state, name) for name in names if hasattr(state, name))


def fed(batch: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Pictures (n, height, width, 3) uint8 BGR as the network wants them: channels, scale, layout."""
    ordered = batch[..., ::-1] if spec.channels == "rgb" else batch
    picture = ordered.astype(np.float32)
    if any(spec.mean):
        picture -= np.array(spec.mean, dtype=np.float32)
    if any(value != 1.0 for value in spec.std):
        picture /= np.array(spec.std, dtype=np.float32)
    return np.ascontiguousarray(picture.transpose(0, 3, 1, 2) if spec.layout == "nchw" else picture)
