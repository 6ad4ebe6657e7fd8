"""Corners of square markers to a few hundredths of a pixel: straight lines through the edges of their black border."""

import cv2
import numpy as np
from numpy.typing import NDArray

_ALONG = np.linspace(0.12, 0.88, 24)  # of a side; the ends are rounded by blur
_STEP_PX = 0.5
_REACH_PX = (1.5, 4.0)
_ROUNDS = 2


def sharpened(
    grey: NDArray[np.uint8], quads: NDArray[np.float64], module_share: float
) -> NDArray[np.float64]:
    """(n, 4, 2) corners of dark markers on a bright ground, from `quads` that are at most about two pixels off.

    Each side is crossed by short profiles; the centre of its grey steps is a point of the edge, a line through these
    points is the side, and neighbouring sides meet in a corner. Markers without clear edges come back as they were.

    Args:
        grey: (height, width) picture.
        quads: (n, 4, 2) pixels, clockwise.
        module_share: width of the black border over the side of the marker.
    """
    better = np.array(quads, dtype=np.float64)
    for k, quad in enumerate(quads):
        side_px = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1).min()
        reach = float(np.clip(0.8 * module_share * side_px, *_REACH_PX))
        for _ in range(_ROUNDS):
            found = _crossed(grey, better[k], reach)
            if found is None or np.abs(found - quad).max() > 2 * _REACH_PX[1]:
                found = quad
            better[k] = found
    return better


def _crossed(grey: NDArray[np.uint8], quad: NDArray[np.float64], reach: float) -> NDArray[np.float64] | None:
    along = np.roll(quad, -1, axis=0) - quad  # (4, 2), of each side
    length = np.linalg.norm(along, axis=1, keepdims=True)
    if (length < 4).any():
        return None
    outward = np.stack([along[:, 1], -along[:, 0]], axis=1) / length  # clockwise with y down
    offsets = np.arange(-reach, reach + _STEP_PX / 2, _STEP_PX)
    on_edge = quad[:, None] + _ALONG[:, None] * along[:, None]  # (4, samples, 2)
    places = (on_edge[:, :, None] + offsets[:, None] * outward[:, None, None]).astype(np.float32)
    flat = places.reshape(4 * len(_ALONG), len(offsets), 2)
    values = cv2.remap(
        grey, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).reshape(4, len(_ALONG), len(offsets))
    steps = np.clip(np.diff(values.astype(np.float64), axis=-1), 0, None)
    steps[steps < 0.15 * steps.max()] = 0
    weight = steps.sum(axis=-1)
    middle = (offsets[:-1] + offsets[1:]) / 2
    shift = (steps * middle).sum(axis=-1) / np.maximum(weight, 1e-9)
    points = on_edge + shift[..., None] * outward[:, None]
    lines = []
    for side in range(4):
        good = weight[side] > 0.3 * np.median(weight)
        good &= np.abs(shift[side] - np.median(shift[side][good] if good.any() else 0)) < 1.5
        if good.sum() < len(_ALONG) // 3:
            return None
        x0, y0 = points[side][good].mean(axis=0)
        spread = points[side][good] - (x0, y0)
        normal = np.linalg.svd(spread, full_matrices=False)[2][1]
        lines.append((*normal, -float(normal @ (x0, y0))))
    corners = [np.cross(lines[k - 1], lines[k]) for k in range(4)]
    if min(abs(corner[2]) for corner in corners) < 0.05:
        return None
    return np.array([corner[:2] / corner[2] for corner in corners])
