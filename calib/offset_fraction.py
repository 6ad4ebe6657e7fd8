"""Offsets between cameras to a fraction of a picture, from how joints move.

A camera whose clock is wrong by d saw a joint d times its speed away from where the other views meet (Elhayek et al.
2012; Takahashi et al. 2018). So do networks, which place a hip elsewhere when they see it from the front, and
calibrations; their errors change slowly, and somebody who walks ahead turns them into an offset. Hence residuals and
speeds are both compared with their own mean over the time around: limbs that swing tell the offset, not the walk.

The joints are eliminated by projecting everything on what no displacement of a joint can explain.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.joint_views import JointViews
from posecap.calib.lens_derivatives import seen_with_derivatives
from posecap.calib.people_extrinsics import triangulated

_SOFT = 1.5  # median residuals beyond which a joint loses weight (Cauchy)
_ROUNDS = 10


@dataclass(frozen=True, slots=True, eq=False)
class OffsetStep:
    """What the offsets are off by.

    Attributes:
        change_s: (views,); the first is 0.
        sigma_s: (views,) standard deviations, by a jackknife over parts of the recording; the first is 0.
        joints: at instants that were used.
    """

    change_s: NDArray[np.float64]
    sigma_s: NDArray[np.float64]
    joints: int


def offset_step(cameras: tuple[Camera, ...], views: JointViews, slow_pictures: int, parts: int) -> OffsetStep:
    """The step of all offsets but the first from observations at successive instants of one person.

    Args:
        cameras: poses to a few centimetres.
        views: moved to common instants by the offsets so far.
        slow_pictures: the mean is taken over so many pictures before and after.
        parts: of the recording, for the uncertainty; the errors of a network last for many pictures, so pictures are
            no independent draws.

    Sigma is inf where the motion tells nothing.
    """
    residual, slope, used = _unexplained(cameras, views)
    residual, slope = _less_mean(residual, used, slow_pictures), _less_mean(slope, used, slow_pictures)
    part = np.broadcast_to((np.arange(len(used)) * parts // max(len(used), 1))[:, None], used.shape)[used]
    y, Z = residual[used], slope[used][..., 1:]
    unknown = len(cameras) - 1
    change = np.zeros(unknown)
    H, g = np.zeros((parts, unknown, unknown)), np.zeros((parts, unknown))
    for _ in range(_ROUNDS):
        square = ((y - Z @ change) ** 2).sum(axis=-1)
        weight = 1 / (1 + square / max(_SOFT**2 * float(np.median(square)) if len(square) else 1.0, 1e-12))
        for k in range(parts):
            mine, w = part == k, weight[part == k]
            H[k] = np.einsum("n,nki,nkj->ij", w, Z[mine], Z[mine])
            g[k] = np.einsum("n,nki,nk->i", w, Z[mine], y[mine])
        if _flat(H.sum(axis=0)):
            return OffsetStep(
                np.zeros(unknown + 1), np.append(0.0, np.full(unknown, np.inf)), int(used.sum())
            )
        change = np.linalg.solve(H.sum(axis=0), g.sum(axis=0))
    without = []
    for k in range(parts):
        rest = H.sum(axis=0) - H[k]
        without.append(
            np.full(unknown, np.inf) if _flat(rest) else np.linalg.solve(rest, g.sum(axis=0) - g[k])
        )
    apart = np.array(without) - change
    sigma = np.sqrt((parts - 1) / parts * (apart**2).sum(axis=0))
    return OffsetStep(np.append(0.0, change), np.append(0.0, sigma), int(used.sum()))


def _flat(H: NDArray[np.float64]) -> bool:
    diagonal = np.diag(H)
    return not (diagonal > 0).all() or bool(np.linalg.cond(H / np.sqrt(np.outer(diagonal, diagonal))) > 1e8)


def _unexplained(
    cameras: tuple[Camera, ...], views: JointViews
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """What no displacement of a joint explains, in sigmas.

    Returns:
        (instants, joints, 2 views) of the residuals, (instants, joints, 2 views, views) of each view's speed for a
        second, and (instants, joints) where three views or all of them see the joint.
    """
    xyz = triangulated(cameras, views)
    seen = views.seen & np.isfinite(xyz[..., 0])
    count, instants, joints = views.sigma_px.shape
    along = np.zeros((instants, joints, 2 * count, 3))
    residual = np.zeros((instants, joints, 2 * count))
    speed = np.zeros((instants, joints, 2 * count, count))
    for view, camera in enumerate(cameras):
        i, j = np.nonzero(seen[view])
        pixels, _, slope = seen_with_derivatives(camera, xyz[i, j])
        sigma = views.sigma_px[view][i, j][:, None]
        rows = slice(2 * view, 2 * view + 2)
        along[i, j, rows] = slope / sigma[..., None]
        residual[i, j, rows] = (views.xy[view][i, j] - pixels) / sigma
        speed[i, j, rows, view] = views.velocity[view][i, j] / sigma
    used = (seen.sum(axis=0) >= min(3, count)) & np.isfinite(residual).all(axis=-1)
    along[~used], residual[~used], speed[~used] = 0.0, 0.0, 0.0
    turned = along.swapaxes(-1, -2)
    explained = along @ np.linalg.solve(turned @ along + 1e-9 * np.eye(3), turned)
    left = np.eye(2 * count) - explained
    return (left @ residual[..., None])[..., 0], left @ speed, used


def _less_mean(values: NDArray[np.float64], used: NDArray[np.bool_], pictures: int) -> NDArray[np.float64]:
    """`values` (instants, joints, ...) less their mean over `pictures` before and after, where `used`."""
    weight = used.reshape(*used.shape, *(1,) * (values.ndim - 2)).astype(np.float64)
    first = np.maximum(np.arange(len(used)) - pictures, 0)
    last = np.minimum(np.arange(len(used)) + pictures + 1, len(used))

    def summed(array: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.concatenate([np.zeros((1, *array.shape[1:])), np.cumsum(array, axis=0)])
        return total[last] - total[first]

    return (values - summed(values * weight) / np.maximum(summed(weight), 1)) * weight
