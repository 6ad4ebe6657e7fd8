"""Checkpoint files as named tensors, whatever program wrote them. Unpickles tensors and plain values only."""

import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from posecap.models.errors import CheckpointError
from posecap.models.plain_values import plain_values

if TYPE_CHECKING:
    import h5py

_BROKEN = (
    RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError, AssertionError, OSError, MemoryError,
    struct.error, zipfile.BadZipFile,
)  # fmt: skip
"""What the readers raise for files that are cut or damaged."""

_ALONE = "save its state dict alone with the program that wrote it, torch.save(module.state_dict(), path)"

_ENTRIES = ("state_dict", "network", "model")
_LARGEST_BYTES = 16 << 30

Layout = Literal["posecap", "state dict", "snapshot", "keras"]


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """The content of one file.

    Attributes:
        layout: what kind of file it is.
        tensors: by key, without a leading `module.`; of Keras by weight name ("conv1_conv/kernel:0"), in
            PyTorch's layout.
        name, preset, options: what posecap recorded, None in files of other programs.
        rig: that the network was trained for, as `save_checkpoint` was given it; None where the file does not say.
        size_px: (width, height) of the pictures that it was trained on; None where the file does not say.
        epoch: None where the file does not say.
        optimizer, metrics: empty where there are none.
    """

    layout: Layout
    tensors: dict[str, Tensor]
    name: str | None = None
    preset: Any = None
    options: dict[str, Any] | None = None
    rig: Mapping[str, Any] | None = None
    size_px: tuple[int, int] | None = None
    epoch: int | None = None
    optimizer: Mapping[str, Any] | None = None
    metrics: Mapping[str, float] | None = None


def read_checkpoint(path: Path, *, mapped: bool = True) -> Stored:
    """The tensors in the file at `path`, on the CPU.

    Args:
        mapped: where the file allows it, tensors are read from it when somebody looks at them; changes to them do not
            reach the file, but it must stay as it is as long as they live. Otherwise they are read now and are free
            of the file.

    Raises:
        CheckpointError: not there, cannot be read, holds code, or holds no tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file: check the path")
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path}: the file is empty: fetch it again")
    with path.open("rb") as file:
        start = file.read(8)
    if start == b"\x89HDF\r\n\x1a\n":
        return Stored("keras", _read_keras(path))
    return _sorted(path, _read_torch(path, mapped))


def _read_torch(path: Path, mapped: bool) -> Any:
    try:
        stored_plainly = zipfile.is_zipfile(path) and _expect_size(path)
        with plain_values(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle protocols: what cannot be read is refused anyway
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped and stored_plainly)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path}: {_refusal(str(error))}") from error
    except _BROKEN as error:
        if "TorchScript" in str(error):
            raise CheckpointError(f"{path}: is a TorchScript program: {_ALONE}") from error
        raise CheckpointError(f"{path}: cannot be read ({_first_line(error)}): fetch it again") from error


def _expect_size(path: Path) -> bool:
    """Whether nothing in it is compressed. Nothing is unpacked that claims to be larger than any network."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    size = sum(member.file_size for member in members)
    if size > _LARGEST_BYTES:
        raise CheckpointError(f"{path}: unpacks to {size >> 30} GiB, allowed are 16: this is no checkpoint")
    return all(member.compress_type == zipfile.ZIP_STORED for member in members)


def _refusal(message: str) -> str:
    """What PyTorch's refusal says, without its advice, which is to run whatever the file holds."""
    what = re.search(r"GLOBAL ([\w.]+)|but got <class '([\w.]+)'>", message)
    if what is None:
        return "cannot be read as PyTorch's: fetch it again, or write it with torch.save(module.state_dict(), path)"
    return (
        f"holds more than tensors and plain values, an object of {what[1] or what[2]}, and reading that could run "
        f"anything: {_ALONE}"
    )


