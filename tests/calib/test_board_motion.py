"""Sightings at other times than their own: exact for corners that move evenly, left out where nothing is known."""

import numpy as np
import pytest

from posecap.calib.board import Sighting
from posecap.calib.board_motion import at_common_times

SPEED = np.array([30.0, -12.0])  # px/s
START = np.array([[100.0, 50], [140, 50], [180, 50], [100, 90], [140, 90], [180, 90]])


def seen(t_s: float, ids=range(6)) -> Sighting:
    chosen = np.array(list(ids))
    return Sighting("c", round(t_s * 1e9), chosen, START[chosen] + SPEED * t_s)


def test_even_motion_is_undone_exactly() -> None:
    sightings = [seen(t) for t in (0.0, 0.2, 0.4)]
    moved = at_common_times(sightings, [round((t + 0.013) * 1e9) for t in (0.0, 0.2, 0.4)])
    assert [one.t_ns for one in moved] == [13_000_000, 213_000_000, 413_000_000]
    for one in moved:
        assert one.xy == pytest.approx(START + SPEED * one.t_ns / 1e9, abs=1e-9)


def test_only_corners_whose_speed_is_known_are_left() -> None:
    around = [seen(0.0, range(4)), seen(0.2), seen(0.4, [0, 1, 2, 3, 5])]
    moved = at_common_times(around, [0, 205_000_000, 400_000_000])
    assert moved[1].ids.tolist() == [0, 1, 2, 3]
    assert [len(one.ids) for one in moved] == [4, 4, 5]  # the others are at their own times


def test_alone_far_apart_or_too_fast_is_left_out() -> None:
    assert at_common_times([seen(0.0)], [1_000_000]) == []
    assert len(at_common_times([seen(0.0)], [0])) == 1
    assert at_common_times([seen(0.0), seen(0.6)], [10_000_000, 610_000_000]) == []
    close = [seen(0.0), seen(0.2)]
    assert len(at_common_times(close, [10_000_000, 210_000_000], most_px=0.33)) == 2  # 0.323 px
    assert at_common_times(close, [10_000_000, 210_000_000], most_px=0.32) == []
