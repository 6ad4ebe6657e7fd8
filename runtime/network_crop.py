"""Pictures cut out for published networks, and the way back from cells of their heatmaps."""

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.models.networks import PresetName
from posecap.runtime.preprocess import crop, moved


def cut_out(
    image: NDArray[np.uint8], affine: NDArray[np.float64], size_px: tuple[int, int], preset: PresetName
) -> NDArray[np.uint8]:
    """(height, width, 3) what a BGR picture shows through `affine` (2, 3), from crop to image px; black outside.

    `compat` takes the nearest four pixels also where it shrinks, as the originals; `clean` halves the picture first.
    """
    if preset == "compat":
        inverse = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
        return np.asarray(cv2.warpAffine(image, affine, size_px, flags=inverse), dtype=np.uint8)
    out = np.empty((size_px[1], size_px[0], 3), np.uint8)
    crop(image, affine, out)
    return out


def picture_of_cells(
    cells: NDArray[np.floating],
    map_px: tuple[int, int],
    affine: NDArray[np.float64],
    size_px: tuple[int, int],
) -> NDArray[np.float64]:
    """(..., 2) image px of (..., 2) cells of a heatmap of `map_px` = (width, height) over a crop of `size_px`.

    Cell c stands for pixel c times the ratio of the sizes, for that is where targets are drawn
    (`heatmap_from_image` in models/heatmap_sampling.py).
    """
    return moved(affine, np.asarray(cells, np.float64) * (np.array(size_px) / map_px))
