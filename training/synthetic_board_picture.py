"""Pictures of a calibration board through a camera: every pixel is the mean of exact looks at the print."""

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from posecap.calib.board import Board
from posecap.calib.camera import Camera

_PAPER_MARGIN = 0.5  # squares of blank paper around the pattern
_CELLS = (
    168  # of a square: marker borders of three quarters and their bits of 4 x 4 and 5 x 5 fall between cells
)


class BoardPictures:
    """Draws one board through one camera, in front of a backdrop."""

    def __init__(self, board: Board, camera: Camera, backdrop: NDArray[np.uint8], samples: int = 4) -> None:
        """`backdrop` (height, width) grey; `samples` a side of a pixel."""
        width, height = camera.size_px
        self.board, self.camera, self.backdrop = board, camera, backdrop
        offsets = (np.arange(samples) + 0.5) / samples - 0.5
        fine_x, fine_y = (np.add.outer(np.arange(side), offsets).ravel() for side in (width, height))
        self._rays = np.empty((len(fine_y), len(fine_x), 2), dtype=np.float32)  # exact to 1e-4 px
        for row, y in enumerate(fine_y):
            self._rays[row] = camera.undistorted(np.stack([fine_x, np.full_like(fine_x, y)], axis=-1))
        self._grid, self._step = _cells(board)

    def draw(
        self, world_from_board: NDArray[np.float64], blur_px: float = 0.6, noise: float = 2.0, seed: int = 0
    ) -> NDArray[np.uint8]:
        """(height, width) grey picture of the board at a pose; soft as a lens is, with noise as a sensor has.

        Args:
            world_from_board: (4, 4) metres; from behind, the paper is blank.
            blur_px: standard deviation.
            noise: standard deviation, grey levels.
            seed: of the noise.
        """
        pose = self.camera.cam_from_world @ world_from_board
        plane_from_camera = np.linalg.inv(np.column_stack([pose[:3, 0], pose[:3, 1], pose[:3, 3]]))
        front = float(pose[:3, 2] @ pose[:3, 3]) > 0  # z of the board points away from who looks at the print
        margin = _PAPER_MARGIN * self.board.square_m
        width, height = self.board.size_m
        paper = np.array([-margin, -margin, width + margin, height + margin])
        paint = (20.0, 235.0) if self.board.inverted else (235.0, 20.0)
        picture = self.backdrop.astype(np.float64)
        window = self._window(world_from_board, paper)
        _draw(picture, self._rays, window, plane_from_camera, paper, self._grid, self._step, paint, front)
        soft = cv2.GaussianBlur(picture, (0, 0), blur_px) if blur_px > 0 else picture
        soft = soft + np.random.default_rng(seed).normal(0, noise, soft.shape)
        return np.clip(np.rint(soft), 0, 255).astype(np.uint8)

    def _window(
        self, world_from_board: NDArray[np.float64], paper: NDArray[np.float64]
    ) -> tuple[int, int, int, int]:
        """Left, top, right, bottom pixels that the paper can touch; all where a part of it leaves the lens."""
        width, height = self.camera.size_px
        x, y = np.meshgrid(np.linspace(paper[0], paper[2], 12), np.linspace(paper[1], paper[3], 12))
        corners = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
        xy = self.camera.project(corners @ world_from_board[:3, :3].T + world_from_board[:3, 3])
        if not np.isfinite(xy).all():
            return 0, 0, width, height
        low = np.clip(np.floor(xy.min(axis=0)) - 4, 0, (width, height)).astype(int)
        high = np.clip(np.ceil(xy.max(axis=0)) + 4, 0, (width, height)).astype(int)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _cells(board: Board) -> tuple[NDArray[np.uint8], float]:
    """The print as a grid of cells, 1 = ink, and the side of a cell, metres."""
    step = board.square_m / _CELLS
    width, height = (round(side / step) for side in board.size_m)
    grid = np.zeros((height, width), dtype=np.uint8)
    for x0, y0, x1, y1 in np.rint(board.dark_rectangles_m() / step).astype(int):
        grid[y0:y1, x0:x1] = 1
    return grid, step


@njit(cache=True)
def _draw(picture, rays, window, plane_from_camera, paper, grid, step, paint, front):  # pragma: no cover
    left, top, right, bottom = window
    samples = rays.shape[0] // picture.shape[0]
    count = samples * samples
    H = plane_from_camera
    for row in range(top, bottom):
        for column in range(left, right):
            total, hit = 0.0, 0
            for i in range(row * samples, (row + 1) * samples):
                for j in range(column * samples, (column + 1) * samples):
                    u, v = rays[i, j, 0], rays[i, j, 1]
                    w = H[2, 0] * u + H[2, 1] * v + H[2, 2]
                    if not w > 0:
                        continue
                    x = (H[0, 0] * u + H[0, 1] * v + H[0, 2]) / w
                    y = (H[1, 0] * u + H[1, 1] * v + H[1, 2]) / w
                    if not (paper[0] < x < paper[2] and paper[1] < y < paper[3]):
                        continue
                    hit += 1
                    level = paint[0]
                    c, r = int(np.floor(x / step)), int(np.floor(y / step))
                    if front and 0 <= r < grid.shape[0] and 0 <= c < grid.shape[1] and grid[r, c] == 1:
                        level = paint[1]
                    total += level
            if hit:
                picture[row, column] = (total + picture[row, column] * (count - hit)) / count
