"""Rows of views put in the order of people: what association decided, applied."""

import numpy as np
from numpy.typing import NDArray

from posecap.runtime.pose import Keypoints2D
from posecap.runtime.rays import Rays


def gathered_rays(rays: Rays, rows: NDArray[np.int64]) -> Rays:
    """`rays` in the order of people: (views, people, joints) from `rows` (people, views), -1 = not seen."""
    view = np.arange(len(rays.xy))[:, None]
    at = np.maximum(rows.T, 0)
    seen = (rows.T >= 0)[..., None]
    return Rays(
        np.where(seen[..., None], _at_least_one_row(rays.xy, np.nan)[view, at], np.nan),
        np.where(seen, _at_least_one_row(rays.variance, np.inf)[view, at], np.inf),
    )


def gathered_keypoints(
    keypoints: Keypoints2D, rows: NDArray[np.int64], tracks: NDArray[np.int64]
) -> Keypoints2D:
    """`keypoints` in the order of people; `tracks` (people,) are their identities."""
    view = np.arange(len(keypoints.xy))[:, None]
    at = np.maximum(rows.T, 0)
    seen = (rows.T >= 0)[..., None]
    return Keypoints2D(
        xy=np.where(seen[..., None], _at_least_one_row(keypoints.xy, np.nan)[view, at], np.nan),
        score=np.where(seen, _at_least_one_row(keypoints.score, 0.0)[view, at], 0.0),
        variance=np.where(seen, _at_least_one_row(keypoints.variance, np.inf)[view, at], np.inf),
        track=np.broadcast_to(tracks, (len(rows.T), len(tracks))).copy(),
        heatmaps=tuple(
            tuple(maps[row] if row >= 0 else None for row in rows[:, v])
            for v, maps in enumerate(keypoints.heatmaps)
        ),
    )


def _at_least_one_row(array: NDArray, fill: float) -> NDArray:
    """`array` (views, rows, ...) with an empty row where there is none, so that "no row" can be looked up."""
    if array.shape[1]:
        return array
    return np.full((array.shape[0], 1, *array.shape[2:]), fill, dtype=array.dtype)
