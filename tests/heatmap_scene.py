"""Exact people of 17 joints, and ideal or spoiled heatmaps of them in calibrated views; needs PyTorch."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scene import ring_rig
from torch import Tensor

from posecap.calib.rig import Rig
from posecap.models.heatmap_sampling import HeatmapViews, heatmap_from_image
from posecap.models.joints import H36M_17

LIMBS_M = np.array(
    [0.13, 0.44, 0.44, 0.13, 0.44, 0.43, 0.235, 0.245, 0.105, 0.125, 0.16, 0.295, 0.245, 0.16, 0.29, 0.26]
)
"""Lengths of the limbs of H36M-17, in the order of `bones`."""

# directions of the limbs of somebody who stands and faces -y, arms hanging a little aside
_STANDING = np.array(
    [
        [-1, 0, 0], [0, 0, -1], [0, 0.05, -1], [1, 0, 0], [0, 0, -1], [0, 0.05, -1], [0, 0, 1], [0, 0.05, 1],
        [0, -0.9, 0.6], [0, 0.6, 0.9], [0.95, 0, -0.3], [0.3, 0, -1], [0.1, -0.3, -1], [-0.95, 0, -0.3],
        [-0.3, 0, -1], [-0.1, -0.3, -1],
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class HeatmapScene:
    """Frames of one person.

    Attributes:
        rig: of the views.
        xyz: (frames, 17, 3), m, the truth.
        pixels: (frames, views, 17, 2), heatmap px.
        heatmaps: (frames, views, 17, side, side).
        views: the same cameras as tensors.
    """

    rig: Rig
    xyz: NDArray[np.float64]
    pixels: NDArray[np.float64]
    heatmaps: Tensor
    views: HeatmapViews


def heatmap_scene(
    frames: int,
    views: int = 4,
    *,
    side_px: int = 64,
    noise: float = 0.05,
    wrong: float = 0.0,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> HeatmapScene:
    """People within 0.3 m of the origin; peaks of 1, sigma 2 px at 64 px, on uniform noise.

    Args:
        wrong: share of the heatmaps whose peak is anywhere instead.
    """
    rng = np.random.default_rng(seed)
    rig = ring_rig(views)
    xyz = np.stack([_person(rng) for _ in range(frames)])
    image_px = np.stack([[camera.project(points) for camera in rig.cameras] for points in xyz])
    low, high = image_px.min(2), image_px.max(2)
    crop_px = 1.3 * (high - low).max(-1)  # (frames, views)
    affine = heatmap_from_image(torch.from_numpy((low + high) / 2), torch.from_numpy(crop_px), side_px)
    pixels = np.einsum("fvab,fvjb->fvja", affine[..., :2].numpy(), image_px) + affine[..., None, :, 2].numpy()
    peaks = np.where(
        rng.random(pixels.shape[:3])[..., None] < wrong, rng.uniform(0, side_px - 1, pixels.shape), pixels
    )
    cells, sigma = np.arange(side_px), side_px / 32
    wave = np.exp(-((cells - peaks[..., None]) ** 2) / (2 * sigma**2))  # (frames, views, joints, xy, cells)
    heatmaps = wave[..., 1, :, None] * wave[..., 0, None, :]
    heatmaps += rng.uniform(0, noise, heatmaps.shape)
    return HeatmapScene(rig, xyz, pixels, torch.from_numpy(heatmaps).to(dtype), _cameras(rig, affine, dtype))


def _person(rng: np.random.Generator) -> NDArray[np.float64]:
    directions = _STANDING + rng.normal(0, 0.35, _STANDING.shape)
    directions[3] = -directions[0]  # one pelvis
    yaw = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1.0]])
    limbs = directions / np.linalg.norm(directions, axis=1, keepdims=True) * LIMBS_M[:, None] @ turn.T
    xyz = np.empty((17, 3))
    xyz[0] = np.array([0.0, 0.0, 0.95]) + rng.uniform(-0.2, 0.2, 3)
    for (parent, child), limb in zip(H36M_17.bones, limbs, strict=True):
        xyz[child] = xyz[parent] + limb
    return xyz


def _cameras(rig: Rig, affine: Tensor, dtype: torch.dtype) -> HeatmapViews:
    def each(values: list[NDArray[np.float64]]) -> Tensor:
        tensor = torch.tensor(np.stack(values), dtype=dtype)
        return tensor.expand(affine.shape[0], *tensor.shape)

    cameras = rig.cameras
    return HeatmapViews(
        each([camera.cam_from_world[:3] for camera in cameras]),
        each([np.diag(camera.K)[:2] for camera in cameras]),
        each([camera.K[:2, 2] for camera in cameras]),
        each([camera.distortion for camera in cameras]),
        affine.to(dtype),
    )
