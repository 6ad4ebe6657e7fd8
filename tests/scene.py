"""Synthetic truth: rigs, people and what cameras would report of them, with every answer known."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.models.joints import COCO_17, JointSet
from posecap.runtime.pose import Keypoints2D

BROWN = np.array([-0.2, 0.22, -0.0008, 0.0006, -0.004])

# a standing person of 1.75 m, COCO-17, metres, facing -y, feet at z = 0
STANDING = np.array(
    [
        [0.00, -0.10, 1.62], [0.03, -0.08, 1.65], [-0.03, -0.08, 1.65], [0.07, 0.00, 1.63], [-0.07, 0.00, 1.63],
        [0.18, 0.00, 1.43], [-0.18, 0.00, 1.43], [0.23, 0.02, 1.14], [-0.23, 0.02, 1.14], [0.25, -0.04, 0.89],
        [-0.25, -0.04, 0.89], [0.10, 0.00, 0.93], [-0.10, 0.00, 0.93], [0.11, -0.01, 0.50], [-0.11, -0.01, 0.50],
        [0.11, 0.03, 0.08], [-0.11, 0.03, 0.08],
    ]
)  # fmt: skip


def look_at(name: str, centre: NDArray, target: NDArray, focal_px: float, size_px: tuple[int, int]) -> Camera:
    """A level camera at `centre` that looks at `target` (metres)."""
    forward = (target - centre) / np.linalg.norm(target - centre)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    cam_from_world[:3, 3] = -cam_from_world[:3, :3] @ centre
    K = np.array([[focal_px, 0, (size_px[0] - 1) / 2], [0, focal_px, (size_px[1] - 1) / 2], [0, 0, 1.0]])
    return Camera(name, size_px, K, BROWN, cam_from_world)


def ring_rig(views: int, radius_m: float = 4.5, height_m: float = 1.5, focal_px: float = 1145.0) -> Rig:
    """Cameras in a ring around the origin, 1000 x 1000 px."""
    angles = 2 * np.pi * (np.arange(views) + 0.3) / views
    centres = np.stack(
        [radius_m * np.cos(angles), radius_m * np.sin(angles), np.full(views, height_m)], axis=1
    )
    target = np.array([0.0, 0.0, 1.0])
    return Rig(
        tuple(look_at(f"cam{k:02d}", c, target, focal_px, (1000, 1000)) for k, c in enumerate(centres))
    )


def posed_person(rng: np.random.Generator, place_m: NDArray) -> NDArray[np.float64]:
    """(17, 3) a person with bent limbs, turned at random, standing at `place_m` (x, y)."""
    xyz = STANDING * rng.uniform(0.9, 1.08)
    for start, joints in ((5, (7, 9)), (6, (8, 10)), (11, (13, 15)), (12, (14, 16))):
        swing = _rotation(rng.uniform(-0.9, 0.9), rng.uniform(-0.5, 0.5))
        for joint in joints:
            xyz[joint] = xyz[start] + swing @ (xyz[joint] - xyz[start])
        bend = _rotation(rng.uniform(-0.8, 0.8), 0.0)
        xyz[joints[1]] = xyz[joints[0]] + bend @ (xyz[joints[1]] - xyz[joints[0]])
    yaw = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1.0]])
    return xyz @ turn.T + (*place_m, 0.0)


def _rotation(about_x: float, about_y: float) -> NDArray[np.float64]:
    cx, sx, cy, sy = np.cos(about_x), np.sin(about_x), np.cos(about_y), np.sin(about_y)
    return np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]) @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])


def standing_places(
    rng: np.random.Generator, people: int, reach_m: float = 1.6, apart_m: float = 0.7
) -> NDArray:
    """(people, 2) places at least `apart_m` apart."""
    places: list[NDArray] = []
    while len(places) < people:
        place = rng.uniform(-reach_m, reach_m, 2)
        if all(np.linalg.norm(place - other) > apart_m for other in places):
            places.append(place)
    return np.array(places)


@dataclass(frozen=True)
class Scene:
    """People and what the cameras report of them.

    Attributes:
        xyz: (people, joints, 3) the truth, metres.
        keypoints: rows of a view in random order.
        owner: (views, rows) index of the person behind a row, -1 for an empty row.
        gross: (views, rows, joints) True where a gross outlier was put.
    """

    rig: Rig
    xyz: NDArray[np.float64]
    keypoints: Keypoints2D
    owner: NDArray[np.int64]
    gross: NDArray[np.bool_]
    joint_set: JointSet = COCO_17


def crowd(
    views: int,
    people: int,
    seed: int,
    noise_px: float = 3.0,
    missing: float = 0.2,
    gross: float = 0.05,
    swapped: float = 0.0,
) -> Scene:
    """People standing in a ring of cameras. `missing` and `gross` are shares of single joints."""
    rng = np.random.default_rng(seed)
    rig = ring_rig(views)
    places = standing_places(rng, people)
    xyz = np.stack([posed_person(rng, place) for place in places])
    return observe(rig, xyz, rng, noise_px, missing, gross, swapped)


def observe(
    rig: Rig,
    xyz: NDArray[np.float64],
    rng: np.random.Generator,
    noise_px: float,
    missing: float = 0.0,
    gross: float = 0.0,
    swapped: float = 0.0,
) -> Scene:
    """What the cameras of `rig` report of `xyz` (people, joints, 3); `swapped` is a share of whole rows."""
    views, people, joints = len(rig), xyz.shape[0], xyz.shape[1]
    xy = np.full((views, people, joints, 2), np.nan)
    owner = np.full((views, people), -1)
    outlier = np.zeros((views, people, joints), dtype=bool)
    for v, camera in enumerate(rig.cameras):
        owner[v] = rng.permutation(people)
        seen = camera.project(xyz[owner[v]]) + rng.normal(0, noise_px, (people, joints, 2))
        outlier[v] = rng.random((people, joints)) < gross
        far = rng.uniform(40, 300, (people, joints, 1)) * _directions(rng, (people, joints))
        seen = np.where(outlier[v][..., None], seen + far, seen)
        turned = rng.random(people) < swapped
        seen[turned] = seen[turned][:, list(COCO_17.mirrored)]
        seen[rng.random((people, joints)) < missing] = np.nan
        xy[v] = seen
    found = np.isfinite(xy[..., 0])
    keypoints = Keypoints2D(
        xy=xy,
        score=found * 0.9,
        variance=np.where(found, noise_px**2, np.inf),
        track=np.full((views, people), -1),
        heatmaps=tuple((None,) * people for _ in range(views)),
    )
    return Scene(rig, xyz, keypoints, owner, outlier & found)


def in_true_order(scene: Scene) -> Keypoints2D:
    """The scene's keypoints with row p = person p in every view: a perfect association."""
    order = np.argsort(scene.owner, axis=1)
    k = scene.keypoints

    def pick(array: NDArray) -> NDArray:
        return np.stack([view[row] for view, row in zip(array, order, strict=True)])

    return replace(k, xy=pick(k.xy), score=pick(k.score), variance=pick(k.variance), track=pick(k.track))


def _directions(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    angle = rng.uniform(0, 2 * np.pi, shape)
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def cramer_rao(rig: Rig, points: NDArray[np.float64], sigma_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3, 3) smallest covariance that unbiased triangulation of `points` (n, 3) can reach.

    `sigma_px` (views, n) is the noise of each observation, inf where there is none. F = sum J^T J / s^2.
    """
    information = np.zeros((len(points), 3, 3))
    for camera, sigma in zip(rig.cameras, sigma_px, strict=True):
        local = camera.in_camera(points)
        z = local[:, 2]
        flat = np.zeros((len(points), 2, 3))
        flat[:, 0, 0] = flat[:, 1, 1] = 1 / z
        flat[:, :, 2] = -local[:, :2] / z[:, None] ** 2
        jacobian = camera.focal_px * flat @ camera.R
        information += np.einsum("nij,nik->njk", jacobian, jacobian) / sigma[:, None, None] ** 2
    return np.linalg.inv(information)
