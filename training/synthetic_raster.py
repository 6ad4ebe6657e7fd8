"""A software rasteriser, compiled. Screen coordinates put the CORNER of the top-left pixel at (0, 0)."""

import numba
import numpy as np

TEXTURE_PX = 512
CULL_BACK, ALPHA_TEST, DOUBLE_SIDED = 0, 1, 2
_OPAQUE = 90

_compiled = numba.njit(cache=True, fastmath=True)


@_compiled
def rasterise(screen, depth, triangles, uv, part, textures, mode, nearest, owner, b1, b2):
    """Nearest triangle and its perspective-correct barycentrics at every sample.

    screen (n, 2) samples, depth (n,) m; triangles (m, 3); part (m,); mode (parts,) one of the three above.
    Written: nearest (h, w) m, owner (h, w) triangle or -1, b1 and b2 (h, w). Triangles nearer than 5 cm are left out.
    """
    height, width = owner.shape
    last = TEXTURE_PX - 1
    nearest[:] = 1e9
    owner[:] = -1
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = (
            screen[a, 0],
            screen[a, 1],
            screen[b, 0],
            screen[b, 1],
            screen[c, 0],
            screen[c, 1],
        )
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        k = part[t]
        if abs(area) < 1e-9 or (mode[k] == CULL_BACK and area > 0):  # y points down
            continue
        if depth[a] <= 0.05 or depth[b] <= 0.05 or depth[c] <= 0.05:
            continue
        i0, i1, i2 = 1.0 / depth[a], 1.0 / depth[b], 1.0 / depth[c]
        top = max(0, int(np.ceil(min(y0, y1, y2) - 0.5)))
        bottom = min(height - 1, int(np.floor(max(y0, y1, y2) - 0.5)))
        left = max(0, int(np.ceil(min(x0, x1, x2) - 0.5)))
        right = min(width - 1, int(np.floor(max(x0, x1, x2) - 0.5)))
        for y in range(top, bottom + 1):
            fy = y + 0.5
            for x in range(left, right + 1):
                fx = x + 0.5
                w1 = ((fx - x0) * (y2 - y0) - (x2 - x0) * (fy - y0)) / area
                w2 = ((x1 - x0) * (fy - y0) - (fx - x0) * (y1 - y0)) / area
                w0 = 1.0 - w1 - w2
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                z = 1.0 / (w0 * i0 + w1 * i1 + w2 * i2)
                if z >= nearest[y, x]:
                    continue
                p1, p2 = w1 * i1 * z, w2 * i2 * z
                if mode[k] == ALPHA_TEST:
                    p0 = 1.0 - p1 - p2
                    u = uv[a, 0] * p0 + uv[b, 0] * p1 + uv[c, 0] * p2
                    v = uv[a, 1] * p0 + uv[b, 1] * p1 + uv[c, 1] * p2
                    if textures[k, int((1.0 - v) * last) & last, int(u * last) & last, 3] < _OPAQUE:
                        continue
                nearest[y, x], owner[y, x], b1[y, x], b2[y, x] = z, t, p1, p2


@_compiled
def shadow_depth(screen, depth, triangles, nearest):
    """Orthographic depth alone, into nearest (h, w): the light's view."""
    height, width = nearest.shape
    nearest[:] = 1e9
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = (
            screen[a, 0],
            screen[a, 1],
            screen[b, 0],
            screen[b, 1],
            screen[c, 0],
            screen[c, 1],
        )
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        for y in range(
            max(0, int(np.ceil(min(y0, y1, y2) - 0.5))),
            min(height - 1, int(np.floor(max(y0, y1, y2) - 0.5))) + 1,
        ):
            for x in range(
                max(0, int(np.ceil(min(x0, x1, x2) - 0.5))),
                min(width - 1, int(np.floor(max(x0, x1, x2) - 0.5))) + 1,
            ):
                w1 = ((x + 0.5 - x0) * (y2 - y0) - (x2 - x0) * (y + 0.5 - y0)) / area
                w2 = ((x1 - x0) * (y + 0.5 - y0) - (x + 0.5 - x0) * (y1 - y0)) / area
                w0 = 1.0 - w1 - w2
                if w0 >= 0 and w1 >= 0 and w2 >= 0:
                    nearest[y, x] = min(nearest[y, x], w0 * depth[a] + w1 * depth[b] + w2 * depth[c])


@_compiled
def lit_share(shadow, x, y, depth, bias):
    """How much of a 3 x 3 neighbourhood in the light's view is not in shadow."""
    height, width = shadow.shape
    share = 0.0
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            column, row = int(x) + dx, int(y) + dy
            outside = column < 0 or row < 0 or column >= width or row >= height
            if outside or shadow[row, column] + bias > depth:
                share += 1.0
    return share / 9.0


@_compiled
def skin_vertices(rest, bone, weight, R, t, out):
    """Linear blend skinning of rest (n, 3) with bone and weight (n, 8) into out (n, 3)."""
    A = np.zeros((3, 4), np.float32)
    for i in range(rest.shape[0]):
        A[:] = 0
        for k in range(bone.shape[1]):
            w, b = weight[i, k], bone[i, k]
            if w == 0:
                continue
            for r in range(3):
                for c in range(3):
                    A[r, c] += w * R[b, r, c]
                A[r, 3] += w * t[b, r]
        for r in range(3):
            out[i, r] = A[r, 0] * rest[i, 0] + A[r, 1] * rest[i, 1] + A[r, 2] * rest[i, 2] + A[r, 3]


@_compiled
def area_normals(vertices, faces, out):
    """Sum of the area vectors around each vertex, into out (n, 3); not normalised."""
    out[:] = 0
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        e, g = vertices[b] - vertices[a], vertices[c] - vertices[a]
        x, y, z = e[1] * g[2] - e[2] * g[1], e[2] * g[0] - e[0] * g[2], e[0] * g[1] - e[1] * g[0]
        for corner in (a, b, c):
            out[corner, 0] += x
            out[corner, 1] += y
            out[corner, 2] += z
