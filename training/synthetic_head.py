"""Skin, face, hair and eyes of a synthetic person."""

import numpy as np
from numpy.typing import NDArray

from posecap.training.synthetic_body import BODY_VERTICES, Body, Skin
from posecap.training.synthetic_look import Look
from posecap.training.synthetic_texture import TEXTURE_PX, Ripple, Spots

_PUPIL_RAD, _IRIS_RAD = 0.25, 0.55
_PUPIL, _WHITE = (12, 10, 10), (232, 228, 224)


class Head:
    """Where the face is on this body, and how to paint it."""

    def __init__(self, body: Body, look: Look, ripple: Ripple) -> None:
        self._body, self._look, self._ripple = body, look, ripple
        at = body.rest_keypoints()
        self._eyes = (at["left_eye"], at["right_eye"])
        self._nose, self._ear = at["nose"], at["left_ear"]
        self.neck_m = float(body.head("neck01")[2])
        """Height of the neck at rest."""

    def hair_depth(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) metres above the hair line at points (n, 3) at rest, below 0 where there is skin."""
        eye_m = (self._eyes[0][2] + self._eyes[1][2]) / 2
        front = np.clip(
            (self._ear[1] - points[:, 1]) / (self._ear[1] - self._nose[1]), -1, 1
        )  # 0 ear, 1 nose
        fringe = eye_m + 0.012 + 0.048 * np.sqrt(np.clip(front, 0, 1))
        nape = eye_m - 0.075 + 0.05 * (front + 1)
        return points[:, 2] - np.where(front > 0, fringe, nape)

    def hair(self, normals: NDArray[np.float64]) -> tuple[Skin, NDArray[np.bool_]]:
        """The body swollen where hair grows, and which vertices (n,) carry it."""
        skin = self._body.skin
        points = skin.rest
        depth = self.hair_depth(points)
        at_ear = (
            (np.abs(np.abs(points[:, 0]) - abs(self._ear[0])) < 0.022)
            & (np.abs(points[:, 2] - self._ear[2]) < 0.045)
            & (np.abs(points[:, 1] - self._ear[1]) < 0.035)
        )
        grows = (depth > -0.004) & (points[:, 2] > self.neck_m + 0.02) & ~at_ear
        grows[BODY_VERTICES:] = False
        thickness = 0.004 + np.clip(depth, 0, 0.03) * 0.55 + 0.003 * self._ripple(points, 60.0)
        return Skin(points + normals * thickness[:, None], skin.bone, skin.weight), grows

    def paint_hair(self, spots: Spots) -> NDArray[np.float64]:
        """RGBA; strands fray at the hair line."""
        points = spots.point
        strands = np.sin(points[:, 0] * 900 + self._ripple(points, 20.0) * 3) * 0.5 + 0.5
        shine = 0.65 + 0.7 * strands * (0.6 + 0.4 * np.clip(spots.normal[:, 2], 0, 1))
        fringe = 0.006 * np.sin(points[:, 0] * 700) * np.sin(points[:, 1] * 500)
        opaque = np.where(self.hair_depth(points) + fringe > -0.001, 255.0, 0.0)
        return np.concatenate([np.array(self._look.hair) * shine[:, None], opaque[:, None]], axis=1)

    def paint_skin(self, spots: Spots) -> NDArray[np.float64]:
        """RGB with lips, brows, shaded eyes, a shadow below the nose, and hair colour on the scalp."""
        points, tone = spots.point, np.array(self._look.skin, dtype=np.float64)
        colour = tone + self._ripple(points, 40.0)[:, None] * 6 + self._ripple(points, 9.0)[:, None] * 5
        texel = np.minimum((spots.uv * TEXTURE_PX).astype(int), TEXTURE_PX - 1)
        lips = self._body.lips[texel[:, 1], texel[:, 0]][:, None] / 255
        colour = colour * (1 - lips * 0.75) + tone * (0.78, 0.5, 0.5) * lips * 0.75
        for eye in self._eyes:
            x, z = points[:, 0] - eye[0], points[:, 2] - eye[2]
            face = points[:, 1] < eye[1] + 0.03
            brow = (np.abs(z - (0.021 - 14 * x**2)) < 0.0042) & (np.abs(x) < 0.021) & face
            colour[brow] = np.array(self._look.hair) * 0.9
            hollow = np.exp(-(x**2 / 0.018**2 + z**2 / 0.010**2)) * face
            colour *= 1 - 0.28 * hollow[:, None]
        below_nose = (points[:, 0] / 0.014) ** 2 + ((points[:, 2] - self._nose[2] + 0.012) / 0.007) ** 2
        face = points[:, 1] < self._nose[1] + 0.03
        colour *= 1 - (0.25 * np.exp(-below_nose) * face)[:, None]
        colour[(self.hair_depth(points) > 0) & (points[:, 2] > self.neck_m)] = self._look.hair
        return colour

    def paint_eye(self, spots: Spots) -> NDArray[np.float64]:
        """RGB of an eyeball that looks straight ahead."""
        spokes = spots.point - (spots.point.min(axis=0) + spots.point.max(axis=0)) / 2
        ahead = -spokes[:, 1] / (np.linalg.norm(spokes, axis=1) + 1e-9)
        angle = np.arccos(np.clip(ahead, -1, 1))[:, None]
        return np.where(angle < _PUPIL_RAD, _PUPIL, np.where(angle < _IRIS_RAD, self._look.iris, _WHITE))
