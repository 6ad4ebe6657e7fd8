"""Which way round were the extrinsics? Rotation or its transpose, translation or camera centre: files do not say.

A valid file read the wrong way round is valid too, so the only witness is what cameras around people have in common:
they look at one place. Known points, where there are any, are the better witness.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig

Stored = Literal["translation", "centre"]

_PARALLEL = 0.02  # variance of axes, about 8 degrees, below which where they meet says nothing
_CLEARLY = 3.0  # times closer to the target that another reading's axes must pass
_LOOKING = 0.2  # radians, about 11 degrees: rms within which cameras look at one place
_SAME = np.eye(3)
_FEWEST = 3  # two axes pass each other somewhere, whichever way they are read
_SEEN = 0.9  # share of known points inside a picture; people leave pictures now and then


def check_convention(
    rig: Rig, stored: Stored = "translation", file_from_cam: NDArray[np.float64] = _SAME
) -> None:
    """Refuse a rig whose cameras do not look at one place, if they all would, read another way round.

    Args:
        rig: as the file was read.
        stored: what the file is meant to hold beside the rotation: the translation t, or the camera's centre.
        file_from_cam: (3, 3) axes of the file's cameras in ours: what it holds as a rotation is `file_from_cam @ R`.

    Raises:
        CalibrationError: says which reading fits.
    """
    if len(rig) < _FEWEST:
        return
    found = _on_target(rig)
    if 2 * found.seen > len(rig):
        return
    fits = [
        (target.angle, what)
        for what, target in (
            (what, _on_target(other)) for what, other in _other_readings(rig, stored, file_from_cam)
        )
        if target.seen == len(rig) and target.angle < _LOOKING and _CLEARLY * target.angle < found.angle
    ]
    if fits:
        raise CalibrationError(
            f"{found.seen} of {len(rig)} cameras look at the place where their axes meet, and all would if "
            f"{min(fits)[1]}: export the calibration again in the documented convention"
        )


def check_points(rig: Rig, points_m: NDArray[np.float64], stored: Stored = "translation") -> None:
    """Refuse a rig that does not see what it is known to have seen.

    Args:
        rig: as the file was read.
        points_m: (n, 3) m in the world of the rig: the joints of its recording, markers; NaN is left out.
        stored: as for `check_convention`.

    Raises:
        CalibrationError: less than 90 % of the points are inside some picture; says which reading fits, if one does.
    """
    points = np.asarray(points_m, dtype=np.float64).reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        raise CalibrationError(
            "points_m has no known point: leave it out, or give points that the cameras saw"
        )
    seen = [_share_seen(camera, points) for camera in rig.cameras]
    worst = int(np.argmin(seen))
    if seen[worst] >= _SEEN:
        return
    fits = [
        what
        for what, other in _other_readings(rig, stored)
        if min(_share_seen(camera, points) for camera in other.cameras) >= _SEEN
    ]
    remedy = (
        f"they would be if {fits[0]}"
        if fits
        else "no other reading of the file fits either, is it this rig's?"
    )
    raise CalibrationError(
        f"camera {rig.names[worst]!r}: {seen[worst]:.0%} of the known points are inside its picture, expected "
        f"{_SEEN:.0%}: {remedy}"
    )


def _other_readings(
    rig: Rig, stored: Stored, file_from_cam: NDArray[np.float64] = _SAME
) -> list[tuple[str, Rig]]:
    cam_from_file = file_from_cam.T

    def transposed(one: Camera) -> NDArray[np.float64]:
        return cam_from_file @ (file_from_cam @ one.R).T

    def read(way: Callable[[Camera], tuple[NDArray[np.float64], NDArray[np.float64]]]) -> Rig:
        cameras = []
        for camera in rig.cameras:
            cam_from_world = np.eye(4)
            cam_from_world[:3, :3], cam_from_world[:3, 3] = way(camera)
            cameras.append(replace(camera, cam_from_world=cam_from_world))
        return replace(rig, cameras=tuple(cameras))

    if stored == "translation":
        return [
            ("its rotations were transposed", read(lambda one: (one.R.T, one.t))),
            ("its translations were camera centres", read(lambda one: (one.R, -one.R @ one.t))),
            ("its transforms were from camera to world", read(lambda one: (one.R.T, -one.R.T @ one.t))),
        ]
    return [
        ("its rotations were transposed", read(lambda one: (transposed(one), -transposed(one) @ one.centre))),
        ("its camera centres were translations", read(lambda one: (one.R, cam_from_file @ one.centre))),
        (
            "its rotations were transposed and its camera centres were translations",
            read(lambda one: (transposed(one), cam_from_file @ one.centre)),
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Target:
    """The point nearest to all optical axes.

    Attributes:
        seen: how many cameras have it in their picture; 0 where the axes are nearly parallel and there is none.
        angle: rms of its angles to the axes, radians.
    """

    seen: int
    angle: float


def _on_target(rig: Rig) -> _Target:
    axes = np.stack([camera.R[2] for camera in rig.cameras])
    centres = np.stack([camera.centre for camera in rig.cameras])
    across = np.eye(3) - axes[:, :, None] * axes[:, None]
    A = across.mean(axis=0)
    if np.linalg.eigvalsh(A)[0] < _PARALLEL:
        return _Target(0, np.inf)
    target = np.linalg.solve(A, np.einsum("nij,nj->i", across, centres) / len(rig))
    to_target = target - centres
    cosine = np.einsum("ni,ni->n", axes, to_target) / np.maximum(np.linalg.norm(to_target, axis=1), 1e-12)
    angle = float(np.sqrt(np.mean(np.arccos(np.clip(cosine, -1, 1)) ** 2)))
    return _Target(sum(_share_seen(camera, target[None]) == 1 for camera in rig.cameras), angle)


def _share_seen(camera: Camera, points: NDArray[np.float64]) -> float:
    pixels = camera.project(points)
    with np.errstate(invalid="ignore"):
        inside = ((pixels >= -0.5) & (pixels < np.array(camera.size_px) - 0.5)).all(axis=-1)
    return float(inside.mean())
