"""Compiled z-buffer rasteriser of a triangle mesh.

Screen coordinates here have the CORNER of the top-left sample at (0, 0), samples in the middle of their cells: add 0.5
to pixels of a camera, whose (0, 0) is the centre of the top-left one.
"""

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

CULLED: Final = 0  # mode of a part: faces turned away are not drawn
CUT_OUT: Final = 1  # where the texture is transparent there is nothing
DOUBLE: Final = 2  # both sides are drawn

NOTHING: Final = -1  # triangle index of a sample that no triangle covers

_FAR = 1e9
_NEAR_M = 0.05
_OPAQUE = 90
_FLAT = 1e-9


@numba.njit(cache=True, inline="always")
def _cells(a: float, b: float, c: float, count: int) -> tuple[int, int]:
    """First and last+1 of the cells whose middle lies between the least and the greatest of three coordinates."""
    first = max(0, int(np.ceil(min(a, b, c) - 0.5)))
    last = min(count - 1, int(np.floor(max(a, b, c) - 0.5)))
    return first, last + 1


@numba.njit(cache=True, fastmath=True)
def rasterise(
    xy: NDArray[np.float32],
    depth: NDArray[np.float32],
    triangles: NDArray[np.int32],
    uv: NDArray[np.float32],
    part: NDArray[np.int32],
    textures: NDArray[np.uint8],
    mode: NDArray[np.int64],
    nearest: NDArray[np.float32],
    covering: NDArray[np.int32],
    second: NDArray[np.float32],
    third: NDArray[np.float32],
) -> None:
    """For each sample the nearest triangle and the perspective-correct weights of its second and third corner.

    Triangles with a vertex nearer than 5 cm are dropped, not clipped.

    Args:
        xy: (vertices, 2) screen coordinates, in samples.
        depth: (vertices,) metres along the view.
        triangles: (n, 3) vertex indices.
        uv: (vertices, 2) texture coordinates, (0, 0) bottom left.
        part: (n,) part of each triangle.
        textures: (parts, size, size, 4) RGBA; only transparency is read.
        mode: (parts,) CULLED, CUT_OUT or DOUBLE.
        nearest: (height, width) written: depth.
        covering: (height, width) written: triangle index or NOTHING.
        second: (height, width) written: weight of the second corner.
        third: (height, width) written: weight of the third corner.
    """
    nearest[:] = _FAR
    covering[:] = NOTHING
    height, width = nearest.shape
    texels = textures.shape[1]
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if depth[a] <= _NEAR_M or depth[b] <= _NEAR_M or depth[c] <= _NEAR_M:
            continue
        ax, ay, bx, by, cx, cy = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < _FLAT or (mode[part[t]] == CULLED and area > 0):  # y points down
            continue
        left, right = _cells(ax, bx, cx, width)
        top, bottom = _cells(ay, by, cy, height)
        for row in range(top, bottom):
            y = row + 0.5
            for column in range(left, right):
                x = column + 0.5
                weight_b = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
                weight_c = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
                weight_a = 1.0 - weight_b - weight_c
                if weight_a < 0 or weight_b < 0 or weight_c < 0:
                    continue
                z = 1.0 / (weight_a / depth[a] + weight_b / depth[b] + weight_c / depth[c])
                if z >= nearest[row, column]:
                    continue
                p = weight_b / depth[b] * z
                q = weight_c / depth[c] * z
                if mode[part[t]] == CUT_OUT:
                    u = uv[a, 0] * (1 - p - q) + uv[b, 0] * p + uv[c, 0] * q
                    v = uv[a, 1] * (1 - p - q) + uv[b, 1] * p + uv[c, 1] * q
                    texel_row = min(max(int((1 - v) * texels), 0), texels - 1)
                    texel_column = min(max(int(u * texels), 0), texels - 1)
                    if textures[part[t], texel_row, texel_column, 3] < _OPAQUE:
                        continue
                nearest[row, column] = z
                covering[row, column] = t
                second[row, column] = p
                third[row, column] = q


@numba.njit(cache=True, fastmath=True)
def rasterise_depth(
    xy: NDArray[np.float32],
    depth: NDArray[np.float32],
    triangles: NDArray[np.int32],
    nearest: NDArray[np.float32],
) -> None:
    """Depth of an orthographic view, for shadows; arguments as those of `rasterise`."""
    nearest[:] = _FAR
    height, width = nearest.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by, cx, cy = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < _FLAT:
            continue
        left, right = _cells(ax, bx, cx, width)
        top, bottom = _cells(ay, by, cy, height)
        for row in range(top, bottom):
            y = row + 0.5
            for column in range(left, right):
                x = column + 0.5
                weight_b = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
                weight_c = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
                weight_a = 1.0 - weight_b - weight_c
                if weight_a < 0 or weight_b < 0 or weight_c < 0:
                    continue
                z = weight_a * depth[a] + weight_b * depth[b] + weight_c * depth[c]
                nearest[row, column] = min(nearest[row, column], z)
