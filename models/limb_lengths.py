"""Lengths of limbs as a prior: estimated from poses, with their spread, and with a word on where they come from."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.models.errors import ModelError
from posecap.models.joints import JointSet

Origin = Literal["estimate", "training", "oracle"]
"""Our own poses of this person; the poses of a training set; the true poses of the very frames that are solved."""


@dataclass(frozen=True, slots=True, eq=False)
class LimbLengths:
    """What is known of the limbs of a person or of many.

    Attributes:
        joints: name of the joint set; limbs are numbered as its `bones`.
        length_m: (limbs,), m.
        spread_m: (limbs,), standard deviations, m: of noise and of people, whatever was in the poses.
        frames: how many poses there were.
        origin: results with "oracle" must be called so.
    """

    joints: str
    length_m: NDArray[np.float64]
    spread_m: NDArray[np.float64]
    frames: int
    origin: Origin


def limb_lengths(
    xyz: NDArray[np.floating],
    joints: JointSet,
    origin: Origin = "estimate",
    *,
    mean: bool = False,
    symmetric: bool = True,
    least_frames: int = 1,
    least_spread_m: float = 0.005,
) -> LimbLengths:
    """Lengths from poses xyz (..., joints, 3), m; NaN joints are left out.

    Median and 1.4826 times the median deviation, so that some wrong joints do no harm.

    Args:
        mean: mean and standard deviation instead, as the paper for its training set.
        symmetric: both sides of the body have one length, their mean.
        least_frames: how often every limb must have been seen.
        least_spread_m: no limb is known better than this.

    Raises:
        ModelError: another number of joints, or a limb that was seen too rarely.
    """
    if xyz.ndim < 2 or xyz.shape[-2:] != (len(joints), 3):
        raise ModelError(
            f"poses of shape {xyz.shape}, expected (..., {len(joints)}, 3) for {joints.name}: check the joint set"
        )
    poses = np.asarray(xyz, np.float64).reshape(-1, len(joints), 3)
    parents, children = np.array(joints.bones).T
    lengths = np.linalg.norm(poses[:, children] - poses[:, parents], axis=-1)  # (poses, limbs)
    seen = np.isfinite(lengths).sum(0)
    rare = int(seen.argmin())
    if seen[rare] < max(1, least_frames):
        limb = f"{joints.names[parents[rare]]} - {joints.names[children[rare]]}"
        raise ModelError(
            f"limb {limb} was seen in {seen[rare]} of {len(poses)} poses, needs {max(1, least_frames)}: "
            "give more poses, or other lengths"
        )
    if mean:
        length, spread = np.nanmean(lengths, 0), np.nanstd(lengths, 0)
    else:
        length = np.nanmedian(lengths, 0)
        spread = 1.4826 * np.nanmedian(np.abs(lengths - length), 0)
    if symmetric:
        other = _other_side(joints)
        length, spread = (length + length[other]) / 2, np.maximum(spread, spread[other])
    return LimbLengths(joints.name, length, np.maximum(spread, least_spread_m), len(poses), origin)


def true_lengths(xyz: NDArray[np.floating], joints: JointSet) -> NDArray[np.float64]:
    """The lengths (..., limbs) of each of the true poses xyz (..., joints, 3): what the original's scripts feed.

    A result that used them is an `oracle` result.
    """
    parents, children = np.array(joints.bones).T
    return np.linalg.norm(xyz[..., children, :] - xyz[..., parents, :], axis=-1)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    joints: str
    origin: Origin
    frames: int
    limbs: list[tuple[str, float, float]]  # "parent - child", length, spread, m


def write_limb_lengths(path: Path, lengths: LimbLengths, joints: JointSet) -> None:
    """Write `lengths` as JSON; an interrupted write leaves the old file."""
    names = [f"{joints.names[parent]} - {joints.names[child]}" for parent, child in joints.bones]
    rows = zip(names, lengths.length_m.tolist(), lengths.spread_m.tolist(), strict=True)
    content = _File(1, lengths.joints, lengths.origin, lengths.frames, list(rows))
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(content)))
    os.replace(unfinished, path)


def read_limb_lengths(path: Path, joints: JointSet) -> LimbLengths:
    """The lengths in the file at `path`, for `joints`.

    Raises:
        ModelError: no such file, another content, another joint set, lengths that are not positive.
    """
    try:
        content = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}: write it with write_limb_lengths") from error
    except msgspec.DecodeError as error:
        raise ModelError(f"{path}: {error}: write it again with write_limb_lengths") from error
    names = [f"{joints.names[parent]} - {joints.names[child]}" for parent, child in joints.bones]
    if content.joints != joints.name or [limb for limb, _, _ in content.limbs] != names:
        raise ModelError(
            f"{path}: limbs of {content.joints}, expected those of {joints.name}: estimate them for that joint set"
        )
    length, spread = np.array([values for _, *values in content.limbs]).T
    if not (
        np.isfinite(length).all() and (length > 0).all() and np.isfinite(spread).all() and (spread >= 0).all()
    ):
        raise ModelError(f"{path}: a length is not positive or a spread negative: estimate them again")
    return LimbLengths(content.joints, length, spread, content.frames, content.origin)


def _other_side(joints: JointSet) -> NDArray[np.intp]:
    """For each limb the index of the same limb on the other side, itself where there is none."""
    mirrored, bones = joints.mirrored, list(joints.bones)
    index = {bone: limb for limb, bone in enumerate(bones)}
    return np.array([index.get((mirrored[a], mirrored[b]), limb) for limb, (a, b) in enumerate(bones)])
