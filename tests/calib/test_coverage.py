"""What a camera has seen of a board: cells, sizes and tilts with exact cases, and what is said to be missing."""

import numpy as np
import pytest

from posecap.calib.board import Board, Sighting
from posecap.calib.board_view import board_view, is_new, most_different
from posecap.calib.camera import Camera
from posecap.calib.coverage import CoverageOptions, coverage_of
from posecap.calib.rotation import rotation_of

SIZE = (1200, 800)
BOARD = Board("chessboard", 7, 5, 0.1)
CAMERA = Camera(
    "left", SIZE, np.array([[1e5, 0, 599.5], [0, 1e5, 399.5], [0, 0, 1]]), np.zeros(5), np.eye(4)
)  # of so long a lens that there is no perspective


def seen(turn=(0.0, 0.0, 0.0), at=(0.0, 0.0), width_px=350.0):
    """The board with its middle at shares `at` of half the picture, 0.7 m shown as `width_px`, turned by radians."""
    depth = 0.7 * 1e5 / width_px
    middle = np.array([at[0] * SIZE[0] / 2, at[1] * SIZE[1] / 2, 1e5]) * depth / 1e5
    points = (BOARD.points_m - [0.35, 0.25, 0]) @ rotation_of(list(turn)).T + middle
    xy = CAMERA.project(points)
    inside = ((xy > 0) & (xy < np.array(SIZE) - 1)).all(axis=1)
    return Sighting("left", 0, np.flatnonzero(inside), xy[inside])


@pytest.mark.parametrize("degrees", [0, 12, 45])
def test_size_place_and_tilt_are_those_of_the_scene(degrees: int) -> None:
    view = board_view(BOARD, seen((0.0, np.radians(degrees), 0.0), at=(0.5, -0.25)), SIZE)
    assert view is not None
    assert view.centre == pytest.approx([0.75, 0.375], abs=1e-3)
    assert view.tilt_deg == pytest.approx([degrees, 0], abs=0.3)
    shown = np.sqrt(350 * 250 * np.cos(np.radians(degrees)) / (1200 * 800))
    assert view.size == pytest.approx(shown, rel=3e-3)


def test_a_board_turned_up_is_not_turned_sideways() -> None:
    view = board_view(BOARD, seen((np.radians(30), 0.0, 0.0)), SIZE)
    assert view is not None
    assert view.tilt_deg == pytest.approx([0, 30], abs=0.3)


def test_too_few_corners_and_corners_on_a_line_show_no_view() -> None:
    whole = seen()
    assert board_view(BOARD, Sighting("left", 0, whole.ids[:5], whole.xy[:5]), SIZE) is None
    assert board_view(BOARD, Sighting("left", 0, whole.ids[:6], whole.xy[:6]), SIZE) is None  # one row
    assert board_view(BOARD, Sighting("left", 0, whole.ids[:7], whole.xy[:7]), SIZE) is not None


def views(*sightings: Sighting):
    found = [board_view(BOARD, sighting, SIZE) for sighting in sightings]
    assert all(view is not None for view in found)
    return [view for view in found if view is not None]


def test_corners_are_counted_in_their_cells() -> None:
    corners = np.array([[-0.5, -0.5], [599.4, 399.4], [599.6, 399.6], [1199.4, 799.4]])
    one = views(seen())[0]
    sighting = Sighting("left", 0, np.arange(4), corners)
    options = CoverageOptions(columns=2, rows=2, cell_corners=1)
    counted = coverage_of("left", SIZE, [type(one)(sighting, one.centre, one.size, one.tilt_deg)], options)
    assert counted.cells.tolist() == [[2, 0], [0, 2]]
    assert counted.share == 0.5


def test_the_emptiest_part_is_named() -> None:
    everywhere = [(x, y) for x in (-0.68, 0, 0.68) for y in (-0.65, 0, 0.65)]
    without = [place for place in everywhere if place != (-0.68, -0.65)]
    options = CoverageOptions(share=1.0, cell_corners=1)
    some = coverage_of("cam02", SIZE, views(*(seen(at=place) for place in without)), options)
    assert some.missing[0] == "hold the board nearer to the top left of cam02"
    full = coverage_of("cam02", SIZE, views(*(seen(at=place, width_px=460) for place in everywhere)), options)
    assert full.share == 1.0
    assert not any("nearer to the" in line for line in full.missing)


def test_everything_missing_is_said_once_and_nothing_when_enough() -> None:
    flat = coverage_of("c", SIZE, views(*[seen()] * 3))
    assert [line.split(",")[0].split(" c")[0] for line in flat.missing] == [
        "hold the board nearer to the top left of",
        "turn the board to the left and right in front of",
        "turn the board up and down in front of",
        "show the board to",
    ]
    assert "in 9 more ways (so far 3 of 12)" in flat.missing[-1]
    small = coverage_of("c", SIZE, views(seen(width_px=120)))
    assert any("30 % as wide as the picture (so far 10 %)" in line for line in small.missing)
    tilts = [(0.0, 0.5, 0.0), (0.5, 0.0, 0.0)]
    places = [(x, y) for x in (-0.68, 0, 0.68) for y in (-0.65, 0, 0.65)]
    shown = [seen(tilts[k % 2], place, 460) for k, place in enumerate(places + places[:3])]
    assert coverage_of("c", SIZE, views(*shown)).missing == ()
    assert coverage_of("c", SIZE, []).missing == ("show the board to c",)


def test_chosen_views_are_the_different_ones() -> None:
    same = [seen(at=(0.001 * k, 0)) for k in range(20)]
    other = [seen(at=(-0.6, 0.5)), seen((0, 0.7, 0)), seen(width_px=700)]
    everything = views(*same[:10], *other, *same[10:])
    chosen = most_different(everything, 4)
    assert {10, 11, 12} <= {everything.index(view) for view in chosen}
    assert most_different(everything, 50) == everything
    assert not is_new(everything[1], everything[:1])
    assert is_new(everything[10], everything[:10])
