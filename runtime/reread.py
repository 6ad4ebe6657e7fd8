"""The second reading: what the heatmaps say near the place where time and the other views expect a joint.

The likelihood of a heatmap (its sigmoid) is multiplied with a Gaussian around the expected pixel; mean and variance of
the product, after the Gaussian is divided out again, are the new measurement.
"""

import numpy as np
from numpy.typing import NDArray

from posecap.runtime.pose import Heatmaps

_HALF_WINDOW = 6  # cells
_LEAST_PEAK = 0.1


def reread(
    heatmaps: Heatmaps, joints: NDArray[np.int64], expected_px: NDArray[np.float64], sigma_px: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixels (n, 2), full image, and their variance (n,), px^2, of `joints` (n,) near `expected_px` (n, 2).

    `sigma_px` is how far the expectation may be off. NaN and inf where nothing is expected, the heatmap is empty there
    or the window leaves it.
    """
    _, height, width = heatmaps.logits.shape
    to_pixel, origin = heatmaps.image_from_cell[:, :2], heatmaps.image_from_cell[:, 2]
    cell = (expected_px - origin) @ np.linalg.inv(to_pixel).T
    cell_px = float(np.sqrt(abs(np.linalg.det(to_pixel))))
    known = np.asarray(np.isfinite(cell).all(axis=1))
    middle = np.where(known[:, None], np.rint(np.where(known[:, None], cell, 0.0)), 0).astype(np.int64)
    known &= ((middle >= 0) & (middle < (width, height))).all(axis=1)
    steps = np.arange(-_HALF_WINDOW, _HALF_WINDOW + 1)
    column = middle[:, 0, None] + steps
    row = middle[:, 1, None] + steps
    inside = ((column >= 0) & (column < width))[:, None, :] & ((row >= 0) & (row < height))[:, :, None]
    window = heatmaps.logits[
        joints[:, None, None],
        np.clip(row, 0, height - 1)[:, :, None],
        np.clip(column, 0, width - 1)[:, None, :],
    ]
    evidence = np.where(inside, 1.0 / (1.0 + np.exp(-np.clip(window.astype(np.float64), -30, 30))), 0.0)
    peak = evidence.max(axis=(1, 2))
    off_x, off_y = column - cell[:, 0, None], row - cell[:, 1, None]
    spread = max(sigma_px / cell_px, 0.5)
    with np.errstate(invalid="ignore"):
        near = np.exp(-0.5 * (off_x**2)[:, None, :] / spread**2 - 0.5 * (off_y**2)[:, :, None] / spread**2)
        weight = evidence**2 * near
        total = weight.sum(axis=(1, 2))
        good = known & (peak > _LEAST_PEAK) & (total > 1e-6)
        share = weight / np.where(good, total, 1.0)[:, None, None]
        mean_x = (share * column[:, None, :]).sum(axis=(1, 2))
        mean_y = (share * row[:, :, None]).sum(axis=(1, 2))
        variance = 0.5 * (
            (share * (column[:, None, :] - mean_x[:, None, None]) ** 2).sum(axis=(1, 2))
            + (share * (row[:, :, None] - mean_y[:, None, None]) ** 2).sum(axis=(1, 2))
        )
    pixel = np.stack([mean_x, mean_y], axis=1) @ to_pixel.T + origin
    return np.where(good[:, None], pixel, np.nan), np.where(good, (variance + 0.25) * cell_px**2, np.inf)
