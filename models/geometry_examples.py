"""Exact joints in calibrated views, as example inputs for what follows networks."""

from typing import cast

import torch
from torch import Tensor

from posecap.models.example_cameras import circle
from posecap.models.feature_transform import Units, heatmap_points, network_projections
from posecap.models.heatmap_sampling import HeatmapViews, project
from posecap.models.heatmap_targets import gaussian_targets
from posecap.models.joints import H36M_17
from posecap.models.networks import NetworkSpec

_SIDE_PX, _CELLS = 256, 64
_AWAY_M = 4.0
_LIMB_M = 0.18
_JOINTS = 14
_NOISE_PX = 1.0
# off the cameras' axes and off the middle of the bins: what is symmetrical has two answers
_ROOT_M = (0.06, -0.07, 0.04)
_BESIDE_M = (0.035, -0.02, 0.012)


def triangulation(spec: NetworkSpec, batch: int) -> tuple[Tensor, Tensor]:
    """Inputs of `dlt.Triangulation`: what all views see of joints within a cube of a metre, in the preset's units.

    There is some noise: without any the original's equations are singular.
    """
    units = cast("Units", "millimetres, pixels" if spec.preset == "compat" else "metres, -1 to 1")
    K, cam_from_world = circle(spec.picture.views, _AWAY_M, (_SIDE_PX, _SIDE_PX))
    P = K @ cam_from_world  # (views, 3, 4)
    xyz = torch.rand(batch, _JOINTS, 3, dtype=torch.float64) - 0.5
    seen = xyz[:, None] @ P[..., :3].transpose(-1, -2) + P[..., None, :, 3]  # (batch, views, joints, 3)
    pixels = seen[..., :2] / seen[..., 2:]
    pixels = pixels + _NOISE_PX * torch.randn_like(pixels)
    points = heatmap_points(pixels, _SIDE_PX, units, cells=_CELLS)
    projections, _ = network_projections(P.expand(batch, -1, -1, -1), _SIDE_PX, units, cells=_CELLS)
    return points.float(), projections


def pictorial_structure(spec: NetworkSpec, batch: int) -> tuple[Tensor, ...]:
    """Inputs of `rpsm.Rpsm`: ideal heatmaps of a tree of equal limbs in random directions."""
    xyz = torch.tensor(_ROOT_M).repeat(batch, len(H36M_17), 1)
    for parent, child in H36M_17.bones:
        xyz[:, child] = xyz[:, parent] + _LIMB_M * torch.nn.functional.normalize(
            torch.randn(batch, 3), dim=-1
        )
    K, cam_from_world = circle(spec.picture.views, _AWAY_M, (_SIDE_PX, _SIDE_PX))
    scale = _CELLS / _SIDE_PX
    shift = (scale - 1) / 2  # a cell's centre is that of its pixels
    affine = torch.tensor([[scale, 0.0, shift], [0.0, scale, shift]])
    of_each = (cam_from_world.float(), K.diagonal()[:2].float(), K[:2, 2].float(), torch.zeros(5), affine)
    shapes = ((3, 4), (2,), (2,), (5,), (2, 3))
    views = HeatmapViews(
        *(
            one.expand(batch, spec.picture.views, *shape).contiguous()
            for one, shape in zip(of_each, shapes, strict=True)
        )
    )
    cells, _ = project(xyz, views)  # (batch, views, joints, 2)
    heatmaps, _ = gaussian_targets(cells, (_CELLS, _CELLS))
    centre = xyz[:, 0] + torch.tensor(_BESIDE_M)
    lengths = torch.full((batch, len(H36M_17.bones)), _LIMB_M)
    return (heatmaps, *views, centre, lengths, torch.full_like(lengths, 0.01))
