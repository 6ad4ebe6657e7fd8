"""Views are left out when the machine is too slow, and read again when it is not."""

from posecap.runtime.pacing import Pacer

PERIOD_NS = 33_000_000


def run(pacer: Pacer, ns_a_view: int, sets: int, views: int = 4) -> None:
    """A machine that needs `ns_a_view` for each view it reads."""
    for _ in range(sets):
        step_ns = ns_a_view * (views - pacer.left_out)
        pacer.after(step_ns, behind=step_ns > PERIOD_NS)


def test_a_slow_machine_leaves_views_out_until_it_keeps_up() -> None:
    pacer = Pacer(4, least=2, period_ns=PERIOD_NS)
    run(pacer, 10_000_000, 60)
    assert pacer.left_out == 1
    run(pacer, 15_000_000, 60)
    assert pacer.left_out == 2
    run(pacer, 40_000_000, 200)
    assert pacer.left_out == 2  # never fewer than two


def test_a_machine_that_is_free_again_reads_all_views() -> None:
    pacer = Pacer(4, least=2, period_ns=PERIOD_NS)
    run(pacer, 15_000_000, 60)
    run(pacer, 5_000_000, 700)
    assert pacer.left_out == 0


def test_it_does_not_flap_where_one_view_more_would_be_too_much() -> None:
    pacer = Pacer(4, least=2, period_ns=PERIOD_NS)
    run(pacer, 10_000_000, 1000)
    assert pacer.left_out == 1


def test_one_slow_frame_set_changes_nothing_and_recordings_are_never_in_a_hurry() -> None:
    pacer = Pacer(4, least=2, period_ns=PERIOD_NS)
    for k in range(100):
        pacer.after(5_000_000, behind=k % 20 == 0)
    assert pacer.left_out == 0
    patient = Pacer(4, least=2, period_ns=0)
    run(patient, 40_000_000, 100)
    assert patient.left_out == 0
