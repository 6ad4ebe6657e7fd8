"""One frame for the other: a rig and what was solved with it in a world whose floor is z = 0 and whose z is up."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig
from posecap.calib.solution import RigSolution

_LEAST_FLOOR_POINTS = 6
_FLOOR_ROUNDS = 30


def rig_in(rig: Rig, new_from_world: NDArray[np.float64]) -> Rig:
    """The rig with its poses in another world frame; `new_from_world` (4, 4) rigid, metres."""
    world_from_new = inverse_of(new_from_world)
    return replace(
        rig,
        cameras=tuple(replace(c, cam_from_world=c.cam_from_world @ world_from_new) for c in rig.cameras),
    )


def solution_in(solution: RigSolution, new_from_world: NDArray[np.float64]) -> RigSolution:
    """The solution in another world frame; residuals, errors and deviations stay as they are."""
    return replace(
        solution,
        rig=rig_in(solution.rig, new_from_world),
        world_from_board=new_from_world @ solution.world_from_board,
    )


def from_board_on_floor(
    world_from_board: NDArray[np.float64], thickness_m: float = 0.0
) -> NDArray[np.float64]:
    """(4, 4) new_from_world: the board lies on the floor with its print up.

    The origin is below the top-left corner of the pattern, x along its rows, y up its columns, z up; the floor is
    `thickness_m` below the print.

    Args:
        world_from_board: (4, 4) metres, in the frame as it is now.
        thickness_m: of the board.
    """
    new_from_board = np.diag([1.0, -1.0, -1.0, 1.0])
    new_from_board[2, 3] = thickness_m
    return new_from_board @ inverse_of(world_from_board)


def from_gravity(rig: Rig, down: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """(4, 4) new_from_world: z is up as the cameras' accelerometers say; origin and heading stay as far as they can.

    Args:
        rig: cameras in the frame as it is now.
        down: (3,) direction of gravity in the frame of a camera (x right, y down, z forward), of any length, by name;
            one camera is enough, of several the mean is taken.

    Raises:
        CalibrationError: no camera, a direction of no length, or cameras that contradict each other.
    """
    if not down:
        raise CalibrationError("gravity: no camera has a direction: give it for one at the least")
    ups = {}
    for name, direction in down.items():
        vector = np.asarray(direction, dtype=np.float64).reshape(-1)
        if vector.shape != (3,) or not np.isfinite(vector).all() or not np.linalg.norm(vector) > 0:
            raise CalibrationError(
                f"camera {name!r}: gravity is {direction}, expected three numbers that are not all 0: read it from the "
                "accelerometer"
            )
        ups[name] = -rig.cameras[rig.index(name)].R.T @ vector / np.linalg.norm(vector)
    mean = np.sum(list(ups.values()), axis=0)
    mean /= max(float(np.linalg.norm(mean)), 1e-12)
    for name, up in ups.items():
        off = np.degrees(np.arccos(np.clip(up @ mean, -1, 1)))
        if off > 15:
            raise CalibrationError(
                f"camera {name!r}: its gravity is {off:.0f} degrees off the mean of all, expected below 15: is the "
                "direction that of the camera (x right, y down, z forward)?"
            )
    return turned_upright(mean)


def from_floor_points(points: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) new_from_world: the plane through points of the floor becomes z = 0.

    Points are weighted by their distance from the plane (least absolute errors), so a few that are not of the floor do
    little. The origin is the middle of the points.

    Args:
        points: (n, 3) metres in the frame as it is now, as feet that stand; NaN is passed over.
        up: (3,) roughly up, to tell the floor from its underside.

    Raises:
        CalibrationError: fewer than six points, or points along one line.
    """
    points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) < _LEAST_FLOOR_POINTS:
        raise CalibrationError(
            f"floor: {len(points)} points, expected {_LEAST_FLOOR_POINTS} at the least: let somebody walk around"
        )
    weight = np.ones(len(points))
    for _ in range(_FLOOR_ROUNDS):
        middle = weight @ points / weight.sum()
        _, spread, axes = np.linalg.svd((points - middle) * np.sqrt(weight)[:, None], full_matrices=False)
        weight = 1 / np.maximum(np.abs((points - middle) @ axes[2]), 1e-3)
        weight /= weight.max()
    if spread[1] < 0.05 * spread[0] or spread[2] > 0.5 * spread[1]:
        raise CalibrationError(
            "floor: the points lie along a line or all over the room, expected a plane: let somebody walk to all sides"
        )
    normal = axes[2] if axes[2] @ up > 0 else -axes[2]
    new_from_world = turned_upright(normal)
    new_from_world[:3, 3] = -new_from_world[:3, :3] @ middle
    return new_from_world


def turned_upright(up: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) the smallest turn that makes `up` (3,) the z axis; x is kept where up was its opposite."""
    z = up / np.linalg.norm(up)
    axis = np.cross(z, (0.0, 0.0, 1.0))
    turn = np.eye(4)
    if z[2] < -1 + 1e-12:
        turn[:3, :3] = np.diag([1.0, -1.0, -1.0])
        return turn
    x, y, w = axis
    K = np.array([[0, -w, y], [w, 0, -x], [-y, x, 0]])
    turn[:3, :3] = np.eye(3) + K + K @ K / (1 + z[2])
    return turn


def inverse_of(pose: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 4, 4) inverses of rigid transforms."""
    inverse = np.zeros_like(pose)
    R = np.swapaxes(pose[..., :3, :3], -1, -2)
    inverse[..., :3, :3] = R
    inverse[..., :3, 3] = -np.einsum("...ij,...j->...i", R, pose[..., :3, 3])
    inverse[..., 3, 3] = 1
    return inverse
