"""Whether an adjustment has an answer: said before it starts, and of its equations afterwards."""

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError

_LEAST_OF_CAMERA = 12
_SINGULAR = 1e-13  # smallest eigenvalue of the cameras' normal equations with 1 on the diagonal


def check_problem(
    cameras: tuple[Camera, ...],
    is_point: NDArray[np.bool_],
    camera: NDArray[np.int64],
    target: NDArray[np.int64],
    held: int,
) -> None:
    """Raise CalibrationError where cameras do not hang together or too little was seen."""
    if is_point.all() and held < 2:
        raise CalibrationError(
            "free points alone say nothing about the scale: hold two cameras, or show a board of known size"
        )
    count = np.bincount(camera, minlength=len(cameras))
    for lens, corners in zip(cameras, count, strict=True):
        if corners < _LEAST_OF_CAMERA:
            raise CalibrationError(
                f"camera {lens.name!r} has {corners} corners, expected {_LEAST_OF_CAMERA} at the least: "
                "show it the board"
            )
    least = np.where(is_point, 2, 4)
    thin = np.flatnonzero(np.bincount(target, minlength=len(is_point)) < least)
    if len(thin):
        raise CalibrationError(
            f"{len(thin)} of {len(is_point)} targets have too few corners, expected 4 of a board and 2 views of a "
            "point: leave them out"
        )
    apart = cut_off(len(cameras), camera, target)
    if len(apart):
        raise CalibrationError(
            f"camera {cameras[apart[0]].name!r} never sees a target at the same time as "
            f"{', '.join(repr(lens.name) for k, lens in enumerate(cameras) if k not in apart)}: carry the board where "
            "both see it"
        )


def cut_off(views: int, camera: NDArray[np.int64], target: NDArray[np.int64]) -> list[int]:
    """Cameras that no chain of shared targets links to the first one."""
    sees = np.zeros((views, int(target.max(initial=-1)) + 1), dtype=bool)
    sees[camera, target] = True
    reached = np.zeros(views, dtype=bool)
    reached[0] = True
    while True:
        more = sees[:, sees[reached].any(axis=0)].any(axis=1) | reached
        if (more == reached).all():
            return [int(k) for k in np.flatnonzero(~reached)]
        reached = more


def check_determined(S: NDArray[np.float64], names: list[tuple[str, str]]) -> NDArray[np.float64]:
    """The inverse of the normal equations S of the parameters `names` (camera, what).

    Raises:
        CalibrationError: some combination of parameters can be changed and nothing in the pictures moves; names the
            parameter that takes most part in it.
    """
    if not names:
        return S
    diagonal = np.diag(S)
    unit = 1 / np.sqrt(np.maximum(diagonal, 1e-300))
    values, vectors = np.linalg.eigh(S * unit[:, None] * unit)
    if not values[0] > _SINGULAR:
        camera, what = names[int(np.argmax(np.abs(vectors[:, 0])))]
        raise CalibrationError(
            f"camera {camera!r}: its {what} cannot be told from what was seen: show the board tilted, near and far, "
            "in all parts of the picture"
        )
    return (vectors / values @ vectors.T) * unit[:, None] * unit
