"""From where the viewer looks: the eye as a camera, and a default place for it that shows a whole rig."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig

FIELD_OF_VIEW_DEG = 45.0
_ELEVATION_DEG = 24.0
_EMPTY_ROOM_M = 3.0  # half side of the floor where no rig is known
_MARGIN = 0.05  # of the free part of the window, around the cameras
_AIM_M = 0.9  # height of the point looked at: a person's hips


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """A pinhole without distortion, OpenCV axes.

    Attributes:
        eye_from_world: (4, 4) rigid, metres.
        focal_px, size_px: of the window; the optical axis goes through its middle.
    """

    eye_from_world: NDArray[np.float64]
    focal_px: float
    size_px: tuple[int, int]

    @property
    def centre(self) -> NDArray[np.float64]:
        """(3,) metres, world."""
        return -self.eye_from_world[:3, :3].T @ self.eye_from_world[:3, 3]

    @property
    def right_down_forward(self) -> NDArray[np.float64]:
        """(3, 3) the axes of the picture as rows, world."""
        return self.eye_from_world[:3, :3]

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 2) window pixels, centre of the top-left one (0, 0), of points (..., 3); NaN from behind."""
        local = points @ self.eye_from_world[:3, :3].T + self.eye_from_world[:3, 3]
        depth = np.where(local[..., 2:] > 1e-6, local[..., 2:], np.nan)
        return local[..., :2] / depth * self.focal_px + (np.array(self.size_px) - 1) / 2

    def lifted(self, pixels: NDArray[np.float64], depth_m: float) -> NDArray[np.float64]:
        """(..., 3) world points at `depth_m` in front of the eye that project to `pixels` (..., 2)."""
        rays = (pixels - (np.array(self.size_px) - 1) / 2) / self.focal_px
        local = np.concatenate([rays, np.ones((*rays.shape[:-1], 1))], axis=-1) * depth_m
        return (local - self.eye_from_world[:3, 3]) @ self.eye_from_world[:3, :3]


def same(one: Eye, other: Eye) -> bool:
    """Whether both see the same."""
    return (
        one.size_px == other.size_px
        and one.focal_px == other.focal_px
        and np.array_equal(one.eye_from_world, other.eye_from_world)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Framing:
    """Where to look, from where; and how large the floor is.

    Attributes:
        target: (3,) point in the middle of the window, metres; half a panel beside the middle of the room.
        back: (3,) unit, from the target to the eye.
        distance_m: from the target to the eye.
        floor_m: half side of the floor; its centre is `floor_centre`.
        floor_centre: (2,) whole metres.
    """

    target: NDArray[np.float64]
    back: NDArray[np.float64]
    distance_m: float
    floor_m: float
    floor_centre: NDArray[np.float64]

    def eye(self, size_px: tuple[int, int]) -> Eye:
        """The eye of a window of this size."""
        right = np.cross(-self.back, (0.0, 0.0, 1.0))
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(-self.back, right), -self.back])
        eye_from_world = np.eye(4)
        eye_from_world[:3, :3] = rotation
        eye_from_world[:3, 3] = -rotation @ (self.target + self.distance_m * self.back)
        return Eye(eye_from_world, _focal_px(size_px), size_px)


def framing(rig: Rig | None, size_px: tuple[int, int], free_px: int) -> Framing:
    """The default view: over the widest gap between the cameras, towards the middle of what they look at.

    Args:
        rig: None = a room of 6 x 6 m around the origin.
        size_px: of the window.
        free_px: columns of the window, from its left, that no panel covers.
    """
    centres = np.zeros((0, 3)) if rig is None else np.array([camera.centre for camera in rig.cameras])
    middle = _middle(rig)
    reach = np.linalg.norm(centres[:, :2] - middle, axis=1).max(initial=_EMPTY_ROOM_M - 0.5)
    azimuth = _widest_gap(centres[:, :2] - middle)
    elevation = np.radians(_ELEVATION_DEG)
    back = np.array(
        [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)]
    )
    ring = np.arange(8) * np.pi / 4
    room = np.stack([np.cos(ring), np.sin(ring), 0 * ring], axis=1) * (0.6 * reach, 0.6 * reach, 0)
    shown = np.concatenate([centres, room + np.array([*middle, 0.0]), room + np.array([*middle, 2.0])])
    floor_m, floor_centre = float(np.ceil(reach + 0.5)), np.round(middle)
    middle_of_room = np.array([*middle, _AIM_M])
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    covered_px = size_px[0] - free_px

    def at(distance_m: float) -> Framing:
        target = middle_of_room + right * covered_px / 2 * distance_m / _focal_px(size_px)
        return Framing(target, back, distance_m, floor_m, floor_centre)

    def fits(view: Framing) -> bool:
        xy = (view.eye(size_px).project(shown) + 0.5) / (free_px, size_px[1])
        return bool(((xy > _MARGIN) & (xy < 1 - _MARGIN)).all())

    distances_m = np.geomspace(2.0, 200.0, 120).tolist()
    return next((view for view in map(at, distances_m) if fits(view)), at(distances_m[-1]))


def _focal_px(size_px: tuple[int, int]) -> float:
    return float(size_px[1] / 2 / np.tan(np.radians(FIELD_OF_VIEW_DEG / 2)))


def _middle(rig: Rig | None) -> NDArray[np.float64]:
    """(2,) the floor under the point nearest to all optical axes (least squares), metres."""
    if rig is None:
        return np.zeros(2)
    centres = np.array([camera.centre for camera in rig.cameras])
    axes = np.array([camera.R[2] for camera in rig.cameras])
    away = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    normal = away.sum(axis=0)
    if np.linalg.cond(normal) > 1e4:  # all look the same way: two metres in front of them
        return (centres + 2.0 * axes).mean(axis=0)[:2]
    return np.linalg.solve(normal, np.einsum("nij,nj->i", away, centres))[:2]


def _widest_gap(offsets: NDArray[np.float64]) -> float:
    """Azimuth of the middle of the widest gap between (n, 2) `offsets`, radians; -y where there are none."""
    if not len(offsets):
        return -np.pi / 2
    angles = np.sort(np.arctan2(offsets[:, 1], offsets[:, 0]))
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    widest = int(np.argmax(gaps.round(2)))
    return float(angles[widest] + gaps[widest] / 2)
