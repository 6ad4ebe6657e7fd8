"""Trained weights of every layout into a network, with a table of what fits and what does not.

Layouts: posecap's own (`save_checkpoint`), bare state dicts (`.pth`, `.pth.tar`, `.pkl`), training snapshots that
hold one under `state_dict`, `network` or `model`, each with or without a leading `module.`, and Keras `.h5`.
Nothing is ever unpickled but tensors and plain values.
"""

import errno
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from posecap.models.checkpoint_files import Stored, read_checkpoint
from posecap.models.checkpoint_fit import Loaded, compared
from posecap.models.errors import CheckpointError, NetworkError
from posecap.models.networks import KeyMap, NetworkSpec, PresetName, Value, network
from posecap.models.unfilled import Unfilled, take_over
from posecap.models.view_fusion import trained_size

FORMAT = 1
_LARGEST_OPTION = 4096


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
            posecap's own files. One with `of_file(keys)` is asked for the map of the file that has these keys.
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
    wanted = module.state_dict()
    fitting, loaded = _fitted(path, stored, wanted, key_map or (spec.key_map() if spec else None), partial)
    module.load_state_dict({**wanted, **fitting})
    return loaded


def open_network(
    name: str, path: Path | None = None, preset: PresetName | None = None, **options: Value
) -> tuple[nn.Module, NetworkSpec, Loaded | None]:
    """The network called `name` in evaluation mode, with the weights at `path`, and its entry with its options.

    Without `preset` it is the one that the file records; `compat` for a file of the original program; `clean`
    without a file, and then the weights are fresh. Weights are in memory once.

    Args:
        options: of the entry that the file does not record, as for a fusion of another size (`side_px`, `views`).

    Raises:
        NetworkError: no such network or option.
        CheckpointError: as `load_checkpoint`.
    """
    if path is None:
        spec = _with_options(network(name, preset or "clean"), options)
        return spec.module().eval(), spec, None
    # the network keeps the tensors that are read, so they may not change with the file
    stored = read_checkpoint(path, mapped=False)
    spec = network(name, preset or (stored.preset if stored.preset is not None else "compat"))
    _expect_spec(path, stored, spec, any_preset=False)
    if stored.size_px is not None:
        spec = replace(spec, picture=replace(spec.picture, size_px=stored.size_px))
    spec = _with_options(spec, options, stored.options or {})
    with Unfilled():
        module = spec.module()
    wanted = module.state_dict()
    fitting, loaded = _fitted(path, stored, wanted, spec.key_map(), partial=False)
    take_over(module, {**wanted, **fitting})
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
        "size_px": list(spec.picture.size_px),
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
    except RuntimeError as error:  # what PyTorch's writer makes of a full disk
        raise OSError(errno.ENOSPC, "cannot be written, is the disk full?", str(path)) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _expect_spec(path: Path, stored: Stored, spec: NetworkSpec, any_preset: bool) -> None:
    if stored.name is not None and stored.name != spec.name:
        raise CheckpointError(
            f"{path}: holds weights of {stored.name!r}, got {spec.name!r}: name that network, or give other weights"
        )
    preset = stored.preset if stored.layout == "posecap" else "compat"
    if preset != spec.preset and not any_preset:
        origin = "was trained as" if stored.layout == "posecap" else "comes from another program, which means"
        raise CheckpointError(
            f"{path}: {origin} preset {preset!r}, the network was asked for as {spec.preset!r}: "
            f"take preset {preset!r}"
        )


def _with_options(
    spec: NetworkSpec, wanted: Mapping[str, Value], recorded: Mapping[str, Value] | None = None
) -> NetworkSpec:
    """The entry with the options of a file and those that somebody wants, and the pictures that belong to them."""
    unknown = [key for key in wanted if key not in spec.options]
    if unknown:
        raise NetworkError(
            f"network {spec.name!r} has no option {unknown[0]!r}: choose of {', '.join(spec.options)}"
        )
    for key, value in wanted.items():
        _expect_alike(spec, key, value)
    options = {**spec.options, **(recorded or {}), **wanted}
    picture, side, views = spec.picture, options.get("side_px"), options.get("views")
    if isinstance(side, int):
        if side % 32:
            raise NetworkError(f"network {spec.name!r}: side_px is {side}: give a multiple of 32")
        picture = replace(picture, size_px=(side, side))
    if isinstance(views, int):
        picture = replace(picture, views=views)
    return replace(spec, options=options, picture=picture)


def _expect_alike(spec: NetworkSpec, key: str, value: Value) -> None:
    """A value of the kind that the table has for it; sizes are positive and not beyond all measure."""
    usual = spec.options[key]
    number = isinstance(usual, int | float) and not isinstance(usual, bool)
    fits = (isinstance(value, type(usual)) and isinstance(value, bool) == isinstance(usual, bool)) or (
        isinstance(usual, float) and type(value) is int
    )
    if not fits or (number and isinstance(usual, int) and not 0 < value <= _LARGEST_OPTION):  # type: ignore[operator]
        raise NetworkError(
            f"network {spec.name!r}: {key} is {value!r}, expected something like {usual!r}: correct it"
        )


def _fitted(
    path: Path, stored: Stored, wanted: Mapping[str, Tensor], rename: KeyMap | None, partial: bool
) -> tuple[dict[str, Tensor], Loaded]:
    """What is to be loaded of a file, under our keys; refuses files that do not fit."""
    own = stored.layout == "posecap"
    of_file = getattr(rename, "of_file", None)
    if of_file is not None and not own:
        try:
            rename = of_file(stored.tensors)
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from error
    tensors = stored.tensors if own or rename is None else _renamed(path, stored.tensors, rename)
    fitting, misfits = compared(tensors, wanted)
    loaded = Loaded(path, stored.layout, stored.preset, stored.epoch, len(fitting), misfits)
    if not fitting:
        raise CheckpointError(f"{path}: no tensor fits the network: check the network's name and the key map")
    if misfits and not partial:
        size, ours = trained_size(tensors), trained_size(wanted)
        advice = "check its name and options, or load it partially"
        if size != ours and size is not None and ours is not None:
            (views, side), (our_views, our_side) = size, ours
            advice = (
                f"its fusion is of {views} views of {side} px, the network's of {our_views} of {our_side}: "
                f"open it with views={views}, side_px={side}"
            )
        raise CheckpointError(f"{loaded.table()}\n{path}: does not fit the network: {advice}")
    return fitting, loaded


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
