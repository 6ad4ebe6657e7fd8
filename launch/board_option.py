"""The board as one writes it on a command line: charuco:7x5:40mm:30mm:DICT_4X4_50."""

import re

from posecap.calib.board import Board, BoardKind
from posecap.calib.errors import CalibrationError
from posecap.launch.errors import UsageError

_METRES = {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "in": 0.0254}
_LENGTH = re.compile(r"([0-9]*\.?[0-9]+)(mm|cm|m|in)")
_SIZE = re.compile(r"([0-9]{1,3})x([0-9]{1,3})")
_FLAGS = ("legacy", "inverted")
BOARD_HELP = (
    "KIND:COLUMNSxROWS:SQUARE[:MARKER[:DICTIONARY]][:legacy][:inverted], as charuco:7x5:40mm:30mm:DICT_4X4_50, "
    "chessboard:10x7:25mm or apriltag:6x4:50mm:40mm:DICT_APRILTAG_36h11; count squares, not inner corners; of a grid "
    "the markers, and SQUARE is from one marker to the next"
)
_KINDS: tuple[BoardKind, ...] = ("charuco", "chessboard", "apriltag")


def board_of(text: str) -> Board:
    """The board that `text` describes.

    Raises:
        UsageError: it does not describe one, or one that cannot be.
    """
    parts = [part.strip() for part in text.split(":")]
    flags = {part for part in parts[1:] if part in _FLAGS}
    parts = [part for part in parts if part not in flags]
    kind: BoardKind | None = next((one for one in _KINDS if one == parts[0].lower()), None)
    size = _SIZE.fullmatch(parts[1]) if len(parts) > 1 else None
    most = 3 if kind == "chessboard" else 5
    if kind is None or size is None or not (3 if kind == "chessboard" else 4) <= len(parts) <= most:
        raise UsageError(f"--board {text!r} is not a board: write {BOARD_HELP}")
    square_m, *marker_m = [_metres(part, text) for part in parts[2:4]]
    dictionary = parts[4].upper() if len(parts) > 4 else _default_dictionary(kind)
    if dictionary.startswith("DICT_APRILTAG"):
        dictionary = dictionary.replace("H", "h")
    try:
        return Board(
            kind,
            int(size[1]),
            int(size[2]),
            square_m,
            marker_m[0] if marker_m else 0.0,
            dictionary,
            legacy_pattern="legacy" in flags,
            inverted="inverted" in flags,
        )
    except CalibrationError as error:
        raise UsageError(f"--board {text!r}: {error}") from error


def written(board: Board) -> str:
    """The text that `board_of` reads."""
    parts = [board.kind, f"{board.columns}x{board.rows}", f"{1000 * board.square_m:g}mm"]
    if board.kind != "chessboard":
        parts += [f"{1000 * board.marker_m:g}mm", board.dictionary]
    parts += ["legacy"] * board.legacy_pattern + ["inverted"] * board.inverted
    return ":".join(parts)


def _default_dictionary(kind: BoardKind) -> str:
    return "DICT_APRILTAG_36h11" if kind == "apriltag" else "DICT_4X4_50"


def _metres(length: str, text: str) -> float:
    match = _LENGTH.fullmatch(length)
    if match is None:
        raise UsageError(f"--board {text!r}: {length!r} is no length: write it with its unit, as 40mm")
    return float(match[1]) * _METRES[match[2]]
