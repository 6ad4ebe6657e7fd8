"""A world made of people: they stand on the floor, they are upright on average, and somebody knows how tall they are.

z = 0 is the floor. +Z comes from the places where feet rest, held by the mean direction of the bodies: feet that rest
along one line do not fix a floor alone. The first camera stands on the -Y side: the world's +Y is where it looks.
"""

from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.joint_views import JointViews

_FEET = {("_heel",): 0.03, ("_foot_index", "_big_toe", "_small_toe"): 0.02, ("_ankle",): 0.08}
"""Joints of feet by the ends of their names, and how high they are over the floor, metres on a body of 1.7."""
_PLACE_SHARE = 0.04  # of the body: steps nearer to each other are one place
_EYES = ("left_eye", "right_eye")
_EYE_SHARE = 0.936  # of the height of a standing body: Drillis and Contini 1966
_MEAN_HEIGHT_M = 1.7


class WorldSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a world is made of people.

    Attributes:
        upright_rad: standard deviation of the mean direction of bodies from upright.
        feet_share: standard deviation of a resting foot's height over the body's height.
        joint_share: the same, of how high a joint of the foot is over the floor.
        standing_quantile: of the heights of the eyes over the floor that counts as standing upright.
    """

    upright_rad: float = 0.1
    feet_share: float = 0.006
    joint_share: float = 0.01
    standing_quantile: float = 0.9


def world_from_people(
    xyz: NDArray[np.float64],
    views: JointViews,
    forward: NDArray[np.float64],
    settings: WorldSettings | None = None,
) -> NDArray[np.float64]:
    """(4, 4) new_from_old, a turn and a shift, into the world of the people.

    Args:
        xyz: (instants, joints, 3) in any right-handed frame and unit; NaN = not known.
        views: joints and instants of `xyz`.
        forward: (3,) direction that +Y shall have as seen from above: where the first camera looks.
        settings: what is believed.

    Raises:
        CalibrationError: no feet or no trunks were seen.
    """
    settings = settings or WorldSettings()
    up, size = _mean_up(xyz, views)
    feet = _resting_feet(xyz, views, size)
    if len(feet.xyz) < 10:
        raise CalibrationError(
            f"feet were seen at rest in {len(feet.xyz)} places, expected 10: film the feet, or take the floor from a "
            "board"
        )
    up, height = _floor(feet, up, size, settings)
    y = forward - up * (forward @ up)
    if np.linalg.norm(y) < 1e-6:  # a camera that looks straight down
        y = np.cross(up, [1.0, 0.0, 0.0])
    y /= np.linalg.norm(y)
    R = np.stack([np.cross(y, up), y, up])
    middle = R @ np.median(feet.xyz, axis=0)
    new_from_old = np.eye(4)
    new_from_old[:3, :3] = R
    new_from_old[:3, 3] = (-middle[0], -middle[1], -height)
    return new_from_old


def standing_height(
    xyz: NDArray[np.float64], views: JointViews, settings: WorldSettings | None = None
) -> float:
    """Height of the tallest person, head to floor, in a world that has its floor at z = 0; its unit.

    Taken from the eyes, which are at 0.936 of a standing body. Good to about 3 %: bodies differ, and so do networks.

    Raises:
        CalibrationError: eyes were not seen.
    """
    settings = settings or WorldSettings()
    eyes = [views.joints.index(name) for name in _EYES if name in views.joints]
    heights = []
    for person in np.unique(views.person):
        z = xyz[views.person == person][:, eyes, 2]
        z = z[np.isfinite(z)]
        if len(z) >= 10:
            heights.append(float(np.quantile(z, settings.standing_quantile)))
    if not heights:
        raise CalibrationError(
            "no eyes were seen, so the height of the body is not known: give a distance instead"
        )
    return max(heights) / _EYE_SHARE


def moved_world(
    cameras: tuple[Camera, ...],
    xyz: NDArray[np.float64],
    new_from_old: NDArray[np.float64],
    scale: float = 1.0,
) -> tuple[tuple[Camera, ...], NDArray[np.float64]]:
    """Cameras and points after the world was turned and shifted, then made `scale` times larger."""
    R, t = new_from_old[:3, :3], new_from_old[:3, 3]
    moved = []
    for camera in cameras:
        pose = np.eye(4)
        pose[:3, :3] = camera.R @ R.T
        pose[:3, 3] = scale * (camera.t - pose[:3, :3] @ t)
        moved.append(replace(camera, cam_from_world=pose))
    return tuple(moved), scale * (xyz @ R.T + t)


def _mean_up(xyz: NDArray[np.float64], views: JointViews) -> tuple[NDArray[np.float64], float]:
    """The direction of bodies that are stretched, ankles to shoulders, and a body's size."""
    at = {name: index for index, name in enumerate(views.joints)}
    need = ("left_shoulder", "right_shoulder", "left_ankle", "right_ankle")
    if any(name not in at for name in need):
        raise CalibrationError(
            "tracks without shoulders and ankles do not say where up is: choose another model"
        )
    top = (xyz[:, at["left_shoulder"]] + xyz[:, at["right_shoulder"]]) / 2
    bottom = (xyz[:, at["left_ankle"]] + xyz[:, at["right_ankle"]]) / 2
    along = top - bottom
    along = along[np.isfinite(along).all(axis=1)]
    if len(along) < 10:
        raise CalibrationError(
            f"whole bodies were seen {len(along)} times, expected 10: film people from head to foot"
        )
    length = np.linalg.norm(along, axis=1)
    stretched = along[length >= 0.9 * np.quantile(length, 0.9)]
    up = np.median(stretched / np.linalg.norm(stretched, axis=1)[:, None], axis=0)
    return up / np.linalg.norm(up), float(np.quantile(length, 0.9)) / 0.78


