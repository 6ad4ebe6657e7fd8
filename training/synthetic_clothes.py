"""Shirt, trousers and shoes, cut from the helper-tights and the feet of the base mesh."""

import numpy as np
from numpy.typing import NDArray

from posecap.training.synthetic_body import BODY_VERTICES, Body, Skin
from posecap.training.synthetic_look import Look
from posecap.training.synthetic_texture import Ripple, Spots

SHOE_SOLE_M = 0.009
"""How far the sole of a shoe is below the sole of the foot."""

_ARM_BONES = ("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
_SHOE_HEIGHT_M = 0.045


class Clothes:
    """The garments of one person: which vertices, how far off the body, which colours."""

    def __init__(
        self, body: Body, look: Look, ripple: Ripple, neck_m: float, rng: np.random.Generator
    ) -> None:
        self._body, self._look, self._ripple, self._rng, self._neck = body, look, ripple, rng, neck_m
        rest = body.skin.rest
        self._height, self._outwards = rest[:, 2], np.abs(rest[:, 0])
        self._is_body = np.arange(len(rest)) < BODY_VERTICES
        self._waist = float(body.head("spine05")[2]) + 0.06
        self._knee, self._ankle = float(body.head("lowerleg01.L")[2]), float(body.head("foot.L")[2])
        shoulder, elbow, wrist = (
            abs(float(body.head(bone)[0])) for bone in ("upperarm01.L", "lowerarm01.L", "wrist.L")
        )
        cuffs = {"long": wrist - 0.01, "mid": elbow + 0.05, "short": (shoulder + elbow) / 2 + 0.05}
        self._cuff = cuffs[look.sleeve]
        arm_bone = np.array([bone.startswith(_ARM_BONES) for bone in body.bones])
        moved_by_arm = (body.skin.weight * arm_bone[body.skin.bone]).sum(axis=1)
        self._arm = (self._outwards > shoulder + 0.03) & (moved_by_arm > 0.5)

    def shirt(self, normals: NDArray[np.float64]) -> tuple[Skin, NDArray[np.bool_]]:
        """The cloth and which vertices (n,) belong to it; `normals` (n, 3) of the body at rest."""
        reach = ~self._arm | (self._outwards < self._cuff)
        worn = (self._height > self._waist - 0.12) & reach & (self._height < self._neck + 0.01)
        distance = self._folds(0.016, 0.006, 22.0)
        over_trousers = self._height < self._waist + 0.02
        return self._off_body(normals, np.where(over_trousers, np.maximum(distance, 0.015), distance)), worn

    def trousers(self, normals: NDArray[np.float64]) -> tuple[Skin, NDArray[np.bool_]]:
        """As `shirt`; wider below the knee."""
        worn = (self._height < self._waist) & ~self._arm & (self._height > self._ankle)
        flare = np.clip((self._knee + 0.1 - self._height) / 0.4, 0, 1) * 0.012
        distance = self._folds(0.011, 0.005, 17.0) + flare
        under_shirt = self._height > self._waist - 0.16
        return self._off_body(normals, np.where(under_shirt, np.minimum(distance, 0.006), distance)), worn

    def shoes(self, normals: NDArray[np.float64]) -> tuple[Skin, NDArray[np.bool_]]:
        """The whole body with its feet swollen into shoes, and which vertices (n,) are feet."""
        foot = (self._height < self._ankle + 0.01) & self._is_body
        skin = self._off_body(normals, np.where(foot, 0.008, 0.0))
        low = foot & (self._height < self._body.floor_m + 0.05)
        top = self._body.floor_m + _SHOE_HEIGHT_M
        skin.rest[low, 2] = np.clip(skin.rest[low, 2], self._body.floor_m - SHOE_SOLE_M, top)
        return skin, foot

    def covered(self) -> NDArray[np.bool_]:
        """(n,) vertices whose skin no one sees."""
        legs = (self._height > self._ankle + 0.03) & (self._height < self._waist - 0.02) & ~self._arm
        reach = ~self._arm | (self._outwards < self._cuff - 0.02)
        trunk = (self._height > self._waist - 0.1) & (self._height < self._neck - 0.03) & reach
        return legs | trunk

    def paint_shirt(self, spots: Spots) -> NDArray[np.float64]:
        """RGB of the pattern, with soft folds, grain, and a button line where there is no print."""
        points, ground, figure = spots.point, *np.array(self._look.shirt, dtype=np.float64)
        x, z, front = points[:, 0], points[:, 2], spots.normal[:, 1] < 0
        if self._look.pattern == "print":
            blotch = (self._ripple(points, 25.0) > 0)[:, None]
            colour = np.where(blotch, ground, ground * 0.9)
            colour[(np.abs(x) < 0.09) & (np.abs(z - (self._waist + 0.28)) < 0.07) & front] = figure
        else:
            rings, stripes = np.sin(z * 130), np.sin(x * 150)
            on = {"rings": rings, "stripes": stripes, "checks": rings * stripes}[self._look.pattern] > 0
            colour = np.where(on[:, None], ground, figure)
            colour[(np.abs(x) < 0.004) & front] *= 0.6
        return colour * (1 + 0.10 * self._ripple(points, 18.0))[:, None] + self._grain(points, 4.0)

    def paint_trousers(self, spots: Spots) -> NDArray[np.float64]:
        """RGB, worn at the knee, with a belt."""
        points, tone = spots.point, np.array(self._look.trousers, dtype=np.float64)
        knee = np.exp(-(((points[:, 2] - self._knee) / 0.12) ** 2))
        colour = tone * (1 + 0.13 * self._ripple(points, 14.0) + 0.10 * knee)[:, None] + self._grain(
            points, 6.0
        )
        colour[np.abs(points[:, 2] - (self._waist - 0.02)) < 0.015] *= 0.6
        return colour

    def paint_shoes(self, spots: Spots) -> NDArray[np.float64]:
        """RGB with a sole of another tone."""
        tone = np.array(self._look.shoes, dtype=np.float64)
        colour = tone * (1 + 0.1 * self._ripple(spots.point, 30.0))[:, None]
        colour[spots.point[:, 2] < self._body.floor_m + 0.018] = tone * 0.45 + 30
        return colour

    def _off_body(self, normals: NDArray[np.float64], distance: NDArray[np.float64]) -> Skin:
        skin = self._body.skin
        return Skin(skin.rest + normals * distance[:, None], skin.bone, skin.weight)

    def _folds(self, mean_m: float, depth_m: float, per_metre: float) -> NDArray[np.float64]:
        return np.clip(mean_m + depth_m * self._ripple(self._body.skin.rest, per_metre), 0.003, None)

    def _grain(self, points: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
        return self._rng.normal(0, strength, (len(points), 1))
