"""A trunk's start: weights of the same trunk as an ImageNet classifier, from torchvision's and the authors' files."""

import re
from dataclasses import replace
from pathlib import Path

from torch import nn

from posecap.models.checkpoint_files import read_checkpoint
from posecap.models.checkpoints import Loaded, load_checkpoint
from posecap.models.errors import CheckpointError
from posecap.models.hrnet import PoseHRNet
from posecap.models.mobilenet_v2 import MobileNetV2
from posecap.models.resnet import ResNet

_TRUNKS: dict[type[nn.Module], str] = {
    ResNet: r"(conv1|bn1|layer[1-4])\.",
    MobileNetV2: r"features\.",
    PoseHRNet: r"(conv[12]|bn[12]|layer1|transition[123]|stage[234])\.",
}
"""Names of each trunk's tensors; whatever else the module has is a head."""

_STEP = re.compile(r"(features\.(\d+)\.conv)\.(\d)\.(.+)")
_NESTED = re.compile(r"features\.\d+\.conv\.\d\.\d\..+")


def load_imagenet(path: Path, trunk: nn.Module) -> Loaded:
    """Fill `trunk`, a ResNet (or a subclass with heads), a MobileNetV2 or a PoseHRNet, from a classifier's file.

    The classifier is left out; heads keep their weights. The report names neither.

    Raises:
        CheckpointError: a tensor of the trunk is missing or has another shape: nothing may start half trained
            without anybody knowing. Also what `load_checkpoint` raises.
    """
    names = next((names for kind, names in _TRUNKS.items() if isinstance(trunk, kind)), None)
    if names is None:
        raise CheckpointError(
            f"{path}: {type(trunk).__name__} is no trunk: pass its ResNet, MobileNetV2 or HRNet"
        )
    wanted = {key for key in trunk.state_dict() if re.match(names, key)}
    before = {key: tensor.clone() for key, tensor in trunk.state_dict().items()}
    nested = isinstance(trunk, MobileNetV2) and any(
        _NESTED.fullmatch(key) for key in read_checkpoint(path).tensors
    )
    loaded = load_checkpoint(path, trunk, key_map=_numbered_through if nested else None, partial=True)
    misfits = tuple(misfit for misfit in loaded.misfits if misfit.key in wanted)
    report = replace(loaded, misfits=misfits)
    if misfits:
        trunk.load_state_dict(before)
        raise CheckpointError(
            f"{report.table()}\n{path}: not of this {type(trunk).__name__}: check depth and width"
        )
    return report


def _numbered_through(key: str) -> str:
    """torchvision nests convolution, norm and activation ("conv.1.0"), we number them through ("conv.3")."""
    step = _STEP.fullmatch(key)
    if step is None:
        return key
    block, index, place, rest = step[1], int(step[2]), int(step[3]), step[4]
    inner = re.fullmatch(r"(\d)\.(.+)", rest)
    if inner is not None:  # three places each: convolution, norm, activation
        return f"{block}.{3 * place + int(inner[1])}.{inner[2]}"
    triples = (
        1 if index == 1 else 2
    )  # before the last convolution and its norm; the first block does not widen
    return f"{block}.{2 * triples + place}.{rest}"
