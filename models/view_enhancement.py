"""Volumes of several views that strengthen each other where they agree."""

from typing import Literal

import torch
from torch import Tensor

Update = Literal["sequential", "simultaneous"]

_NEVER_ZERO = 1e-10
_SCALE = 2.0**20  # leaves directions as they are; the exporter's optimiser drops additions of less than 1e-8


def enhance_views(volumes: Tensor, update: Update = "simultaneous") -> Tensor:
    """v_i + sum over j != i of w_ij v_j at each voxel, w_ij the cosine between the features of the views i and j.

    "sequential" takes the v_j of the views before i as they are after their own update, as the published program
    does: values grow from view to view (about 0.7, 1.2, 2.2, 4.2 for four views of noise), and the result depends
    on the order of the views. "simultaneous" takes every v_j as it came. The cosines are those of the input in both.

    Args:
        volumes: (B, V, C, X, Y, Z) features of V views, any V. Where a view knows nothing its features are 0;
            they become a mixture of the other views'.

    Source: the description of the published program's view enhancement (no equation is printed).
    """
    if update == "sequential":
        return _sequential(volumes)
    features = volumes.flatten(3).permute(0, 3, 1, 2)  # (B, voxels, V, C)
    unit = _unit(features, -1)
    cosines = unit @ unit.transpose(-1, -2)  # (B, voxels, V, V), 1 on the diagonal: v_i itself
    enhanced = cosines @ features
    return enhanced.permute(0, 2, 3, 1).reshape(volumes.shape)


def _sequential(volumes: Tensor) -> Tensor:
    unit = _unit(volumes, 2).unbind(1)
    views = list(volumes.unbind(1))  # (B, C, X, Y, Z) each
    for i, own in enumerate(unit):
        others = [(own * unit[j]).sum(1, keepdim=True) * view for j, view in enumerate(views) if j != i]
        if others:
            views[i] = views[i] + torch.stack(others).sum(0)
    return torch.stack(views, 1)


def _unit(features: Tensor, axis: int) -> Tensor:
    shifted = features * _SCALE + _NEVER_ZERO * _SCALE
    return shifted / torch.linalg.vector_norm(shifted, dim=axis, keepdim=True)
