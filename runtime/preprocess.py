"""Regions cut out of pictures: turned upright, resized, what lies outside the picture black."""

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.capture.pixels import planes_of, shape_of
from posecap.runtime.pose import Region

_LEAST_SHRINK = 1.25
_BLACK_LUMA, _NO_COLOUR = 16, 128


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


def crop(pixels: NDArray[np.uint8], affine: NDArray[np.float64], out: NDArray[np.uint8]) -> None:
    """Fill `out` (h, w, 3) BGR from `pixels`, BGR or I420, through `affine` = image_from_crop.

    Where the crop shrinks the picture, it is taken from the smallest halving that still has more than `_LEAST_SHRINK`
    pixels for each of `out`. Bilinear, black outside. `pixels` may be read-only and a view; h and w are even where they
    are I420.
    """
    if pixels.ndim == 3:
        _warp(pixels, affine, out, (0, 0, 0))
        return
    height, width = out.shape[:2]
    cropped = np.empty(shape_of((width, height), "i420"), np.uint8)
    to_colour = np.column_stack([affine[:, :2], (affine[:, :2] @ (0.5, 0.5) + affine[:, 2] - 0.5) / 2])
    luma, *colour = zip(planes_of(pixels), planes_of(cropped), strict=True)
    _warp(luma[0], affine, luma[1], _BLACK_LUMA)
    for plane, into in colour:  # a pixel of colour lies in the middle of four of luma
        _warp(plane, to_colour, into, _NO_COLOUR)
    cv2.cvtColor(cropped, cv2.COLOR_YUV2BGR_I420, dst=out)


def _warp(
    image: NDArray[np.uint8],
    affine: NDArray[np.float64],
    out: NDArray[np.uint8],
    outside: int | tuple[int, int, int],
) -> None:
    """Fill `out` from an image of one or three channels; what it shows is copied, halved and turned, nothing else."""
    height, width = out.shape[:2]
    corners = moved(affine, np.array([(0.0, 0.0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)]))
    shrink = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    halvings = max(int(np.log2(shrink / _LEAST_SHRINK)), 0) if shrink > _LEAST_SHRINK else 0
    cell = 1 << halvings
    low = np.floor(corners.min(axis=0) - cell).astype(int).clip(0) // cell * cell
    high = (np.ceil(corners.max(axis=0) + cell).astype(int) + 2).clip(0, (image.shape[1], image.shape[0]))
    if (high - low < cell).any():
        out[:] = outside
        return
    part = image[low[1] : high[1], low[0] : high[0]]
    affine = np.column_stack([affine[:, :2], affine[:, 2] - low])
    for _ in range(halvings):
        part = _halved_once(part)
        affine = np.column_stack([affine[:, :2] / 2, (affine[:, 2] - 0.5) / 2])
    if image.ndim == 3:  # OpenCV turns four channels twice as fast as three
        four = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2BGRA), dtype=np.uint8)
        cv2.cvtColor(_turned(four, affine, (width, height), outside), cv2.COLOR_BGRA2BGR, dst=out)
    else:
        _turned(part, affine, (width, height), outside, out)


def _turned(
    image: NDArray[np.uint8],
    affine: NDArray[np.float64],
    size_px: tuple[int, int],
    outside: int | tuple[int, int, int],
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    turned = cv2.warpAffine(
        image,
        affine,
        size_px,
        dst=out,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=outside,
    )
    return np.asarray(turned, dtype=np.uint8)


def _halved_once(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The means of 2 x 2 pixels; an odd last row or column is dropped."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    even = image[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


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
        image = _halved_once(image)
        halvings += 1
    return image, halvings


def moved(affine: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (..., 2) through a (2, 3) affine map."""
    return points @ affine[:, :2].T + affine[:, 2]
