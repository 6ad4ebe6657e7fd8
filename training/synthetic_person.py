"""A clothed person made of the CC0 base mesh alone.

The helper tights that wrap the body become shirt and trousers, the scalp becomes hair, the feet become shoes. Every
texture is a function of the rest position, drawn in texture space.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.training.synthetic_body import BODY_VERTICES, Body, Surface, textured, vertex_normals
from posecap.training.synthetic_raster import DOUBLE_SIDED, TEXTURE_PX, rasterise

Sleeve = Literal["long", "mid", "short"]
Points = NDArray[np.float64]
Colour = Callable[[Points, Points, NDArray, NDArray], NDArray]
"""(n, 3 or 4) colours 0..255 of rest positions (n, 3), normals (n, 3) and texture coordinates u, v (n,)."""

_GUTTER_PX = 6
_SKIN_TONES = ((224, 178, 150), (198, 150, 118), (150, 104, 76), (108, 74, 54), (232, 190, 166))
_HAIR_TONES = ((44, 30, 22), (80, 56, 34), (26, 22, 22), (120, 92, 56))
_TROUSER_TONES = ((58, 78, 120), (44, 46, 52), (120, 104, 80), (70, 84, 70))
_SHOE_TONES = ((40, 36, 34), (200, 200, 196), (110, 60, 40))
_IRIS_TONES = ((70, 46, 28), (60, 90, 120), (80, 100, 60))
_ARM_BONES = ("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
_WAVE_MIX = np.array([[1, 0.3, 0.2], [0.2, 1, 0.4], [0.5, 0.1, 1]])


@dataclass(eq=False)
class Person:
    """A body and what is drawn of it."""

    body: Body
    surfaces: list[Surface] = field(default_factory=list)


def dressed(npz: Path, shape: str, seed: int, sleeve: Sleeve) -> Person:
    """A person of `shape`; tones, patterns and folds are drawn from `seed`."""
    return _Tailor(Body(npz, shape), np.random.default_rng(seed), sleeve).person


class _Tailor:
    """Cuts garments out of the helper mesh by height and by arm weight, and paints everything."""

    def __init__(self, body: Body, rng: np.random.Generator, sleeve: Sleeve) -> None:
        self.body, self.rng = body, rng
        self.person = Person(body)
        v = body.vertices
        self._phase = rng.uniform(0, 9, (6, 3))
        faces = np.concatenate([body.faces["body"][0], body.faces["helper-tights"][0]])
        self._normals = vertex_normals(v, faces)
        self._is_body = np.arange(len(v)) < BODY_VERTICES
        self._skin_tone, self._hair_tone = self._pick(_SKIN_TONES), self._pick(_HAIR_TONES)
        keypoints = body.rest_keypoints
        self._eyes = (keypoints["left_eye"], keypoints["right_eye"])
        self._nose, self._ear = keypoints["nose"], keypoints["left_ear"]
        self._waist = body.head("spine05")[2] + 0.06
        self._ankle, self._knee = body.head("foot.L")[2], body.head("lowerleg01.L")[2]
        self._neck = body.head("neck01")[2]
        elbow, wrist, self._shoulder = (
            abs(body.head(bone)[0]) for bone in ("lowerarm01.L", "wrist.L", "upperarm01.L")
        )
        is_arm_bone = np.array([label.startswith(_ARM_BONES) for label in body.labels])
        arm_weight = (body.weight * is_arm_bone[body.bone]).sum(axis=1)
        self._arm = (np.abs(v[:, 0]) > self._shoulder + 0.03) & (arm_weight > 0.5)
        self._cuff = {
            "long": wrist - 0.01,
            "mid": elbow + 0.05,
            "short": (self._shoulder + elbow) / 2 + 0.05,
        }[sleeve]
        self._add_clothes()
        self._add_skin_and_shoes()
        self._add_hair()
        self._add_eyes()

    def _pick(self, tones: tuple[tuple[int, int, int], ...]) -> NDArray[np.float64]:
        return np.array(tones[self.rng.integers(len(tones))], dtype=np.float64)

    def _waves(self, points: Points, frequency: float) -> NDArray[np.float64]:
        """Smooth noise over space, roughly -1..1."""
        total = np.zeros(len(points))
        for octave in range(5):
            angle = points * frequency * 2**octave @ _WAVE_MIX + self._phase[octave]
            total += np.sin(angle).prod(axis=1) * 0.6**octave
        return total

    def _add_clothes(self) -> None:
        v, z, x = self.body.vertices, self.body.vertices[:, 2], np.abs(self.body.vertices[:, 0])
        faces, face_uv = self.body.faces["helper-tights"]
        top = (z > self._waist - 0.12) & (~self._arm | (x < self._cuff)) & (z < self._neck + 0.01)
        bottom = (z < self._waist) & ~self._arm & (z > self._ankle)
        flare = (np.clip((self._knee + 0.1 - z) / 0.4, 0, 1) * 0.012)[:, None]
        shirt_rest = v + self._normals * self._looseness(0.016, 0.006, 22.0)
        trousers_rest = v + self._normals * (self._looseness(0.011, 0.005, 17.0) + flare)
        for name, rest, kept, colour in (
            ("shirt", shirt_rest, top[faces].all(axis=1), self._shirt_colour()),
            ("trousers", trousers_rest, bottom[faces].all(axis=1), self._trousers_colour()),
        ):
            self._add(name, rest, faces[kept], face_uv[kept], colour, double_sided=True)

    def _looseness(self, base_m: float, fold_m: float, frequency: float) -> NDArray[np.float64]:
        return np.clip(base_m + fold_m * self._waves(self.body.vertices, frequency), 0.003, None)[:, None]

    def _shirt_colour(self) -> Colour:
        first, second = self.rng.uniform(25, 225, 3), self.rng.uniform(25, 225, 3)
        pattern, frequency = int(self.rng.integers(4)), self.rng.uniform(90, 260)

        def colour(p: Points, n: Points, u: NDArray, v: NDArray) -> NDArray:
            stripes = np.sin(p[:, 2] * frequency), np.sin(p[:, 0] * frequency)
            on = (stripes[0], stripes[1], stripes[0] * stripes[1], self._waves(p, 25.0))[pattern] > 0
            c = np.where(on[:, None], first, second if pattern < 3 else first * 0.8)
            chest = n[:, 1] < 0
            if pattern == 3:  # a print instead of stripes
                c[(np.abs(p[:, 0]) < 0.09) & (np.abs(p[:, 2] - self._waist - 0.28) < 0.07) & chest] = second
            else:
                c[(np.abs(p[:, 0]) < 0.004) & chest] *= 0.6
            return c * (1 + 0.10 * self._waves(p, 18.0))[:, None]

        return colour

    def _trousers_colour(self) -> Colour:
        tone = self._pick(_TROUSER_TONES)

        def colour(p: Points, n: Points, u: NDArray, v: NDArray) -> NDArray:
            worn = 0.10 * np.exp(-(((p[:, 2] - self._knee) / 0.12) ** 2))
            c = tone * (1 + 0.13 * self._waves(p, 14.0) + worn)[:, None]
            c[np.abs(p[:, 2] - self._waist + 0.02) < 0.015] *= 0.6
            return c

        return colour

    def _add_skin_and_shoes(self) -> None:
        v, z, x = self.body.vertices, self.body.vertices[:, 2], np.abs(self.body.vertices[:, 0])
        faces, face_uv = self.body.faces["body"]
        foot = (z < self._ankle + 0.01) & self._is_body
        rest = v.copy()
        rest[foot] += self._normals[foot] * 0.008
        toes = foot & (z < self.body.floor + 0.05)
        rest[toes, 2] = np.minimum(rest[toes, 2], self.body.floor + 0.045)
        under_trousers = (z > self._ankle + 0.03) & (z < self._waist - 0.02) & ~self._arm
        under_shirt = (
            (z > self._waist - 0.1) & (z < self._neck - 0.03) & (~self._arm | (x < self._cuff - 0.02))
        )
        seen = ~(under_trousers | under_shirt)[faces].all(axis=1)
        on_foot = foot[faces].all(axis=1)
        self._add(
            "skin",
            rest,
            faces[seen & ~on_foot],
            face_uv[seen & ~on_foot],
            self._skin_colour,
            painted=(faces, face_uv),
        )
        shoe = self._pick(_SHOE_TONES)

        def shoe_colour(p: Points, n: Points, u: NDArray, v: NDArray) -> NDArray:
            c = shoe * (1 + 0.1 * self._waves(p, 30.0))[:, None]
            c[p[:, 2] < self.body.floor + 0.018] = shoe * 0.45 + 30
            return c

        self._add(
            "shoes", rest, faces[seen & on_foot], face_uv[seen & on_foot], shoe_colour, double_sided=True
        )

    def _skin_colour(self, p: Points, n: Points, u: NDArray, v: NDArray) -> NDArray:
        tone = self._skin_tone
        lips = self.body.lips / 255.0
        rows, columns = (v * TEXTURE_PX).astype(int) % TEXTURE_PX, (u * TEXTURE_PX).astype(int) % TEXTURE_PX
        lip = lips[rows, columns][:, None]
        c = tone + self._waves(p, 40.0)[:, None] * 6 + self._waves(p, 9.0)[:, None] * 5
        c = c * (1 - lip * 0.75) + tone * np.array([0.78, 0.5, 0.5]) * lip * 0.75
        for eye in self._eyes:
            face = p[:, 1] < eye[1] + 0.03
            across, above = p[:, 0] - eye[0], p[:, 2] - eye[2]
            brow = (np.abs(above - 0.021 + 14 * across**2) < 0.0042) & (np.abs(across) < 0.021) & face
            c[brow] = self._hair_tone * 0.9
            shade = 0.28 * np.exp(-((across / 0.018) ** 2) - (above / 0.010) ** 2)
            c = c * (1 - shade[:, None] * face[:, None])
        nostril = np.exp(-((p[:, 0] / 0.014) ** 2) - ((p[:, 2] - self._nose[2] + 0.012) / 0.007) ** 2)
        c = c * (1 - 0.25 * nostril[:, None] * (p[:, 1] < self._nose[1] + 0.03)[:, None])
        c[(self._scalp(p) > 0) & (p[:, 2] > self._neck)] = self._hair_tone
        return c

    def _scalp(self, p: Points) -> NDArray[np.float64]:
        """Height above the hair line, metres; above 0 hair grows."""
        eyes = (self._eyes[0][2] + self._eyes[1][2]) / 2
        front = np.clip((self._ear[1] - p[:, 1]) / (self._ear[1] - self._nose[1]), -1, 1)  # 0 ear, 1 nose
        before, behind = (
            eyes + 0.012 + 0.048 * np.sqrt(np.clip(front, 0, 1)),
            eyes - 0.075 + 0.05 * (front + 1),
        )
        return p[:, 2] - np.where(front > 0, before, behind)

    def _add_hair(self) -> None:
        v, ear = self.body.vertices, self._ear
        scalp = self._scalp(v)
        near_ear = (
            (np.abs(np.abs(v[:, 0]) - abs(ear[0])) < 0.022)
            & (np.abs(v[:, 2] - ear[2]) < 0.045)
            & (np.abs(v[:, 1] - ear[1]) < 0.035)
        )
        faces, face_uv = self.body.faces["body"]
        grows = ((scalp > -0.004) & (v[:, 2] > self._neck + 0.02) & self._is_body & ~near_ear)[faces].all(
            axis=1
        )
        thickness = 0.004 + np.clip(scalp, 0, 0.03) * 0.55 + 0.003 * self._waves(v, 60.0)

        def colour(p: Points, n: Points, u: NDArray, w: NDArray) -> NDArray:
            strands = np.sin(p[:, 0] * 900 + self._waves(p, 20.0) * 3) * 0.5 + 0.5
            c = self._hair_tone * (0.65 + 0.7 * (strands * (0.6 + 0.4 * np.clip(n[:, 2], 0, 1)))[:, None])
            ragged = self._scalp(p) + 0.006 * np.sin(p[:, 0] * 700) * np.sin(p[:, 1] * 500) > -0.001
            return np.column_stack([c, np.where(ragged, 255.0, 0.0)])

        rest = v + self._normals * thickness[:, None]
        self._add("hair", rest, faces[grows], face_uv[grows], colour, alpha=True, double_sided=True)

    def _add_eyes(self) -> None:
        iris = self._pick(_IRIS_TONES)
        for group in ("helper-l-eye", "helper-r-eye"):
            faces, face_uv = self.body.faces[group]
            centre = self.body.vertices[np.unique(faces)].mean(axis=0)

            def colour(p: Points, n: Points, u: NDArray, v: NDArray, centre: Points = centre) -> NDArray:
                d = p - centre
                off_axis = np.arccos(np.clip(-d[:, 1] / (np.linalg.norm(d, axis=1) + 1e-9), -1, 1))[:, None]
                white = np.array([232.0, 228.0, 224.0])
                return np.where(
                    off_axis < 0.25, np.array([12.0, 10, 10]), np.where(off_axis < 0.55, iris, white)
                )

            self._add(group, self.body.vertices, faces, face_uv, colour)

    def _add(
        self,
        name: str,
        rest: Points,
        faces: NDArray[np.int64],
        face_uv: NDArray[np.int64],
        colour: Colour,
        *,
        painted: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
        alpha: bool = False,
        double_sided: bool = False,
    ) -> None:
        """Add a surface, its texture painted over `painted` faces (its own by default)."""
        vertex, uv, triangles = textured(faces, face_uv, self.body.uv)
        texture = _paint(rest, *(painted or (faces, face_uv)), self.body.uv, colour)
        self.person.surfaces.append(
            Surface(name, vertex, uv, triangles, faces, rest, texture, alpha, double_sided)
        )


def _paint(
    rest: Points, faces: NDArray[np.int64], face_uv: NDArray[np.int64], all_uv: NDArray, colour: Colour
) -> NDArray[np.uint8]:
    """(512, 512, 4) uint8: `colour` of each texel, gutters filled by 6 texels."""
    size = TEXTURE_PX
    vertex, uv, triangles = textured(faces, face_uv, all_uv)
    flipped = np.column_stack([uv[:, 0], 1 - uv[:, 1]])
    nearest, b1, b2 = (np.zeros((size, size), np.float32) for _ in range(3))
    owner = np.empty((size, size), np.int32)
    rasterise(
        (flipped * size).astype(np.float32), np.ones(len(uv), np.float32), triangles.astype(np.int32), uv,
        np.zeros(len(triangles), np.int32), np.full((1, 2, 2, 4), 255, np.uint8), np.array([DOUBLE_SIDED]),
        nearest, owner, b1, b2,
    )  # fmt: skip
    inside = owner >= 0
    corners = vertex[triangles[owner[inside]]]
    share = np.stack([1 - b1[inside] - b2[inside], b1[inside], b2[inside]], axis=1)[..., None]
    normals = vertex_normals(rest, faces)
    rows, columns = np.nonzero(inside)
    colours = colour(
        (rest[corners] * share).sum(axis=1),
        (normals[corners] * share).sum(axis=1),
        (columns + 0.5) / size,
        (rows + 0.5) / size,
    )
    texture = np.zeros((size, size, 4), np.uint8)
    texture[inside, :3] = np.clip(colours[:, :3], 0, 255)
    texture[inside, 3] = np.clip(colours[:, 3], 0, 255) if colours.shape[1] == 4 else 255
    distance, labels = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    source = np.zeros(labels.max() + 1, np.int64)
    source[labels[inside]] = np.flatnonzero(inside)
    filled = texture.reshape(-1, 4)[source[labels]]
    return np.where((inside | (distance > _GUTTER_PX))[..., None], texture, filled)
