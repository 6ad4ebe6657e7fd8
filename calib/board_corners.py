"""Where a picture shows the corners of a board, to a fraction of a pixel: OpenCV's detectors and what they lack."""

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.calib.marker_corners import sharpened

Found = tuple[NDArray[np.int64], NDArray[np.float64]]  # rows of Board.points_m, (n, 2) pixels

_WINDOW_SHARE = (
    0.3  # half window of the search for a chessboard's corners, over the side of a square in the picture
)
_WINDOW_PX = (2, 11)
_MIN_PERIMETER = 0.02  # of a marker, over the larger side of the picture


def _detector_parameters() -> cv2.aruco.DetectorParameters:
    parameters = cv2.aruco.DetectorParameters()
    parameters.minMarkerPerimeterRate = _MIN_PERIMETER
    return parameters


def find_charuco(board: cv2.aruco.CharucoBoard, grey: NDArray[np.uint8]) -> Found | None:
    """Inner corners of a ChArUco board that a grey picture shows."""
    detector = cv2.aruco.CharucoDetector(board, cv2.aruco.CharucoParameters(), _detector_parameters())
    corners, ids, _, _ = detector.detectBoard(grey)  # looks for the exact corners between the markers itself
    if ids is None:
        return None
    numbers, xy = ids.ravel().astype(np.int64), corners.reshape(-1, 2).astype(np.float64)
    inside = _inside(grey, xy)
    return numbers[inside], xy[inside]


def find_grid(words: cv2.aruco.Dictionary, markers: int, grey: NDArray[np.uint8]) -> Found | None:
    """Four corners of each marker from 0 to `markers` - 1 that a grey picture shows."""
    found, ids, _ = cv2.aruco.ArucoDetector(words, _detector_parameters()).detectMarkers(grey)
    if ids is None:
        return None
    numbers, first = np.unique(ids.ravel(), return_index=True)
    first = first[numbers < markers]
    if len(first) == 0:
        return None
    rows = 4 * ids.ravel()[first].astype(np.int64)[:, None] + np.arange(4)
    quads = np.array([found[k].reshape(4, 2) for k in first], dtype=np.float64)
    return rows.ravel(), sharpened(grey, quads, 1 / (words.markerSize + 2)).reshape(-1, 2)


def find_chessboard(squares: tuple[int, int], grey: NDArray[np.uint8]) -> Found | None:
    """All inner corners of a chessboard of `squares` (columns, rows), in printed order; None where one lacks."""
    columns, rows = squares[0] - 1, squares[1] - 1
    flags = cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY
    found, corners = cv2.findChessboardCornersSB(grey, (columns, rows), flags=flags)
    if not found or corners is None or not _inside(grey, corners.reshape(-1, 2)).all():
        return None
    grid = corners.reshape(rows, columns, 2)
    side = min(np.linalg.norm(np.diff(grid, axis=axis), axis=-1).min() for axis in (0, 1))
    half = int(np.clip(_WINDOW_SHARE * side, *_WINDOW_PX))
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-3)
    start = np.ascontiguousarray(corners, dtype=np.float32).reshape(-1, 1, 2)
    exact = cv2.cornerSubPix(grey, start.copy(), (half, half), (-1, -1), criteria)
    if np.linalg.norm((exact - start).reshape(-1, 2), axis=1).max() > max(half, 3):
        return None
    xy = _as_printed(squares, grey, exact.reshape(rows, columns, 2))
    return None if xy is None else (np.arange(columns * rows), xy.reshape(-1, 2))


def _as_printed(squares: tuple[int, int], grey: NDArray[np.uint8], grid: NDArray) -> NDArray | None:
    """The found grid in the order of the print: not mirrored, and a black square at the top left where that tells."""
    turns = [grid, grid[::-1, ::-1], grid[::-1], grid[:, ::-1]]
    if squares[0] == squares[1]:
        turns += [turned.transpose(1, 0, 2) for turned in turns]
    best, best_gap = None, -np.inf
    for turned in turns:
        right, down = turned[0, -1] - turned[0, 0], turned[-1, 0] - turned[0, 0]
        if right[0] * down[1] - right[1] * down[0] <= 0:
            continue
        centres = (turned[:-1, :-1] + turned[1:, :-1] + turned[:-1, 1:] + turned[1:, 1:]) / 4
        x, y = np.rint(centres).astype(int).reshape(-1, 2).T
        dark = np.add.outer(np.arange(squares[1] - 2), np.arange(squares[0] - 2)).ravel() % 2 == 0
        values = grey[y, x].astype(np.float64)  # the first whole square inside is on the diagonal: black, too
        gap = values[~dark].mean() - values[dark].mean()
        if gap > best_gap + 1e-9:
            best, best_gap = turned, gap
    return best


def _inside(grey: NDArray[np.uint8], xy: NDArray) -> NDArray[np.bool_]:
    return np.all((xy >= 1) & (xy <= np.array(grey.shape[::-1]) - 2), axis=-1)
