"""The three stages in which the weakly supervised networks are trained: losses, rates, targets, augmentation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import nn

from posecap.models.networks import PresetName
from posecap.training.crop_augmentation import CropAugmentation


@dataclass(frozen=True, slots=True)
class Stage:
    """Which losses act, and how it is optimised. A weight of 0 means that the loss is not computed.

    Attributes:
        heatmap, depth, geometry: weights of the losses.
        epochs, drop_at: the learning rate is a tenth from each epoch of `drop_at` on.
        depth_kind: see `depth_loss`.
        sigma: of the heatmaps' peaks, cells.
        whole_cells: peaks at the whole cells that the original truncates to, up to a cell left of and above the joint;
            False = at the joint itself.
        augmentation: how crops change at random; None = they stay.
    """

    heatmap: float = 1.0
    depth: float = 0.0
    geometry: float = 0.0
    learning_rate: float = 1e-3
    epochs: int = 60
    drop_at: tuple[int, ...] = ()
    batch: int = 32
    optimizer: Literal["adam", "rmsprop"] = "adam"
    depth_kind: Literal["smooth_l1", "l2"] = "smooth_l1"
    sigma: float = 2.0
    whole_cells: bool = False
    augmentation: CropAugmentation | None = None

    def rate(self, epoch: int) -> float:
        """Learning rate of `epoch`, counted from 1."""
        return self.learning_rate * 0.1 ** sum(epoch >= first for first in self.drop_at)

    def optimiser(self, module: nn.Module) -> torch.optim.Optimizer:
        """A fresh optimiser of all parameters of `module`."""
        kind = torch.optim.Adam if self.optimizer == "adam" else torch.optim.RMSprop
        return kind(module.parameters(), lr=self.learning_rate)


_RESNET = Stage(whole_cells=True, augmentation=CropAugmentation())

RESNET_STAGES = (
    replace(_RESNET, epochs=140, drop_at=(90, 120)),
    replace(_RESNET, depth=0.1, epochs=60, drop_at=(45,)),
    replace(_RESNET, depth=0.1, geometry=0.01, learning_rate=1e-4, epochs=10),
)
"""2D alone; 2D and 3D; 2D and 3D with the geometry of bones, as the original's ResNet was trained."""

_HOURGLASS = Stage(
    learning_rate=2.5e-4, batch=6, optimizer="rmsprop", depth_kind="l2", sigma=1.0, whole_cells=True
)

HOURGLASS_STAGES = (
    replace(_HOURGLASS, epochs=60),
    replace(_HOURGLASS, depth=0.1, epochs=50, drop_at=(40,)),
    replace(_HOURGLASS, depth=0.1, geometry=0.01, epochs=10, learning_rate=2.5e-5),
)
"""The paper's hourglasses. What they did to crops is not known: add an augmentation if you want one."""


def for_preset(stages: Sequence[Stage], preset: PresetName) -> tuple[Stage, ...]:
    """Published `stages` for a network of `preset`: as they are for compat; peaks at the joints for clean.

    A network that reads between the cells must be trained between the cells.
    """
    return tuple(stages) if preset == "compat" else tuple(replace(one, whole_cells=False) for one in stages)
