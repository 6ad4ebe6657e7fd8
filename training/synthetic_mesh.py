"""All surfaces of all people in one buffer, ready to be posed and drawn."""

from collections.abc import Sequence

import numpy as np

from posecap.training.synthetic_body import BonePose
from posecap.training.synthetic_person import Person
from posecap.training.synthetic_raster import (
    ALPHA_TEST,
    CULL_BACK,
    DOUBLE_SIDED,
    area_normals,
    skin_vertices,
)


class PersonMesh:
    """The surfaces of one person. Normals are those of the shared vertices, so texture seams do not show."""

    def __init__(self, person: Person) -> None:
        body, parts = person.body, person.surfaces
        columns: dict[str, list[np.ndarray]] = {
            key: [] for key in ("rest", "bone", "weight", "uv", "triangles", "part", "faces", "shared")
        }
        corners = shared = 0
        for number, part in enumerate(parts):
            used, inverse = np.unique(part.vertex, return_inverse=True)
            place = np.full(len(part.rest), -1)
            place[used] = np.arange(len(used))
            rows = {
                "rest": part.rest[part.vertex],
                "bone": body.bone[part.vertex],
                "weight": body.weight[part.vertex],
                "uv": part.uv,
                "triangles": part.triangles + corners,
                "part": np.full(len(part.triangles), number),
                "faces": place[part.faces] + shared,
                "shared": inverse + shared,
            }
            for key, values in rows.items():
                columns[key].append(values)
            corners += len(part.vertex)
            shared += len(used)
        joined = {key: np.concatenate(values) for key, values in columns.items()}
        self.uv = joined["uv"].astype(np.float32)
        self.triangles, self.part = joined["triangles"].astype(np.int32), joined["part"].astype(np.int32)
        self.textures = np.stack([part.texture for part in parts])
        self.mode = np.array(
            [ALPHA_TEST if p.alpha else DOUBLE_SIDED if p.double_sided else CULL_BACK for p in parts]
        )
        self.vertices = np.zeros((corners, 3), np.float32)
        self.normals = np.zeros((corners, 3), np.float32)
        self._rest = joined["rest"].astype(np.float32)
        self._bone, self._weight = joined["bone"].astype(np.int32), joined["weight"].astype(np.float32)
        self._faces, self._shared = joined["faces"].astype(np.int32), joined["shared"].astype(np.int32)
        self._first = np.zeros(shared, np.int32)
        self._first[self._shared] = np.arange(corners)

    def pose(self, pose: BonePose) -> None:
        """Put vertices and normals where `pose` has them."""
        skin_vertices(
            self._rest,
            self._bone,
            self._weight,
            pose.R.astype(np.float32),
            pose.t.astype(np.float32),
            self.vertices,
        )
        normals = np.zeros((len(self._first), 3), np.float32)
        area_normals(self.vertices[self._first], self._faces, normals)
        self.normals = normals[self._shared]


class CrowdMesh:
    """Several people as one mesh: they hide and shadow each other."""

    def __init__(self, meshes: Sequence[PersonMesh]) -> None:
        self.meshes = tuple(meshes)
        corners = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
        parts = np.cumsum([0, *(len(mesh.mode) for mesh in meshes)])
        self.uv = np.concatenate([mesh.uv for mesh in meshes])
        self.triangles = np.concatenate(
            [mesh.triangles + np.int32(start) for mesh, start in zip(meshes, corners[:-1], strict=True)]
        )
        self.part = np.concatenate(
            [mesh.part + np.int32(start) for mesh, start in zip(meshes, parts[:-1], strict=True)]
        )
        self.textures = np.concatenate([mesh.textures for mesh in meshes])
        self.mode = np.concatenate([mesh.mode for mesh in meshes])
        self.vertices = np.zeros((corners[-1], 3), np.float32)
        self.normals = np.zeros((corners[-1], 3), np.float32)

    def pose(self, poses: Sequence[BonePose]) -> None:
        """One pose for each person."""
        for mesh, pose in zip(self.meshes, poses, strict=True):
            mesh.pose(pose)
        self.vertices = np.concatenate([mesh.vertices for mesh in self.meshes])
        self.normals = np.concatenate([mesh.normals for mesh in self.meshes])
