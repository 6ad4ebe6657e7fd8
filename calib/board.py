"""Calibration boards: what is printed, where its corners are, and where a picture shows them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.calib.board_corners import Found, find_charuco, find_chessboard, find_grid
from posecap.calib.errors import CalibrationError

BoardKind = Literal["charuco", "chessboard", "apriltag"]

_LARGEST = 60  # squares along a side


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """Where one camera saw the corners of a board at one instant.

    Attributes:
        camera: its name.
        t_ns: capture time of the picture.
        ids: (n,) rows of `Board.points_m`, each at most once.
        xy: (n, 2) pixels, distorted; (0, 0) is the centre of the top-left pixel.
    """

    camera: str
    t_ns: int
    ids: NDArray[np.int64]
    xy: NDArray[np.float64]

    def __post_init__(self) -> None:
        ids = np.array(self.ids, dtype=np.int64).reshape(-1)
        xy = np.array(self.xy, dtype=np.float64)
        if xy.shape != (len(ids), 2) or not np.isfinite(xy).all() or len(np.unique(ids)) != len(ids):
            raise CalibrationError(
                f"camera {self.camera!r}: a sighting has {len(ids)} ids and corners of shape {xy.shape}, expected "
                "(n, 2) finite pixels with n different ids: leave out what was not seen"
            )
        for name, array in (("ids", ids), ("xy", xy)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)


@dataclass(frozen=True, slots=True)
class Board:
    """A flat calibration pattern of known size.

    The board frame is that of OpenCV: metres, origin at the top-left corner of the pattern, x to the right, y
    down, z into the board (away from who looks at it). A board that lies on the floor face up has z down.

    Attributes:
        kind: "charuco"; "chessboard" without markers; "apriltag", a grid of markers.
        columns, rows: squares of a ChArUco board or chessboard (not inner corners), markers of a grid.
        square_m: side of a square; of a grid, from one marker to the next.
        marker_m: side of a marker with its black border; not looked at for a chessboard.
        dictionary: of the markers, by OpenCV's name, as DICT_4X4_50 or DICT_APRILTAG_36h11.
        legacy_pattern: ChArUco boards with even rows as OpenCV drew them before 4.6.
        inverted: white on black.

    Raises:
        CalibrationError: a size or a name that cannot be.
    """

    kind: BoardKind
    columns: int
    rows: int
    square_m: float
    marker_m: float = 0.0
    dictionary: str = "DICT_4X4_50"
    legacy_pattern: bool = False
    inverted: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(BoardKind):
            raise CalibrationError(
                f"board: no kind {self.kind!r}, there are {', '.join(get_args(BoardKind))}: choose one"
            )
        least = {"charuco": 2, "chessboard": 4, "apriltag": 1}[self.kind]
        if not all(least <= side <= _LARGEST for side in (self.columns, self.rows)):
            raise CalibrationError(
                f"{self.kind} board: {self.columns} x {self.rows}, expected {least} to {_LARGEST} each: count the "
                "squares (of a grid the markers), not the inner corners"
            )
        if not 1e-3 <= self.square_m <= 10:
            raise CalibrationError(
                f"{self.kind} board: squares of {self.square_m:g} m, expected 0.001 to 10: measure them in metres"
            )
        if self.kind != "chessboard":
            self._check_markers()

    def _check_markers(self) -> None:
        if not 0 < self.marker_m < self.square_m:
            raise CalibrationError(
                f"{self.kind} board: markers of {self.marker_m:g} m and squares of {self.square_m:g} m, expected "
                "markers that fit: measure both in metres, the marker with its black border"
            )
        if not self.dictionary.startswith("DICT_") or not hasattr(cv2.aruco, self.dictionary):
            raise CalibrationError(
                f"{self.kind} board: no dictionary {self.dictionary!r}: use a name of OpenCV as DICT_4X4_50, "
                "DICT_5X5_100 or DICT_APRILTAG_36h11"
            )
        needed = self.columns * self.rows // (2 if self.kind == "charuco" else 1)
        there = len(_dictionary(self.dictionary).bytesList)
        if needed > there:
            raise CalibrationError(
                f"{self.kind} board: {needed} markers, {self.dictionary} has {there}: take a larger dictionary"
            )

    @property
    def size_m(self) -> tuple[float, float]:
        """Width and height of the pattern without its margin, metres."""
        gap = self.square_m - self.marker_m if self.kind == "apriltag" else 0.0
        return self.columns * self.square_m - gap, self.rows * self.square_m - gap

    @property
    def points_m(self) -> NDArray[np.float64]:
        """(n, 3) corners in the board frame, metres, z = 0.

        Inner corners row by row; of a grid four for each marker, clockwise from its top left.
        """
        return _points(self)

    @property
    def looks_alike_turned(self) -> bool:
        """Whether the board turned by half a turn (by a quarter, where square) cannot be told from itself."""
        return self.kind == "chessboard" and (
            (self.columns + self.rows) % 2 == 0 or self.columns == self.rows
        )

    def detect(
        self, image: NDArray[np.uint8], camera: str = "", t_ns: int = 0, min_corners: int = 4
    ) -> Sighting | None:
        """The corners that a picture shows, to a fraction of a pixel; None below `min_corners`.

        Args:
            image: (height, width) grey or (height, width, 3) BGR.
            camera: name, passed on.
            t_ns: capture time, passed on.
            min_corners: fewer are not worth a sighting.
        """
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        grey = np.ascontiguousarray(255 - grey if self.inverted else grey, dtype=np.uint8)
        found = self._found(grey)
        if found is None or len(found[0]) < max(min_corners, 1):
            return None
        return Sighting(camera, t_ns, *found)

    def _found(self, grey: NDArray[np.uint8]) -> Found | None:
        if self.kind == "chessboard":
            return find_chessboard((self.columns, self.rows), grey)
        if self.kind == "apriltag":
            return find_grid(_dictionary(self.dictionary), self.columns * self.rows, grey)
        return find_charuco(_charuco(self), grey)

    def dark_rectangles_m(self) -> NDArray[np.float64]:
        """(n, 4) x0 y0 x1 y1 of everything that is black (of an inverted board: white), board frame, metres."""
        return np.array(_dark(self))

    def draw(self, px_per_square: int, margin_squares: float = 0.5) -> NDArray[np.uint8]:
        """(height, width) grey picture of the board with a margin; edges between two pixels are grey."""
        margin = round(margin_squares * px_per_square)
        scale = px_per_square / self.square_m
        width, height = (round(side * scale) + 2 * margin for side in self.size_m)
        cover = np.zeros((height, width))
        for x0, y0, x1, y1 in self.dark_rectangles_m() * scale + margin:
            cover += np.outer(_covered(y0, y1, height), _covered(x0, x1, width))
        grey = np.rint(255 * (1 - np.clip(cover, 0, 1))).astype(np.uint8)
        return 255 - grey if self.inverted else grey


def _covered(low: float, high: float, count: int) -> NDArray[np.float64]:
    """Share of each of `count` unit cells between two places."""
    cells = np.arange(count)
    return np.clip(np.minimum(cells + 1, high) - np.maximum(cells, low), 0, 1)


def _dictionary(name: str) -> cv2.aruco.Dictionary:
    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))


@lru_cache(maxsize=8)
def _charuco(board: Board) -> cv2.aruco.CharucoBoard:
    size = (board.columns, board.rows)
    printed = cv2.aruco.CharucoBoard(size, board.square_m, board.marker_m, _dictionary(board.dictionary))
    printed.setLegacyPattern(board.legacy_pattern)
    return printed


@lru_cache(maxsize=8)
def _points(board: Board) -> NDArray[np.float64]:
    if board.kind == "apriltag":
        row, column = np.divmod(np.arange(board.columns * board.rows), board.columns)
        corner = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * board.marker_m
        places = np.stack([column, row], axis=1)[:, None] * board.square_m + corner
    else:
        row, column = np.divmod(np.arange((board.columns - 1) * (board.rows - 1)), board.columns - 1)
        places = np.stack([column + 1, row + 1], axis=1) * board.square_m
    points = np.concatenate([places.reshape(-1, 2), np.zeros((places.size // 2, 1))], axis=1)
    points.setflags(write=False)
    return points


def _dark(board: Board) -> list[tuple[float, float, float, float]]:
    side = board.square_m
    squares = [(column, row) for row in range(board.rows) for column in range(board.columns)]
    if board.kind == "chessboard":
        return [(c * side, r * side, (c + 1) * side, (r + 1) * side) for c, r in squares if (c + r) % 2 == 0]
    rectangles, taken = [], set()
    words = _dictionary(board.dictionary)
    bits = words.markerSize + 2
    cell = board.marker_m / bits
    for number, (x, y) in _markers(board):
        taken.add((int(x // side), int(y // side)))
        cells = cv2.aruco.generateImageMarker(words, number, bits) == 0
        rectangles += [
            (x + c * cell, y + r * cell, x + (c + 1) * cell, y + (r + 1) * cell)
            for r, c in np.argwhere(cells)
        ]
    if board.kind == "charuco":
        rectangles += [
            (c * side, r * side, (c + 1) * side, (r + 1) * side) for c, r in squares if (c, r) not in taken
        ]
    return rectangles


def _markers(board: Board) -> list[tuple[int, tuple[float, float]]]:
    """Number and top-left corner of each marker, metres."""
    if board.kind == "apriltag":
        corners = _points(board)[::4, :2]
        return [(number, (float(x), float(y))) for number, (x, y) in enumerate(corners)]
    printed = _charuco(board)
    corners = [corners[0] for corners in printed.getObjPoints()]
    return [
        (int(number), (float(corner[0]), float(corner[1])))
        for number, corner in zip(np.ravel(printed.getIds()), corners, strict=True)
    ]
