"""How somebody carries a calibration board through a room: a slow walk on a wandering loop, the board held out, turned
to all sides, tilted, raised and lowered."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.calib.board import Board
from posecap.calib.camera import Camera
from posecap.calib.rotation import rotation_of


@dataclass(frozen=True, slots=True)
class BoardPath:
    """A path of a board; all of it repeats for the same numbers.

    Attributes:
        centre_m: (x, y) around which one walks, metres.
        reach_m: how far to all sides.
        height_m: of the board's middle, on average.
        lift_m: how much it is raised and lowered.
        turn_s: seconds for a whole turn of the carrier.
        tilt_deg: the largest tilt of the board out of how it is held, each way.
        lean_deg: how it is held: 0 upright, 90 with the print to the ceiling.
    """

    centre_m: tuple[float, float] = (0.0, 0.0)
    reach_m: float = 0.8
    height_m: float = 1.15
    lift_m: float = 0.45
    turn_s: float = 11.0
    tilt_deg: float = 32.0
    lean_deg: float = 55.0

    def world_from_board(self, board: Board, at_s: float) -> NDArray[np.float64]:
        """(4, 4) at a time, metres; the printed side looks away from who carries it."""
        s = at_s
        heading = 2 * np.pi * s / self.turn_s + 0.5 * np.sin(0.9 * s)
        forward = np.array([np.cos(heading), np.sin(heading), 0.0])
        walked = self.reach_m * np.array([np.sin(0.37 * s), np.sin(0.53 * s + 1.0), 0.0])
        middle = np.array([*self.centre_m, self.height_m]) + walked + 0.45 * forward
        middle[2] += self.lift_m * np.sin(0.71 * s + 0.4)
        right = np.array([-forward[1], forward[0], 0.0])  # to the right for who looks at the print
        upright = np.stack([right, [0.0, 0.0, -1.0], -forward], axis=1)
        lean = rotation_of([-np.radians(self.lean_deg), 0, 0])
        most = np.radians(self.tilt_deg)
        nod = most * np.sin(1.13 * s)
        sway = most * np.sin(0.83 * s + 2.0)
        roll = 1.2 * most * np.sin(0.61 * s + 1.0)
        tilt = rotation_of([nod, 0, 0]) @ rotation_of([0, sway, 0]) @ rotation_of([0, 0, roll])
        pose = np.eye(4)
        pose[:3, :3] = upright @ lean @ tilt
        pose[:3, 3] = middle - pose[:3, :3] @ np.array([*(side / 2 for side in board.size_m), 0.0])
        return pose


def held_before(camera: Camera, board: Board, count: int, tilt_deg: float = 45.0) -> NDArray[np.float64]:
    """(count, 4, 4) world_from_board of a board held close to a camera: all over its picture, tilted to all sides.

    Places, tilts and distances are spread evenly (Halton 1960), and repeat.
    """
    poses = np.empty((count, 4, 4))
    world_from_cam = np.linalg.inv(camera.cam_from_world)
    width, height = camera.size_px
    for k in range(count):
        a, b, c, d, e, f = (_halton(k + 1, base) for base in (2, 3, 5, 7, 11, 13))
        pixel = np.array([(0.2 + 0.6 * a) * width, (0.2 + 0.6 * b) * height])
        depth = camera.focal_px * board.size_m[0] / width * (1.2 + 1.3 * c)
        ray = np.append(camera.undistorted(pixel), 1.0)
        towards, most = 2 * np.pi * d, np.radians(tilt_deg) * (0.3 + 0.7 * e)
        turn = rotation_of([most * np.cos(towards), most * np.sin(towards), 0])
        pose = np.eye(4)
        pose[:3, :3] = turn @ rotation_of([0, 0, 2 * np.pi * f])
        pose[:3, 3] = depth * ray - pose[:3, :3] @ np.array([*(side / 2 for side in board.size_m), 0.0])
        poses[k] = world_from_cam @ pose
    return poses


def _halton(index: int, base: int) -> float:
    value, share = 0.0, 1.0
    while index:
        share /= base
        index, digit = divmod(index, base)
        value += digit * share
    return value
