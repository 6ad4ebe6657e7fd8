"""Where one joint is in the world, from the peaks of its heatmaps: the centre of RPSM's first cube."""

import torch
from torch import Tensor

from posecap.models.heatmap_peak import heatmap_peak
from posecap.models.heatmap_sampling import HeatmapViews

_UNBEND_STEPS = 12
_ROBUST_STEPS = 5


def root_from_heatmaps(
    heatmaps: Tensor, views: HeatmapViews, *, least_height: float = 0.1, robust_m: float = 0.1
) -> Tensor:
    """Points (frames, 3) of one joint's heatmaps (frames, views, height, width); NaN with fewer than two peaks.

    The point nearest to the rays through the peaks, weighted by their heights; rays that pass far away lose their
    weight in a few rounds (Geman-McClure), from the pair of rays whose point suits all best. NaN heatmaps are absent
    views.

    Args:
        least_height: lower peaks do not count.
        robust_m: distance at which a ray has a quarter of its weight, in the cameras' unit.
    """
    pixels, height = heatmap_peak(heatmaps)
    weight = torch.where(height >= least_height, height, 0.0)  # NaN compares as false
    centre, direction = _rays(torch.nan_to_num(pixels).to(views.focal_px), views)
    point = _best_of_pairs(centre, direction, weight)
    for _ in range(_ROBUST_STEPS):
        away = _distance(point, centre, direction)
        point = _nearest(centre, direction, weight / (1.0 + (away / robust_m) ** 2) ** 2)
    enough = (weight > 0).sum(-1) >= 2
    return torch.where(enough[:, None], point, torch.nan)


def _rays(pixels: Tensor, views: HeatmapViews) -> tuple[Tensor, Tensor]:
    """Camera centres and unit directions (frames, views, 3) in the world."""
    affine = views.heatmap_from_image
    a, b, c, d = affine[..., :2].flatten(-2).unbind(-1)
    x, y = (pixels - affine[..., 2]).unbind(-1)
    image = torch.stack([d * x - b * y, a * y - c * x], -1) / (a * d - b * c)[..., None]
    bent = (image - views.center_px) / views.focal_px
    k1, k2, p1, p2, k3 = views.distortion.unbind(-1)
    ray = bent
    for _ in range(_UNBEND_STEPS):  # fixed point, as OpenCV
        u, v = ray.unbind(-1)
        r2 = u * u + v * v
        radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
        shift = torch.stack(
            [2.0 * p1 * u * v + p2 * (r2 + 2.0 * u * u), 2.0 * p2 * u * v + p1 * (r2 + 2.0 * v * v)], -1
        )
        ray = (bent - shift) / radial[..., None]
    R, t = views.cam_from_world[..., :3], views.cam_from_world[..., 3]
    local = torch.nn.functional.pad(ray, (0, 1), value=1.0)
    direction = (R.transpose(-1, -2) @ local[..., None])[..., 0]
    centre = -(R.transpose(-1, -2) @ t[..., None])[..., 0]
    return centre, direction / direction.norm(dim=-1, keepdim=True)


def _best_of_pairs(centre: Tensor, direction: Tensor, weight: Tensor) -> Tensor:
    """Of the points nearest to each pair of rays the one with the smallest weighted sum of distances to all rays."""
    count = centre.shape[1]
    points = []
    for one in range(count):
        for other in range(one + 1, count):
            points.append(
                _nearest(centre[:, [one, other]], direction[:, [one, other]], weight[:, [one, other]])
            )
    candidates = torch.stack(points, 1)  # (frames, pairs, 3)
    away = _distance(candidates, centre[:, None], direction[:, None])  # (frames, pairs, views)
    cost = (away * weight[:, None]).sum(-1)
    best = torch.nan_to_num(cost, nan=torch.inf).argmin(-1)
    return torch.nan_to_num(candidates.gather(1, best[:, None, None].expand(-1, 1, 3))[:, 0])


def _distance(point: Tensor, centre: Tensor, direction: Tensor) -> Tensor:
    """Distances (..., views) of points (..., 3) from rays (..., views, 3)."""
    return torch.linalg.cross(
        point[..., None, :] - centre, direction.expand_as(point[..., None, :] - centre)
    ).norm(dim=-1)


def _nearest(centre: Tensor, direction: Tensor, weight: Tensor) -> Tensor:
    """Points (frames, 3) with the least weighted sum of squared distances to rays (frames, n, 3); NaN if undefined."""
    weight = weight / weight.sum(-1, keepdim=True)
    eye = torch.eye(3, dtype=centre.dtype, device=centre.device)
    across = (eye - direction[..., :, None] * direction[..., None, :]) * weight[..., None, None]
    A, b = across.sum(1), (across @ centre[..., None])[..., 0].sum(1)
    rows = A.unbind(-2)  # A is symmetric: the cofactors are cross products of its rows
    cofactors = torch.stack([torch.linalg.cross(rows[(i + 1) % 3], rows[(i + 2) % 3]) for i in range(3)], -1)
    determinant = (rows[0] * cofactors[..., 0]).sum(-1, keepdim=True)
    return (cofactors @ b[..., None])[..., 0] / torch.where(determinant > 1e-9, determinant, torch.nan)
