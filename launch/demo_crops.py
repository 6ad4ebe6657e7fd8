"""People cut out of a picture for a network that reads heatmaps, and the way back into the picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.runtime.pose import Region
from posecap.runtime.preprocess import crop, image_from_crop, moved


def cut_out(
    image: NDArray[np.uint8], region: Region, size_px: tuple[int, int], preset: str
) -> NDArray[np.uint8]:
    """(height, width, 3) BGR crop of `size_px`; `compat` takes every n-th pixel where it shrinks, as the originals."""
    affine = image_from_crop(region, size_px)
    if preset == "compat":
        inverse = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
        return np.asarray(cv2.warpAffine(image, affine, size_px, flags=inverse), dtype=np.uint8)
    out = np.empty((size_px[1], size_px[0], 3), np.uint8)
    crop(image, affine, out)
    return out


def picture_of_cells(
    cells: NDArray[np.floating],
    map_px: tuple[int, int],
    region: Region,
    size_px: tuple[int, int],
    *,
    corner: bool = False,
) -> NDArray[np.float64]:
    """(..., 2) pixels of the picture of (..., 2) cells of a heatmap of `map_px` = (width, height).

    The originals multiply cells by the ratio of the sizes (`corner`); without it, the centre of cell 0 of a map of a
    quarter lies 1.5 px inside the crop.
    """
    ratio = np.array(size_px) / map_px
    shift = 0.0 if corner else (ratio - 1) / 2
    return moved(image_from_crop(region, size_px), np.asarray(cells, np.float64) * ratio + shift)
