"""The published networks by name: how each is fed, built and loaded. Imports no network runtime.

Every system has one table `networks_<system>.toml` in this folder; `network(name)` reads them all. An entry
has two presets, `compat` (the original's numbers, quirks included) and `clean` (the same network without them).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module, resources
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from posecap.models.errors import NetworkError

if TYPE_CHECKING:
    from torch import Tensor, nn

PresetName = Literal["compat", "clean"]
KeyMap = Callable[[str], str | None]
"""From a key of the original's files to the key of our module; None = not wanted."""

Value = bool | int | float | str | tuple[int, ...] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PictureInput:
    """How pictures enter a network: x = (value / divisor - mean) / std for 8-bit values.

    Attributes:
        size_px: (width, height).
        channels: order of the network's channels; `mean` and `std` belong to the channels in this order.
        divisor: 255, 256 or 1.
        views: pictures of one person that the network takes together.
    """

    size_px: tuple[int, int]
    channels: Literal["rgb", "bgr"]
    divisor: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    views: int

    def prepare(self, pictures_bgr: np.ndarray) -> np.ndarray:
        """Float32 (..., 3, height, width) of 8-bit BGR pictures (..., height, width, 3) that have `size_px`."""
        pictures = pictures_bgr if self.channels == "bgr" else pictures_bgr[..., ::-1]
        x = pictures.astype(np.float32)
        if self.divisor != 1.0:
            x /= np.float32(self.divisor)
        x = (x - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(np.moveaxis(x, -1, -3))


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """One network in one preset.

    Attributes:
        name: as users call it.
        preset: compat or clean.
        system: the published system it belongs to.
        about: one line for people.
        joints: name of the joint set of its outputs, "" where it gives none.
        picture: how pictures enter; of no account where "pictures" is not among the inputs.
        inputs: names of the inputs in the order in which `forward` takes them, each with the names of its first axes;
            those are the sizes that may change from call to call.
        outputs: names of the outputs, in the order in which `forward` gives them.
        options: keyword arguments of `build`; the named switches of the preset are among them.
        build: "module:function" (or class) that makes the module from `options`.
        keys: "module:function" from the original's keys to ours, "" where they are the same.
        example: "module:function" that gives example inputs from (spec, batch), "" where pictures are the only input.
        gains: parameter -> factor on random weights (`random_weights.py`), with which answers look like trained ones.
    """

    name: str
    preset: PresetName
    system: str
    about: str
    joints: str
    picture: PictureInput
    inputs: Mapping[str, tuple[str, ...]]
    outputs: tuple[str, ...]
    options: Mapping[str, Value]
    build: str
    keys: str
    example: str
    gains: Mapping[str, float]

    @property
    def any_views(self) -> bool:
        """Whether it takes any number of views of one person."""
        return any("views" in axes for axes in self.inputs.values())

    def module(self, **options: Value) -> "nn.Module":
        """The network with fresh weights, in training mode; `options` come before those of the table.

        Raises:
            NetworkError: torch is missing, or options that do not go together.
        """
        _expect_torch(self.name)
        given = {**self.options, **options}
        try:
            return _referred(self.build)(**given)
        except (ValueError, TypeError, RuntimeError, MemoryError) as error:
            said = ", ".join(f"{key} = {value}" for key, value in given.items())
            raise NetworkError(
                f"network {self.name!r} cannot be built with {said} ({error}): correct them"
            ) from error

    def key_map(self) -> KeyMap:
        """From the original's keys (without a leading `module.`) to ours."""
        return _referred(self.keys) if self.keys else _same

    def example_inputs(self, batch: int = 1) -> "tuple[Tensor, ...]":
        """Inputs of `forward` with the right shapes: noise pictures (batch[, views], 3, H, W), then what it needs.

        There are `picture.views` views.
        """
        _expect_torch(self.name)
        if self.example:
            return _referred(self.example)(self, batch)
        import torch

        width, height = self.picture.size_px
        views = (self.picture.views,) if self.picture.views > 1 else ()
        return (torch.rand(batch, *views, 3, height, width),)


class _Picture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fields of `PictureInput`; a preset gives those that differ from the entry's."""

    size_px: tuple[int, int] | None = None
    channels: Literal["rgb", "bgr"] | None = None
    divisor: float | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    views: int | None = None


class _Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    picture: _Picture = _Picture()
    options: dict[str, Any] = {}
    fixed: tuple[str, ...] = ()  # axes of `inputs` that have one size in this preset


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One network as it stands in a table."""

    about: str
    build: str
    outputs: tuple[str, ...]
    compat: _Preset
    clean: _Preset
    joints: str = ""
    keys: str = ""
    example: str = ""
    inputs: dict[str, tuple[str, ...]] = msgspec.field(default_factory=lambda: {"pictures": ("batch",)})
    picture: _Picture = _Picture()
    options: dict[str, Any] = {}
    gains: dict[str, float] = {}


_USUAL = PictureInput(
    (256, 256), "rgb", divisor=255.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), views=1
)


def network(name: str, preset: PresetName = "clean") -> NetworkSpec:
    """The network called `name` in `preset`.

    Raises:
        NetworkError: no such network or preset; lists those there are.
    """
    table = _table()
    if name not in table:
        raise NetworkError(f"no network {name!r}, there are {', '.join(table)}: check the spelling")
    if preset not in ("compat", "clean"):
        raise NetworkError(f"network {name!r} has no preset {preset!r}: choose compat or clean")
    system, entry = table[name]
    own: _Preset = entry.compat if preset == "compat" else entry.clean
    changes = {**_given(entry.picture), **_given(own.picture)}
    return NetworkSpec(
        name=name,
        preset=preset,
        system=system,
        about=entry.about,
        joints=entry.joints,
        picture=replace(_USUAL, **changes),
        inputs={key: _free(axes, own.fixed) for key, axes in entry.inputs.items()},
        outputs=entry.outputs,
        options={key: _value(value) for key, value in {**entry.options, **own.options}.items()},
        build=entry.build,
        keys=entry.keys,
        example=entry.example,
        gains=entry.gains,
    )


def names(system: str = "") -> tuple[str, ...]:
    """All networks, or those of one system."""
    return tuple(name for name, (owner, _) in _table().items() if system in ("", owner))


def read_table(text: bytes | str, where: str) -> dict[str, _Entry]:
    """The entries of one table by name.

    Raises:
        NetworkError: not TOML, a field that is missing, unknown or of the wrong type; says where.
    """
    try:
        return msgspec.toml.decode(text, type=dict[str, _Entry])
    except msgspec.DecodeError as error:
        raise NetworkError(f"table {where}: {error}: see models/README.md for the fields") from error


@cache
def _table() -> dict[str, tuple[str, _Entry]]:
    """(system, entry) of every network."""
    found: dict[str, tuple[str, _Entry]] = {}
    folder = resources.files("posecap.models")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not (file.name.startswith("networks_") and file.name.endswith(".toml")):
            continue
        system = file.name.removeprefix("networks_").removesuffix(".toml")
        for name, entry in read_table(file.read_bytes(), file.name).items():
            if name in found:
                raise NetworkError(
                    f"table {file.name}: {name!r} is in networks_{found[name][0]}.toml too: rename one"
                )
            found[name] = (system, entry)
    return found


def _given(picture: _Picture) -> dict[str, Any]:
    return {key: value for key, value in msgspec.structs.asdict(picture).items() if value is not None}


def _free(axes: tuple[str, ...], fixed: tuple[str, ...]) -> tuple[str, ...]:
    """The first `axes` up to one that is fixed."""
    return tuple(takewhile(lambda axis: axis not in fixed, axes))


def _value(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else value


def _same(key: str) -> str:
    return key


def _referred(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


def _expect_torch(name: str) -> None:
    try:
        import_module("torch")
    except ImportError as error:
        raise NetworkError(f"network {name!r} needs PyTorch: pip install 'posecap[networks]'") from error
