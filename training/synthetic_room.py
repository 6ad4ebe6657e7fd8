"""The room around the people: planks, painted walls with pictures, a ceiling; ray-cast through the real lens."""

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera

_HALF_M = (3.6, 6.6)
_HEIGHT_M = 3.2
_WALL_TONES = ((196, 190, 178), (150, 165, 172), (196, 190, 178), (150, 165, 172))
_PLANKS = 16


class Room:
    """|x| < 3.6 m, |y| < 6.6 m, 0 < z < 3.2 m; textures are drawn from `seed`."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        walls = [_wall(rng, tone) for tone in _WALL_TONES]
        half_x, half_y = _HALF_M
        self._planes = (  # axis, where, texture, whether it is the floor
            (2, 0.0, _floor(rng), True),
            (2, _HEIGHT_M, np.full((8, 8, 3), 225.0), False),
            (1, half_y, walls[0], False),
            (1, -half_y, walls[2], False),
            (0, half_x, walls[1], False),
            (0, -half_x, walls[3], False),
        )

    def seen_by(
        self,
        camera: Camera,
        lamp: NDArray[np.float64],
        ambient: NDArray[np.float64],
        diffuse: NDArray[np.float64],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
        """Linear colour (h, w, 3), floor point (h, w, 3) m or NaN where it is no floor, and the picture uint8 RGB."""
        width, height = camera.size_px
        x, y = np.meshgrid((np.arange(2 * width) + 0.5) / 2 - 0.5, (np.arange(2 * height) + 0.5) / 2 - 0.5)
        normalised = camera.undistorted(np.stack([x, y], axis=-1).reshape(-1, 2))
        rays = np.column_stack([normalised, np.ones(len(normalised))]) @ camera.R
        nearest = np.full(len(rays), np.inf)
        colour = np.zeros((len(rays), 3))
        floor = np.full((len(rays), 3), np.nan)
        for axis, where, texture, is_floor in self._planes:
            with np.errstate(divide="ignore", invalid="ignore"):
                distance = (where - camera.centre[axis]) / rays[:, axis]
            hit = (distance > 1e-3) & (distance < nearest)
            point = camera.centre + rays[hit] * distance[hit, None]
            nearest[hit] = distance[hit]
            normal = np.zeros(3)
            normal[axis] = 1.0 if is_floor or where < 0 else -1.0
            light = (
                ambient * (0.55 + 0.45 * normal[2]) + diffuse * max((normal @ lamp + 0.2) / 1.2, 0.0) + 0.12
            )
            colour[hit] = _looked_up(texture, *_texture_place(point, axis, is_floor)) * light
            floor[hit] = point if is_floor else np.nan
        linear = cv2.resize(
            colour.reshape(2 * height, 2 * width, 3).astype(np.float32),
            (width, height),
            interpolation=cv2.INTER_AREA,
        )
        shown = np.clip(linear / (1 + 0.25 * linear), 0, 1) ** (1 / 2.2)
        on_floor = floor.reshape(2 * height, 2 * width, 3)[::2, ::2].astype(np.float32)
        return linear.astype(np.float32), np.ascontiguousarray(on_floor), (255 * shown).astype(np.uint8)


def _texture_place(point: NDArray[np.float64], axis: int, is_floor: bool) -> tuple[NDArray, NDArray]:
    if is_floor:
        return (point[:, 0] / 3.6) % 1, (point[:, 1] / 3.3) % 1
    if axis == 2:
        return point[:, 0] * 0, point[:, 1] * 0
    along = 1 - axis
    return (point[:, along] / (2 * _HALF_M[along]) + 0.5) % 1, 1 - np.clip(point[:, 2] / _HEIGHT_M, 0, 0.999)


def _looked_up(texture: NDArray[np.float64], u: NDArray, v: NDArray) -> NDArray[np.float64]:
    rows = (np.clip(v, 0, 0.9999) * texture.shape[0]).astype(int)
    columns = (np.clip(u, 0, 0.9999) * texture.shape[1]).astype(int)
    return (np.clip(texture, 0, 255) / 255.0)[rows, columns] ** 2.2


def _wall(rng: np.random.Generator, tone: tuple[int, int, int]) -> NDArray[np.float64]:
    wall = np.clip(np.array(tone) + (_clouds(rng, 512) - 0.5)[..., None] * 14, 0, 255)
    wall[-40:], wall[-44:-40] = 235, 90  # skirting board
    for _ in range(2):
        x, y = rng.integers(40, 380), rng.integers(90, 250)
        wall[y : y + rng.integers(50, 140), x : x + rng.integers(50, 110)] = rng.integers(30, 220, 3)
    return wall


def _floor(rng: np.random.Generator, size: int = 1024) -> NDArray[np.float64]:
    wood = np.zeros((size, size, 3))
    for plank in range(_PLANKS):
        shift = rng.integers(0, size)
        columns = slice(plank * size // _PLANKS, (plank + 1) * size // _PLANKS)
        for board in range(3):
            rows = (np.arange(size // 3 + 1) + shift + board * size // 3) % size
            wood[rows, columns] = np.array([150, 112, 78]) * (0.8 + 0.35 * rng.random())
            wood[(shift + board * size // 3 + np.arange(3)) % size, columns] = 60
        wood[:, plank * size // _PLANKS : plank * size // _PLANKS + 2] = 60
    grain = cv2.resize(rng.standard_normal((size // 16, size)).astype(np.float32), (size, size))
    return wood + grain[..., None] * 7


def _clouds(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """(size, size) smooth noise on 0..1."""
    total = np.zeros((size, size))
    for octave in range(6):
        cells = min(4 * 2**octave, size)
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        total += 0.55**octave * cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    total -= total.min()
    return total / total.max()