@dataclass(frozen=True, slots=True, eq=False)
class _Feet:
    """Where joints of feet rested: one row for each place, however long they stayed.

    Attributes:
        xyz: (n, 3).
        kind: (n,) 0 = heel, 1 = toes, 2 = ankle.
    """

    xyz: NDArray[np.float64]
    kind: NDArray[np.int64]


def _resting_feet(xyz: NDArray[np.float64], views: JointViews, size: float) -> _Feet:
    """Places where joints of feet were as still as they ever are."""
    cell = _PLACE_SHARE * size
    places: dict[tuple[int, ...], list[NDArray[np.float64]]] = {}
    for joint, name in enumerate(views.joints):
        kind = next((k for k, ends in enumerate(_FEET) if name.endswith(ends)), None)
        if kind is None:
            continue
        for person in np.unique(views.person):
            path = xyz[views.person == person, joint]
            speed = np.full(len(path), np.nan)
            step = np.linalg.norm(np.diff(path, axis=0), axis=1)
            if len(step) > 1:
                speed[1:-1] = np.maximum(step[:-1], step[1:])
            if np.isfinite(speed).sum() < 5:
                continue
            still = path[speed <= np.nanmedian(speed)]
            for point in still:
                places.setdefault((joint, *np.floor(point / cell).astype(int)), []).append(point)
    kinds = [next(k for k, ends in enumerate(_FEET) if views.joints[key[0]].endswith(ends)) for key in places]
    return _Feet(
        np.array([np.median(points, axis=0) for points in places.values()]).reshape(-1, 3),
        np.array(kinds, dtype=np.int64),
    )


def _floor(
    feet: _Feet, up: NDArray[np.float64], size: float, settings: WorldSettings
) -> tuple[NDArray[np.float64], float]:
    """Normal and height of the plane under resting feet; feet in the air lose weight.

    Each kind of joint has its own height over the floor: toes are always ahead of heels, and a wrong difference between
    them would tilt the floor of somebody who faces one way.
    """
    a = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.7 else [0.0, 1.0, 0.0])
    a /= np.linalg.norm(a)
    along = np.stack([feet.xyz @ a, feet.xyz @ np.cross(up, a)], axis=1)
    middle = np.median(along, axis=0)
    over = feet.xyz @ up
    sigma = settings.feet_share * size
    rows = np.column_stack([along - middle, np.ones(len(over)), np.eye(len(_FEET))[feet.kind]])
    expected = np.array([height / _MEAN_HEIGHT_M * size for height in _FEET.values()])
    held = np.diag(
        [settings.upright_rad**-2] * 2 + [0.0] + [(settings.joint_share * size) ** -2] * len(_FEET)
    )
    x = np.array([0.0, 0.0, np.quantile(over - expected[feet.kind], 0.3), *expected])
    about = np.array([0.0, 0.0, 0.0, *expected])
    for _ in range(50):
        weight = (1 + ((over - rows @ x) / sigma) ** 2) ** -2 / sigma**2
        x = np.linalg.solve(rows.T @ (rows * weight[:, None]) + held, rows.T @ (weight * over) + held @ about)
    normal = up - x[0] * a - x[1] * np.cross(up, a)
    length = float(np.linalg.norm(normal))
    return normal / length, float((x[2] - x[0] * middle[0] - x[1] * middle[1]) / length)
