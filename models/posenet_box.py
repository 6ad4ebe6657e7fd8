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
    """The square that is cropped.

    Attributes:
        left, top: corner, px. Where `centred`, the top-left pixel of the picture reaches from 0 to 1; otherwise its
            centre is (0, 0).
        side: width and height, px.
        centred: pixels and voxels are squares with their coordinate in the middle. The original takes indices for
            coordinates, in the crop, the voxels and on the way back; as in `PoseNet`.
    """

    left: float
    top: float
    side: float
    centred: bool = True

    @property
    def crop_from_picture(self) -> NDArray[np.float64]:
        """(2, 3) from pixel centres of the picture to those of the 256 x 256 crop; (0, 0) is the top-left one's."""
        scale = 256 / self.side
        middle = 0.5 * (scale - 1) if self.centred else 0.0
        return np.array([[scale, 0.0, middle - self.left * scale], [0.0, scale, middle - self.top * scale]])


def person_box(
    box_px: tuple[float, float, float, float],
    size_px: tuple[int, int],
    *,
    margin: float = _MARGIN,
    centred: bool = True,
) -> PersonBox | None:
    """The crop for a detector's box (left, top, right, bottom): inside the picture, square, a quarter larger.

    The extended box is what PoseNet and `k_value` of RootNet take; do not extend it before. None = nothing of the box
    lies in the picture. `box_px` is as `PersonBox` describes its corner, so `centred` counts here too.
    """
    left, right = max(box_px[0], 0.0), min(box_px[2], float(size_px[0]))
    top, bottom = max(box_px[1], 0.0), min(box_px[3], float(size_px[1]))
    if not (right - left >= 1 and bottom - top >= 1):
        return None
    side = margin * max(right - left, bottom - top)
    return PersonBox((left + right - side) / 2, (top + bottom - side) / 2, side, centred)


def picture_from_voxels(voxels: NDArray[np.floating], box: PersonBox) -> NDArray[np.float64]:
    """(joints, 2) pixels of the picture, centres at whole numbers, of joints (joints, 2 or 3) in voxels."""
    xy = np.asarray(voxels[:, :2], np.float64)
    corner = np.array([box.left, box.top]) - (0.5 if box.centred else 0.0)
    return corner + xy * (box.side / VOXELS)


def camera_from_voxels(
    voxels: NDArray[np.floating], box: PersonBox, K: NDArray[np.floating], root_depth_mm: float
) -> NDArray[np.float64]:
    """(joints, 3) millimetres in camera axes (x right, y down, z forward) of joints (joints, 3) in voxels.

    Args:
        voxels: x, y, z of a `PoseNet` with the box's `centred`; 0 and 64 are the sides of the box.
        K: (3, 3) of the camera, pixel centres at whole numbers. Distances hold for this focal length only.
        root_depth_mm: of the pelvis, from RootNet, a multi-view rig, or (an oracle) the truth.
    """
    pixel = picture_from_voxels(voxels, box)
    depth = (voxels[:, 2] / VOXELS - 0.5) * DEPTH_MM + root_depth_mm
    x = (pixel[:, 0] - K[0, 2]) / K[0, 0] * depth
    y = (pixel[:, 1] - K[1, 2]) / K[1, 1] * depth
    return np.stack([x, y, depth], axis=1)
