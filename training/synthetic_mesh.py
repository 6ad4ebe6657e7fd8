"""The textured surfaces of all people of a scene in one mesh: skinned, with normals, by compiled loops."""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from posecap.training.synthetic_body import BodyPose, Skin
from posecap.training.synthetic_raster import CULLED


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One textured surface of a person.

    Attributes:
        name: what it is: skin, shirt, ...
        skin: all vertices of the body, moved to where this surface is at rest.
        faces: (k, 3) triangles of vertex indices.
        face_uv: (k, 3) indices into the body's texture coordinates.
        uv: (m, 2) the body's texture coordinates.
        texture: (512, 512, 4) uint8 RGBA.
        mode: CULLED, CUT_OUT or DOUBLE of `synthetic_raster`.
    """

    name: str
    skin: Skin
    faces: NDArray[np.int64]
    face_uv: NDArray[np.int64]
    uv: NDArray[np.float64]
    texture: NDArray[np.uint8]
    mode: int = CULLED

    def corners(self) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
        """One drawn vertex for each pair of vertex and texture coordinate.

        Returns:
            (d,) vertex indices, (d, 2) texture coordinates, (k, 3) triangles of drawn vertices.
        """
        pairs = np.stack([self.faces.reshape(-1), self.face_uv.reshape(-1)], axis=1)
        unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
        return unique[:, 0], self.uv[unique[:, 1]].astype(np.float32), inverse.reshape(-1, 3)


class Mesh:
    """All parts of all people. Normals are those of shared vertices, so seams of the texture do not show.

    Attributes:
        uv: (vertices, 2) float32 texture coordinates.
        triangles: (n, 3) int32.
        part: (n,) int32, index into `textures` and `mode`.
        textures: (parts, 512, 512, 4) uint8 RGBA.
        mode: (parts,) int64.
        vertices: (vertices, 3) float32 world positions, metres, after `pose`.
        normals: (vertices, 3) float32, not of unit length, after `pose`.
    """

    def __init__(self, people: Sequence[Sequence[Part]], bones: int) -> None:
        rest, bone, weight, uv, triangles, part, faces, shared = ([] for _ in range(8))
        drawn = known = 0
        parts = [(person, entry) for person, surfaces in enumerate(people) for entry in surfaces]
        for index, (person, entry) in enumerate(parts):
            vertex, corner_uv, corner_triangles = entry.corners()
            used, place = np.unique(vertex, return_inverse=True)
            number = np.full(len(entry.skin.rest), -1)
            number[used] = np.arange(len(used))
            rest.append(entry.skin.rest[vertex])
            bone.append(entry.skin.bone[vertex] + person * bones)
            weight.append(entry.skin.weight[vertex])
            uv.append(corner_uv)
            triangles.append(corner_triangles + drawn)
            part.append(np.full(len(corner_triangles), index))
            faces.append(number[entry.faces] + known)
            shared.append(place + known)
            drawn += len(vertex)
            known += len(used)
        self._rest = np.concatenate(rest).astype(np.float32)
        self._bone = np.concatenate(bone).astype(np.int32)
        self._weight = np.concatenate(weight).astype(np.float32)
        self._faces = np.concatenate(faces).astype(np.int32)
        self._shared = np.concatenate(shared)
        self._first = np.zeros(known, dtype=np.int64)  # a drawn vertex of each shared one
        self._first[self._shared] = np.arange(drawn)
        self.uv = np.concatenate(uv)
        self.triangles = np.concatenate(triangles).astype(np.int32)
        self.part = np.concatenate(part).astype(np.int32)
        self.textures = np.stack([entry.texture for _, entry in parts])
        self.mode = np.array([entry.mode for _, entry in parts])
        self.vertices = np.zeros((drawn, 3), dtype=np.float32)
        self.normals = np.zeros((drawn, 3), dtype=np.float32)

    def pose(self, poses: Sequence[BodyPose]) -> None:
        """Move the vertices of each person to its pose."""
        R = np.concatenate([pose.R for pose in poses]).astype(np.float32)
        t = np.concatenate([pose.t for pose in poses]).astype(np.float32)
        _skin(self._rest, self._bone, self._weight, R, t, self.vertices)
        normals = np.zeros((len(self._first), 3), dtype=np.float32)
        _add_face_normals(self.vertices[self._first], self._faces, normals)
        self.normals = normals[self._shared]


@numba.njit(cache=True, fastmath=True)
def _skin(
    rest: NDArray[np.float32],
    bone: NDArray[np.int32],
    weight: NDArray[np.float32],
    R: NDArray[np.float32],
    t: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    blend = np.zeros((3, 4), np.float32)
    for i in range(rest.shape[0]):
        blend[:] = 0
        for k in range(bone.shape[1]):
            share, b = weight[i, k], bone[i, k]
            if share == 0:
                continue
            for row in range(3):
                for column in range(3):
                    blend[row, column] += share * R[b, row, column]
                blend[row, 3] += share * t[b, row]
        for row in range(3):
            moved = blend[row, 0] * rest[i, 0] + blend[row, 1] * rest[i, 1] + blend[row, 2] * rest[i, 2]
            out[i, row] = moved + blend[row, 3]


@numba.njit(cache=True, fastmath=True)
def _add_face_normals(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], out: NDArray[np.float32]
) -> None:
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        e, g = vertices[b] - vertices[a], vertices[c] - vertices[a]
        x, y, z = e[1] * g[2] - e[2] * g[1], e[2] * g[0] - e[0] * g[2], e[0] * g[1] - e[1] * g[0]
        for vertex in (a, b, c):
            out[vertex, 0] += x
            out[vertex, 1] += y
            out[vertex, 2] += z
