"""Crops that are scaled, turned and mirrored at random for training, and their joints with them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.models.published_joints import MPII_16


@dataclass(frozen=True, slots=True)
class CropChange:
    """One crop in place of another, around the same centre: first scaled and turned, then mirrored.

    Attributes:
        scale: side of the new crop in the picture, in sides of the old one; over 1 shows more of the picture.
        turn_deg: how far what is seen turns, from x towards y: clockwise as one looks at it.
        mirrored: left and right change places, in the picture and among the joints.
    """

    scale: float = 1.0
    turn_deg: float = 0.0
    mirrored: bool = False

    def new_from_old(self, side_px: int) -> NDArray[np.float64]:
        """(2, 3) from pixels of the old crop to pixels of the new one, both with `side_px`, (0, 0) a pixel's centre."""
        angle, middle = np.radians(self.turn_deg), (side_px - 1) / 2
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / self.scale
        if self.mirrored:
            turn[0] *= -1.0
        return np.column_stack([turn, middle - turn @ [middle, middle]])

    def crop_from_whole(self, crop_from_whole: NDArray[np.floating], side_px: int) -> NDArray[np.float64]:
        """(2, 3) from pixels of the whole picture to those of the new crop, from the same of the old one."""
        new = self.new_from_old(side_px)
        return np.column_stack(
            [new[:, :2] @ crop_from_whole[:, :2], new[:, :2] @ crop_from_whole[:, 2] + new[:, 2]]
        )

    def places(
        self, xy_px: NDArray[np.floating], side_px: int, mirrored: Sequence[int] = MPII_16.mirrored
    ) -> NDArray[np.float64]:
        """Joints (joints, 2) in pixels of the new crop, from those in the old one. Unknown ones (NaN) stay unknown.

        `mirrored` has for each joint the one on the other side.
        """
        new = self.new_from_old(side_px)
        moved = np.asarray(xy_px, np.float64) @ new[:, :2].T + new[:, 2]
        return moved[list(mirrored)] if self.mirrored else moved

    def depths(
        self, depth: NDArray[np.floating], mirrored: Sequence[int] = MPII_16.mirrored
    ) -> NDArray[np.float64]:
        """Depths (joints,) as fractions of the new crop's side, from those of the old one's."""
        scaled = np.asarray(depth, np.float64) / self.scale
        return scaled[list(mirrored)] if self.mirrored else scaled


@dataclass(frozen=True, slots=True)
class CropAugmentation:
    """How much crops change; the defaults are those of the original's ResNet.

    Attributes:
        scale: standard deviation around 1, and the most that a scale differs from 1.
        turn_deg: standard deviation; no turn is more than twice that.
        turned: share of crops that are turned. Crops with depth never are, as in the original.
        mirrored: share of crops that are mirrored.
    """

    scale: float = 0.25
    turn_deg: float = 30.0
    turned: float = 0.6
    mirrored: float = 0.5

    def __post_init__(self) -> None:
        if not (0 <= self.scale < 1 and 0 <= self.turned <= 1 and 0 <= self.mirrored <= 1):
            raise ValueError(
                f"augmentation with scale {self.scale:g}, turned {self.turned:g}, mirrored {self.mirrored:g}: "
                "give a scale from 0 to below 1, and shares from 0 to 1"
            )

    def draw(self, rng: np.random.Generator, *, has_depth: bool) -> CropChange:
        """The change of one crop. It takes as many random numbers for each crop, whatever comes out."""
        size, turn = np.clip(rng.standard_normal(2), [-1.0, -2.0], [1.0, 2.0])
        turned, mirrored = rng.random(2) < (self.turned, self.mirrored)
        turn_deg = float(turn * self.turn_deg) if turned and not has_depth else 0.0
        return CropChange(float(1.0 + size * self.scale), turn_deg, bool(mirrored))
