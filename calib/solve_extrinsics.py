"""Where the cameras of a rig stand, from a board that is carried around between them."""

from collections.abc import Sequence

from posecap.calib.board import Board, Sighting
from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.solution import RigSolution


def solve_extrinsics(
    board: Board,
    sightings: Sequence[Sighting],
    cameras: Sequence[Camera],
    *,
    refine_intrinsics: bool = False,
    floor_t_ns: int | None = None,
) -> RigSolution:
    """The poses of all cameras in one frame, by bundle adjustment over all instants.

    Sightings with equal `t_ns` belong together. Without `floor_t_ns` the frame is provisional: the origin is the
    first camera, up is where the pictures of all cameras are upright, and the first camera looks along +y;
    `calib.world_frame` turns it.

    Args:
        board: what was carried.
        sightings: of all cameras.
        cameras: with intrinsics; their order is the rig's, their poses are not looked at.
        refine_intrinsics: adjust focal lengths, principal points and distortion, too, from where they are.
        floor_t_ns: instant at which the board lay on the floor, face up: the floor is then z = 0, the origin the
            board's top-left corner, x along its rows.

    Raises:
        CalibrationError: what was seen does not tell the poses: cameras that no chain of common instants links (names
            the groups), too few corners, no such floor instant; says what to do.
    """
    raise CalibrationError(
        f"{len(cameras)} cameras from {len(sightings)} of {board} are not solved yet "
        f"({refine_intrinsics}, {floor_t_ns})"
    )
