"""Bones, joints and bars as triangles that face the eye, coloured as if lit.

A cylinder seen from anywhere is a ribbon, a ball is a disc. Software renderers pay for each triangle: on two cores
under Xvfb a window of 1280 x 720 with 40,000 small unlit triangles took 87 ms of processor time a picture, with
10,000 lit ones 71, an empty one 15. 25 people of solid cylinders and balls have 42,000 triangles, as ribbons and
discs 3,700; with lines, cameras and panel a picture takes 27 ms (tests/bench/viewer.py).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.launch.view_eye import Eye

_RIM = 0.5  # brightness of the edge of a ribbon or a disc; its middle has 1.1
_CORE = 1.1
_FEW_CORNERS, _MANY_CORNERS = 6, 10
_LARGE_M = 0.06  # discs from this radius on have many corners


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Triangles.

    Attributes:
        vertices: (n, 3) metres, world.
        colours: (n, 3) red green blue, 0..1.
        triangles: (m, 3) indices, counter-clockwise or not: both faces are drawn.
    """

    vertices: NDArray[np.float64]
    colours: NDArray[np.float64]
    triangles: NDArray[np.int64]

    @staticmethod
    def joined(parts: "list[Shapes]") -> "Shapes":
        """All parts as one."""
        starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
        return Shapes(
            np.concatenate([part.vertices for part in parts]),
            np.concatenate([part.colours for part in parts]),
            np.concatenate([part.triangles + start for part, start in zip(parts, starts, strict=False)]),
        )


def ribbons(
    a: NDArray[np.float64], b: NDArray[np.float64], radius_m: NDArray, colours: NDArray, eye: Eye
) -> Shapes:
    """Cylinders from `a` to `b` (n, 3), bright along the middle; those with a NaN end are left out.

    Args:
        radius_m: (n,), half the width.
        colours: (n, 3).
    """
    known = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
    a, b, radius, colours = a[known], b[known], radius_m[known, None], colours[known]
    towards = _unit(eye.centre - (a + b) / 2)
    side = _unit(np.cross(b - a, towards)) * radius
    lift = towards * radius
    vertices = np.stack([a - side, a + lift, a + side, b - side, b + lift, b + side], axis=1)
    light = np.array([_RIM, _CORE, _RIM, _RIM, _CORE, _RIM])[:, None]
    return _stacked(vertices, colours, light, [(0, 3, 1), (1, 3, 4), (1, 4, 2), (2, 4, 5)])


def bars(
    a: NDArray[np.float64], b: NDArray[np.float64], width_m: NDArray, colours: NDArray, eye: Eye
) -> Shapes:
    """Flat strokes of one colour from `a` to `b` (n, 3); arguments as for `ribbons`."""
    side = _unit(np.cross(b - a, eye.centre - (a + b) / 2)) * width_m[:, None] / 2
    vertices = np.stack([a - side, a + side, b - side, b + side], axis=1)
    return _stacked(vertices, colours, np.ones((4, 1)), [(0, 2, 1), (1, 2, 3)])


def discs(centres: NDArray[np.float64], radius_m: NDArray, colours: NDArray, eye: Eye) -> Shapes:
    """Balls around `centres` (n, 3), bright in the middle; NaN ones are left out."""
    known = np.isfinite(centres).all(axis=1)
    small = known & (radius_m < _LARGE_M)
    large = known & ~small
    return Shapes.joined(
        [
            _discs(centres[chosen], radius_m[chosen, None, None], colours[chosen], eye, corners)
            for chosen, corners in ((small, _FEW_CORNERS), (large, _MANY_CORNERS))
        ]
    )


def _discs(centres: NDArray, radius: NDArray, colours: NDArray, eye: Eye, corners: int) -> Shapes:
    angles = 2 * np.pi * np.arange(corners) / corners
    right, down, _ = eye.right_down_forward
    rim = np.cos(angles)[:, None] * right + np.sin(angles)[:, None] * down
    towards = _unit(eye.centre - centres)[:, None]
    middle = centres[:, None] + towards * radius * 1.2  # in front of the ribbons that end here
    around = centres[:, None] + rim * radius + towards * radius * 0.4
    light = np.array([_CORE] + [_RIM + 0.15] * corners)[:, None]
    fan = [(0, 1 + k, 1 + (k + 1) % corners) for k in range(corners)]
    return _stacked(np.concatenate([middle, around], axis=1), colours, light, fan)


def _stacked(
    vertices: NDArray, colours: NDArray, light: NDArray, pattern: list[tuple[int, int, int]]
) -> Shapes:
    """n copies of one pattern: `vertices` (n, k, 3), `colours` (n, 3), `light` (k, 1)."""
    n, k, _ = vertices.shape
    triangles = np.array(pattern)[None] + k * np.arange(n)[:, None, None]
    shaded = np.clip(colours[:, None] * light, 0.0, 1.0)
    return Shapes(vertices.reshape(-1, 3), shaded.reshape(-1, 3), triangles.reshape(-1, 3))


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
