"""Regions cut out of pictures: turned upright, resized, what lies outside the picture black."""

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.runtime.pose import Region

_LEAST_SHRINK = 1.25


def image_from_crop(region: Region, size_px: tuple[int, int]) -> NDArray[np.float64]:
    """(2, 3) affine map from crop pixels to full-image pixels; (0, 0) is the centre of the top-left pixel in
    both.

    The middle of the crop lies on the region's centre, `roll_rad` turns it. The region's side becomes the
    height of the crop; a crop of `size_px` = (width, height) that is not square shows less or more of the
    width.
    """
    width, height = size_px
    scale = region.side_px / height
    cos, sin = scale * np.cos(region.roll_rad), scale * np.sin(region.roll_rad)
    turn = np.array([[cos, -sin], [sin, cos]])
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([turn, np.array(region.centre_px) - turn @ middle])


def crop(image: NDArray[np.uint8], affine: NDArray[np.float64], out: NDArray[np.uint8]) -> None:
    """Fill `out` (h, w, 3) from `image` (H, W, 3), same channels, through `affine` = image_from_crop.

    Bilinear, zeros outside. `image` may be read-only and a view.
    """
    cv2.warpAffine(
        image,
        affine,
        (out.shape[1], out.shape[0]),
        dst=out,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0),
    )


class Pyramid:
    """One picture and its halves, made when they are first wanted.

    A crop that shrinks a large picture touches one pixel in every few rows: nearly each of them is a miss of cache and
    address table, and rotated crops are the worst. Halving first reads the picture once, in order.
    """

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self._levels = [image]

    def crop(self, affine: NDArray[np.float64], out: NDArray[np.uint8]) -> None:
        """As `crop`, from the smallest level that still has more than `_LEAST_SHRINK` pixels for each of `out`."""
        shrink = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
        level = 0
        while shrink >= 2 * _LEAST_SHRINK:
            shrink, level = shrink / 2, level + 1
            affine = np.column_stack([affine[:, :2] / 2, (affine[:, 2] - 0.5) / 2])
        crop(self._level(level), affine, out)

    def _level(self, level: int) -> NDArray[np.uint8]:
        while len(self._levels) <= level:
            above = self._levels[-1]
            height, width = above.shape[0] // 2, above.shape[1] // 2
            even = above[: 2 * height, : 2 * width]
            half = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
            self._levels.append(half.astype(np.uint8, copy=False))
        return self._levels[level]


def letterbox(
    image: NDArray[np.uint8], size_px: tuple[int, int], centred: bool, fill: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The whole picture resized into `size_px` (width, height), aspect kept, `fill` around it.

    Returns:
        The (height, width, 3) picture, and the (2, 3) map from its pixels to those of `image`.
    """
    width, height = size_px
    scale = max(image.shape[1] / width, image.shape[0] / height)
    inner = max(round(image.shape[1] / scale), 1), max(round(image.shape[0] / scale), 1)
    x, y = ((width - inner[0]) // 2, (height - inner[1]) // 2) if centred else (0, 0)
    out = np.full((height, width, 3), fill, dtype=np.uint8)
    small, halvings = _halved(image, inner)
    out[y : y + inner[1], x : x + inner[0]] = cv2.resize(small, inner, interpolation=cv2.INTER_LINEAR)
    scale_x, scale_y = (small.shape[axis] * 2**halvings / inner[1 - axis] for axis in (1, 0))
    affine = np.array([[scale_x, 0.0, (0.5 - x) * scale_x - 0.5], [0.0, scale_y, (0.5 - y) * scale_y - 0.5]])
    return out, affine


def _halved(image: NDArray[np.uint8], inner: tuple[int, int]) -> tuple[NDArray[np.uint8], int]:
    """The picture averaged over 2 x 2 pixels until it is less than twice as wide as `inner`, and how often.

    Exact halves are several times faster than one area resize; an odd last row or column is dropped.
    """
    halvings = 0
    while min(image.shape[1] / inner[0], image.shape[0] / inner[1]) >= 2:
        height, width = image.shape[0] // 2, image.shape[1] // 2
        even = image[: 2 * height, : 2 * width]
        image = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        halvings += 1
    return image, halvings


def moved(affine: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (..., 2) through a (2, 3) affine map."""
    return points @ affine[:, :2].T + affine[:, 2]
