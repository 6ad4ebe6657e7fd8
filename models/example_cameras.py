"""Cameras for example inputs: level, in a circle, all looking at the world's origin."""

import math

import torch
from torch import Tensor


def circle(views: int, distance: float, size_px: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """K (3, 3) of pictures of `size_px` (width, height), and cam_from_world (views, 3, 4); float64, +z is up."""
    angle = (torch.arange(views, dtype=torch.float64) + 0.3) * (2 * math.pi / views)
    x, y, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    right, down, ahead = (-y, x, zero, zero), (zero, zero, -one, zero), (-x, -y, zero, distance * one)
    cam_from_world = torch.stack([torch.stack(row, -1) for row in (right, down, ahead)], -2)
    width, height = size_px
    focal = 1.2 * width
    K = [[focal, 0.0, (width - 1) / 2], [0.0, focal, (height - 1) / 2], [0.0, 0.0, 1.0]]
    return torch.tensor(K, dtype=torch.float64), cam_from_world
