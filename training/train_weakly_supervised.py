"""Trains a weakly supervised network stage by stage. `python -m posecap.training.train_weakly_supervised --help`."""

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from torch import nn
from torch.utils.data import ConcatDataset

from posecap.models.checkpoints import load_checkpoint, save_checkpoint
from posecap.models.depth_scale import BoneSum, h36m_from_mpii
from posecap.models.errors import ModelError
from posecap.models.imagenet_trunk import load_imagenet
from posecap.models.networks import NetworkSpec, PresetName, names, network
from posecap.models.resnet import ResNet
from posecap.training.errors import DatasetError
from posecap.training.mpii import read_mpii
from posecap.training.pose_errors import PoseErrors, pose_errors
from posecap.training.threedpw import ThreeDPW, read_3dpw
from posecap.training.weakly_supervised import DepthDataset, collate, train
from posecap.training.weakly_supervised_stages import HOURGLASS_STAGES, RESNET_STAGES, Stage, for_preset

_SYSTEM = "weakly_supervised"
_HOURGLASS = "weakly-supervised-hourglass"
_PROGRAM = "python -m posecap.training.train_weakly_supervised"

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.command(
    epilog="Examples:\n\n"
    f"{_PROGRAM} --mpii /data/mpii --threedpw /data/3DPW --imagenet resnet50.pth --out runs/ws50\n\n"
    f"{_PROGRAM} --threedpw /data/3DPW --stages 2,3 --checkpoint fusion_3d.pth --preset compat --out runs/tuned"
)
def main(
    out: Annotated[Path, typer.Option(help="Folder for stage1.pth, stage2.pth, stage3.pth.")],
    mpii: Annotated[
        Path | None, typer.Option(help="MPII: pictures with joints, without depth.", show_default=False)
    ] = None,
    threedpw: Annotated[
        Path | None, typer.Option(help="3DPW: pictures with joints and depth.", show_default=False)
    ] = None,
    name: Annotated[str, typer.Option("--network", help=f"{', '.join(names(_SYSTEM))}.")] = names(_SYSTEM)[0],
    preset: Annotated[
        str, typer.Option(help="clean, or compat: fed, trained and read as the original.")
    ] = "clean",
    stages: Annotated[
        str, typer.Option(help="Of 1 (2D), 2 (2D and depth), 3 (and the geometry of bones).")
    ] = "1,2,3",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of each stage. Default: as published.", show_default=False)
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=2, help="Samples of a step. Default: as published.", show_default=False)
    ] = None,
    side_px: Annotated[
        int, typer.Option(min=64, help="Of the crops, a multiple of 32; hourglasses take 256.")
    ] = 256,
    imagenet: Annotated[
        Path | None, typer.Option(help="A ResNet classifier to begin with.", show_default=False)
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Weights of this network to train on from.", show_default=False)
    ] = None,
    device: Annotated[str, typer.Option(help="Such as cpu or cuda.")] = "cpu",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of weights, order and augmentation.")] = 0,
) -> None:
    """Train on MPII and 3DPW as they were downloaded. Every epoch is saved; at the end 3DPW's validation is scored.

    The first stage takes MPII, or 3DPW without its depth's loss where MPII is not given; the others take both.
    """
    console, said = Console(highlight=False, soft_wrap=True), Console(stderr=True, soft_wrap=True)
    try:
        spec, numbers = _spec(name, preset, side_px), _numbers(stages)
        _expect_data(numbers, mpii, threedpw)
        if out.exists() and not out.is_dir():
            raise DatasetError(f"--out {out} is a file: name a folder")
        data = {number: training_data(number, mpii, threedpw, side_px) for number in numbers}
        module = _module(spec, imagenet, checkpoint, device, seed)
        out.mkdir(parents=True, exist_ok=True)
        published = for_preset(HOURGLASS_STAGES if name == _HOURGLASS else RESNET_STAGES, spec.preset)
        for number in numbers:
            stage = published[number - 1]
            if epochs is not None:  # the rate falls at the same share of the way
                drops = tuple(round(at * epochs / stage.epochs) for at in stage.drop_at)
                stage = replace(stage, epochs=epochs, drop_at=drops)
            stage = replace(stage, batch=batch or stage.batch)
            run_stage(module, spec, data[number], stage, out / f"stage{number}.pth", console, seed)
        if threedpw is not None:
            _score(module, spec, threedpw, side_px, console)
    except (DatasetError, ModelError) as error:
        said.print(f"error: {error}", markup=False)
        raise typer.Exit(2) from None
    except OSError as error:
        said.print(f"error: {error.filename or out}: {error.strerror or error}", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        said.print(f"stopped: the epochs that were finished are in {out}", markup=False)
        sys.exit(128 + signal.SIGINT)


def training_data(number: int, mpii: Path | None, threedpw: Path | None, side_px: int) -> DepthDataset:
    """What stage `number` is trained on, of the data sets that are given.

    Raises:
        DatasetError: a data set cannot be read.
    """
    parts: list[DepthDataset] = []
    if mpii is not None:
        parts.append(read_mpii(mpii, side_px=side_px))
    if threedpw is not None and (number > 1 or mpii is None):
        parts.append(read_3dpw(threedpw, side_px=side_px))
    return parts[0] if len(parts) == 1 else cast("DepthDataset", ConcatDataset(parts))  # type: ignore[arg-type]


def run_stage(
    module: nn.Module,
    spec: NetworkSpec,
    data: DepthDataset,
    stage: Stage,
    path: Path,
    console: Console,
    seed: int = 0,
) -> dict[str, float]:
    """Trains through one stage and saves every epoch at `path`; the mean losses of the last one."""
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    losses: dict[str, float] = {}
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(path.stem, total=stage.epochs)
        course = train(
            module,
            spec.picture,
            data,
            stage,
            seed=seed,
            on_step=lambda done: bar.update(task, completed=done),
        )
        for epoch, losses in enumerate(course, 1):
            save_checkpoint(path, module, spec, epoch=epoch, metrics=losses)
            parts = ", ".join(f"{part} {value:.4g}" for part, value in losses.items())
            console.print(f"{path.stem}, epoch {epoch} of {stage.epochs}: {parts}")
    console.print(f"{path} is written", markup=False)
    return losses


@torch.inference_mode()
def scored(module: nn.Module, spec: NetworkSpec, samples: ThreeDPW, batch: int = 16) -> PoseErrors:
    """Errors over the joints that SMPL, MPII and Human3.6M share, root = pelvis.

    One picture does not tell how large somebody is and how far away: bones sum to 4 m for everybody, as the original is
    scored, and absolute errors mean nothing.
    """
    module.eval()
    weights = next(module.parameters())
    found, true = [], []
    for first in range(0, len(samples), batch):
        rows = range(first, min(first + batch, len(samples)))
        pictures = collate([samples[row] for row in rows], spec.picture).pictures.to(weights.device)
        *maps, depths = module(pictures)
        xyz = module.decoding.xyz(maps[-1], depths)  # pyright: ignore[reportCallIssue,reportAttributeAccessIssue]
        found.append(BoneSum().scored_mm(xyz.double().cpu().numpy()))
        true.append(h36m_from_mpii(np.stack([samples.truth_mm(row) for row in rows])))
    pelvis = 0
    return pose_errors(np.concatenate(found), np.concatenate(true), pelvis)


def _score(module: nn.Module, spec: NetworkSpec, threedpw: Path, side_px: int, console: Console) -> None:
    try:
        samples = read_3dpw(threedpw, "validation", side_px=side_px)
    except DatasetError as error:
        console.print(f"not scored: {error}", markup=False)
        return
    errors = scored(module, spec, samples)
    console.print(
        f"3DPW validation: root-relative {errors.root_relative_mm:.1f} mm, aligned without scale "
        f"{errors.aligned_rigid_mm:.1f} mm, aligned with scale {errors.aligned_similarity_mm:.1f} mm, over "
        f"{errors.joints} joints in {errors.frames} pictures; all bones of everybody together were taken for 4 m"
    )


def _expect_data(numbers: tuple[int, ...], mpii: Path | None, threedpw: Path | None) -> None:
    if mpii is None and threedpw is None:
        raise DatasetError("nothing to train on: give --mpii, --threedpw, or both")
    if numbers[-1] > 1 and threedpw is None:
        raise DatasetError("stages 2 and 3 learn depth, and MPII has none: give --threedpw, or --stages 1")


def _spec(name: str, preset: str, side_px: int) -> NetworkSpec:
    if name not in names(_SYSTEM):
        raise DatasetError(
            f"--network {name!r} is unknown, there are {', '.join(names(_SYSTEM))}: choose one"
        )
    spec = network(name, cast("PresetName", preset))
    if side_px % 32 or (name == _HOURGLASS and side_px != spec.picture.size_px[0]):
        raise DatasetError(
            f"--side-px {side_px} does not fit {name}: give a multiple of 32; hourglasses take 256"
        )
    return replace(spec, picture=replace(spec.picture, size_px=(side_px, side_px)))


def _numbers(stages: str) -> tuple[int, ...]:
    parts = [part.strip() for part in stages.split(",")]
    if not parts or any(part not in ("1", "2", "3") for part in parts):
        raise DatasetError(f"--stages {stages!r} are unknown: give some of 1,2,3")
    return tuple(sorted({int(part) for part in parts}))


def _module(
    spec: NetworkSpec, imagenet: Path | None, checkpoint: Path | None, device: str, seed: int
) -> nn.Module:
    """With fresh weights, a classifier's, or those of an earlier training."""
    try:
        where = torch.device(device)
        float(torch.zeros(1, device=where))  # "meta" has no numbers
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise DatasetError(f"--device {device!r} cannot be used ({reason}): take cpu") from error
    torch.manual_seed(seed)
    module = spec.module()
    if imagenet is not None:
        if not isinstance(module, ResNet):
            raise DatasetError(f"{spec.name} has no trunk of ImageNet: leave out --imagenet")
        load_imagenet(imagenet, module)
    if checkpoint is not None:
        load_checkpoint(checkpoint, module, spec, any_preset=True)
    return module.to(where)


if __name__ == "__main__":
    app()
