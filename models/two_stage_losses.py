"""Losses of the two-stage network: four terms over both stages. Every term is a function of one stage.

Joints are in their stage's box, -1 on its lower and 1 on its upper faces. Truth that is unknown is NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from posecap.models.two_stage import Stage

ANGLES = (
    (13, 8, 14), (12, 8, 11), (14, 13, 15), (11, 12, 10), (3, 6, 4), (2, 6, 1), (4, 3, 5), (1, 2, 0),
)  # fmt: skip
"""Joints of `two-stage-17/1`: the middle one and its two neighbours, at shoulders, elbows, hips and knees."""

Drop = Literal["batch", "sample"]

_NEVER_ZERO = 1e-10
_NEVER_LOG_ZERO = 1e-6


@dataclass(frozen=True, slots=True)
class LossSettings:
    """Weights of the terms, and what happens where truth lies outside of a stage's box.

    Attributes:
        drop: "sample": a sample whose known joints are not all in the box counts for nothing in that stage, and
            neither do unknown joints. "batch" (the published program): then the whole batch counts for nothing,
            also where truth is unknown, and the first voxel of each axis counts as outside for the volumes.
        absolute, volume, angle, distance: factors of the terms.
    """

    drop: Drop = "sample"
    absolute: float = 1.0
    volume: float = 0.01
    angle: float = 1e-4
    distance: float = 1e-3


class Losses(NamedTuple):
    """The four terms over both stages, factors included; scalars."""

    absolute: Tensor
    volume: Tensor
    angle: Tensor
    distance: Tensor

    def total(self) -> Tensor:
        """Their sum."""
        return self.absolute + self.volume + self.angle + self.distance


def two_stage_losses(
    stages: Sequence[Stage], points: Tensor, settings: LossSettings = LossSettings()
) -> Losses:
    """The losses of both stages together against true `points` (B, J, 3) in the unit of the stages' boxes."""
    terms = []
    for stage in stages:
        truth = in_box(points, stage.lower, stage.upper)
        counts = counted(truth, settings.drop)
        terms.append(
            Losses(
                settings.absolute * absolute_difference(stage.joints, truth, counts),
                settings.volume
                * volume_cross_entropy(
                    stage.heatmaps, truth, counted_voxels(truth, stage.heatmaps, settings.drop)
                ),
                settings.angle * angle_difference(stage.joints, truth, counts),
                settings.distance * distance_difference(stage.joints, truth, counts),
            )
        )
    return Losses(*(torch.stack(parts).sum() for parts in zip(*terms, strict=True)))


def in_box(points: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """Points (B, J, 3) of the world as -1..1 of the boxes (B, 3)."""
    return 2 * (points - lower[:, None]) / (upper - lower)[:, None] - 1


def counted(truth: Tensor, drop: Drop) -> Tensor:
    """Which joints count, (B, J) bool, for `truth` (B, J, 3) in the box."""
    return _kept(truth.abs().le(1).all(-1), truth, drop)


def counted_voxels(truth: Tensor, heatmaps: Tensor, drop: Drop) -> Tensor:
    """Which joints count for the volumes; with "batch" an index of 0 is outside, as in the published program."""
    if drop == "sample":
        return counted(truth, drop)
    voxel = _voxel(truth, heatmaps)
    last = _last_voxel(heatmaps)
    return _kept(((voxel >= 1) & (voxel <= last)).all(-1), truth, drop)


def absolute_difference(joints: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
    """Sum over batch, joints and axes of the absolute differences (not a mean)."""
    return (joints - _known(truth, joints)).abs().mul(counts[..., None]).sum()


def volume_cross_entropy(heatmaps: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
    """Mean over the joints that count of -log(softmax at the true voxel + 1e-6); 0 where none counts.

    The voxel is floor((g + 1) / 2 (n - 1)) for truth g along an axis of n voxels.
    """
    volumes = heatmaps.flatten(2).softmax(-1)  # (B, J, cells)
    last = _last_voxel(heatmaps)
    voxel = torch.minimum(_voxel(truth, heatmaps).nan_to_num(0.0).clamp(min=0.0), last).long()
    _, ny, nz = heatmaps.shape[2:]
    cell = (voxel[..., 0] * ny + voxel[..., 1]) * nz + voxel[..., 2]
    at_truth = volumes.gather(-1, cell[..., None]).squeeze(-1)  # (B, J)
    surprise = -torch.log(at_truth + _NEVER_LOG_ZERO) * counts
    return surprise.sum() / counts.sum().clamp(min=1)


def angle_difference(
    joints: Tensor, truth: Tensor, counts: Tensor, angles: Sequence[tuple[int, int, int]] = ANGLES
) -> Tensor:
    """Sum over batch and `angles` of the absolute differences of the cosines at the middle joints."""
    indices = torch.tensor(angles, device=joints.device)
    kept = counts[:, indices].all(-1)  # (B, angles)
    return (_cosines(joints, indices) - _cosines(_known(truth, joints), indices)).abs().mul(kept).sum()


def distance_difference(joints: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
    """Sum over batch and all pairs of joints of the absolute differences of the distances."""
    pairs = torch.tensor(list(combinations(range(joints.shape[1]), 2)), device=joints.device).reshape(-1, 2)
    kept = counts[:, pairs].all(-1)  # (B, pairs)
    return (_distances(joints, pairs) - _distances(_known(truth, joints), pairs)).abs().mul(kept).sum()


def _kept(inside: Tensor, truth: Tensor, drop: Drop) -> Tensor:
    if drop == "batch":
        return inside.all().expand(inside.shape)
    known = truth.isfinite().all(-1)
    return known & (inside | ~known).all(-1, keepdim=True)


def _known(truth: Tensor, joints: Tensor) -> Tensor:
    """`truth` with `joints` where it is unknown or infinite: a NaN times 0 would still be NaN."""
    return torch.where(truth.isfinite(), truth, joints.detach())


def _voxel(truth: Tensor, heatmaps: Tensor) -> Tensor:
    return torch.floor((truth + 1) / 2 * _last_voxel(heatmaps))


def _last_voxel(heatmaps: Tensor) -> Tensor:
    sizes = [size - 1.0 for size in heatmaps.shape[2:]]
    return torch.tensor(sizes, device=heatmaps.device, dtype=heatmaps.dtype)


def _cosines(joints: Tensor, angles: Tensor) -> Tensor:
    middle = joints[:, angles[:, 0]]  # (B, angles, 3)
    first = joints[:, angles[:, 1]] - middle + _NEVER_ZERO
    second = joints[:, angles[:, 2]] - middle + _NEVER_ZERO
    lengths = torch.linalg.vector_norm(first, dim=-1) * torch.linalg.vector_norm(second, dim=-1)
    return (first * second).sum(-1) / lengths


def _distances(joints: Tensor, pairs: Tensor) -> Tensor:
    return torch.linalg.vector_norm(joints[:, pairs[:, 0]] - joints[:, pairs[:, 1]], dim=-1)