def _sorted(path: Path, content: Any) -> Stored:
    """Which of the layouts `content` is."""
    if not isinstance(content, Mapping):
        raise CheckpointError(
            f"{path}: holds a {type(content).__name__}, expected a state dict: save module.state_dict()"
        )
    if "posecap" in content:
        return _own(path, content)
    epoch = content.get("epoch")
    epoch = epoch if isinstance(epoch, int) else None
    for entry in _ENTRIES:
        inner = content.get(entry)
        if isinstance(inner, Mapping):
            return Stored(
                "snapshot", _tensors(path, inner), epoch=epoch, optimizer=_mapping(content, "optimizer")
            )
    return Stored("state dict", _tensors(path, content))


def _own(path: Path, content: Mapping[str, Any]) -> Stored:
    if content["posecap"] != 1:
        raise CheckpointError(
            f"{path}: checkpoint format {content['posecap']!r}, this posecap reads 1: install a newer posecap"
        )
    lacking = [key for key in ("name", "preset", "options", "state_dict") if key not in content]
    if lacking:
        raise CheckpointError(f"{path}: lacks {', '.join(lacking)}: write it with save_checkpoint")
    return Stored(
        "posecap",
        _tensors(path, content["state_dict"]),
        name=content["name"],
        preset=content["preset"],
        options=dict(content["options"]),
        rig=_mapping(content, "rig") or None,
        size_px=_size(content.get("size_px")),
        epoch=content.get("epoch"),
        optimizer=_mapping(content, "optimizer"),
        metrics=_mapping(content, "metrics"),
    )


def _tensors(path: Path, state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of a state dict without a common leading `module.`."""
    tensors = {
        key: value for key, value in state.items() if isinstance(key, str) and isinstance(value, Tensor)
    }
    if not tensors:
        raise CheckpointError(f"{path}: holds no tensors, only {', '.join(map(str, list(state)[:5])) or 'nothing'}: "
                              "check that it is a checkpoint")  # fmt: skip
    if all(key.startswith("module.") for key in tensors):
        return {key.removeprefix("module."): tensor for key, tensor in tensors.items()}
    return tensors


def _read_keras(path: Path) -> dict[str, Tensor]:
    """Weights of a Keras 2 model or weights file by their names, in PyTorch's layout."""
    try:
        import h5py
    except ImportError as error:
        raise CheckpointError(f"{path}: needs h5py: pip install 'posecap[networks]'") from error
    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)
            return {name: _from_keras(path, name, data) for name, data in _weights(root)}
    except _BROKEN as error:
        raise CheckpointError(f"{path}: cannot be read ({_first_line(error)}): fetch it again") from error


def _weights(root: Any) -> "Iterator[tuple[str, h5py.Dataset]]":
    """(weight name, data) of every layer that has weights."""
    found = False
    for layer in root.values():
        for name in layer.attrs.get("weight_names", ()):
            text = name.decode() if isinstance(name, bytes) else str(name)
            found = True
            yield text, layer[text]
    if not found:
        raise CheckpointError(f"{root.file.filename}: no layer has weight_names: save it with Keras 2 as .h5")


def _from_keras(path: Path, name: str, data: "h5py.Dataset") -> Tensor:
    """Kernels (height, width, in, out) become (out, in, height, width); of transposed convolutions likewise."""
    if data.nbytes > _LARGEST_BYTES or data.dtype.kind != "f":
        raise CheckpointError(
            f"{path}: {name} is {data.shape} of {data.dtype}: expected float weights of a network"
        )
    array = np.asarray(data, np.float32)
    if array.ndim == 4:
        array = array.transpose(3, 2, 0, 1)
    elif array.ndim == 2:
        array = array.T
    return torch.from_numpy(np.ascontiguousarray(array))


def _mapping(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key)
    return value if isinstance(value, Mapping) else {}


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _size(value: Any) -> tuple[int, int] | None:
    """Width and height as a file records them; None where it does not, or nothing that is a size."""
    fits = (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(type(one) is int and one > 0 for one in value)
    )
    return (value[0], value[1]) if fits else None
