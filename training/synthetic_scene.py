"""People in a room, as calibrated cameras see them.

The room is ray-cast once for each camera; in a frame only the box around the people and their shadows is drawn. Lens
distortion is applied to the projected vertices; one shadow map, of one lamp, serves people and floor. Colours are
linear until the last step.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.training.synthetic_mesh import CrowdMesh
from posecap.training.synthetic_raster import TEXTURE_PX, lit_share, rasterise, shadow_depth
from posecap.training.synthetic_room import Room

_AMBIENT = np.array([0.62, 0.63, 0.66])
_DIFFUSE = np.array([1.6, 1.52, 1.4])
_SPECULAR = 0.06
_SHADOW_PX = 512
_BORDER_PX = 3

_compiled = numba.njit(cache=True, fastmath=True)


class Scene:
    """A lit room with cameras in it.

    Args:
        rig: the cameras.
        seed: of the room's textures.
        samples: along each side of a pixel.
    """

    def __init__(self, rig: Rig, seed: int = 0, samples: int = 2) -> None:
        self.rig, self.samples = rig, samples
        self.lamp = np.array([0.35, -0.45, 0.82]) / np.linalg.norm([0.35, -0.45, 0.82])
        room = Room(seed)
        self.backdrops = [room.seen_by(camera, self.lamp, _AMBIENT, _DIFFUSE) for camera in rig.cameras]

    def pictures(self, mesh: CrowdMesh) -> list[NDArray[np.uint8]]:
        """(height, width, 3) uint8 RGB of each camera."""
        shadow_from_world, shadow = self._shadow(mesh)
        on_floor = (mesh.vertices - np.outer(mesh.vertices[:, 2] / self.lamp[2], self.lamp))[::7]
        return [
            self._picture(camera, linear, floor, plain, mesh, on_floor, shadow_from_world, shadow)
            for camera, (linear, floor, plain) in zip(self.rig.cameras, self.backdrops, strict=True)
        ]

    def _shadow(self, mesh: CrowdMesh) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """(3, 4) map from the world to the light's view (pixels and depth), and its depth."""
        across = np.cross([0, 0, 1.0], self.lamp)
        across /= np.linalg.norm(across)
        upwards = np.cross(self.lamp, across)
        middle = (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
        centred = mesh.vertices - middle
        reach = 1.03 * max(np.abs(centred @ across).max(), np.abs(centred @ upwards).max())
        scale = _SHADOW_PX / (2 * reach)
        view = np.zeros((3, 4))
        view[0, :3], view[1, :3], view[2, :3] = across * scale, upwards * scale, -self.lamp
        view[:2, 3] = _SHADOW_PX / 2 - view[:2, :3] @ middle
        seen = (mesh.vertices @ view[:, :3].T + view[:, 3]).astype(np.float32)
        depth = np.empty((_SHADOW_PX, _SHADOW_PX), np.float32)
        shadow_depth(
            np.ascontiguousarray(seen[:, :2]), np.ascontiguousarray(seen[:, 2]), mesh.triangles, depth
        )
        return view, depth

    def _picture(
        self,
        camera: Camera,
        linear: NDArray[np.float32],
        floor: NDArray[np.float32],
        plain: NDArray[np.uint8],
        mesh: CrowdMesh,
        on_floor: NDArray[np.float32],
        shadow_from_world: NDArray[np.float64],
        shadow: NDArray[np.float32],
    ) -> NDArray[np.uint8]:
        width, height = camera.size_px
        corner = camera.project(mesh.vertices) + 0.5  # the rasteriser's corner of the first pixel is (0, 0)
        depth = camera.in_camera(mesh.vertices)[:, 2]
        outline = np.vstack([corner, camera.project(on_floor) + 0.5])
        low = np.maximum(np.floor(np.nanmin(outline, axis=0)) - _BORDER_PX, 0).astype(int)
        high = np.minimum(np.ceil(np.nanmax(outline, axis=0)) + _BORDER_PX, [width, height]).astype(int)
        picture = plain.copy()
        if (high <= low).any():
            return picture
        shape = tuple((high - low)[::-1] * self.samples)
        nearest, b1, b2 = (np.empty(shape, np.float32) for _ in range(3))
        owner = np.empty(shape, np.int32)
        screen = np.nan_to_num((corner - low) * self.samples, nan=-1e6).astype(np.float32)
        rasterise(
            screen, depth.astype(np.float32), mesh.triangles, mesh.uv, mesh.part, mesh.textures, mesh.mode,
            nearest, owner, b1, b2,
        )  # fmt: skip
        _compose(
            linear, floor, low[0], low[1], self.samples, mesh.triangles, mesh.uv, mesh.normals, mesh.vertices,
            mesh.part, mesh.textures, owner, b1, b2, self.lamp, camera.centre, shadow_from_world, shadow, picture,
        )  # fmt: skip
        return picture


@_compiled
def _compose(
    linear, floor, x0, y0, samples, triangles, uv, normals, vertices, part, textures, owner, b1, b2, lamp, eye,
    shadow_from_world, shadow, picture,
):  # fmt: skip
    """Shade the samples of a box at (x0, y0), put them over the room, and write the box into `picture`."""
    colour = np.zeros(3)
    texel = np.zeros(3)
    S = shadow_from_world
    last = TEXTURE_PX - 1
    for row in range(owner.shape[0] // samples):
        for column in range(owner.shape[1] // samples):
            colour[:] = 0.0
            covered = 0
            for dy in range(samples):
                for dx in range(samples):
                    y, x = row * samples + dy, column * samples + dx
                    t = owner[y, x]
                    if t < 0:
                        continue
                    covered += 1
                    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                    p1, p2 = b1[y, x], b2[y, x]
                    p0 = 1.0 - p1 - p2
                    _texel(
                        textures[part[t]],
                        (uv[a, 0] * p0 + uv[b, 0] * p1 + uv[c, 0] * p2) * last,
                        (1.0 - (uv[a, 1] * p0 + uv[b, 1] * p1 + uv[c, 1] * p2)) * last,
                        texel,
                    )
                    _shade(
                        normals[a] * p0 + normals[b] * p1 + normals[c] * p2,
                        vertices[a] * p0 + vertices[b] * p1 + vertices[c] * p2,
                        texel, lamp, eye, S, shadow, colour,
                    )  # fmt: skip
            share = covered / (samples * samples)
            light = 1.0
            if share < 1.0:
                g = floor[y0 + row, x0 + column]
                if g[0] == g[0]:  # not NaN: a floor pixel
                    light = 0.45 + 0.55 * lit_share(
                        shadow,
                        S[0, 0] * g[0] + S[0, 1] * g[1] + S[0, 3],
                        S[1, 0] * g[0] + S[1, 1] * g[1] + S[1, 3],
                        S[2, 0] * g[0] + S[2, 1] * g[1],
                        0.02,
                    )
            for i in range(3):
                value = linear[y0 + row, x0 + column, i] * (1.0 - share) * light
                value += colour[i] / (samples * samples)
                value = max(value / (1.0 + 0.25 * value), 0.0)
                picture[y0 + row, x0 + column, i] = np.uint8(min(255.0, 255.0 * value ** (1 / 2.2)))


@_compiled
def _texel(texture, u, v, out):
    """Bilinear texture colour, linear, into out (3,)."""
    last = TEXTURE_PX - 1
    iu, iv = int(u), int(v)
    fu, fv = u - iu, v - iv
    for i in range(3):
        above = texture[iv & last, iu & last, i] * (1 - fu) + texture[iv & last, (iu + 1) & last, i] * fu
        below = (
            texture[(iv + 1) & last, iu & last, i] * (1 - fu)
            + texture[(iv + 1) & last, (iu + 1) & last, i] * fu
        )
        out[i] = ((above * (1 - fv) + below * fv) / 255.0) ** 2.2


@_compiled
def _shade(normal, point, texel, lamp, eye, S, shadow, colour):
    """Add the light of one sample to colour (3,): ambient, lamp with shadow, a soft fill, a small highlight."""
    n = normal / (np.sqrt((normal * normal).sum()) + 1e-9)
    e = eye - point
    e = e / np.sqrt((e * e).sum())
    if (n * e).sum() < 0:
        n = -n
    facing = max(((n * lamp).sum() + 0.2) / 1.2, 0.0)
    lit = 0.0
    if facing > 0:
        lit = lit_share(
            shadow,
            S[0, 0] * point[0] + S[0, 1] * point[1] + S[0, 2] * point[2] + S[0, 3],
            S[1, 0] * point[0] + S[1, 1] * point[1] + S[1, 2] * point[2] + S[1, 3],
            S[2, 0] * point[0] + S[2, 1] * point[1] + S[2, 2] * point[2],
            0.025,
        )
    half = lamp + e
    shine = max((n * half).sum() / np.sqrt((half * half).sum()), 0.0) ** 24 * _SPECULAR * lit
    fill = max(-0.6 * n[0] + 0.6 * n[1] + 0.5 * n[2], 0.0) * 0.3
    for i in range(3):
        colour[i] += (
            texel[i] * (_AMBIENT[i] * (0.55 + 0.45 * n[2]) + _DIFFUSE[i] * facing * lit + fill) + shine
        )
