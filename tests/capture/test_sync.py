"""Grouping with known truth: who belongs together, who is late, how long anybody waits."""

import random
import time
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posecap.capture.frame import Frame, FrameSet
from posecap.capture.sync import FrameGrouper

PERIOD_NS = 10_000_000
WAIT_NS = 3 * PERIOD_NS
NAMES = ("cam01", "cam02", "cam03", "cam04")
PIXEL = np.zeros((1, 1, 3), np.uint8)

Event = tuple[int, Frame]  # arrival, picture


def stream(
    name: str,
    count: int,
    *,
    phase: float = 0.0,
    jitter: float = 0.0,
    delay: float = 0.5,
    delay_jitter: float = 0.0,
    drop: float = 0.0,
    drift: float = 0.0,
    seed: int = 0,
) -> list[Event]:
    """Pictures of one camera; all lengths in periods. `seq` is the instant that a picture belongs to."""
    chance = random.Random(f"{seed} {name}")
    events = []
    for seq in range(count):
        if chance.random() < drop:
            continue
        t = seq * (1 + drift) + phase + max(-3.0, min(3.0, chance.gauss(0, 1))) * jitter
        arrival = t + delay + chance.random() * delay_jitter
        events.append((round(arrival * PERIOD_NS), Frame(name, seq, round(t * PERIOD_NS), PIXEL)))
    return events


def run(grouper: FrameGrouper, events: Iterable[Event]) -> list[tuple[int, FrameSet]]:
    """Push all in order of arrival and poll at every deadline; sets, with the time they were given out."""
    given_out = []
    now = 0
    for now, frame in sorted(events, key=lambda event: event[0]):
        while (deadline := grouper.deadline_ns) is not None and deadline <= now:
            given_out += [(deadline, frame_set) for frame_set in grouper.poll(deadline)]
        given_out += [(now, frame_set) for frame_set in grouper.push(frame, now)]
    while (deadline := grouper.deadline_ns) is not None:
        given_out += [(max(now, deadline), frame_set) for frame_set in grouper.poll(deadline)]
    return given_out


def members(frame_set: FrameSet) -> list[int | None]:
    return [None if frame is None else frame.seq for frame in frame_set.frames]


def grouper(names: tuple[str, ...] = NAMES, **options: int) -> FrameGrouper:
    return FrameGrouper(names, PERIOD_NS, WAIT_NS, **options)


