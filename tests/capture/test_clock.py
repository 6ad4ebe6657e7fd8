"""Clocks with a known offset: the estimate is within the uncertainty that is published."""

import random

from posecap.capture.clock import ArrivalClock, RoundTripClock

PERIOD_NS = 33_333_333


def arrivals(count: int, *, offset_ns: int, drift: float = 0.0, seed: int = 1) -> list[tuple[int, int]]:
    """Stream timestamps and arrivals; delays are 3 ms at least and 2 ms more on average."""
    chance = random.Random(seed)
    return [
        (
            i * PERIOD_NS,
            round(i * PERIOD_NS * (1 + drift)) + offset_ns + 3_000_000 + round(chance.expovariate(1 / 2e6)),
        )
        for i in range(count)
    ]


def test_the_envelope_finds_offset_plus_least_delay() -> None:
    clock = ArrivalClock()
    errors = [
        clock.host_ns(s, a) - (s + 5_000_000_000 + 3_000_000)
        for s, a in arrivals(600, offset_ns=5_000_000_000)
    ]
    assert max(abs(error) for error in errors[100:]) < 500_000
    assert abs(clock.reading.offset_ns + 5_003_000_000) < 500_000
    assert 500_000 < clock.reading.uncertainty_ns < 5_000_000
    assert "not known" in clock.reading.method


def test_a_measured_least_delay_is_taken_off() -> None:
    clock = ArrivalClock(least_delay_ns=3_000_000)
    errors = [clock.host_ns(s, a) - (s + 77) for s, a in arrivals(600, offset_ns=77)]
    assert max(abs(error) for error in errors[100:]) < 500_000


def test_a_drifting_clock_is_followed_both_ways() -> None:
    for drift in (-100e-6, 100e-6):
        clock = ArrivalClock(least_delay_ns=3_000_000)
        errors = [
            clock.host_ns(s, a) - round(s * (1 + drift)) for s, a in arrivals(9000, offset_ns=0, drift=drift)
        ]
        assert max(abs(error) for error in errors[200:]) < 1_500_000, drift


def test_a_stream_clock_that_is_set_back_is_followed_after_seconds() -> None:
    clock = ArrivalClock(least_delay_ns=3_000_000)
    for s, a in arrivals(300, offset_ns=0):
        clock.host_ns(s, a)
    after = [(s + 10_000_000_000, a + 15_000_000_000) for s, a in arrivals(300, offset_ns=0)]
    errors = [clock.host_ns(s, a) - (s + 5_000_000_000) for s, a in after]
    assert max(abs(error) for error in errors[200:]) < 500_000


def test_round_trips_bound_the_offset() -> None:
    chance = random.Random(3)
    clock, offset_ns, now = RoundTripClock(), -7_000_000_000, 0
    assert clock.reading(0).uncertainty_ns == -1
    for _ in range(200):
        now += 250_000_000
        out, back = (200_000 + round(chance.expovariate(1 / 3e6)) for _ in range(2))
        received = now + out + offset_ns
        clock.add(now, received, received + 50_000, now + out + 50_000 + back)
        reading = clock.reading(now)
        assert abs(reading.offset_ns - offset_ns) <= reading.uncertainty_ns
    assert clock.reading(now).uncertainty_ns < 3_000_000
    assert clock.reading(now + 60_000_000_000).uncertainty_ns > 6_000_000  # 100 ppm in a minute
