"""A network as an ONNX file that ONNX Runtime, OpenVINO and TensorRT read."""

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import torch
from torch import Tensor, nn

from posecap.models.errors import NetworkError
from posecap.models.networks import NetworkSpec

OPSETS = range(18, 21)
"""Opsets that all three engines read and that were checked."""

_ONE_FILE_BYTES = 1_900_000_000  # protobuf ends at 2 GiB; more goes into a second file beside


def export(
    module: nn.Module,
    example: Sequence[Tensor],
    path: Path,
    *,
    outputs: Sequence[str],
    inputs: Sequence[str] | None = None,
    dynamic: Sequence[Mapping[int, str]] | None = None,
    opset: int = 20,
    folded: bool = True,
) -> Path:
    """Write `module` in evaluation mode to `path`, which is returned; an interrupted export leaves the old file.

    Weights over 1.9 GB go into `<path>.data` beside it.

    Args:
        example: inputs of `forward`; sizes that are dynamic must be 2 or more here.
        outputs: names of the outputs in the order in which `forward` gives them; tuples, lists and dicts are
            opened in their order.
        inputs: names of the inputs; "pictures", then "input1" ... without.
        dynamic: for each input, axis -> name of its size; axes with one name have one size. Without it axis 0 of
            every input is "batch".
        opset: 18 to 20.
        folded: constants are computed now and BatchNorms become part of convolutions. Without weights there is nothing
            to fold, and looking for it takes minutes in long arithmetic.

    Raises:
        NetworkError: onnxscript is missing, the opset is unknown, or something in `forward` has no ONNX form.
    """
    if opset not in OPSETS:
        raise NetworkError(f"ONNX opset {opset} was not checked with all engines: choose 18, 19 or 20")
    inputs = tuple(inputs or input_names(len(example)))
    dynamic = dynamic if dynamic is not None else [{0: "batch"}] * len(example)
    _expect_example(example, inputs, dynamic)
    sizes = {name: torch.export.Dim(name) for axes in dynamic for name in axes.values()}
    shapes = tuple({axis: sizes[name] for axis, name in axes.items()} for axes in dynamic)
    bytes_ = sum(tensor.nbytes for tensor in module.state_dict().values())
    was_training = module.training
    module.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder, _quiet():
        unfinished = Path(folder) / path.name
        try:
            torch.onnx.export(
                module,
                tuple(example),
                unfinished,
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_shapes=shapes,
                opset_version=opset,
                dynamo=True,
                optimize=folded,
                external_data=bytes_ > _ONE_FILE_BYTES,
                verbose=False,
            )
        except ImportError as error:
            raise NetworkError("export needs onnxscript: pip install 'posecap[networks]'") from error
        except (torch.onnx.OnnxExporterError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise NetworkError(
                f"{type(module).__name__} has no ONNX form ({reason}): replace what the exporter names"
            ) from error
        finally:
            module.train(was_training)
        for written in sorted(
            Path(folder).iterdir(), key=lambda file: file.name == path.name
        ):  # weights first
            os.replace(written, path.parent / written.name)
    return path


def export_network(spec: NetworkSpec, module: nn.Module, path: Path, *, opset: int = 20) -> Path:
    """Write `module`, built from `spec`, to `path`; the sizes that its entry leaves free are free in the file.

    Raises:
        NetworkError: as `export`.
    """
    return export(
        module,
        spec.example_inputs(2),
        path,
        inputs=tuple(spec.inputs),
        dynamic=[dict(enumerate(axes)) for axes in spec.inputs.values()],
        outputs=spec.outputs,
        opset=opset,
        folded=any(True for _ in module.parameters()),
    )


def input_names(count: int) -> tuple[str, ...]:
    """Names of the inputs: "pictures", "input1", "input2" ..."""
    return ("pictures", *(f"input{index}" for index in range(1, count)))


def _expect_example(
    example: Sequence[Tensor], inputs: Sequence[str], dynamic: Sequence[Mapping[int, str]]
) -> None:
    if not len(example) == len(inputs) == len(dynamic):
        raise NetworkError(
            f"{len(example)} example inputs, {len(inputs)} names, {len(dynamic)} sets of dynamic axes: "
            "give one of each for every input"
        )
    for name, tensor, axes in zip(inputs, example, dynamic, strict=True):
        for axis, size in axes.items():
            if tensor.shape[axis] < 2:  # torch.export takes 0 and 1 for constants
                raise NetworkError(
                    f"example of {name!r} has {tensor.shape[axis]} along {size!r}: give 2 or more"
                )


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's progress and its advice to its own authors are not for our users."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.WARNING))
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
