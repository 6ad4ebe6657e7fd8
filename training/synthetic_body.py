"""One body shape: forward kinematics, linear blend skinning, exact keypoints. Metres; at rest z up, facing -y."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posecap.training.errors import SyntheticError

BODY_VERTICES = 13380
"""The vertices of group "body"; helpers follow."""

_STEP_M = 1e-4
_SOLE_M = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class BodyPose:
    """Where each bone is.

    Attributes:
        R: (bones, 3, 3) world rotation of each bone against the rest pose.
        t: (bones, 3) metres: a point x of the rest pose that a bone carries is at R x + t.
        heads: (bones, 3) world positions of the bones' heads, metres.
    """

    R: NDArray[np.float64]
    t: NDArray[np.float64]
    heads: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """Vertices that follow the bones.

    Attributes:
        rest: (n, 3) metres.
        bone: (n, 8) index of the bones that move each vertex.
        weight: (n, 8) their influence, sum 1.
    """

    rest: NDArray[np.float64]
    bone: NDArray[np.int32]
    weight: NDArray[np.float32]

    def posed(self, pose: BodyPose) -> NDArray[np.float64]:
        """(n, 3) world positions, metres: linear blend skinning. The slow twin of `synthetic_mesh`."""
        R = np.einsum("vk,vkij->vij", self.weight, pose.R[self.bone])
        t = np.einsum("vk,vki->vi", self.weight, pose.t[self.bone])
        return np.einsum("vij,vj->vi", R, self.rest) + t

    def part(self, vertices: NDArray[np.int64]) -> "Skin":
        """The skin of some of the vertices."""
        return Skin(self.rest[vertices], self.bone[vertices], self.weight[vertices])


@cache
def _arrays(path: Path, modified_ns: int) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


class Body:
    """A baked shape at rest, and how it moves.

    Attributes:
        skin: all vertices, the helpers behind the body.
        uv: (m, 2) texture coordinates, (0, 0) bottom left.
        faces: group -> triangles (k, 3) of vertex indices and (k, 3) of texture coordinate indices.
        bones: names, parents before children.
        heads: (bones, 3) rest position of each bone's head, metres.
        floor_m: height of the sole at rest.
        keypoints: names, COCO-17 and six of the feet.
        lips: (512, 512) uint8 mask in texture coordinates.
    """

    def __init__(self, path: Path, shape: str) -> None:
        arrays = _arrays(path, path.stat().st_mtime_ns)
        shapes = [str(name) for name in arrays["shapes"]]
        if shape not in shapes:
            raise SyntheticError(
                f"no body shape {shape!r}, there are {', '.join(shapes)}: choose one of them"
            )
        index = shapes.index(shape)
        weight = arrays["weight"].astype(np.float32)
        self.skin = Skin(
            arrays["rest"][index] * _STEP_M,
            arrays["weight_bone"].astype(np.int32),
            weight / np.maximum(weight.sum(axis=1, keepdims=True), 1),
        )
        self.uv = arrays["uv"] / 65535.0
        self.faces = {
            name.removeprefix("quads/"): _triangles(quads.astype(np.int64))
            for name, quads in arrays.items()
            if name.startswith("quads/")
        }
        self.bones = tuple(str(name) for name in arrays["bones"])
        self.heads = arrays["heads"][index].astype(np.float64)
        self.lips = arrays["lips"]
        self._parents = arrays["parents"]
        self._index = {name: i for i, name in enumerate(self.bones)}
        self.floor_m = float(self.skin.rest[:BODY_VERTICES, 2].min())
        self.sole = self.skin.part(np.nonzero(self.skin.rest[:BODY_VERTICES, 2] < self.floor_m + _SOLE_M)[0])
        self.keypoints = tuple(str(name) for name in arrays["keypoints"])
        regressor = np.zeros((len(self.keypoints), len(self.skin.rest)))
        regressor[tuple(arrays["keypoint_at"])] = arrays["keypoint_weight"]
        used = np.nonzero(regressor.any(axis=0))[0]
        self._regressor = regressor[:, used]
        self._regressed = self.skin.part(used)

    def bone(self, name: str) -> int:
        """Index of a bone in the arrays of a pose."""
        return self._index[name]

    def head(self, name: str) -> NDArray[np.float64]:
        """(3,) rest position of a bone's head, metres."""
        return self.heads[self._index[name]]

    def rest_keypoints(self) -> dict[str, NDArray[np.float64]]:
        """Keypoint name -> (3,) position at rest, metres."""
        return dict(zip(self.keypoints, self._regressor @ self._regressed.rest, strict=True))

    def keypoints_at(self, pose: BodyPose) -> NDArray[np.float64]:
        """(23, 3) world positions of `keypoints`, metres, from the same skinned vertices that are drawn."""
        return self._regressor @ self._regressed.posed(pose)

    def posed(
        self, rotations: Mapping[str, NDArray[np.float64]], translation: NDArray[np.float64]
    ) -> BodyPose:
        """Forward kinematics.

        Args:
            rotations: bone -> (3, 3) world rotation against the rest pose; a bone not named goes with its parent.
            translation: (3,) of the root bone's head from its rest position, metres.
        """
        count = len(self.bones)
        R, heads = np.zeros((count, 3, 3)), np.zeros((count, 3))
        for i, name in enumerate(self.bones):
            parent = self._parents[i]
            if parent < 0:
                R[i] = rotations.get(name, np.eye(3))
                heads[i] = self.heads[i] + translation
            else:
                R[i] = rotations.get(name, R[parent])
                heads[i] = heads[parent] + R[parent] @ (self.heads[i] - self.heads[parent])
        return BodyPose(R, heads - np.einsum("bij,bj->bi", R, self.heads), heads)


def vertex_normals(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, 3) unit normals, each face counted by its area; (0, 0, 0) for a vertex of no face."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _triangles(quads: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    halves = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return halves[..., 0], halves[..., 1]
