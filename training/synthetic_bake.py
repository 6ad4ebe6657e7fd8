"""A few body shapes baked into one small file: base mesh plus weighted shape targets, with rig and keypoints."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.training.synthetic_wheel import BodyArchive, cache_folder, fetched_wheel

FILE = "body-1.npz"  # the number changes with what is baked
GROUPS = ("body", "helper-tights", "helper-l-eye", "helper-r-eye")
LIPS_PX = 512

SHAPES: dict[str, dict[str, float]] = {  # gender 0 = male, 1 = female; what is not named is 0.5
    "male": {"gender": 0.0, "age": 0.6, "muscle": 0.6, "weight": 0.5, "height": 0.45, "proportions": 0.6},
    "male_heavy": {
        "gender": 0.1,
        "age": 0.8,
        "muscle": 0.5,
        "weight": 0.85,
        "height": 0.4,
        "proportions": 0.4,
    },
    "female": {"gender": 1.0, "age": 0.5, "muscle": 0.4, "weight": 0.6, "height": 0.58, "proportions": 0.5},
    "female_tall": {
        "gender": 1.0,
        "age": 0.6,
        "muscle": 0.6,
        "weight": 0.5,
        "height": 0.6,
        "proportions": 0.6,
    },
}

_ANCHORS = {  # evenly spaced on 0..1; age starts with the baby, the newborn of the source is left out
    "gender": ("male", "female"),
    "age": ("baby", "child", "young", "old"),
    "muscle": ("minmuscle", "averagemuscle", "maxmuscle"),
    "weight": ("minweight", "averageweight", "maxweight"),
    "height": ("minheight", "maxheight"),
    "proportions": ("idealproportions", "uncommonproportions"),
    "cupsize": ("mincup", "averagecup", "maxcup"),
    "firmness": ("minfirmness", "averagefirmness", "maxfirmness"),
}
_BUILD = ("gender", "age", "muscle", "weight")
_BLOCKS = (
    ("macrodetails/universal-{}-{}-{}-{}", _BUILD),
    ("macrodetails/{}-{}-{}", ("ancestry", "gender", "age")),
    ("macrodetails/height/{}-{}-{}-{}-{}", (*_BUILD, "height")),
    ("macrodetails/proportions/{}-{}-{}-{}-{}", (*_BUILD, "proportions")),
    ("breast/{}-{}-{}-{}-{}-{}", (*_BUILD, "cupsize", "firmness")),
)
_ANCESTRY: dict[str, float] = dict.fromkeys(("african", "asian", "caucasian"), 1 / 3)
_BONES_PER_VERTEX = 8
_STEP_M = 1e-4  # rest positions are stored in whole steps


def body_file() -> Path:
    """Path of the baked file in the cache; need not exist."""
    return cache_folder() / FILE


def baked_body() -> Path:
    """Path of the baked file, made (and its wheel fetched) when it is not there; raises SyntheticError."""
    path = body_file()
    if not path.is_file():
        with BodyArchive(fetched_wheel()) as archive:
            content = bake(archive)
            path.with_suffix(".LICENSES.txt").write_text(archive.licences())
        part = path.with_suffix(f".{os.getpid()}.npz")
        np.savez_compressed(part, **content)  # pyright: ignore[reportArgumentType]
        part.replace(path)
    return path


def bake(archive: BodyArchive, shapes: dict[str, dict[str, float]] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of the baked file; `posecap.training.synthetic_body` says what they mean.

    Args:
        archive: source of mesh, targets and rig.
        shapes: name -> phenotypes; `SHAPES` when None.
    """
    shapes = SHAPES if shapes is None else shapes
    template, uv, groups = archive.mesh()
    rig = archive.rig()
    bones, parents = _depth_first(rig)
    count = 1 + max(
        int(groups[name][..., 0].max()) for name in GROUPS
    )  # leaves out the cubes that mark joints
    bodies = [_shaped(template, archive, shape) for shape in shapes.values()]
    heads = [[body[_head_vertices(rig[bone], groups)].mean(axis=0) for bone in bones] for body in bodies]
    weight_bone, weight = _heaviest_bones(archive.weights(), bones, len(template), count)
    keypoints = archive.keypoints()
    regressor = np.stack([row[:count] for row in keypoints.values()])
    at = np.stack(np.nonzero(regressor))
    lips = cv2.imdecode(np.frombuffer(archive.lips(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert lips is not None  # the archive was checked
    content: dict[str, NDArray[Any]] = {
        "shapes": np.array(list(shapes)),
        "rest": np.round(np.array(bodies)[:, :count] / _STEP_M).astype(np.int16),
        "heads": np.array(heads, dtype=np.float32),
        "bones": np.array(bones),
        "parents": np.array(parents, dtype=np.int16),
        "weight_bone": weight_bone,
        "weight": weight,
        "uv": np.round(uv * 65535).astype(np.uint16),
        "keypoints": np.array(list(keypoints)),
        "keypoint_at": at.astype(np.uint16),
        "keypoint_weight": regressor[tuple(at)],
        "lips": cv2.resize(lips, (LIPS_PX, LIPS_PX), interpolation=cv2.INTER_AREA),
    }
    return content | {f"quads/{name}": groups[name].astype(np.uint16) for name in GROUPS}


def _shaped(
    template: NDArray[np.float64], archive: BodyArchive, shape: dict[str, float]
) -> NDArray[np.float64]:
    body = template.copy()
    for name, coefficient in _macro_targets(shape):
        target = archive.target(name)
        if target is not None:  # no file means no change: average breasts, proportions of a baby
            np.add.at(body, target[0], coefficient * target[1])
    return body


def _macro_targets(shape: dict[str, float]) -> Iterator[tuple[str, float]]:
    """Name and coefficient of every target that plays a part: the product of the weights of its phenotypes."""
    weights: dict[str, dict[str, float]] = {
        key: _between(shape.get(key, 0.5), anchors) for key, anchors in _ANCHORS.items()
    }
    weights["ancestry"] = {**_ANCESTRY}
    for pattern, keys in _BLOCKS:
        for names in itertools.product(*(weights[key] for key in keys)):
            coefficients = [weights[key][name] for key, name in zip(keys, names, strict=True)]
            yield pattern.format(*names), float(np.prod(coefficients))


def _between(value: float, anchors: tuple[str, ...]) -> dict[str, float]:
    """Linear weights of the two anchors around `value`, without those of weight 0."""
    place = float(np.clip(value, 0, 1)) * (len(anchors) - 1)
    low = min(int(place), len(anchors) - 2)
    share = place - low
    return {name: w for name, w in ((anchors[low], 1 - share), (anchors[low + 1], share)) if w}


def _depth_first(rig: dict[str, Any]) -> tuple[list[str], list[int]]:
    """Bone names and the index of each one's parent, parents before children."""
    bones: list[str] = []
    parents: list[int] = []

    def walk(bone: str, parent: int) -> None:
        index = len(bones)
        bones.append(bone)
        parents.append(parent)
        for child, entry in rig.items():
            if entry.get("parent") == bone:
                walk(child, index)

    walk(next(bone for bone, entry in rig.items() if not entry.get("parent")), -1)
    return bones, parents


def _head_vertices(bone: dict[str, Any], groups: dict[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    head = bone["head"]
    if head["strategy"] == "VERTEX":
        return np.array([head["vertex_index"]])
    if head["strategy"] == "CUBE":
        return np.unique(groups[head["cube_name"]][..., 0])
    return np.array(head["vertex_indices"])


def _heaviest_bones(
    weights: dict[str, list[tuple[int, float]]], bones: list[str], vertices: int, count: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """For the first `count` vertices the 8 bones that move them most, and 255ths of their influence."""
    table = np.zeros((vertices, len(bones)), dtype=np.float32)
    for column, bone in enumerate(bones):
        for vertex, weight in weights.get(bone, []):
            table[vertex, column] += weight
    table = table[:count]
    order = np.argsort(-table, axis=1)[:, :_BONES_PER_VERTEX]
    kept = np.take_along_axis(table, order, axis=1)
    kept /= np.maximum(kept.sum(axis=1, keepdims=True), 1e-9)
    return order.astype(np.uint8), np.round(kept * 255).astype(np.uint8)


if __name__ == "__main__":
    baked_body()
