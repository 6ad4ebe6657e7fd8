"""Many cameras, one room, several people: one picture for each camera, with shadows and lens distortion.

Distortion bends the projected vertices; triangles are a few pixels large, so their straight edges do not show. One
shadow map serves the people and the floor.
"""

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.training.synthetic_mesh import Mesh
from posecap.training.synthetic_raster import NOTHING, rasterise, rasterise_depth
from posecap.training.synthetic_room import Backdrop, Light

_SHADOW_STEP_M = 0.005
_MARGIN_PX = 3
_BIAS_PERSON_M = 0.025
_BIAS_FLOOR_M = 0.020
_SPECULAR = 0.06
_FLOOR_IN_SHADOW = 0.45


class Scene:
    """Draws a posed mesh in the room for every camera of a rig."""

    def __init__(self, rig: Rig, backdrops: Sequence[Backdrop], light: Light) -> None:
        """`backdrops`: the empty room through each camera of `rig`."""
        self.rig, self.backdrops, self.light = rig, tuple(backdrops), light

    def draw(self, mesh: Mesh, samples: int = 2) -> list[NDArray[np.uint8]]:
        """One (height, width, 3) RGB picture for each camera.

        Args:
            mesh: posed, every vertex further than 5 cm from every camera.
            samples: a side of a pixel.
        """
        shadow_from_world = self._shadow_from_world(mesh.vertices)
        shadow = self._shadow(mesh, shadow_from_world)
        return [
            self._picture(index, mesh, samples, shadow, shadow_from_world) for index in range(len(self.rig))
        ]

    def _shadow_from_world(self, vertices: NDArray[np.float32]) -> NDArray[np.float64]:
        """(3, 4): texels and depth in metres along the light, fitted around the vertices."""
        towards = self.light.direction
        across = np.cross((0.0, 0.0, 1.0), towards)
        across /= np.linalg.norm(across)
        turned = np.stack([across, np.cross(towards, across), -towards])
        transform = np.zeros((3, 4))
        transform[:, :3] = turned / np.array([[_SHADOW_STEP_M], [_SHADOW_STEP_M], [1.0]])
        transform[:2, 3] = -(vertices @ transform[:2, :3].T).min(axis=0) + _MARGIN_PX
        return transform

    def _shadow(self, mesh: Mesh, shadow_from_world: NDArray[np.float64]) -> NDArray[np.float32]:
        at = (mesh.vertices @ shadow_from_world[:, :3].T + shadow_from_world[:, 3]).astype(np.float32)
        width, height = np.ceil(at[:, :2].max(axis=0)).astype(int) + _MARGIN_PX
        nearest = np.empty((height, width), dtype=np.float32)
        rasterise_depth(
            np.ascontiguousarray(at[:, :2]), np.ascontiguousarray(at[:, 2]), mesh.triangles, nearest
        )
        return nearest

    def _picture(
        self,
        index: int,
        mesh: Mesh,
        samples: int,
        shadow: NDArray[np.float32],
        shadow_from_world: NDArray[np.float64],
    ) -> NDArray[np.uint8]:
        camera, backdrop = self.rig.cameras[index], self.backdrops[index]
        picture = backdrop.picture.copy()
        vertices = mesh.vertices.astype(np.float64)
        pixels = camera.project(vertices)
        left, top, right, bottom = self._box(camera, vertices, pixels)
        if left >= right or top >= bottom:
            return picture
        shape = ((bottom - top) * samples, (right - left) * samples)
        nearest, second, third = (np.empty(shape, dtype=np.float32) for _ in range(3))
        covering = np.empty(shape, dtype=np.int32)
        on_screen = ((pixels + 0.5 - (left, top)) * samples).astype(np.float32)
        depth = camera.in_camera(vertices)[:, 2].astype(np.float32)
        rasterise(
            np.nan_to_num(on_screen), depth, mesh.triangles, mesh.uv, mesh.part, mesh.textures, mesh.mode,
            nearest, covering, second, third,
        )  # fmt: skip
        _shade(
            picture[top:bottom, left:right],
            backdrop.linear[top:bottom, left:right],
            backdrop.floor[top:bottom, left:right],
            samples, covering, second, third,
            mesh.triangles, mesh.uv, mesh.vertices, mesh.normals, mesh.part, mesh.textures,
            camera.centre, self.light.direction, self.light.ambient, self.light.diffuse,
            shadow, shadow_from_world,
        )  # fmt: skip
        return picture

    def _box(
        self, camera: Camera, vertices: NDArray[np.float64], pixels: NDArray[np.float64]
    ) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of what the people and their shadows on the floor can touch, pixels."""
        towards = self.light.direction
        fallen = vertices - np.outer(vertices[:, 2] / towards[2], towards)
        both = np.concatenate([pixels, camera.project(fallen[::7])])
        low = np.maximum(np.floor(np.nanmin(both, axis=0)) - _MARGIN_PX, 0).astype(int)
        high = np.minimum(np.ceil(np.nanmax(both, axis=0)) + _MARGIN_PX, camera.size_px).astype(int)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])


@numba.njit(cache=True, fastmath=True)
def _lit(
    shadow: NDArray[np.float32],
    shadow_from_world: NDArray[np.float64],
    x: float,
    y: float,
    z: float,
    bias: float,
) -> float:
    """Share of the light that reaches a world point: 3 x 3 comparisons with the shadow map."""
    S = shadow_from_world
    column = int(np.floor(S[0, 0] * x + S[0, 1] * y + S[0, 2] * z + S[0, 3]))
    row = int(np.floor(S[1, 0] * x + S[1, 1] * y + S[1, 2] * z + S[1, 3]))
    depth = S[2, 0] * x + S[2, 1] * y + S[2, 2] * z
    height, width = shadow.shape
    free = 0
    for i in range(row - 1, row + 2):
        for j in range(column - 1, column + 2):
            if i < 0 or j < 0 or i >= height or j >= width or shadow[i, j] + bias > depth:
                free += 1
    return free / 9.0


@numba.njit(cache=True, fastmath=True)
def _texel(texture: NDArray[np.uint8], u: float, v: float, channel: int) -> float:
    """Bilinear texture value, 0..255."""
    last = texture.shape[0] - 1
    x, y = min(max(u, 0.0), 1.0) * last, min(max(1.0 - v, 0.0), 1.0) * last
    column, row = min(int(x), last - 1), min(int(y), last - 1)
    right, down = x - column, y - row
    upper = texture[row, column, channel] * (1 - right) + texture[row, column + 1, channel] * right
    lower = texture[row + 1, column, channel] * (1 - right) + texture[row + 1, column + 1, channel] * right
    return upper * (1 - down) + lower * down


@numba.njit(cache=True, fastmath=True)
def _unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    scale = 1.0 / (np.sqrt(x * x + y * y + z * z) + 1e-9)
    return x * scale, y * scale, z * scale


@numba.njit(cache=True)  # no fastmath: the floor has NaN
def _shade(
    picture: NDArray[np.uint8],
    backdrop: NDArray[np.float32],
    floor: NDArray[np.float32],
    samples: int,
    covering: NDArray[np.int32],
    second: NDArray[np.float32],
    third: NDArray[np.float32],
    triangles: NDArray[np.int32],
    uv: NDArray[np.float32],
    vertices: NDArray[np.float32],
    normals: NDArray[np.float32],
    part: NDArray[np.int32],
    textures: NDArray[np.uint8],
    eye: NDArray[np.float64],
    light: NDArray[np.float64],
    ambient: NDArray[np.float64],
    diffuse: NDArray[np.float64],
    shadow: NDArray[np.float32],
    shadow_from_world: NDArray[np.float64],
) -> None:
    """Write the box `picture` (height, width, 3) from its samples: Blinn-Phong people over a floor in shadow."""
    height, width = picture.shape[:2]
    total = np.zeros(3)
    for row in range(height):
        for column in range(width):
            total[:] = 0.0
            covered = 0
            for sample in range(samples * samples):
                i = row * samples + sample // samples
                j = column * samples + sample % samples
                t = covering[i, j]
                if t == NOTHING:
                    continue
                covered += 1
                a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                q, r = second[i, j], third[i, j]
                p = 1.0 - q - r
                u = uv[a, 0] * p + uv[b, 0] * q + uv[c, 0] * r
                v = uv[a, 1] * p + uv[b, 1] * q + uv[c, 1] * r
                x = vertices[a, 0] * p + vertices[b, 0] * q + vertices[c, 0] * r
                y = vertices[a, 1] * p + vertices[b, 1] * q + vertices[c, 1] * r
                z = vertices[a, 2] * p + vertices[b, 2] * q + vertices[c, 2] * r
                nx, ny, nz = _unit(
                    normals[a, 0] * p + normals[b, 0] * q + normals[c, 0] * r,
                    normals[a, 1] * p + normals[b, 1] * q + normals[c, 1] * r,
                    normals[a, 2] * p + normals[b, 2] * q + normals[c, 2] * r,
                )
                ex, ey, ez = _unit(eye[0] - x, eye[1] - y, eye[2] - z)
                if nx * ex + ny * ey + nz * ez < 0:  # the back of cloth
                    nx, ny, nz = -nx, -ny, -nz
                facing = max((nx * light[0] + ny * light[1] + nz * light[2] + 0.2) / 1.2, 0.0)
                lit = _lit(shadow, shadow_from_world, x, y, z, _BIAS_PERSON_M) if facing > 0 else 0.0
                hx, hy, hz = _unit(light[0] + ex, light[1] + ey, light[2] + ez)
                gloss = max(nx * hx + ny * hy + nz * hz, 0.0) ** 24 * _SPECULAR * lit
                fill = max(-0.6 * nx + 0.6 * ny + 0.5 * nz, 0.0) * 0.3
                for channel in range(3):
                    colour = (_texel(textures[part[t]], u, v, channel) / 255.0) ** 2.2
                    received = ambient[channel] * (0.55 + 0.45 * nz) + diffuse[channel] * facing * lit + fill
                    total[channel] += colour * received + gloss
            share = covered / (samples * samples)
            open_floor = 1.0
            if share < 1.0 and not np.isnan(floor[row, column, 0]):
                free = _lit(
                    shadow,
                    shadow_from_world,
                    floor[row, column, 0],
                    floor[row, column, 1],
                    0.0,
                    _BIAS_FLOOR_M,
                )
                open_floor = _FLOOR_IN_SHADOW + (1 - _FLOOR_IN_SHADOW) * free
            for channel in range(3):
                behind = backdrop[row, column, channel] * (1 - share) * open_floor
                value = behind + total[channel] / (samples * samples)
                value = max(value / (1 + 0.25 * value), 0.0) ** (1 / 2.2)
                picture[row, column, channel] = np.uint8(min(255.0, 255.0 * value))
