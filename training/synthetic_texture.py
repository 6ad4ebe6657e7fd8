"""Textures painted as functions of the place on the body: no picture file is needed."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.training.synthetic_body import vertex_normals
from posecap.training.synthetic_mesh import Part
from posecap.training.synthetic_raster import DOUBLE, NOTHING, rasterise

TEXTURE_PX = 512

_GUTTER_PX = 6
_WAVE_MIX = np.array([[1, 0.3, 0.2], [0.2, 1, 0.4], [0.5, 0.1, 1]])


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """Places of the surface at rest that are to be painted.

    Attributes:
        point: (n, 3) metres.
        normal: (n, 3).
        uv: (n, 2) texture coordinates, (0, 0) TOP left.
    """

    point: NDArray[np.float64]
    normal: NDArray[np.float64]
    uv: NDArray[np.float64]


Paint = Callable[[Spots], NDArray[np.float64]]
"""RGB (n, 3) or RGBA (n, 4), 0..255."""


class Ripple:
    """Smooth noise in space: a sum of products of waves, each octave twice as fine."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._phase = rng.uniform(0, 9, (5, 3))

    def __call__(self, points: NDArray[np.float64], per_metre: float) -> NDArray[np.float64]:
        """(n,) about -1..1 at points (n, 3)."""
        waves = (np.sin(points * per_metre * 2**k @ _WAVE_MIX + phase) for k, phase in enumerate(self._phase))
        return sum((wave.prod(axis=1) * 0.6**k for k, wave in enumerate(waves)), start=np.zeros(len(points)))


def painted(part: Part, paint: Paint) -> NDArray[np.uint8]:
    """(512, 512, 4) RGBA texture of a surface; the gutters around its islands repeat the nearest colour."""
    vertex, uv, triangles = part.corners()
    on_texture = (uv * (1, -1) + (0, 1)).astype(np.float32) * TEXTURE_PX
    shape = (TEXTURE_PX, TEXTURE_PX)
    nearest, second, third = (np.zeros(shape, dtype=np.float32) for _ in range(3))
    covering = np.empty(shape, dtype=np.int32)
    rasterise(
        on_texture.astype(np.float32), np.ones(len(uv), np.float32), triangles.astype(np.int32), uv,
        np.zeros(len(triangles), np.int32), np.full((1, 2, 2, 4), 255, np.uint8), np.array([DOUBLE]),
        nearest, covering, second, third,
    )  # fmt: skip
    inside = covering != NOTHING
    corner = vertex[triangles[covering[inside]]]
    q, r = second[inside], third[inside]
    weight = np.stack([1 - q - r, q, r], axis=1)[..., None]
    rest = part.skin.rest
    normals = vertex_normals(rest, part.faces)
    rows, columns = np.nonzero(inside)
    spots = Spots(
        (rest[corner] * weight).sum(axis=1),
        (normals[corner] * weight).sum(axis=1),
        np.stack([columns + 0.5, rows + 0.5], axis=1) / TEXTURE_PX,
    )
    colour = paint(spots)
    texture = np.zeros((*shape, 4), dtype=np.uint8)
    texture[inside, 3] = 255
    texture[inside, : colour.shape[1]] = np.clip(colour, 0, 255)
    return _with_gutters(texture, inside)


def _with_gutters(texture: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    distance, label = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    filled = np.nonzero(inside.reshape(-1))[0]
    label = np.asarray(label, dtype=np.int64)
    source = np.zeros(label.max() + 1, dtype=np.int64)
    source[label.reshape(-1)[filled]] = filled
    spread = texture.reshape(-1, 4)[source[label]]
    return np.where((distance <= _GUTTER_PX)[..., None], spread, texture)
