"""One network built, written as ONNX and checked: what `export_model.py` and the benchmark do for each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from posecap.models.errors import NetworkError
from posecap.models.networks import NetworkSpec, PresetName, Value

if TYPE_CHECKING:
    from posecap.models.checkpoints import Loaded
    from posecap.models.verify_onnx import Verified


@dataclass(frozen=True, slots=True)
class Exported:
    """One network as ONNX.

    Attributes:
        name, preset: of the network.
        parameters: how many numbers training changes.
        shape: of one item of the first input.
        free: sizes that may change from call to call, such as "batch".
        bytes: of the file, and of the second file where the weights are too large for one.
        opset: of the file.
        loaded: how its weights were loaded, None for fresh ones.
        verified: each engine against PyTorch, at the wanted batch; the difference is the larger one of that and of
            other sizes.
    """

    name: str
    preset: str
    parameters: int
    shape: tuple[int, ...]
    free: tuple[str, ...]
    bytes: int
    opset: int
    loaded: "Loaded | None"
    verified: "tuple[Verified, ...]"

    @property
    def difference(self) -> float:
        """The worst engine's, as a fraction of the output's largest value."""
        return max((one.difference for one in self.verified), default=0.0)


def export_and_check(
    name: str,
    path: Path,
    *,
    checkpoint: Path | None = None,
    preset: PresetName | None = None,
    options: Mapping[str, Value] | None = None,
    batch: int = 4,
    opset: int = 20,
    repeats: int = 3,
) -> Exported:
    """The network called `name` written to `path` and run in every engine.

    Without a checkpoint the weights are random ones with which every layer matters (`models/random_weights.py`).

    Args:
        options: of the network, in place of its table's; an original file of another size needs them.

    Raises:
        NetworkError: torch is missing, no such option, or the export fails.
        CheckpointError: the weights do not fit.
    """
    try:
        import torch
    except ImportError as error:
        raise NetworkError(f"network {name!r} needs PyTorch: pip install 'posecap[networks]'") from error
    from posecap.models.checkpoints import open_network
    from posecap.models.export_onnx import export_network
    from posecap.models.random_weights import randomise
    from posecap.models.verify_onnx import verify

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same noise pictures and weights each time
        module, spec, loaded = open_network(name, checkpoint, preset, **(options or {}))
        if loaded is None:
            randomise(module, spec.gains)
        export_network(spec, module, path, opset=opset)
        inputs = spec.example_inputs(batch)
        verified = verify(path, module, inputs, views=spec.picture.views, repeats=repeats)
        other = _other_sizes(spec)
        again = verify(path, module, other.example_inputs(1), views=other.picture.views, repeats=0)
    data = path.with_name(f"{path.name}.data")
    return Exported(
        name=name,
        preset=spec.preset,
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        shape=tuple(inputs[0].shape[1:]),
        free=tuple(dict.fromkeys(axis for axes in spec.inputs.values() for axis in axes)),
        bytes=path.stat().st_size + (data.stat().st_size if data.exists() else 0),
        opset=opset,
        loaded=loaded,
        verified=tuple(
            replace(one, difference=max(one.difference, second.difference))
            for one, second in zip(verified, again, strict=True)
        ),
    )


def _other_sizes(spec: NetworkSpec) -> NetworkSpec:
    """One view less, where the number of views is free."""
    if not spec.any_views:
        return spec
    return replace(spec, picture=replace(spec.picture, views=spec.picture.views - 1))
