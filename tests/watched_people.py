"""People who walk about before cameras that may be pushed, as a calibration watch sees them: fast, for hours.

Keypoints have independent noise and what networks have besides: for each joint an offset that depends on the side it
is seen from, and offsets that wander within seconds, those of a person's joints in a view partly in common. The
calibration is a little wrong, too. The amounts are such that medians of 3.6 s spread as those of the bundled clips with
a real network do (2.4 to 4.2 mm at the people; these by 4 to 6 mm).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scene import STANDING, look_at

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.runtime.calibration_watch import CalibrationWatch
from posecap.runtime.lift import Lifter
from posecap.runtime.pose import Keypoints2D, Skeleton3D
from posecap.runtime.rays import Rays

FPS = 30
_CHUNK = 15  # frames that are made at once
_SIDE_M, _JOINT_M, _COMMON_M = 0.008, 0.012, 0.003  # offsets of networks at the person
_WANDER_S = 1.5
GROSS_M = 0.12


def watched_rig(views: int, size: int, radius_m: float = 5.0) -> Rig:
    """Cameras of `size` x `size` px in a ring; the view angle is always that of the bundled clips."""
    angles = 2 * np.pi * (np.arange(views) + 0.3) / views
    target = np.array([0.0, 0.0, 1.0])
    focal = 736.0 * size / 640
    return Rig(
        tuple(
            look_at(
                f"cam{k:02d}",
                np.array([radius_m * np.cos(a), radius_m * np.sin(a), 1.6]),
                target,
                focal,
                (size, size),
            )
            for k, a in enumerate(angles)
        )
    )


def pushed(camera: Camera, degrees: float = 0.0, mm: float = 0.0, seed: int = 0) -> Camera:
    """`camera` turned about an axis across its line of sight, and shifted across it; directions from `seed`."""
    across = np.random.default_rng(seed).normal(size=(2, 3)) * (1, 1, 0)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    move = np.eye(4)
    move[:3, :3] = cv2.Rodrigues(np.radians(degrees) * across[0])[0]
    move[:3, 3] = mm / 1e3 * across[1]
    return replace(camera, cam_from_world=move @ camera.cam_from_world)


def with_camera(rig: Rig, name: str, change: Callable[[Camera], Camera]) -> Rig:
    """`rig` with one camera changed."""
    return replace(rig, cameras=tuple(change(one) if one.name == name else one for one in rig.cameras))


def nearly(rig: Rig, seed: int) -> Rig:
    """`rig` as a good calibration would have it: 0.05 degrees and 3 mm off."""
    cameras = (pushed(camera, 0.05, 3.0, seed * 100 + k) for k, camera in enumerate(rig.cameras))
    return replace(rig, cameras=tuple(cameras))


@dataclass
class WatchedPeople:
    """`people` who walk, stand and turn within `reach_m` of the middle.

    Attributes:
        truth: the cameras as they are; change it, and they have been pushed.
        noise_px: independent, of each coordinate.
        hidden: share of joints that no view shows, each for itself.
    """

    truth: Rig
    people: int = 1
    noise_px: float = 3.0
    hidden: float = 0.1
    reach_m: float = 1.2
    seed: int = 0

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        shape = (len(self.truth), self.people, 17)
        self._side = self._rng.normal(0, _SIDE_M, (2, 17, 2))
        self._joint = self._rng.normal(0, _JOINT_M, (*shape, 2))
        self._common = self._rng.normal(0, _COMMON_M, (*shape[:2], 1, 2))
        self._place = self._rng.uniform(-self.reach_m, self.reach_m, (self.people, 2))
        self._goal = self._place.copy()
        self._facing = self._rng.uniform(0, 2 * np.pi, self.people)
        self.frame = 0

    def keypoints(self, frames: int) -> Keypoints2D:
        """The next frames, one after the other on the people axis (people change faster than frames)."""
        xyz = np.concatenate([self._step() for _ in range(frames)])
        facing = np.arctan2(xyz[:, 5, 1] - xyz[:, 6, 1], xyz[:, 5, 0] - xyz[:, 6, 0])
        rng, shape = self._rng, (len(self.truth), len(xyz), 17, 2)
        keep = np.exp(-1 / (_WANDER_S * FPS))
        xy = np.empty(shape)
        slow = np.empty(shape)
        for k in range(frames):
            fresh = np.sqrt(1 - keep**2)
            self._joint = keep * self._joint + fresh * rng.normal(0, _JOINT_M, self._joint.shape)
            self._common = keep * self._common + fresh * rng.normal(0, _COMMON_M, self._common.shape)
            slow[:, k * self.people : (k + 1) * self.people] = self._joint + self._common
        for v, camera in enumerate(self.truth.cameras):
            depth = camera.in_camera(xyz)[..., 2:]
            seen_from = facing - np.arctan2(camera.centre[1], camera.centre[0])
            side = (
                np.cos(seen_from)[:, None, None] * self._side[0]
                + np.sin(seen_from)[:, None, None] * self._side[1]
            )
            xy[v] = camera.project(xyz) + (slow[v] + side) * camera.focal_px / depth
        xy += rng.normal(0, self.noise_px, shape)
        xy[rng.random(shape[:3]) < self.hidden] = np.nan
        seen = np.isfinite(xy[..., 0])
        variance = np.where(seen, self.noise_px**2, np.inf)
        nothing = tuple((None,) * shape[1] for _ in self.truth.cameras)
        return Keypoints2D(xy, seen * 0.9, variance, np.full(shape[:2], -1), nothing)

    def _step(self) -> NDArray[np.float64]:
        """(people, 17, 3) a thirtieth of a second later."""
        far = self._goal - self._place
        gap = np.linalg.norm(far, axis=1)
        arrived = gap < 0.05
        leaves = arrived & (self._rng.random(self.people) < 0.02)
        self._goal[leaves] = self._rng.uniform(-self.reach_m, self.reach_m, (int(leaves.sum()), 2))
        self._place += np.where(arrived, 0.0, 1.0 / FPS / np.maximum(gap, 0.05))[:, None] * far
        wanted = np.where(arrived, self._facing, np.arctan2(far[:, 1], far[:, 0]))
        turn = (wanted - self._facing + np.pi) % (2 * np.pi) - np.pi
        self._facing = self._facing + np.clip(turn, -3.0 / FPS, 3.0 / FPS)
        self.frame += 1
        swing = 0.25 * np.sin(2 * np.pi * self.frame / FPS + np.arange(self.people))
        xyz = np.repeat(STANDING[None], self.people, axis=0)
        for joint, share in (
            (7, 0.4),
            (9, 1.0),
            (8, -0.4),
            (10, -1.0),
            (13, -0.5),
            (15, -1.0),
            (14, 0.5),
            (16, 1.0),
        ):
            xyz[:, joint, 1] += share * swing
        c, s = np.cos(self._facing + np.pi / 2), np.sin(self._facing + np.pi / 2)
        x = c[:, None] * xyz[..., 0] - s[:, None] * xyz[..., 1] + self._place[:, :1]
        y = s[:, None] * xyz[..., 0] + c[:, None] * xyz[..., 1] + self._place[:, 1:]
        return np.stack([x, y, xyz[..., 2]], axis=-1)


def watch_for(
    watch: CalibrationWatch, people: WatchedPeople, seconds: float
) -> Iterator[tuple[float, tuple[str, ...]]]:
    """Let `watch` see the next seconds; (seconds from the first picture, cameras with an alarm) when these change."""
    lifter = Lifter(watch.rig, GROSS_M)
    views, crowd = len(watch.rig), people.people
    until = people.frame + round(seconds * FPS)
    nothing = np.full(17, np.nan)
    while people.frame < until:
        first = people.frame
        count = min(_CHUNK, until - first)
        rays = watch.doubted(lifter.views.rays(people.keypoints(count)))
        flat = Rays(rays.xy.reshape(views, -1, 2), rays.variance.reshape(views, -1))
        xyz = lifter.points(flat, np.full((count * crowd * 17, 3), np.nan))[0].reshape(count, crowd, 17, 3)
        for k in range(count):
            rows = slice(k * crowd, (k + 1) * crowd)
            skeletons = tuple(
                Skeleton3D(1 + p, xyz[k, p], np.empty((17, 3, 3)), np.empty(17, np.int64), nothing)
                for p in range(crowd)
            )
            t_ns = 10**9 + round((first + k) * 1e9 / FPS)
            if watch.update(Rays(rays.xy[:, rows], rays.variance[:, rows]), skeletons, t_ns):
                yield (first + k) / FPS, tuple(alarm.camera for alarm in watch.alarms)
