"""Trained weights of every layout into a network, with a table of what fits and what does not.

Layouts: posecap's own (`save_checkpoint`), bare state dicts (`.pth`, `.pth.tar`, `.pkl`), training snapshots that
hold one under `state_dict`, `network` or `model`, each with or without a leading `module.`, and Keras `.h5`.
Nothing is ever unpickled but tensors and plain values.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from posecap.models.checkpoint_files import Stored, read_checkpoint
from posecap.models.errors import CheckpointError
from posecap.models.networks import KeyMap, NetworkSpec, PresetName, network

FORMAT = 1

Fit = Literal["missing", "unexpected", "shape"]


@dataclass(frozen=True, slots=True)
class Misfit:
    """One tensor that was not loaded; a shape is None on the side that has no such tensor."""

    key: str
    why: Fit
    in_file: tuple[int, ...] | None
    in_network: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `load_checkpoint` did.

    Attributes:
        path: of the file.
        layout: "posecap", "state dict", "snapshot" or "keras".
        preset: that the file records; None for files of other programs.
        epoch: that the file records, None where it does not.
        count: tensors that were loaded.
        misfits: tensors that were not, in the network's order, then the file's.
    """

    path: Path
    layout: str
    preset: str | None
    epoch: int | None
    count: int
    misfits: tuple[Misfit, ...]

    def table(self) -> str:
        """One line for each tensor that was not loaded, under one line that counts; only the latter if all fitted."""
        head = f"{self.path.name} ({self.layout}): {self.count} tensors loaded, {len(self.misfits)} not"
        return "\n".join([head, *_lines(self.misfits)])


def load_checkpoint(
    path: Path,
    module: nn.Module,
    spec: NetworkSpec | None = None,
    *,
    key_map: KeyMap | None = None,
    partial: bool = False,
    any_preset: bool = False,
) -> Loaded:
    """Fill `module` from the file at `path`; unless everything fits, nothing is changed.

    Args:
        spec: the entry that `module` was built from. With it the key map of the original's files is known,
            and a file of another network or preset is refused.
        key_map: from the file's keys (without `module.`) to ours, instead of the one of `spec`. Not applied to
            posecap's own files.
        partial: load what fits, as for a trunk from a classifier; the report tells the rest. A file of which
            nothing fits is still refused.
        any_preset: take a file of another preset, as a start for training.

    Raises:
        CheckpointError: no such file, an unknown layout, another network or preset, tensors that do not fit;
            the message of the last contains the table.
    """
    stored = read_checkpoint(path)
    if spec is not None:
        _expect_spec(path, stored, spec, any_preset)
    own = stored.layout == "posecap"
    rename = key_map or (spec.key_map() if spec is not None else None)
    tensors = stored.tensors if own or rename is None else _renamed(path, stored.tensors, rename)
    wanted = module.state_dict()
    fitting, misfits = _compared(tensors, wanted)
    loaded = Loaded(path, stored.layout, stored.preset, stored.epoch, len(fitting), misfits)
    if not fitting:
        raise CheckpointError(f"{path}: no tensor fits the network: check the network's name and the key map")
    if misfits and not partial:
        raise CheckpointError(
            f"{loaded.table()}\n{path}: does not fit the network: check its name and options, or load it partially"
        )
    module.load_state_dict({**wanted, **fitting})
    return loaded


def open_network(
    name: str, path: Path | None = None, preset: PresetName | None = None
) -> tuple[nn.Module, NetworkSpec, Loaded | None]:
    """The network called `name` in evaluation mode, with the weights at `path`.

    Without `preset` it is the one that the file records; `compat` for a file of the original program; `clean`
    without a file, and then the weights are fresh.

    Raises:
        NetworkError: no such network.
        CheckpointError: as `load_checkpoint`.
    """
    if path is None:
        spec = network(name, preset or "clean")
        return spec.module().eval(), spec, None
    stored = read_checkpoint(path)
    spec = network(name, preset or (stored.preset if stored.preset is not None else "compat"))
    module = spec.module(**(stored.options or {}))
    loaded = load_checkpoint(path, module, spec)
    return module.eval(), spec, loaded


def save_checkpoint(
    path: Path,
    module: nn.Module,
    spec: NetworkSpec,
    *,
    epoch: int = 0,
    metrics: Mapping[str, float] | None = None,
    optimizer: Mapping[str, Any] | None = None,
    rig: Mapping[str, Any] | None = None,
) -> None:
    """Write weights, what they are for and how far training was; an interrupted write leaves the old file.

    `rig` are plain values that describe the cameras a multi-view network was trained for (`runtime/trained_rig.py`).
    """
    import torch

    content = {
        "posecap": FORMAT,
        "name": spec.name,
        "preset": spec.preset,
        "options": dict(spec.options),
        "joints": spec.joints,
        "rig": dict(rig or {}),
        "epoch": epoch,
        "metrics": dict(metrics or {}),
        "state_dict": module.state_dict(),
        "optimizer": dict(optimizer or {}),
    }
    unfinished = path.with_name(f"{path.name}.part")
    try:
        torch.save(content, unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _expect_spec(path: Path, stored: Stored, spec: NetworkSpec, any_preset: bool) -> None:
    if stored.name is not None and stored.name != spec.name:
        raise CheckpointError(
            f"{path}: holds {stored.name!r}, got {spec.name!r}: build network({stored.name!r})"
        )
    preset = stored.preset if stored.layout == "posecap" else "compat"
    if preset != spec.preset and not any_preset:
        origin = "was trained as" if stored.layout == "posecap" else "comes from another program, which means"
        raise CheckpointError(
            f"{path}: {origin} preset {preset!r}, the network was built as {spec.preset!r}: "
            f"build network({spec.name!r}, {preset!r}), or pass any_preset to train on from it"
        )


def _renamed(path: Path, tensors: Mapping[str, Tensor], rename: KeyMap) -> dict[str, Tensor]:
    """The tensors under our keys; those that the map does not want are gone."""
    renamed: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        ours = rename(key)
        if ours is None:
            continue
        if ours in renamed:
            raise CheckpointError(
                f"{path}: two tensors are called {ours!r}, one of them {key!r}: correct the key map"
            )
        renamed[ours] = tensor
    return renamed


def _compared(
    tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], tuple[Misfit, ...]]:
    """What can be loaded, and what cannot.

    Counters of BatchNorm batches may be missing: files older than PyTorch 0.4.1 and Keras have none.
    """
    fitting: dict[str, Tensor] = {}
    misfits: list[Misfit] = []
    for key, own in wanted.items():
        shape = tuple(own.shape)
        if key not in tensors:
            if not key.endswith("num_batches_tracked"):
                misfits.append(Misfit(key, "missing", None, shape))
        elif tuple(tensors[key].shape) != shape:
            misfits.append(Misfit(key, "shape", tuple(tensors[key].shape), shape))
        else:
            fitting[key] = tensors[key]
    misfits += [
        Misfit(key, "unexpected", tuple(t.shape), None) for key, t in tensors.items() if key not in wanted
    ]
    return fitting, tuple(misfits)


def _lines(misfits: tuple[Misfit, ...]) -> list[str]:
    if not misfits:
        return []
    rows = [("tensor", "why", "file", "network")]
    rows += [(m.key, m.why, _shape(m.in_file), _shape(m.in_network)) for m in misfits]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _shape(shape: tuple[int, ...] | None) -> str:
    return "-" if shape is None else "x".join(map(str, shape)) or "scalar"
