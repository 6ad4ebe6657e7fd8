"""A bounded memory of a session of any length."""

import numpy as np

from posecap.launch.score_history import ScoreHistory


def filled(instants: int, capacity: int) -> ScoreHistory:
    history = ScoreHistory(joints=2, capacity=capacity)
    for instant in range(instants):
        history.add(np.full((2, 3), instant), np.full((2, 3), -instant))
    return history


def test_everything_is_kept_until_it_is_full() -> None:
    found, true = filled(8, capacity=8).last()
    np.testing.assert_array_equal(found[:, 0, 0], np.arange(8))
    np.testing.assert_array_equal(true, -found)


def test_a_longer_session_stays_evenly_represented() -> None:
    found, _ = filled(100, capacity=8).last()
    np.testing.assert_array_equal(found[:, 0, 0], np.arange(0, 100, 16))


def test_the_last_instants_may_be_asked_for() -> None:
    history = filled(5, capacity=8)
    np.testing.assert_array_equal(history.last(2)[0][:, 0, 0], [3, 4])
    assert len(history.last(9)[0]) == 5


def test_an_empty_history_is_empty() -> None:
    assert ScoreHistory(joints=2).last()[0].shape == (0, 2, 3)
