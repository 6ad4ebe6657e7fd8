"""A clothed person made of the base mesh alone."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posecap.training.synthetic_body import Body, Skin, vertex_normals
from posecap.training.synthetic_clothes import Clothes
from posecap.training.synthetic_head import Head
from posecap.training.synthetic_look import Look
from posecap.training.synthetic_mesh import Part
from posecap.training.synthetic_raster import CULLED, CUT_OUT, DOUBLE
from posecap.training.synthetic_texture import Paint, Ripple, painted

EYES = ("helper-l-eye", "helper-r-eye")


class Person:
    """A body and the textured surfaces that are drawn of it.

    Attributes:
        body: shape and skeleton.
        parts: skin, shoes, shirt, trousers, hair, eyes.
    """

    def __init__(self, path: Path, look: Look) -> None:
        """Dress the body of the baked file `path` as `look` says."""
        self.body = body = Body(path, look.shape)
        rng = np.random.default_rng(look.seed)
        ripple = Ripple(rng)
        head = Head(body, look, ripple)
        clothes = Clothes(body, look, ripple, head.neck_m, rng)
        faces, face_uv = body.faces["body"]
        tights, tights_uv = body.faces["helper-tights"]
        normals = vertex_normals(body.skin.rest, np.concatenate([faces, tights]))
        shirt, in_shirt = clothes.shirt(normals)
        trousers, in_trousers = clothes.trousers(normals)
        shod, in_shoes = clothes.shoes(normals)
        hair, in_hair = head.hair(normals)
        shoe = in_shoes[faces].all(axis=1)
        bare = ~clothes.covered()[faces].all(axis=1) & ~shoe
        worn, legs, grown = (
            mask.all(axis=1) for mask in (in_shirt[tights], in_trousers[tights], in_hair[faces])
        )
        self.parts = [
            self._part("skin", shod, faces[bare], face_uv[bare], head.paint_skin, CULLED),
            self._part("shoes", shod, faces[shoe], face_uv[shoe], clothes.paint_shoes, DOUBLE),
            self._part("shirt", shirt, tights[worn], tights_uv[worn], clothes.paint_shirt, DOUBLE),
            self._part("trousers", trousers, tights[legs], tights_uv[legs], clothes.paint_trousers, DOUBLE),
            self._part("hair", hair, faces[grown], face_uv[grown], head.paint_hair, CUT_OUT),
            *(self._part(eye, body.skin, *body.faces[eye], head.paint_eye, CULLED) for eye in EYES),
        ]

    def _part(
        self,
        name: str,
        skin: Skin,
        faces: NDArray[np.int64],
        face_uv: NDArray[np.int64],
        paint: Paint,
        mode: int,
    ) -> Part:
        blank = Part(name, skin, faces, face_uv, self.body.uv, np.zeros((1, 1, 4), np.uint8), mode)
        return Part(name, skin, faces, face_uv, self.body.uv, painted(blank, paint), mode)
