"""Videos of a board as exact cameras see it: every pixel is where the lens says."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.calib.board import Board
from posecap.calib.camera import Camera

MARGIN = 0.5  # of a square, white around the pattern
FAR = 4  # pixels outside of the texture that are drawn as the room


def picture_of(camera: Camera, board: Board, world_from_board: NDArray, px_per_square: int = 40) -> NDArray:
    """(height, width) grey; the board before a wall with soft stains."""
    flat, wall = _empty(camera.size_px, camera.K.tobytes(), camera.distortion.tobytes())
    cam_from_board = camera.cam_from_world @ world_from_board
    if cam_from_board[2, 3] < 0 or (cam_from_board[:3, 2] @ cam_from_board[:3, 3]) < 0:
        return wall  # behind the camera, or its back
    H = np.linalg.inv(cam_from_board[:3, [0, 1, 3]])
    on_board = flat @ H.T
    scale = px_per_square / board.square_m
    with np.errstate(divide="ignore", invalid="ignore"):
        at = on_board[..., :2] / on_board[..., 2:] * scale + px_per_square * MARGIN - 0.5
    at[~(on_board[..., 2] > 0) | ~np.isfinite(at).all(axis=-1)] = -1e4
    texture = _texture(board, px_per_square)
    mapped = (at + FAR).astype(np.float32)
    drawn = cv2.remap(texture, mapped[..., 0], mapped[..., 1], cv2.INTER_LINEAR, borderValue=0)
    rows, columns = (side - 2 * FAR for side in texture.shape)
    inside = ((at > -0.5) & (at < (columns - 0.5, rows - 0.5))).all(axis=-1)
    return np.where(inside, drawn, wall)


@lru_cache(maxsize=8)
def _empty(size_px: tuple[int, int], K: bytes, distortion: bytes) -> tuple[NDArray, NDArray]:
    """(height, width, 3) direction of every pixel, and the wall without a board."""
    x, y = np.meshgrid(*(np.arange(side, dtype=float) for side in size_px))
    camera = Camera("any", size_px, np.frombuffer(K).reshape(3, 3), np.frombuffer(distortion), np.eye(4))
    rays = camera.undistorted(np.stack([x, y], axis=-1))
    wall = (118 + 25 * np.sin(x / 61 + 1) * np.cos(y / 47)).astype(np.uint8)
    return np.concatenate([rays, np.ones((*x.shape, 1))], axis=-1), wall


@lru_cache(maxsize=4)
def _texture(board: Board, px_per_square: int) -> NDArray:
    drawn = board.draw(px_per_square, MARGIN)
    return cv2.copyMakeBorder(drawn, FAR, FAR, FAR, FAR, cv2.BORDER_CONSTANT, value=0)


def write_board_video(
    path: Path, camera: Camera, board: Board, poses: Sequence[NDArray], fps: int = 5, px_per_square: int = 40
) -> None:
    """One picture for each pose (4, 4) world_from_board, nearly without loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "8", "preset": "ultrafast"})
        stream.width, stream.height = camera.size_px
        stream.pix_fmt = "yuv420p"
        for pose in poses:
            grey = picture_of(camera, board, pose, px_per_square)
            frame = av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, axis=2), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def held_before(
    camera: Camera, board: Board, count: int, seed: int = 0, nearest: float = 0.35
) -> list[NDArray]:
    """`count` poses (4, 4) world_from_board all over the picture of `camera`, near and far, tilted to all sides."""
    rng = np.random.default_rng(seed)
    poses = []
    while len(poses) < count:
        share = rng.uniform(nearest, 0.75)  # of the picture's width
        depth = camera.focal_px * board.size_m[0] / (share * camera.size_px[0])
        room = (1 - share) / 2 * np.array(camera.size_px)
        at = (rng.uniform(-1, 1, 2) * room * 1.1) / camera.focal_px * depth
        turn = np.radians(rng.uniform(-38, 38, 3) * (1, 1, 0.6))
        pose = np.eye(4)
        pose[:3, :3] = cv2.Rodrigues(turn)[0]
        pose[:3, 3] = np.array([*at, depth]) - pose[:3, :3] @ np.array(
            [*(side / 2 for side in board.size_m), 0]
        )
        poses.append(np.linalg.inv(camera.cam_from_world) @ pose)
    return poses
