"""Sightings as observations of a bundle adjustment, adjusted twice: first with all, then without the outliers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.board import Board, Sighting
from posecap.calib.bundle import Bundle, adjust
from posecap.calib.bundle_options import BundleOptions
from posecap.calib.camera import Camera
from posecap.calib.observations import Observations
from posecap.calib.solution import CameraFit

_OUTLIER_SIGMAS = 5.0
_LEAST_OUTLIER_PX = 0.5
_LEAST_NOISE_PX = 0.02
_LEAST_LEFT = 4  # corners of a target
_Item = TypeVar("_Item")


def thinned(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most `most` of the items, evenly spread, in their order."""
    if len(items) <= most:
        return list(items)
    return [items[k] for k in np.linspace(0, len(items) - 1, most).round().astype(int)]


def observations_of(
    board: Board, sightings: Sequence[Sighting], names: Sequence[str], targets: Sequence[int]
) -> Observations:
    """All corners of sightings, of cameras in the order of `names`; `targets` says which target each sighting is of."""
    count = [len(sighting.ids) for sighting in sightings]
    index = {name: k for k, name in enumerate(names)}
    return Observations(
        np.repeat([index[sighting.camera] for sighting in sightings], count),
        np.repeat(np.asarray(targets, dtype=np.int64), count),
        np.concatenate([board.points_m[sighting.ids] for sighting in sightings]),
        np.concatenate([sighting.xy for sighting in sightings]),
    )


def adjust_inliers(
    cameras: tuple[Camera, ...],
    world_from_target: NDArray[np.float64],
    seen: Observations,
    options: BundleOptions,
) -> tuple[Bundle, NDArray[np.bool_]]:
    """Bundle of what is no outlier, and (n,) which observations those are.

    What holds the intrinsics is weighed against the noise that the first adjustment finds. An outlier is five standard
    deviations off after the robust adjustment. Targets that would be left with fewer than four corners lose all of
    them; they keep their pose and their place in the order.
    """
    first = adjust(cameras, world_from_target, seen, options)
    length = np.linalg.norm(first.residual_px, axis=1)
    kept = length < max(_OUTLIER_SIGMAS * first.sigma_px, _LEAST_OUTLIER_PX)
    left = np.bincount(seen.target[kept], minlength=len(world_from_target))
    kept &= (left >= _LEAST_LEFT)[seen.target]
    there = np.bincount(seen.target[kept], minlength=len(world_from_target)) > 0
    place = np.cumsum(there) - 1
    only = seen.only(kept)
    only = Observations(only.camera, place[only.target], only.point_m, only.xy)
    options = msgspec.structs.replace(options, noise_px=max(first.sigma_px, _LEAST_NOISE_PX))
    again = adjust(first.cameras, first.world_from_target[there], only, options, given=cameras)
    targets = first.world_from_target.copy()
    targets[there] = again.world_from_target
    return replace(again, world_from_target=targets), kept


def fit_of(index: int, name: str, bundle: Bundle, seen: Observations, kept: NDArray[np.bool_]) -> CameraFit:
    """How the camera at `index` fits; `bundle` is of the observations `kept` of `seen`."""
    only = seen.only(kept)
    mine = only.camera == index
    residuals = bundle.residual_px[mine]
    rms = float(np.sqrt((residuals**2).sum(axis=1).mean())) if len(residuals) else float("nan")
    views = len(np.unique(only.target[mine]))
    lost = int((seen.camera == index).sum() - mine.sum())
    return CameraFit(name, rms, int(mine.sum()), views, lost, residuals, only.xy[mine])
