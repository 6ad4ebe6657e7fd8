"""Distances on a board as the solved cameras measure them, against the printed ones."""

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.observations import Observations
from posecap.calib.triangulate import triangulate

_MOST_PAIRS = 300  # of corners, an instant


def board_errors(
    cameras: tuple[Camera, ...], seen: Observations
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(k,) measured less printed and (k,) printed distances of pairs of corners of one target, metres.

    Each corner that two cameras or more saw is triangulated on its own; that it is part of a board is not used. All
    pairs of corners count, of large boards an even choice.
    """
    corners, row = np.unique(
        np.column_stack([seen.target, seen.point_m]), axis=0, return_inverse=True
    )  # target and place on the board
    rays = np.full((len(cameras), len(corners), 2), np.nan)
    variance = np.full((len(cameras), len(corners)), np.inf)
    for index, camera in enumerate(cameras):
        mine = np.flatnonzero(seen.camera == index)
        rays[index, row.ravel()[mine]] = camera.undistorted(seen.xy[mine])
        variance[index, row.ravel()[mine]] = 1 / camera.focal_px**2
    extrinsics = np.stack([camera.cam_from_world[:3] for camera in cameras])
    xyz = triangulate(rays, variance, extrinsics).xyz
    found = np.isfinite(xyz).all(axis=1)
    xyz, corners = xyz[found], corners[found]
    errors, printed = [np.empty(0)], [np.empty(0)]
    for target in np.unique(corners[:, 0]):
        mine = np.flatnonzero(corners[:, 0] == target)
        a, b = np.triu_indices(len(mine), 1)
        step = max(1, -(-len(a) // _MOST_PAIRS))
        a, b = mine[a[::step]], mine[b[::step]]
        true = np.linalg.norm(corners[a, 1:] - corners[b, 1:], axis=1)
        errors.append(np.linalg.norm(xyz[a] - xyz[b], axis=1) - true)
        printed.append(true)
    return np.concatenate(errors), np.concatenate(printed)
