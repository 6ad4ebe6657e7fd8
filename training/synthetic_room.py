"""The room behind the people: floor boards, walls, a ceiling, ray-cast once for each camera."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera

_SAMPLES = 2  # a side of a pixel
_GAMMA = 2.2
_BOARD = (150.0, 112.0, 78.0)
_JOINT = 60.0
_WALL_TONES = ((196, 190, 178), (150, 165, 172), (196, 190, 178), (150, 165, 172))
_CEILING_TONE = 225.0


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """One far light and what the room throws back.

    Attributes:
        direction: (3,) unit vector towards the light, world.
        ambient: (3,) RGB, linear.
        diffuse: (3,) RGB, linear.
    """

    direction: NDArray[np.float64] = field(
        default_factory=lambda: np.array([0.35, -0.45, 0.82]) / np.linalg.norm([0.35, -0.45, 0.82])
    )
    ambient: NDArray[np.float64] = field(default_factory=lambda: np.array([0.62, 0.63, 0.66]))
    diffuse: NDArray[np.float64] = field(default_factory=lambda: np.array([1.6, 1.52, 1.4]))

    def on_wall(self, normal: NDArray[np.float64]) -> NDArray[np.float64]:
        """(3,) RGB, linear, that a plain surface of that unit normal receives."""
        turned = max((float(normal @ self.direction) + 0.2) / 1.2, 0.0)
        return self.ambient * (0.55 + 0.45 * normal[2]) + self.diffuse * turned + 0.12


@dataclass(frozen=True, slots=True, eq=False)
class Backdrop:
    """What one camera sees of the empty room.

    Attributes:
        linear: (height, width, 3) float32 RGB before the tone curve.
        floor: (height, width, 3) float32 world point of the floor behind each pixel, metres; NaN where it is no floor.
        picture: (height, width, 3) uint8 RGB.
    """

    linear: NDArray[np.float32]
    floor: NDArray[np.float32]
    picture: NDArray[np.uint8]


class Room:
    """A box |x| < half_m[0], |y| < half_m[1], 0 < z < height_m."""

    def __init__(
        self, light: Light, seed: int = 0, half_m: tuple[float, float] = (3.6, 6.6), height_m: float = 3.2
    ) -> None:
        rng = np.random.default_rng(seed)
        self._light, self._half, self._height = light, half_m, height_m
        self._floor = _boards(rng)
        self._walls = [_wall(rng, tone) for tone in _WALL_TONES]

    def backdrop(self, camera: Camera) -> Backdrop:
        """The room through `camera`, which stands inside it."""
        width, height = camera.size_px
        offsets = (np.arange(_SAMPLES) + 0.5) / _SAMPLES - 0.5
        columns = (np.arange(width)[:, None] + offsets).reshape(-1)
        rows = (np.arange(height)[:, None] + offsets).reshape(-1)
        colour = np.zeros((len(rows), len(columns), 3), dtype=np.float32)
        for row, y in enumerate(rows):
            pixels = np.stack([columns, np.full_like(columns, y)], axis=-1)
            colour[row] = self._seen(camera, pixels)[0]
        linear = np.asarray(
            cv2.resize(colour, (width, height), interpolation=cv2.INTER_AREA), dtype=np.float32
        )
        centres = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
        floor = self._seen(camera, centres.reshape(-1, 2))[1].reshape(height, width, 3)
        return Backdrop(linear, floor.astype(np.float32), tone_curve(linear))

    def _seen(
        self, camera: Camera, pixels: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Linear RGB (n, 3) and world point of the floor (n, 3), NaN elsewhere, of pixels (n, 2)."""
        rays = np.concatenate([camera.undistorted(pixels), np.ones((len(pixels), 1))], axis=1) @ camera.R
        nearest = np.full(len(rays), np.inf)
        colour = np.zeros((len(rays), 3))
        floor = np.full((len(rays), 3), np.nan)
        half_x, half_y = self._half
        ceiling = np.full((8, 8, 3), _CEILING_TONE)
        surfaces = [(2, 0.0, self._floor), (2, self._height, ceiling), (1, half_y, self._walls[0])]
        surfaces += [(0, half_x, self._walls[1]), (1, -half_y, self._walls[2]), (0, -half_x, self._walls[3])]
        for axis, place, texture in surfaces:
            with np.errstate(divide="ignore"):
                distance = (place - camera.centre[axis]) / rays[:, axis]
            hit = (distance > 1e-3) & (distance < nearest)
            nearest[hit] = distance[hit]
            point = camera.centre + rays[hit] * distance[hit, None]
            is_floor = axis == 2 and place == 0
            normal = np.zeros(3)
            normal[axis] = 1.0 if is_floor or place < 0 else -1.0
            texels = _texels(texture, *self._texture_place(point, axis, is_floor))
            colour[hit] = (np.clip(texels, 0, 255) / 255) ** _GAMMA * self._light.on_wall(normal)
            floor[hit] = point if is_floor else np.nan
        return colour, floor

    def _texture_place(
        self, point: NDArray[np.float64], axis: int, is_floor: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Column and row in the texture, 0..1 each."""
        if axis == 2:
            return (point[:, 0] / 3.6) % 1 * is_floor, (point[:, 1] / 3.3) % 1 * is_floor
        along = point[:, 1 - axis] / (2 * self._half[1 - axis]) + 0.5
        return along % 1, 1 - point[:, 2] / self._height


def tone_curve(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """8-bit picture of linear light; the slow twin of the curve in `synthetic_scene`."""
    bent = np.clip(linear / (1 + 0.25 * linear), 0, 1) ** (1 / _GAMMA)
    return (255 * bent).astype(np.uint8)


def _texels(
    texture: NDArray[np.float64], column: NDArray[np.float64], row: NDArray[np.float64]
) -> NDArray[np.float64]:
    height, width = texture.shape[:2]
    at = (np.clip(row, 0, 0.9999) * height).astype(int), (np.clip(column, 0, 0.9999) * width).astype(int)
    return texture[at]


def _boards(rng: np.random.Generator, size: int = 1024, boards: int = 16) -> NDArray[np.float64]:
    texture = np.zeros((size, size, 3))
    for i in range(boards):
        columns = slice(i * size // boards, (i + 1) * size // boards)
        start = rng.integers(0, size)
        for third in range(3):
            first = start + third * size // 3
            rows = (np.arange(size // 3 + 1) + first) % size
            texture[rows, columns] = np.array(_BOARD) * (0.8 + 0.35 * rng.random())
            texture[(first + np.arange(3)) % size, columns] = _JOINT
        texture[:, columns.start : columns.start + 2] = _JOINT
    grain = cv2.resize(rng.standard_normal((size // 16, size)).astype(np.float32), (size, size))
    return texture + grain[..., None] * 7


def _wall(rng: np.random.Generator, tone: tuple[int, int, int], size: int = 512) -> NDArray[np.float64]:
    texture = np.clip(np.array(tone) + (_clouds(rng, size) - 0.5)[..., None] * 14, 0, 255)
    texture[-40:] = 235
    texture[-44:-40] = 90  # skirting board
    for _ in range(2):  # pictures
        x, y = rng.integers(40, 380), rng.integers(90, 250)
        texture[y : y + rng.integers(50, 140), x : x + rng.integers(50, 110)] = rng.integers(30, 220, 3)
    return texture


def _clouds(rng: np.random.Generator, size: int, octaves: int = 6) -> NDArray[np.float64]:
    """(size, size) smooth noise in 0..1."""
    total = np.zeros((size, size))
    for octave in range(octaves):
        cells = min(4 * 2**octave, size)
        noise = rng.standard_normal((cells, cells)).astype(np.float32)
        total += 0.55**octave * cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)
    return (total - total.min()) / np.ptp(total)
