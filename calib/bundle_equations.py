"""The normal equations of a bundle adjustment: targets eliminated first, so that a step costs as much as the cameras.

Triggs, McLauchlan, Hartley and Fitzgibbon 2000, "Bundle adjustment, a modern synthesis", section 6.1 (Schur
complement).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.calib.bundle_options import BundleOptions
from posecap.calib.camera import Camera
from posecap.calib.camera_change import changed, intrinsics_of_camera, may_change, orthonormal, pull_of
from posecap.calib.lens_derivatives import CAMERA_PARAMETERS, cross_matrices, seen_with_derivatives
from posecap.calib.observations import Observations
from posecap.calib.rotation import rotation_of

_LOST_PX = 1e4  # residual of a point that is behind a camera


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Cameras and (targets, 4, 4) world_from_target, metres, on the way."""

    cameras: tuple[Camera, ...]
    targets: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """Normal equations: camera block A, target blocks B, coupling W, gradients; `free` are the cameras' parameters."""

    cost: float
    A: NDArray[np.float64]
    B: NDArray[np.float64]
    W: NDArray[np.float64]  # (camera parameters, targets, 6)
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    free: NDArray[np.bool_]

    def reduced(self, damping: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """(S, right side, W B^-1) over the free camera parameters."""
        B = self.B + damping * _diagonals(self.B)
        inverse = np.asarray(np.linalg.inv(B), dtype=np.float64)
        W = self.W[self.free]
        WB = np.einsum("cti,tij->ctj", W, inverse)
        width = WB.shape[1] * WB.shape[2]  # said, as W may have no rows
        flat = WB.reshape(len(W), width)
        A = self.A[np.ix_(self.free, self.free)]
        A = A + damping * np.diag(np.diag(A))
        S = A - flat @ W.reshape(len(W), width).T
        return S, self.a[self.free] - flat @ self.b.ravel(), inverse

    def step(self, damping: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(camera parameters,) and (targets, 6) changes."""
        S, right, inverse = self.reduced(damping)
        change = np.zeros(len(self.a))
        if len(right):
            unit = 1 / np.sqrt(np.maximum(np.diag(S), 1e-300))
            scaled = S * unit[:, None] * unit
            change[self.free] = unit * np.linalg.lstsq(scaled, unit * right, rcond=1e-15)[0]
        rest = self.b - np.einsum("cti,c->ti", self.W, change)
        return change, np.einsum("tij,tj->ti", inverse, rest)


def _diagonals(B: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.eye(6) * np.diagonal(B, axis1=1, axis2=2)[:, None, :]


class Problem:
    def __init__(
        self,
        cameras: tuple[Camera, ...],
        seen: Observations,
        options: BundleOptions,
        is_point: NDArray[np.bool_],
    ) -> None:
        self.given, self.options, self.is_point = cameras, options, is_point
        order = np.lexsort((seen.target, seen.camera))
        self.back = np.argsort(order)
        self.seen = Observations(seen.camera[order], seen.target[order], seen.point_m[order], seen.xy[order])
        self.of_camera = [np.flatnonzero(self.seen.camera == c) for c in range(len(cameras))]
        self.free = self._free()
        self.pull = np.concatenate([pull_of(camera, options) for camera in cameras])

    def _free(self) -> NDArray[np.bool_]:
        free = np.zeros((len(self.given), CAMERA_PARAMETERS), dtype=bool)
        free[self.options.held :, :6] = True
        for row, camera in zip(free, self.given, strict=True):
            row[6:] = may_change(camera, self.options)
        return free.ravel()

    def residual(self, state: State) -> NDArray[np.float64]:
        """(n, 2) in the order of cameras."""
        gap = np.empty((len(self.seen), 2))
        for camera, rows in zip(state.cameras, self.of_camera, strict=True):
            gap[rows] = self.seen.xy[rows] - camera.project(self._points(state, rows))
        return np.where(np.isfinite(gap), gap, _LOST_PX)

    def _points(self, state: State, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        targets = state.targets[self.seen.target[rows]]
        return np.einsum("nij,nj->ni", targets[:, :3, :3], self.seen.point_m[rows]) + targets[:, :3, 3]

    def median_px(self, state: State) -> float:
        return float(np.median(np.abs(self.residual(state))))

    def weights(self, gap: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
        return np.minimum(1.0, scale / np.maximum(np.linalg.norm(gap, axis=1), 1e-12))

    def cost(self, state: State, scale: float) -> float:
        size = np.linalg.norm(self.residual(state), axis=1)
        outside = size > scale
        total = float((size[~outside] ** 2).sum())
        if outside.any():
            total += float((2 * scale * size[outside] - scale**2).sum())
        return total + float((self._held_off(state) ** 2).sum())

    def _held_off(self, state: State) -> NDArray[np.float64]:
        """What holds the intrinsics, in pixels: distance from the given ones over their standard deviation."""
        off = np.concatenate(
            [
                intrinsics_of_camera(now) - intrinsics_of_camera(was)
                for now, was in zip(state.cameras, self.given, strict=True)
            ]
        )
        return np.concatenate([self.pull * off, self._aspects(state)]) * self.options.noise_px

    def _aspects(self, state: State) -> NDArray[np.float64]:
        now, was = (
            np.array([np.log(c.K[0, 0] / c.K[1, 1]) for c in cameras])
            for cameras in (state.cameras, self.given)
        )
        return (now - was) / self.options.aspect_share

    def system(self, state: State, scale: float) -> System:
        size, targets = CAMERA_PARAMETERS, len(state.targets)
        count = size * len(state.cameras)
        A, a = np.zeros((count, count)), np.zeros(count)
        B, b = np.zeros((targets, 6, 6)), np.zeros((targets, 6))
        W = np.zeros((count, targets, 6))
        for c, (camera, rows) in enumerate(zip(state.cameras, self.of_camera, strict=True)):
            if len(rows) == 0:
                continue
            target = self.seen.target[rows]
            points = self._points(state, rows)
            pixels, by_camera, by_point = seen_with_derivatives(camera, points)
            gap = self.seen.xy[rows] - pixels
            weight = self.weights(gap, scale)
            lost = ~np.isfinite(gap).all(axis=1)
            by_camera[lost], by_point[lost], gap[lost], weight[lost] = 0, 0, 0, 0
            by_target = np.empty((len(rows), 2, 6))
            by_target[:, :, :3] = by_point @ -cross_matrices(points - state.targets[target, :3, 3])
            by_target[:, :, 3:] = by_point
            by_target[self.is_point[target], :, :3] = 0
            root = np.sqrt(weight)[:, None, None]
            by_camera, by_target, gap = by_camera * root, by_target * root, gap * root[..., 0]
            block = slice(size * c, size * (c + 1))
            flat = by_camera.reshape(-1, size)
            A[block, block] = flat.T @ flat
            a[block] = flat.T @ gap.ravel()
            first = np.flatnonzero(
                np.diff(target, prepend=-1)
            )  # rows of a camera lie in the order of targets
            here = target[first]
            B[here] += np.add.reduceat(by_target.transpose(0, 2, 1) @ by_target, first)
            b[here] += np.add.reduceat(np.einsum("nij,ni->nj", by_target, gap), first)
            coupled = np.add.reduceat(by_camera.transpose(0, 2, 1) @ by_target, first)
            W[block, here] = coupled.transpose(1, 0, 2)
        self._hold(state, A, a)
        B[self.is_point, :3, :3] += np.eye(3)
        B[np.trace(B, axis1=1, axis2=2) == 0] = np.eye(6)
        return System(self.cost(state, scale), A, B, W, a, b, self.free)

    def _hold(self, state: State, A: NDArray[np.float64], a: NDArray[np.float64]) -> None:
        off, variance = self._held_off(state), self.options.noise_px**2
        intrinsic = np.tile(np.arange(CAMERA_PARAMETERS) >= 6, len(state.cameras))
        where = np.flatnonzero(intrinsic)
        A[where, where] += variance * self.pull**2
        a[where] -= self.options.noise_px * self.pull * off[: len(self.pull)]
        for c, camera in enumerate(state.cameras):
            row = np.array([1 / camera.K[0, 0], -1 / camera.K[1, 1]])
            row *= self.options.noise_px / self.options.aspect_share
            at = CAMERA_PARAMETERS * c + np.array([6, 7])
            A[np.ix_(at, at)] += np.outer(row, row)
            a[at] -= row * off[len(self.pull) + c]

    def moved(self, state: State, change: NDArray[np.float64], targets: NDArray[np.float64]) -> State:
        cameras = tuple(
            changed(camera, part)
            for camera, part in zip(state.cameras, change.reshape(-1, CAMERA_PARAMETERS), strict=True)
        )
        moved = state.targets.copy()
        for target, part in zip(moved, targets, strict=True):
            if part[:3].any():
                target[:3, :3] = orthonormal(rotation_of(part[:3]) @ target[:3, :3])
            target[:3, 3] += part[3:]
        return State(cameras, moved)
