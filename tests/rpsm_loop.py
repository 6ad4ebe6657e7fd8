"""The slow twin of `posecap.models.rpsm`: the same levels in NumPy, joint after joint, every pair of bins measured."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Camera = tuple[Array, Array, Array, Array, Array]
"""cam_from_world (3, 4), focal (2,), centre (2,), distortion (5,), heatmap_from_image (2, 3)."""


def rpsm_loop(
    heatmaps: Array,
    cameras: Sequence[Camera],
    root: Array,
    lengths: Array,
    limbs: Sequence[tuple[int, int]],
    *,
    grid: float,
    tolerance: float,
    bins: int = 16,
    levels: int = 10,
    first_fits: Sequence[NDArray[np.bool_]] | None = None,
) -> Array:
    """Joints (joints, 3) of one frame by the published rules.

    Args:
        first_fits: for each limb which pairs of bins of the first level fit it, where that is known beforehand.
        heatmaps: (views, joints, side, side).
        limbs: (parent, child), root first.
    """
    joints = heatmaps.shape[1]
    centers = np.tile(root, (joints, 1))
    edge, count = grid, bins
    for level in range(levels + 1):
        cube = _cube(edge, count)
        places = [center + cube for center in centers]
        unary = [
            np.sum(
                [
                    _look_up(heatmaps[view, joint], places[joint], camera)
                    for view, camera in enumerate(cameras)
                ],
                0,
            )
            for joint in range(joints)
        ]
        fits = first_fits if level == 0 and first_fits is not None else None
        centers = _best(places, unary, lengths, limbs, tolerance, fits)
        edge, count = (grid / bins if level == 0 else edge / 2), 2
    return centers


def _cube(edge: float, count: int) -> Array:
    axis = np.linspace(-edge / 2, edge / 2, count)
    x, y, z = np.meshgrid(axis, axis, axis)
    return np.stack([x.ravel(), y.ravel(), z.ravel()], 1)


def _look_up(heatmap: Array, points: Array, camera: Camera) -> Array:
    extrinsic, focal, center, (k1, k2, p1, p2, k3), affine = camera
    local = points @ extrinsic[:, :3].T + extrinsic[:, 3]
    y = local[:, :2] / local[:, 2:]
    r2 = (y**2).sum(1)
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    tangential = 2 * p1 * y[:, 1] + 2 * p2 * y[:, 0]
    y = y * (radial + tangential)[:, None] + np.outer(r2, [p2, p1])
    u, v = ((y * focal.mean() + center) @ affine[:, :2].T + affine[:, 2]).T
    side = len(heatmap)
    inside = (u >= 0) & (u <= side - 1) & (v >= 0) & (v <= side - 1)
    values = np.zeros(len(points))
    u, v = u[inside], v[inside]
    i, j = np.minimum(v.astype(int), side - 2), np.minimum(u.astype(int), side - 2)
    a, b = v - i, u - j
    values[inside] = (
        heatmap[i, j] * (1 - a) * (1 - b)
        + heatmap[i, j + 1] * (1 - a) * b
        + heatmap[i + 1, j] * a * (1 - b)
        + heatmap[i + 1, j + 1] * a * b
    )
    return values


def _best(
    places: list[Array],
    unary: list[Array],
    lengths: Array,
    limbs: Sequence[tuple[int, int]],
    tolerance: float,
    fits: Sequence[NDArray[np.bool_]] | None,
) -> Array:
    energy = [values.copy() for values in unary]
    choice = {}
    for limb, (parent, child) in reversed(list(enumerate(limbs))):
        fit = _fit(places[parent], places[child], lengths[limb], tolerance) if fits is None else fits[limb]
        weighted = fit * energy[child]
        choice[child] = weighted.argmax(1)
        energy[parent] = energy[parent] * weighted.max(1)
    state = {0: int(energy[0].argmax())}
    for parent, child in limbs:
        state[child] = int(choice[child][state[parent]])
    return np.stack([places[joint][state[joint]] for joint in range(len(places))])


def first_fits(lengths: Array, *, grid: float, tolerance: float, bins: int = 16) -> list[NDArray[np.bool_]]:
    """For each limb which pairs (bins^3, bins^3) of the first level fit it; all joints have the same bins there."""
    cube = _cube(grid, bins)
    return [_fit(cube, cube, length, tolerance) for length in lengths]


def _fit(parent: Array, child: Array, length: float, tolerance: float) -> NDArray[np.bool_]:
    apart = np.linalg.norm(parent[:, None] - child[None], axis=2)
    return np.abs(apart - length) <= tolerance
