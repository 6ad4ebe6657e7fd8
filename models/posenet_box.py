"""The box of 3DMPPE: from a detector's box to the crop, and from its voxels back to the camera's space. No torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VOXELS = 64
DEPTH_MM = 2000.0
"""Depth of the box: one metre before and behind the root."""

_MARGIN = 1.25


@dataclass(frozen=True, slots=True)
class PersonBox:
    """The square that is cropped, in the picture's corner-based pixels (the top-left pixel reaches from 0 to 1).

    Attributes:
        left, top: corner, px.
        side: width and height, px.
    """

    left: float
    top: float
    side: float

    @property
    def crop_from_picture(self) -> NDArray[np.float64]:
        """(2, 3) from pixel centres of the picture to those of the 256 x 256 crop."""
        scale = 256 / self.side
        shift = [0.5 * scale - 0.5 - self.left * scale, 0.5 * scale - 0.5 - self.top * scale]
        return np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])


def person_box(
    box_px: tuple[float, float, float, float], size_px: tuple[int, int], *, margin: float = _MARGIN
) -> PersonBox | None:
    """The crop for a detector's box (left, top, right, bottom): inside the picture, square, a quarter larger.

    The extended box is what PoseNet and `k_value` of RootNet take; do not extend it before. None = nothing of the box
    lies in the picture.
    """
    left, right = max(box_px[0], 0.0), min(box_px[2], float(size_px[0]))
    top, bottom = max(box_px[1], 0.0), min(box_px[3], float(size_px[1]))
    if not (right - left >= 1 and bottom - top >= 1):
        return None
    side = margin * max(right - left, bottom - top)
    return PersonBox((left + right - side) / 2, (top + bottom - side) / 2, side)


def camera_from_voxels(
    voxels: NDArray[np.floating], box: PersonBox, K: NDArray[np.floating], root_depth_mm: float
) -> NDArray[np.float64]:
    """(joints, 3) millimetres in camera axes (x right, y down, z forward) of joints (joints, 3) in voxels.

    Args:
        voxels: x, y, z of `PoseNet` with its preset; 0 and 64 are the sides of the box.
        K: (3, 3) of the camera, pixel centres at whole numbers. Distances hold for this focal length only.
        root_depth_mm: of the pelvis, from RootNet, a multi-view rig, or (an oracle) the truth.
    """
    pixel = np.array([box.left, box.top]) + voxels[:, :2] * (box.side / VOXELS) - 0.5
    depth = (voxels[:, 2] / VOXELS - 0.5) * DEPTH_MM + root_depth_mm
    x = (pixel[:, 0] - K[0, 2]) / K[0, 0] * depth
    y = (pixel[:, 1] - K[1, 2]) / K[1, 1] * depth
    return np.stack([x, y, depth], axis=1)
