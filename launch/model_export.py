"""One network built, written as ONNX and checked: what `export_model.py` and the benchmark do for each."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from posecap.models.errors import NetworkError
from posecap.models.networks import PresetName

if TYPE_CHECKING:
    from posecap.models.checkpoints import Loaded
    from posecap.models.verify_onnx import Verified


@dataclass(frozen=True, slots=True)
class Exported:
    """One network as ONNX.

    Attributes:
        name, preset: of the network.
        parameters: how many numbers training changes.
        bytes: of the file, and of the second file where the weights are too large for one.
        opset: of the file.
        loaded: how its weights were loaded, None for fresh ones.
        verified: each engine against PyTorch.
    """

    name: str
    preset: str
    parameters: int
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
    batch: int = 4,
    opset: int = 20,
    repeats: int = 3,
) -> Exported:
    """The network called `name` written to `path` and run in every engine.

    Raises:
        NetworkError: torch is missing, or the export fails.
        CheckpointError: the weights do not fit.
    """
    try:
        import torch
    except ImportError as error:
        raise NetworkError(f"network {name!r} needs PyTorch: pip install 'posecap[networks]'") from error
    from posecap.models.checkpoints import open_network
    from posecap.models.export_onnx import export_network
    from posecap.models.verify_onnx import verify

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same noise pictures and fresh weights each time
        module, spec, loaded = open_network(name, checkpoint, preset)
        export_network(spec, module, path, opset=opset)
        verified = verify(path, module, spec.example_inputs(batch), views=spec.picture.views, repeats=repeats)
    data = path.with_name(f"{path.name}.data")
    return Exported(
        name=name,
        preset=spec.preset,
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        bytes=path.stat().st_size + (data.stat().st_size if data.exists() else 0),
        opset=opset,
        loaded=loaded,
        verified=tuple(verified),
    )
