"""Identities over time: people who cross, hide and leave, with the truth at hand."""

import numpy as np
from numpy.typing import NDArray
from scene import STANDING, observe, ring_rig

from posecap.models.joints import COCO_17
from posecap.runtime.associate import Associator
from posecap.runtime.gather import gathered_rays
from posecap.runtime.lift import Lifter
from posecap.runtime.track import Tracker

FPS = 30
STEP_NS = round(1e9 / FPS)


def crossing(frames: int, apart_m: float) -> NDArray[np.float64]:
    """(frames, 2, 17, 3) two people who walk past each other along x, `apart_m` apart in y."""
    x = np.linspace(-1.5, 1.5, frames)
    first = STANDING + np.stack([x, np.full(frames, apart_m / 2), np.zeros(frames)], axis=1)[:, None]
    second = (
        STANDING * 0.95 + np.stack([-x, np.full(frames, -apart_m / 2), np.zeros(frames)], axis=1)[:, None]
    )
    return np.stack([first, second], axis=1)


def follow(people: NDArray[np.float64], hidden: dict[int, set[int]] | None = None) -> list[dict[int, int]]:
    """For each frame which person (by nearest truth) carries which identity. hidden: frame -> people nobody sees."""
    rng = np.random.default_rng(0)
    rig = ring_rig(4)
    associator, lifter = Associator(rig, 0.22, 3), Lifter(rig, 0.12)
    tracker = Tracker(COCO_17, time_scale=1.0, max_people=10)
    history = []
    for k, truth in enumerate(people):
        t_ns = 1_000_000_000 + k * STEP_NS
        _, expected = tracker.expected(t_ns)
        scene = observe(rig, truth, rng, noise_px=3.0, missing=0.1, gross=0.02)
        gone = np.isin(scene.owner, list((hidden or {}).get(k, set())))
        scene.keypoints.xy[gone] = np.nan
        scene.keypoints.variance[gone] = np.inf
        rays = lifter.views.rays(scene.keypoints)
        ids, _ = tracker.expected(t_ns)
        assignment = associator.assign(rays, expected)
        fresh = len(assignment.rows) - assignment.tracked
        prior = np.concatenate([expected, np.full((fresh, 17, 3), np.nan)])
        tracks = np.concatenate([ids, np.full(fresh, -1)]).astype(np.int64)
        skeletons = lifter.skeletons(gathered_rays(rays, assignment.rows), prior, tracks)
        tracked = tracker.update(skeletons, t_ns)
        near = {
            s.track: int(
                np.argmin([np.nanmedian(np.linalg.norm(s.xyz - person, axis=1)) for person in truth])
            )
            for s in tracked
        }
        history.append({person: track for track, person in near.items()})
    return history


def identities(history: list[dict[int, int]], person: int) -> set[int]:
    return {here[person] for here in history if person in here}


def test_two_people_cross_closely_and_keep_their_identities() -> None:
    history = follow(crossing(120, apart_m=0.5))
    first, second = identities(history, 0), identities(history, 1)
    assert len(first) == len(second) == 1
    assert first != second
    assert sum(len(here) == 2 for here in history) >= 0.98 * len(history)


def test_a_person_hidden_for_a_second_comes_back_as_the_same() -> None:
    people = crossing(120, apart_m=1.0)
    history = follow(people, hidden={k: {0} for k in range(50, 80)})
    assert len(identities(history, 0)) == 1
    assert all(0 not in here for here in history[51:80])
    assert all(0 in here for here in history[84:])


def test_a_person_who_left_is_forgotten_and_a_newcomer_is_somebody_else() -> None:
    people = crossing(200, apart_m=1.0)
    history = follow(people, hidden={k: {0} for k in range(60, 140)})
    assert len(identities(history[:60], 0) | identities(history[145:], 0)) == 2


def test_the_expectation_moves_with_the_person() -> None:
    tracker = Tracker(COCO_17, time_scale=1.0, max_people=10)
    rig = ring_rig(4)
    lifter = Lifter(rig, 0.12)
    rng = np.random.default_rng(0)
    for k, truth in enumerate(crossing(60, 1.0)[:, :1]):
        t_ns = 1_000_000_000 + k * STEP_NS
        ids, expected = tracker.expected(t_ns)
        if k > 10:
            assert np.nanmax(np.linalg.norm(expected[0] - truth[0], axis=1)) < 0.08
        scene = observe(rig, truth, rng, noise_px=2.0)
        tracks = ids if len(ids) else np.array([-1])
        prior = expected if len(ids) else np.full((1, 17, 3), np.nan)
        tracker.update(lifter.skeletons(lifter.views.rays(scene.keypoints), prior, tracks), t_ns)
