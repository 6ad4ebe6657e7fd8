"""Rotations as calibration files write them."""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

_FEW_DIGITS = 1e-3


def rotation_of(value: ArrayLike) -> NDArray[np.float64]:
    """(3, 3) rotation from a rotation vector of 3 values (Rodrigues) or a 3 x 3 matrix written with few digits.

    A matrix that is far from a rotation comes back as it is, for `Camera` to refuse.

    Raises:
        ValueError: neither 3 nor 3 x 3 finite numbers.
    """
    array = np.array(value, dtype=np.float64)
    if array.size == 9:
        array = array.reshape(3, 3)
    elif array.size == 3:
        array = array.reshape(3)
    else:
        raise ValueError(f"a rotation of {array.size} values, expected a vector of 3 or a matrix of 3 x 3")
    if not np.isfinite(array).all():
        raise ValueError("a rotation with NaN or infinity in it")
    if array.size == 3:
        return np.asarray(cv2.Rodrigues(array)[0], dtype=np.float64)
    u, singular, vt = np.linalg.svd(array)
    return u @ vt if np.abs(singular - 1).max() < _FEW_DIGITS else array
