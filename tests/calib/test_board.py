"""Boards: drawn as OpenCV draws them, found where they were drawn."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posecap.calib.board import Board, Sighting
from posecap.calib.errors import CalibrationError

BOARDS = [
    Board("charuco", 7, 5, 0.04, 0.03, "DICT_5X5_50"),
    Board("charuco", 4, 6, 0.04, 0.03, "DICT_4X4_50", legacy_pattern=True),
    Board("charuco", 4, 5, 0.054, 0.0405, "DICT_4X4_1000", inverted=True),
    Board("chessboard", 8, 7, 0.03),
    Board("apriltag", 4, 3, 0.05, 0.04, "DICT_APRILTAG_36h11"),
]


def tilted(board: Board, turn: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A picture of the board under a perspective, and (n, 2) pixels of its corners."""
    px = 120
    flat = board.draw(px)
    scale = px / board.square_m
    printed = board.points_m[:, :2] * scale + 0.5 * px - 0.5
    h, w = flat.shape
    middle = np.array([[1, 0, -w / 2], [0, 1, -h / 2], [0, 0, 1]])
    c, s = np.cos(turn), np.sin(turn)
    turned = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    H = np.array([[0.45, 0.06, 500], [-0.05, 0.5, 380], [1.2e-4, 2e-4, 1]]) @ turned @ middle
    ground = 0 if board.inverted else 255
    large = cv2.warpPerspective(
        flat, np.diag([4.0, 4.0, 1]) @ _half(4) @ H, (4000, 3040), flags=cv2.INTER_LINEAR, borderValue=ground
    )
    image = cv2.GaussianBlur(cv2.resize(large, (1000, 760), interpolation=cv2.INTER_AREA), (0, 0), 0.7)
    return image, cv2.perspectiveTransform(printed[None], H)[0]


def _half(scale: int) -> np.ndarray:
    shift = (scale - 1) / 2 / scale
    return np.array([[1, 0, shift], [0, 1, shift], [0, 0, 1]])


@pytest.mark.parametrize("board", BOARDS[:3])
def test_drawn_as_opencv_draws_it(board):
    printed = cv2.aruco.CharucoBoard(
        (board.columns, board.rows),
        board.square_m,
        board.marker_m,
        cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary)),
    )
    printed.setLegacyPattern(board.legacy_pattern)
    theirs = printed.generateImage((board.columns * 120, board.rows * 120))
    ours = board.draw(120, margin_squares=0)
    ours = 255 - ours if board.inverted else ours
    assert ours.shape == theirs.shape
    assert np.mean(np.abs(ours.astype(int) - theirs) > 128) < 0.02  # edges between pixels


@pytest.mark.parametrize("turn", [0.0, 2.0, np.pi])
@pytest.mark.parametrize("board", BOARDS)
def test_found_where_it_was_drawn(board, turn):
    image, truth = tilted(board, turn)
    sighting = board.detect(image, "left", 5)
    assert sighting is not None
    assert (sighting.camera, sighting.t_ns) == ("left", 5)
    assert len(sighting.ids) == len(board.points_m)
    gap = np.linalg.norm(sighting.xy - truth[sighting.ids], axis=1)
    assert np.sqrt(np.mean(gap**2)) < 0.08
    assert gap.max() < 0.2


def test_a_covered_board_is_found_in_part():
    image, truth = tilted(BOARDS[0])
    image[:, :480] = 128
    sighting = BOARDS[0].detect(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))
    assert sighting is not None
    assert 4 <= len(sighting.ids) < len(truth)
    assert np.abs(sighting.xy - truth[sighting.ids]).max() < 0.2
    assert BOARDS[0].detect(image, min_corners=len(truth)) is None


@pytest.mark.parametrize("board", BOARDS)
def test_nothing_in_an_empty_picture(board):
    noise = np.random.default_rng(0).integers(0, 255, (300, 400), dtype=np.uint8)
    assert board.detect(noise) is None
    assert board.detect(np.full((300, 400), 77, dtype=np.uint8)) is None


def test_the_other_parity_of_a_legacy_board_is_not_taken_for_it():
    image, truth = tilted(BOARDS[1])
    other = Board("charuco", 4, 6, 0.04, 0.03, "DICT_4X4_50")
    sighting = other.detect(image)
    assert sighting is None or np.abs(sighting.xy - truth[sighting.ids]).max() > 5


@given(
    columns=st.integers(4, 12),
    rows=st.integers(4, 12),
    square=st.floats(0.01, 0.2),
    kind=st.sampled_from(["charuco", "chessboard", "apriltag"]),
)
@settings(max_examples=15, deadline=None)
def test_corners_lie_where_black_meets_white(columns, rows, square, kind):
    board = Board(kind, columns, rows, square, 0.7 * square, "DICT_4X4_1000")
    dark = board.dark_rectangles_m()
    ends = np.concatenate([dark[:, [0, 1]], dark[:, [2, 1]], dark[:, [2, 3]], dark[:, [0, 3]]])
    gap = np.linalg.norm(board.points_m[:, None, :2] - ends[None], axis=-1).min(axis=1)
    assert gap.max() < 1e-6
    assert (dark[:, 2:].max(axis=0) <= np.array(board.size_m) + 1e-6).all()
    assert (board.points_m[:, 2] == 0).all()


def test_chessboards_that_look_alike_turned():
    assert not Board("chessboard", 8, 7, 0.03).looks_alike_turned
    assert Board("chessboard", 8, 6, 0.03).looks_alike_turned
    assert not Board("charuco", 8, 6, 0.03, 0.02).looks_alike_turned


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("circles", 7, 5, 0.04), "there are charuco, chessboard, apriltag"),
        (("charuco", 1, 5, 0.04, 0.03), "count the squares"),
        (("charuco", 7, 5, 40.0, 30.0), "measure them in metres"),
        (("charuco", 7, 5, 0.04, 0.05), "markers that fit"),
        (("charuco", 7, 5, 0.04, 0.03, "DICT_3X3"), "use a name of OpenCV"),
        (("charuco", 20, 20, 0.04, 0.03), "has 50: take a larger dictionary"),
    ],
)
def test_boards_that_cannot_be(arguments, message):
    with pytest.raises(CalibrationError, match=message):
        Board(*arguments)


def test_sightings_that_cannot_be():
    with pytest.raises(CalibrationError, match="different ids"):
        Sighting("a", 0, np.array([1, 1]), np.zeros((2, 2)))
    with pytest.raises(CalibrationError, match="leave out what was not seen"):
        Sighting("a", 0, np.array([1, 2]), np.array([[0, 0], [np.nan, 1]]))
