"""What runs a network: one protocol, one file for each backend. Pictures go in as uint8 BGR, engines convert
them.

A batch may have any size. How it is executed is the backend's business: OpenVINO spreads single pictures over
streams, a GPU engine would pad the batch up to a bucket.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from posecap.models.manifest import InputSpec
from posecap.runtime.errors import EngineError

EngineName = Literal["openvino", "onnxruntime"]
Precision = Literal["f32", "bf16"]
Fill = Callable[[int], None]
Results = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class EngineIO:
    """What goes in and comes out.

    Attributes:
        size_px: (width, height) of the pictures that `infer` takes.
        outputs: shape of one picture's part of each output, without the batch axis.
    """

    size_px: tuple[int, int]
    outputs: dict[str, tuple[int, ...]]


class Engine(Protocol):
    """A loaded network.

    Attributes:
        name: of the backend.
        device: what it runs on, for people.
        io: sizes in and out.
    """

    name: str
    device: str
    io: EngineIO

    def start(self, batch: NDArray[np.uint8], fill: Fill | None = None) -> Callable[[], Results]:
        """Begin with pictures (n, height, width, 3) uint8 BGR; what is returned waits for the results and gives them.

        Results are outputs by name, (n, ...) float32. Another batch may be started before they are taken.
        `fill(k)` writes picture k into `batch` before it is needed: an engine that runs pictures apart works on the
        first while the second is being made. All are filled when `start` returns.
        """
        ...

    def infer(self, batch: NDArray[np.uint8]) -> Results:
        """`start`, and wait."""
        ...

    def close(self) -> None:
        """Free the network."""
        ...


def open_engine(
    model: Path,
    spec: InputSpec,
    outputs: tuple[str, ...],
    *,
    engine: EngineName = "openvino",
    precision: Precision = "f32",
    threads: int = 0,
    at_once: int = 4,
) -> Engine:
    """The network in file `model`, run by the backend called `engine`.

    Args:
        model: .tflite, .onnx or .xml.
        spec: how pictures enter the network.
        outputs: names of the outputs to compute; parts of the network that serve others only are cut off.
        engine: backend.
        precision: of the arithmetic.
        threads: 0 = one for each core that this process may use.
        at_once: pictures that a batch usually has; fewer than threads = several threads share a picture.

    Raises:
        EngineError: the backend is not installed, cannot read the file, or lacks an output.
    """
    threads = threads or usable_cores()
    if engine == "openvino":
        from posecap.runtime.engine_openvino import OpenVinoEngine

        return OpenVinoEngine(model, spec, outputs, precision=precision, threads=threads, at_once=at_once)
    if engine == "onnxruntime":
        from posecap.runtime.engine_onnxruntime import OnnxRuntimeEngine

        return OnnxRuntimeEngine(model, spec, outputs, precision=precision, threads=threads)
    raise EngineError(f"no engine {engine!r}, there are openvino, onnxruntime: check the spelling")


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def expect_pictures(batch: NDArray[np.uint8], size_px: tuple[int, int]) -> None:
    """EngineError unless `batch` is (n, height, width, 3) uint8 of the engine's size."""
    width, height = size_px
    if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1:] != (height, width, 3):
        raise EngineError(
            f"the network takes (n, {height}, {width}, 3) uint8, got {batch.shape} {batch.dtype}: crop first"
        )
