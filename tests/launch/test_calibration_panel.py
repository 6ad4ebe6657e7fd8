"""What somebody with a board in the hand is told, from nothing seen to enough."""

import numpy as np
from rich.console import Console

from posecap.calib.board import Board, Sighting
from posecap.launch.board_sightings import BoardSightings
from posecap.launch.calibration_panel import guiding_line, guiding_panel, still_missing

BOARD = Board("chessboard", 7, 5, 0.1)
SIZES = {"left": (1200, 800), "right": (1200, 800)}


def shown(camera: str, k: int, t_ns: int) -> Sighting:
    """The board in place `k` of a row, flat."""
    xy = BOARD.points_m[:, :2] * 500 + (60 + 90 * k, 60 + 40 * k)
    return Sighting(camera, t_ns, np.arange(len(xy)), xy)


def text_of(panel: object) -> str:
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(panel)
    console.file.close()
    return console.export_text()


def test_lenses_are_guided_until_nothing_is_missing() -> None:
    with BoardSightings(BOARD, SIZES) as seen:
        assert still_missing(seen, lenses=True) == ("show the board to left", "show the board to right")
        for k in range(3):
            seen.add(shown("left", k, k), k)
            seen.add(shown("left", k, 10 + k), 10 + k)  # the same again is not new
        text = text_of(guiding_panel(seen, frozenset({"left"}), 12.4, lenses=True))
        row = next(line for line in text.splitlines() if "left " in line and "yes" in line)
        assert row.split()[1:5] == ["left", "yes", "6", "3"]
        assert "→ hold the board nearer to the" in text
        assert "show the board to left in 9 more ways" not in text  # only three lines are shown
        assert "more" in text
        assert "12 s left" in text
        assert "██" in text
        assert guiding_line(seen, lenses=True).startswith(
            "seen: left 6, right 0; hold the board nearer to the"
        )


def test_places_are_guided_by_what_cameras_see_together() -> None:
    with BoardSightings(BOARD, SIZES) as seen:
        for k in range(10):
            seen.add(shown("left", k % 5, k), k)
            if k < 9:
                seen.add(shown("right", k % 5, k + 1), k)  # its own time is a little later
        assert "(so far 9 of 10 common pictures)" in guiding_line(seen, lenses=False)
        seen.add(shown("right", 0, 10), 9)
        assert still_missing(seen, lenses=False) == ()
        assert "enough was seen" in text_of(guiding_panel(seen, frozenset(), None, lenses=False))
        assert {one.t_ns for one in seen.for_rig() if one.camera == "right"} == set(range(10))
