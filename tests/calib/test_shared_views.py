"""Cameras that saw the board together: exact counts, groups, and the sentence for a link that is missing."""

import numpy as np

from posecap.calib.board import Sighting
from posecap.calib.shared_views import linked_groups, missing_links, shared_views

CAMERAS = ("a", "b", "c", "d")


def saw(t_ns: int, cameras: str) -> list[Sighting]:
    return [Sighting(name, t_ns, np.arange(4), np.zeros((4, 2))) for name in cameras]


def test_common_instants_are_counted() -> None:
    shared = shared_views([*saw(0, "ab"), *saw(1, "abc"), *saw(2, "d"), *saw(3, "x")], CAMERAS)
    assert shared.tolist() == [[2, 2, 1, 0], [2, 2, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]]


def test_chains_link() -> None:
    shared = shared_views([s for t in range(10) for s in saw(t, "ab" if t % 2 else "bc")], CAMERAS)
    assert linked_groups(shared, 5) == [[0, 1, 2], [3]]
    assert linked_groups(shared, 6) == [[0], [1], [2], [3]]
    assert linked_groups(np.zeros((0, 0), dtype=np.int64)) == []


def test_what_is_missing_names_the_pair_that_shares_most() -> None:
    shared = shared_views([s for t in range(10) for s in saw(t, "ab" if t < 6 else "bc")], CAMERAS)
    assert missing_links(shared, CAMERAS, 4) == (
        "hold the board where a and d both see it, and keep it still for a moment (so far 0 of 4 common pictures)",
    )
    assert missing_links(shared, CAMERAS, 5)[0] == (
        "hold the board where b and c both see it, and keep it still for a moment (so far 4 of 5 common pictures)"
    )
    assert missing_links(shared[:3, :3], CAMERAS[:3], 4) == ()
