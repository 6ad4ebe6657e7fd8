"""What a decoder finds in a batch of crops: the one shape that all joint networks are read into."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class CropPoses:
    """One person in each crop, joints in the order of the network's own joint set.

    Attributes:
        xy: (crops, joints, 2) crop pixels, (0, 0) at the centre of the top-left pixel.
        score: (crops, joints) 0..1.
        variance: (crops, joints) crop px^2 for each axis.
        person: (crops,) probability that there is a person at all.
        logits: (crops, joints, height, width) heatmaps before the sigmoid, possibly a view; None =
            there are none.
        crop_from_cell: (2, 3) affine map from heatmap cell (column, row) to crop pixels.
        next_region: (crops, 4) centre x, y, side (crop px) and roll (radians, clockwise) of a better crop;
            None = the network does not say.
    """

    xy: NDArray[np.float64]
    score: NDArray[np.float64]
    variance: NDArray[np.float64]
    person: NDArray[np.float64]
    logits: NDArray[np.float32] | None
    crop_from_cell: NDArray[np.float64]
    next_region: NDArray[np.float64] | None = None


_SIGMA = 0.005  # of a sure joint, in sides of the crop
_LEAST = 0.03


def joint_variance(
    peak: NDArray[np.float64], visibility: NDArray[np.float64] | float, side_px: float
) -> NDArray[np.float64]:
    """Variance per axis, px^2, of a joint whose heatmap peaks at `peak` (0..1), in a crop of `side_px`.

    sigma = 0.005 side peak^-1.75 visibility^-1/3. Measured on rendered people with exact joints (4 views, 60
    instants, 12 to 14 joints, constant offsets removed): regression of the log error over BlazePose and
    MoveNet gave exponents -1.6 to -2.1 and -0.26 to -0.36; 0.004 fits the median error, 0.005 the mean
    square. The width of a heatmap's peak says less than its height.
    """
    sure = np.clip(peak, _LEAST, 1.0) ** -1.75 * np.clip(visibility, _LEAST, 1.0) ** (-1 / 3)
    return (_SIGMA * side_px * sure) ** 2


def sigmoid(x: NDArray[np.floating]) -> NDArray[Any]:
    """Logistic function without overflow, in the precision of `x`."""
    return 1 / (1 + np.exp(-np.clip(x, -80, 80)))
