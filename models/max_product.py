"""The best state of every joint of a tree: max-product dynamic programming (Felzenszwalb and Huttenlocher, IJCV 2005).

Messages go from the leaves to the root, then the states are read off from the root to the leaves. Of equal states the
first wins. Limbs are numbered as `JointSet.bones` numbers them.
"""

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor

from posecap.models.bin_grid import BinGrid
from posecap.models.limb_terms import LimbTerms

_CACHED_STEPS = 32  # looked at together on a processor: two to three times as fast as all at once


class LimbTree:
    """The order in which a tree of joints is worked through.

    Attributes:
        root: the joint without a parent.
        limbs: (parent, child) of every limb.
        depths: indices of the limbs that are equally far from the root, nearest first.
    """

    def __init__(self, parents: Sequence[int]) -> None:
        (self.root,) = (joint for joint, parent in enumerate(parents) if parent < 0)
        self.limbs = [(parent, child) for child, parent in enumerate(parents) if parent >= 0]

        def depth(joint: int) -> int:
            return 0 if parents[joint] < 0 else 1 + depth(parents[joint])

        by_depth = sorted(range(len(self.limbs)), key=lambda limb: depth(self.limbs[limb][1]))
        self.depths = [
            list(same) for _, same in groupby(by_depth, key=lambda limb: depth(self.limbs[limb][1]))
        ]


def best_on_grid(
    tree: LimbTree,
    terms: LimbTerms,
    grid: BinGrid,
    energy: Tensor,
    lengths: Tensor,
    spreads: Tensor,
    sizes: Sequence[int],
) -> Tensor:
    """States (frames, joints) where all joints have the same bins.

    Args:
        energy: (frames, joints, bins^3), of single joints.
        lengths, spreads: (frames or 1, limbs).
        sizes: for each limb, how many offsets of the grid can fit it; see `BinGrid.shell_size`.
    """
    energies = list(energy.unbind(1))
    for same_depth in reversed(tree.depths):
        for limb in same_depth:
            parent, child = tree.limbs[limb]
            length, spread = lengths[:, limb, None], spreads[:, limb, None]
            distance, steps = grid.shell(lengths[:, limb], sizes[limb])
            fit = terms.potential(distance, length, spread, grid.spacing)  # (frames or 1, size)
            message = _heard(terms, grid, energies[child], fit, steps)
            message = torch.maximum(message, terms.without_limb(energies[child])[:, None])
            energies[parent] = terms.joined(energies[parent], message)
    states: list[Tensor] = [energies[tree.root].argmax(-1)] * len(energies)
    for same_depth in tree.depths:
        for limb in same_depth:
            parent, child = tree.limbs[limb]
            distance = grid.distances_from(states[parent]).to(energy)
            fit = terms.potential(
                distance, lengths[:, limb, None], spreads[:, limb, None], grid.spacing
            )  # (frames, bins^3)
            states[child] = terms.joined(energies[child], fit).argmax(-1)
    return torch.stack(states, 1)


def _heard(terms: LimbTerms, grid: BinGrid, energy: Tensor, fit: Tensor, steps: Tensor) -> Tensor:
    """For every bin of the parent, (frames, bins^3), the best of the child's bins that are `steps` away."""
    size = steps.shape[1]
    whole = torch.compiler.is_exporting() or energy.is_cuda
    block = size if whole else _CACHED_STEPS
    padded = grid.padded(energy, terms.nothing)
    message = None
    for first in range(0, size, block):
        some = slice(first, first + block)
        around = grid.neighbours(padded, steps[:, some])  # (frames, bins^3, block)
        best = terms.joined(around, fit[:, None, some]).amax(-1)
        message = best if message is None else torch.maximum(message, best)
    assert message is not None
    return message


def best_of_few(
    tree: LimbTree,
    terms: LimbTerms,
    bins: Tensor,
    energy: Tensor,
    lengths: Tensor,
    spreads: Tensor,
    spacing: float,
) -> Tensor:
    """States (frames, joints) where every joint has few bins of its own.

    Args:
        bins: (frames, joints, n, 3).
        energy: (frames, joints, n), of single joints.
        lengths, spreads: (frames or 1, limbs).
        spacing: of neighbouring bins.
    """
    parents, children = (list(ends) for ends in zip(*tree.limbs, strict=True))
    apart = (
        bins[:, parents, :, None] - bins[:, children, None]
    )  # (frames, limbs, parent's bin, child's bin, 3)
    distance = apart.square().sum(-1).sqrt()
    fit = terms.potential(distance, lengths[..., None, None], spreads[..., None, None], spacing)
    energies = list(energy.unbind(1))
    choices: dict[int, Tensor] = {}
    for same_depth in reversed(tree.depths):
        below = torch.stack([energies[tree.limbs[limb][1]] for limb in same_depth], 1)
        message, choice = terms.joined(below[:, :, None], fit[:, same_depth]).max(
            -1
        )  # (frames, same, parent's bin)
        choices |= dict(zip(same_depth, choice.unbind(1), strict=True))
        for limb, heard in zip(same_depth, message.unbind(1), strict=True):
            parent, _ = tree.limbs[limb]
            energies[parent] = terms.joined(energies[parent], heard)
    states: list[Tensor] = [energies[tree.root].argmax(-1)] * len(energies)
    for same_depth in tree.depths:
        for limb in same_depth:
            parent, child = tree.limbs[limb]
            states[child] = choices[limb].gather(1, states[parent][:, None])[:, 0]
    return torch.stack(states, 1)
