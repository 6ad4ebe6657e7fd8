"""One frame for the other: a rig and what was solved with it in a world whose floor is z = 0 and whose z is up."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig
from posecap.calib.rigid import inverse_of, mean_pose, turned_upright
from posecap.calib.solution import RigSolution

_LEAST_FLOOR_POINTS = 6
_FLOOR_ROUNDS = 30
_REST_M, _REST_DEG = 0.005, 0.5


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
    world_from_board: NDArray[np.float64], rig: Rig, thickness_m: float = 0.0
) -> NDArray[np.float64]:
    """(4, 4) new_from_world: the board lies on the floor with its print up.

    The origin is below the top-left corner of the pattern, x along its rows, y up its columns, z up; the floor is
    `thickness_m` below the print.

    Args:
        world_from_board: (4, 4) metres, in the frame as it is now.
        rig: cameras in that frame, which must be above the floor.
        thickness_m: of the board.

    Raises:
        CalibrationError: most cameras would be below the floor.
    """
    new_from_board = np.diag([1.0, -1.0, -1.0, 1.0])
    new_from_board[2, 3] = thickness_m
    new_from_world = new_from_board @ inverse_of(world_from_board)
    below = [camera.name for camera in rig_in(rig, new_from_world).cameras if camera.centre[2] < 0]
    if 2 * len(below) > len(rig):
        raise CalibrationError(
            f"floor: cameras {', '.join(below)} would be below it: was the board on the floor at that time, print up?"
        )
    return new_from_world


def resting_pose(world_from_board: NDArray[np.float64], index: int) -> NDArray[np.float64]:
    """(4, 4) mean of all poses (instants, 4, 4) within 5 mm and half a degree of the one at `index`."""
    pose = world_from_board[index]
    shift = np.linalg.norm(world_from_board[:, :3, 3] - pose[:3, 3], axis=1)
    trace = np.einsum("nij,ij->n", world_from_board[:, :3, :3], pose[:3, :3])
    turn = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    return mean_pose(world_from_board[(shift < _REST_M) & (turn < _REST_DEG)])


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


def from_upright_pictures(rig: Rig) -> NDArray[np.float64]:
    """(4, 4) new_from_world: a guess, for want of better: up is where the pictures are upright on average.

    The origin is the first camera, which looks along +y.
    """
    first = rig.cameras[0]
    up = -np.sum([camera.R[1] for camera in rig.cameras], axis=0)
    upright = turned_upright(up if np.linalg.norm(up) > 0.1 else -first.R[1])
    turned = first.R @ upright[:3, :3].T
    ahead = turned[2] if np.hypot(*turned[2, :2]) > 0.1 else -turned[1]  # looks straight down: along its rows
    heading = np.arctan2(ahead[0], ahead[1])
    c, s = np.cos(heading), np.sin(heading)
    turn = np.eye(4)
    turn[:2, :2] = [[c, -s], [s, c]]
    new_from_world = turn @ upright
    new_from_world[:3, 3] = -new_from_world[:3, :3] @ first.centre
    return new_from_world


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
    weight, middle = np.ones(len(points)), points[0]
    spread, axes = np.zeros(3), np.eye(3)
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