def test_synchronous_cameras_make_whole_sets_at_once() -> None:
    events = [event for name in NAMES for event in stream(name, 50)]
    sets = run(subject := grouper(), events)
    assert [members(s) for _, s in sets] == [[i] * 4 for i in range(50)]
    assert [s.index for _, s in sets] == list(range(50))
    assert [s.t_ns for _, s in sets] == [i * PERIOD_NS for i in range(50)]
    assert [t for t, _ in sets] == [i * PERIOD_NS + PERIOD_NS // 2 for i in range(50)]
    assert subject.counters.complete == 50
    assert subject.counters.partial == 0


@pytest.mark.parametrize(
    "phases", [(0, 0.4, -0.4, 0.2), (0, 0.25, 0.5, 0.75), (0.9, 0.05, 0.1, 0.95), (0, 0.49, 0, 0)]
)
def test_whatever_the_phases_the_same_instants_stay_together(phases: tuple[float, ...]) -> None:
    """With 10 % jitter on top: after the phases are learnt, differences of seq within a set never change."""
    events = [
        event
        for name, phase in zip(NAMES, phases, strict=True)
        for event in stream(name, 400, phase=phase, jitter=0.1)
    ]
    sets = [members(s) for _, s in run(grouper(), events)][30:-5]
    patterns = {tuple(seq - s[0] for seq in s if seq is not None and s[0] is not None) for s in sets}
    assert len(patterns) == 1
    assert all(None not in s for s in sets)


def test_a_set_is_as_narrow_as_the_phases_allow() -> None:
    """Cameras at 0.9, 0.05, 0.1, 0.95 of the period are 0.2 apart across its border, not 0.9."""
    phases = (0.9, 0.05, 0.1, 0.95)
    events = [e for name, phase in zip(NAMES, phases, strict=True) for e in stream(name, 100, phase=phase)]
    for _, frame_set in run(grouper(), events)[10:-2]:
        times = [frame.t_ns for frame in frame_set.frames if frame is not None]
        assert max(times) - min(times) == pytest.approx(0.2 * PERIOD_NS, abs=2)


def test_jitter_below_half_a_period_never_moves_a_picture() -> None:
    events = [event for name in NAMES for event in stream(name, 300, jitter=0.13)]  # clipped at 0.39
    sets = [members(s) for _, s in run(grouper(), events)][40:]
    assert all(len(set(s)) == 1 for s in sets)


def test_cameras_at_another_rate_than_nominal_are_followed() -> None:
    """29.97 for 30: after 2,000 pictures the camera is two periods away from a fixed grid."""
    events = [event for name in NAMES for event in stream(name, 2000, drift=0.001)]
    sets = run(subject := grouper(), events)
    assert [members(s) for _, s in sets] == [[i] * 4 for i in range(2000)]
    assert subject.counters.partial == 0


def test_a_camera_that_drifts_against_the_others_slips_and_recovers() -> None:
    events = [event for name in NAMES[:3] for event in stream(name, 1500)]
    events += stream(NAMES[3], 1500, drift=0.002)  # three whole periods in the end
    sets = run(subject := grouper(), events)
    assert subject.counters.complete >= 1480
    for _, frame_set in sets[20:-5]:
        times = [frame.t_ns for frame in frame_set.frames if frame is not None]
        assert max(times) - min(times) <= 0.75 * PERIOD_NS


def test_a_dropped_picture_leaves_its_place_empty_and_delays_nobody() -> None:
    events = [event for name in NAMES[:3] for event in stream(name, 200)]
    events += stream(NAMES[3], 200, drop=0.2)
    sets = run(subject := grouper(), events)
    lost = set(range(200)) - {frame.seq for _, frame in events if frame.camera == NAMES[3]}
    assert [members(s)[:3] for _, s in sets] == [[i] * 3 for i in range(200)]
    assert {i for i, (_, s) in enumerate(sets) if s.frames[3] is None} == lost
    assert subject.counters.missing[NAMES[3]] == len(lost) == subject.counters.partial
    delivered = sorted(set(range(200)) - lost)
    for seq in sorted(lost):  # the next picture of the camera ends the wait
        comes_next = min((other - seq for other in delivered if other > seq), default=99)
        given_out, frame_set = sets[seq]
        assert given_out - frame_set.t_ns <= (min(comes_next, 3) + 0.5) * PERIOD_NS


def test_a_dead_camera_is_not_waited_for_until_it_delivers_again() -> None:
    events = [event for name in NAMES[:3] for event in stream(name, 300)]
    alive = stream(NAMES[3], 300, delay=0.6)
    events += [event for event in alive if not 100 <= event[1].seq < 200]
    sets = run(subject := grouper(), events)
    waits = [given_out - frame_set.t_ns for given_out, frame_set in sets]
    assert len(sets) == 300
    assert max(waits) <= WAIT_NS + PERIOD_NS // 2
    assert all(wait <= 0.5 * PERIOD_NS for wait in waits[105:200])
    assert all(s.frames[3] is None for _, s in sets[100:200])
    missing_after_return = sum(s.frames[3] is None for _, s in sets[200:])
    assert missing_after_return <= 2
    assert subject.counters.missing[NAMES[3]] == 100 + missing_after_return
    gaps = [after - before for (before, _), (after, _) in pairwise(sets)]
    assert max(gaps) <= WAIT_NS + PERIOD_NS


def test_a_camera_that_says_it_is_lost_costs_no_wait_at_all() -> None:
    subject = grouper()
    subject.lose(NAMES[3])
    events = [event for name in NAMES[:3] for event in stream(name, 20)]
    assert all(given_out - s.t_ns == PERIOD_NS // 2 for given_out, s in run(subject, events))


def test_late_duplicate_and_out_of_order_pictures_are_counted() -> None:
    subject = FrameGrouper(NAMES[:2], PERIOD_NS, WAIT_NS, reorder=2)
    first = {e[1].seq: e[1] for e in stream(NAMES[0], 10)}
    second = {e[1].seq: e[1] for e in stream(NAMES[1], 10)}
    now = 1_000_000_000
    done: list[FrameSet] = []
    for seq in (0, 2, 1, 1):  # 1 is out of order, then comes twice
        done += subject.push(first[seq], now)
    for seq in (0, 1, 2):
        done += subject.push(second[seq], now)
    assert [members(s) for s in done] == [[0, 0], [1, 1], [2, 2]]
    assert subject.counters.out_of_order[NAMES[0]] == 1
    assert subject.counters.duplicate[NAMES[0]] == 1
    assert subject.push(first[1], now) == []
    assert subject.counters.duplicate[NAMES[0]] == 2
    assert subject.push(Frame(NAMES[0], 99, PERIOD_NS + 1, PIXEL), now) == []
    assert subject.counters.late[NAMES[0]] == 1


def test_a_camera_whose_clock_jumps_ahead_does_not_stop_the_others() -> None:
    events = [event for name in NAMES[:3] for event in stream(name, 300)]
    for arrival, frame in stream(NAMES[3], 300):
        jumped = frame.t_ns + (3600 * 10**9 if frame.seq >= 100 else 0)
        events.append((arrival, Frame(NAMES[3], frame.seq, jumped, PIXEL)))
    sets = run(subject := grouper(), events)
    assert [members(s)[:3] for _, s in sets] == [[i] * 3 for i in range(300)]
    assert subject.counters.astray[NAMES[3]] == 200


def test_after_a_pause_of_all_cameras_sets_are_whole_again() -> None:
    events = [event for name in NAMES for event in stream(name, 20)]
    pause = 3_600_000_000_123
    events += [
        (arrival + pause, Frame(frame.camera, frame.seq + 1000, frame.t_ns + pause, PIXEL))
        for arrival, frame in list(events)
    ]
    sets = run(grouper(), events)
    assert [members(s) for _, s in sets] == [[i] * 4 for i in [*range(20), *range(1000, 1020)]]


def test_one_camera_alone_is_a_set_by_itself() -> None:
    sets = run(grouper(("only",)), stream("only", 10))
    assert [members(s) for _, s in sets] == [[i] for i in range(10)]
    assert all(given_out == s.t_ns + PERIOD_NS // 2 for given_out, s in sets)


@st.composite
def disorder(draw: st.DrawFn) -> list[Event]:
    """Anything that a bad afternoon can bring: phases, jitter, drops, delays, repeats, wild times."""
    events: list[Event] = []
    for name in NAMES[: draw(st.integers(1, 4))]:
        events += stream(
            name,
            draw(st.integers(0, 25)),
            phase=draw(st.floats(-2, 2)),
            jitter=draw(st.floats(0, 0.4)),
            delay=draw(st.floats(0, 5)),
            delay_jitter=draw(st.floats(0, 3)),
            drop=draw(st.floats(0, 0.6)),
            drift=draw(st.floats(-0.2, 0.2)),
            seed=draw(st.integers(0, 10)),
        )
    for index in draw(st.lists(st.integers(0, 99), max_size=6)):
        if events:
            arrival, frame = events[index % len(events)]
            events.append((arrival + draw(st.integers(0, WAIT_NS)), frame))
    for t_ns in draw(st.lists(st.integers(-(10**12), 10**12), max_size=4)):
        events.append((draw(st.integers(0, 30 * PERIOD_NS)), Frame(NAMES[0], 10**6, t_ns, PIXEL)))
    return events


@given(disorder(), st.integers(0, 3))
@settings(max_examples=400, deadline=None)
def test_whatever_comes_the_promises_hold(events: list[Event], reorder: int) -> None:
    """A picture is in one set at most, sets are in order, none waits beyond the bound, all is counted."""
    arrival = {id(frame): 10**18 for _, frame in events}
    for came, frame in events:
        arrival[id(frame)] = min(arrival[id(frame)], came)
    subject = grouper(reorder=reorder)
    sets = run(subject, events)
    used = [frame for _, s in sets for frame in s.frames if frame is not None]
    assert len({(frame.camera, frame.seq, frame.t_ns) for frame in used}) == len(used)
    times = [s.t_ns for _, s in sets]
    assert times == sorted(set(times))
    assert [s.index for _, s in sets] == list(range(len(sets)))
    for given_out, frame_set in sets:
        present = [frame for frame in frame_set.frames if frame is not None]
        assert present
        assert all(frame.camera == NAMES[i] for i, frame in enumerate(frame_set.frames) if frame is not None)
        assert given_out - min(arrival[id(frame)] for frame in present) <= WAIT_NS
    counters = subject.counters
    refused = sum(sum(counts.values()) for counts in (counters.late, counters.duplicate, counters.astray))
    assert len(used) + refused == len(events)
    assert counters.complete + counters.partial == len(sets)


def test_a_picture_costs_microseconds() -> None:
    events = sorted((e for name in NAMES for e in stream(name, 5000, jitter=0.05)), key=lambda e: e[0])
    subject = grouper()
    begin = time.thread_time()
    for now, frame in events:
        subject.push(frame, now)
    per_picture_us = (time.thread_time() - begin) / len(events) * 1e6
    assert per_picture_us < 30, "several times what it takes on an idle machine"
