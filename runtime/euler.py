"""Three angles for a rotation, without jumps from frame to frame."""

import warnings
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

EulerOrder = Literal["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"]
_SINGULAR_DEG: Final = 1e-5


def euler_deg(rotation: NDArray[np.float64], order: EulerOrder) -> NDArray[np.float64]:
    """(frames, 3) degrees a, b, c with R = R_first(a) R_second(b) R_third(c), axes in the order of `order`.

    Of the two triples for each rotation the one nearer to the frame before is taken, whole turns added, so that
    neighbours can be interpolated. At b = +-90 degrees only a and c together are told; there c stays.
    """
    first = _angles(rotation, order)
    for frame in np.flatnonzero(np.abs(np.abs(first[:, 1]) - 90) < _SINGULAR_DEG):
        if frame > 0:
            last = Rotation.from_euler(order[2], first[frame - 1, 2], degrees=True).as_matrix()
            first[frame] = [*_angles(rotation[frame] @ last.T, order)[:2], first[frame - 1, 2]]
    second = np.stack([first[:, 0] + 180, 180 - first[:, 1], first[:, 2] + 180], axis=1)
    result = first.copy()
    for frame in range(1, len(result)):
        before = result[frame - 1]
        both = [angles + 360 * np.round((before - angles) / 360) for angles in (first[frame], second[frame])]
        result[frame] = min(both, key=lambda angles: float(np.abs(angles - before).sum()))
    return result


def _angles(rotation: NDArray[np.float64], order: EulerOrder) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Gimbal lock")  # the angles still are the rotation
        return Rotation.from_matrix(rotation).as_euler(order, degrees=True)
