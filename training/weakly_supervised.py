"""Training of the weakly supervised networks: pictures with depth and pictures without, in three stages."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posecap.models.geometry_loss import geometry_loss
from posecap.models.heatmap_targets import gaussian_targets
from posecap.models.networks import PictureInput
from posecap.models.published_joints import MPII_16
from posecap.models.weakly_supervised_losses import depth_loss, gathered, heatmap_loss
from posecap.training.crop_augmentation import CropAugmentation
from posecap.training.errors import DatasetError
from posecap.training.weakly_supervised_stages import Stage

CELL_PX = 4
"""Pixels of the crop for each cell of a heatmap; cell c stands for pixel 4 c."""

_STRIDE_PX = 32  # what the networks halve a crop to


@dataclass(frozen=True, slots=True, eq=False)
class DepthSample:
    """One person in one picture, joints of `mpii-16/1`.

    Attributes:
        picture_bgr: (side, side, 3) uint8, the crop that enters the network; a multiple of 32.
        xy_px: (16, 2) pixels of the crop; NaN = unknown or not in any data set's definition, and then nothing is
            asked of its heatmap. A joint that is known and outside of the crop has an empty heatmap.
        depth: (16,) behind the pelvis as a fraction of the crop's side, NaN = unknown; all NaN for a picture
            of a 2D data set, and then the geometry loss acts on it.
        whole_bgr, crop_from_whole: the picture that it was cut from, and (2, 3) from its pixels to those of the crop.
            With both an augmented crop is cut anew, without them what lies outside of the crop is black.
    """

    picture_bgr: NDArray[np.uint8]
    xy_px: NDArray[np.floating]
    depth: NDArray[np.floating]
    whole_bgr: NDArray[np.uint8] | None = None
    crop_from_whole: NDArray[np.floating] | None = None


class DepthDataset(Protocol):
    """What can be trained on; several are mixed with `torch.utils.data.ConcatDataset`."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> DepthSample: ...


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Samples as tensors.

    Attributes:
        pictures: (N, 3, side, side) as the network takes them.
        cells: (N, joints, 2) places in cells of the heatmaps, NaN = unknown.
        depth: (N, joints), NaN = unknown.
    """

    pictures: Tensor
    cells: Tensor
    depth: Tensor


def augmented(sample: DepthSample, augmentation: CropAugmentation, rng: np.random.Generator) -> DepthSample:
    """`sample` with a crop that is changed at random, and its joints and depths with it.

    Raises:
        DatasetError: a sample that `collate` refuses by itself.
    """
    _expect_sample(sample)
    side = len(sample.picture_bgr)
    change = augmentation.draw(rng, has_depth=not np.isnan(sample.depth).all())
    if sample.whole_bgr is None or sample.crop_from_whole is None:
        source, crop = sample.picture_bgr, change.new_from_old(side)
    else:
        source, crop = sample.whole_bgr, change.crop_from_whole(sample.crop_from_whole, side)
    return replace(
        sample,
        picture_bgr=np.asarray(cv2.warpAffine(source, crop, (side, side)), np.uint8),
        xy_px=change.places(sample.xy_px, side),
        depth=change.depths(sample.depth),
        crop_from_whole=None if sample.crop_from_whole is None else crop,
    )


def collate(samples: Sequence[DepthSample], picture: PictureInput) -> Batch:
    """Samples of one size together.

    Raises:
        DatasetError: crops that are no squares of a multiple of 32 or have different sizes, another number of joints
            than 16, or a depth without a place.
    """
    for sample in samples:
        _expect_sample(sample)
    sizes = sorted({sample.picture_bgr.shape[:2] for sample in samples})
    if len(sizes) != 1:
        raise DatasetError(f"crops of one batch have sizes {sizes}: cut all to one size")
    cells = torch.from_numpy(np.stack([sample.xy_px for sample in samples])).float() / CELL_PX
    depth = torch.from_numpy(np.stack([sample.depth for sample in samples])).float()
    if bool((~depth.isnan() & cells.isnan().any(-1)).any()):
        raise DatasetError("a joint has a depth but no place in the picture: set its depth to NaN")
    pictures = torch.from_numpy(picture.prepare(np.stack([sample.picture_bgr for sample in samples])))
    return Batch(pictures, cells, depth)


def _expect_sample(sample: DepthSample) -> None:
    height, width = sample.picture_bgr.shape[:2]
    if height != width or height % _STRIDE_PX or not height or sample.picture_bgr.shape[2:] != (3,):
        raise DatasetError(
            f"a crop has shape {sample.picture_bgr.shape}: cut squares of three channels whose side is a multiple "
            f"of {_STRIDE_PX}"
        )
    joints = len(MPII_16)
    if sample.xy_px.shape != (joints, 2) or sample.depth.shape != (joints,):
        raise DatasetError(
            f"a sample has places {sample.xy_px.shape} and depths {sample.depth.shape}: give the {joints} joints of "
            f"{MPII_16.name} as ({joints}, 2) and ({joints},), NaN where one is unknown"
        )


def losses(outputs: Sequence[Tensor], batch: Batch, stage: Stage) -> dict[str, Tensor]:
    """The weighted losses that act in `stage`, by name: heatmap, depth, geometry.

    Args:
        outputs: heatmaps (N, joints, height, width) of each stack, then depth maps of that shape, or depths
            (N, joints).

    Raises:
        DatasetError: the network has another number of joints than the samples.
    """
    *heatmaps, depths = outputs
    if depths.shape[:2] != batch.depth.shape:
        raise DatasetError(
            f"the network gives {depths.shape[1]} joints for {len(depths)} crops, the samples have "
            f"{batch.depth.shape[1]} for {len(batch.depth)}: build it with joints = {batch.depth.shape[1]}"
        )
    height, width = heatmaps[0].shape[-2:]
    places = batch.cells.trunc() if stage.whole_cells else batch.cells
    target, inside = gaussian_targets(places, (width, height), stage.sigma)
    found: dict[str, Tensor] = {}
    if stage.heatmap:
        placed = ~batch.cells.isnan().any(-1)  # a joint outside of the crop is placed, its target is empty
        parts = [heatmap_loss(maps, target, placed) for maps in heatmaps]
        found["heatmap"] = stage.heatmap * torch.stack(parts).sum()
    cells = batch.cells.nan_to_num().long()
    depth = gathered(depths, cells) if depths.ndim == 4 else depths
    known = ~batch.depth.isnan() & (inside > 0)
    if stage.depth:
        found["depth"] = stage.depth * depth_loss(depth, batch.depth, known, kind=stage.depth_kind)
    if stage.geometry:
        has_depth = (~batch.depth.isnan()).any(1)
        found["geometry"] = geometry_loss(
            depth, batch.cells / width, inside, has_depth, weight=stage.geometry
        )
    return found


def step(module: nn.Module, optimiser: torch.optim.Optimizer, batch: Batch, stage: Stage) -> dict[str, float]:
    """One step of `optimiser`; the losses before it, by name, and their sum as "total"."""
    module.train()
    parts = losses(module(batch.pictures), batch, stage)
    total = torch.stack(list(parts.values())).sum()
    optimiser.zero_grad(set_to_none=True)
    total.backward()
    optimiser.step()
    return {**{name: float(part.detach()) for name, part in parts.items()}, "total": float(total.detach())}


def train(
    module: nn.Module,
    picture: PictureInput,
    dataset: DepthDataset,
    stage: Stage,
    *,
    seed: int = 0,
    on_step: Callable[[float], None] = lambda _: None,
) -> Iterator[dict[str, float]]:
    """Trains `module` through one stage; after every epoch its mean losses. Stop by not asking on.

    Published stages are in `weakly_supervised_stages`. The same `seed` gives the same order and augmentation.
    `on_step` is told after every step how many epochs are done, a fraction.

    Raises:
        DatasetError: the data set is empty, or as `collate`.
    """
    if not len(dataset):
        raise DatasetError("nothing to train on, the data set has no sample: check its folder and split")
    optimiser, shuffle = stage.optimiser(module), np.random.default_rng(seed)
    changes = np.random.default_rng((seed, 1))
    device = next(module.parameters()).device
    for epoch in range(1, stage.epochs + 1):
        for group in optimiser.param_groups:
            group["lr"] = stage.rate(epoch)
        order = shuffle.permutation(len(dataset))
        epoch_losses = []
        for first in range(0, len(order), stage.batch):
            samples = [dataset[int(i)] for i in order[first : first + stage.batch]]
            if stage.augmentation is not None:
                samples = [augmented(sample, stage.augmentation, changes) for sample in samples]
            batch = collate(samples, picture)
            batch = Batch(batch.pictures.to(device), batch.cells.to(device), batch.depth.to(device))
            epoch_losses.append(step(module, optimiser, batch, stage))
            on_step(epoch - 1 + min(1.0, (first + stage.batch) / len(order)))
        yield {name: float(np.mean([one[name] for one in epoch_losses])) for name in epoch_losses[0]}
