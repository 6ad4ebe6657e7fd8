"""OpenVINO on the CPU: single pictures on parallel streams, each stream one thread where cores are few.

For networks as small as ours a batch gains nothing in f32, threads that share one picture wait for each
other in every layer, and a bucket computes its padding; independent pictures do none of that (measured:
models/README.md).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posecap.models.manifest import InputSpec
from posecap.runtime.engine import EngineIO, Fill, Precision, Results, expect_pictures
from posecap.runtime.errors import EngineError


class OpenVinoEngine:
    """See `posecap.runtime.engine.Engine`; arguments as in `open_engine`."""

    name = "openvino"

    def __init__(
        self,
        model: Path,
        spec: InputSpec,
        outputs: tuple[str, ...],
        *,
        precision: Precision,
        threads: int,
        at_once: int,
    ) -> None:
        try:
            import openvino as ov
        except ImportError as error:
            raise EngineError(f"openvino cannot be imported ({error}): pip install openvino") from error
        core = ov.Core()
        try:
            network = _cut(ov, core.read_model(model), outputs, model)
            network = _fed(ov, network, spec)
            self._compiled: Any = core.compile_model(
                network,
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": precision,  # on CPUs with AMX the default would be bf16
                    "INFERENCE_NUM_THREADS": threads,
                    "NUM_STREAMS": max(min(threads, at_once), threads // 2 if at_once > 1 else 1),
                    "ENABLE_CPU_PINNING": False,
                },
            )
        except RuntimeError as error:
            raise EngineError(
                f"openvino cannot load {model.name} ({_last_line(error)}): "
                f"delete {model} and start again, or update openvino"
            ) from error
        self.device = str(core.get_property("CPU", "FULL_DEVICE_NAME"))
        shapes = {name: tuple(self._compiled.output(name).shape)[1:] for name in outputs}
        self.io = EngineIO((spec.width, spec.height), shapes)
        self._tensor = ov.Tensor
        self._free: list[Any] = []  # requests that wait for pictures

    def start(self, batch: NDArray[np.uint8], fill: Fill | None = None) -> Callable[[], Results]:
        """See `posecap.runtime.engine.Engine.start`."""
        expect_pictures(batch, self.io.size_px)
        batch = np.ascontiguousarray(batch)
        requests = [self._free.pop() if self._free else self._compiled.create_infer_request() for _ in batch]
        for k, request in enumerate(requests):
            if fill is not None:
                fill(k)
            request.set_input_tensor(self._tensor(batch[k : k + 1], shared_memory=True))
            request.start_async()

        def finish() -> Results:
            results = self._results(
                requests, len(batch)
            )  # which keeps the pictures until they have been read
            self._free.extend(requests)
            return results

        return finish

    def infer(self, batch: NDArray[np.uint8]) -> Results:
        """See `posecap.runtime.engine.Engine.infer`."""
        return self.start(batch)()

    def _results(self, requests: list[Any], count: int) -> Results:
        results = {
            name: np.empty((count, *shape), dtype=np.float32) for name, shape in self.io.outputs.items()
        }
        for k, request in enumerate(requests):
            request.wait()
            for name, result in results.items():
                result[k] = request.get_tensor(name).data[0]
        return results

    def close(self) -> None:
        """Free the network."""
        self._free.clear()
        self._compiled = None


def _cut(ov: Any, network: Any, outputs: tuple[str, ...], model: Path) -> Any:
    """The network without what only unwanted outputs need."""
    names = {name: output for output in network.outputs for name in output.get_names()}
    missing = [name for name in outputs if name not in names]
    if missing:
        raise EngineError(
            f"{model.name} has no output {missing[0]!r}, it has {', '.join(sorted(names))}: "
            "is it the file of this model?"
        )
    return ov.Model([names[name] for name in outputs], network.get_parameters(), model.stem)


def _fed(ov: Any, network: Any, spec: InputSpec) -> Any:
    """The network with its input changed to one uint8 BGR picture."""
    from openvino.preprocess import ColorFormat, PrePostProcessor

    picture = [spec.height, spec.width, 3] if spec.layout == "nhwc" else [3, spec.height, spec.width]
    network.reshape([1, *picture])
    steps = PrePostProcessor(network)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().tensor().set_color_format(ColorFormat.BGR)
    chain = steps.input().preprocess()
    if spec.channels == "rgb":
        chain.convert_color(ColorFormat.RGB)
    chain.convert_element_type(ov.Type.f32)
    if any(spec.mean):
        chain.mean(list(spec.mean))
    if any(value != 1.0 for value in spec.std):
        chain.scale(list(spec.std))
    steps.input().model().set_layout(ov.Layout(spec.layout.upper()))
    return steps.build()


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__
