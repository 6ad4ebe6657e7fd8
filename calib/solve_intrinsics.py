"""The lens of one camera from pictures of a board that is held in many ways."""

from collections.abc import Sequence
from typing import Literal

from posecap.calib.board import Board, Sighting
from posecap.calib.errors import CalibrationError
from posecap.calib.solution import IntrinsicsSolution

LensModel = Literal["brown5", "fisheye4"]


def solve_intrinsics(
    board: Board,
    sightings: Sequence[Sighting],
    size_px: tuple[int, int],
    *,
    name: str,
    model: LensModel = "brown5",
) -> IntrinsicsSolution:
    """Focal lengths, principal point and distortion of one camera, with how certain they are.

    Args:
        board: what was shown.
        sightings: of this camera; those of other cameras are passed over.
        size_px: (width, height) of the pictures.
        name: of the camera.
        model: "brown5" (k1 k2 p1 p2 k3) or "fisheye4" (k1 k2 k3 k4, OpenCV's fisheye).

    Raises:
        CalibrationError: what was seen does not tell the lens: too few pictures, a board that was never tilted, corners
            on a line; says what to show.
    """
    raise CalibrationError(
        f"camera {name!r}: {model} of {size_px} from {len(sightings)} of {board} is not solved yet"
    )
