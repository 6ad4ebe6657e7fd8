"""A recording through the pipeline gives the poses that the live runtime gave, in every bit."""

import numpy as np
from numpy.typing import NDArray
from onlooker import frame_set, pipeline_of
from scene import STANDING, ring_rig

from posecap.capture.session_folder import FrameSetRecord
from posecap.runtime.recorded_sets import RecordedSet
from posecap.runtime.replayer import Replayer

RIG = ring_rig(4)


def recorded(index: int, **fields: object) -> RecordedSet:
    one = frame_set(RIG, index)
    record = FrameSetRecord(index, one.t_ns, (index,) * 4, **fields)  # type: ignore[arg-type]
    return RecordedSet(one, record, ())


def walking(index: int) -> NDArray[np.float64]:
    return (STANDING + np.array([0.05 * index, 0.0, 0.0]))[None]


class Show:
    """Frame sets at which the person is where the onlooker then sees it."""

    def __init__(self, sets: list[RecordedSet]) -> None:
        self.pipeline, self.onlooker = pipeline_of(RIG)
        self.sets = sets
        self.onlooker.place = walking

    def replayed(self) -> dict[int, NDArray[np.float64]]:
        steps = Replayer(self.pipeline).steps(self.sets)
        return {
            one.record.index: np.array([skeleton.xyz for skeleton in step.instant.skeletons])
            for one, step in steps
        }


def test_looking_ahead_is_repeated() -> None:
    sets = [recorded(index, ahead=index % 3 == 2) for index in range(24)]
    pipeline, onlooker = pipeline_of(RIG)
    onlooker.place = walking
    live, waiting = {}, None
    for one in sets:  # the loop of the runtime, spelt out
        if waiting is not None and not one.record.ahead:
            live[waiting.frame_set.index] = pipeline.refine(pipeline.lift(pipeline.see(waiting))).instant
            waiting = None
        looking = pipeline.look(one.frame_set)
        if waiting is not None:
            live[waiting.frame_set.index] = pipeline.refine(pipeline.lift(pipeline.see(waiting))).instant
        waiting = looking
    again = Show(sets).replayed()
    assert len(live) == 23
    for index, instant in live.items():
        np.testing.assert_array_equal(again[index], np.array([one.xyz for one in instant.skeletons]))
    plain = Show([recorded(index) for index in range(24)]).replayed()
    assert any(not np.array_equal(plain[index], again[index]) for index in live)  # it does make a difference


def test_what_was_torn_teaches_nothing() -> None:
    whole = Show([recorded(index) for index in range(12)]).replayed()
    torn = Show([recorded(index, torn=index == 5) for index in range(12)]).replayed()
    assert sorted(set(whole) - set(torn)) == [5]
    np.testing.assert_array_equal(whole[4], torn[4])


def test_a_runtime_that_was_started_again_begins_with_nobody() -> None:
    sets = [recorded(index, session="a") for index in range(10)]
    sets += [recorded(index, session="b") for index in range(10)]
    show = Show(sets)
    counts = [len(step.instant.skeletons) for _, step in Replayer(show.pipeline).steps(sets)]
    assert counts[:2] == counts[10:12]
    assert counts[9] == 1
    assert counts[10] == 0
