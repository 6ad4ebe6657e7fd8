"""Gaps that are filled and rates that are changed stay on the exact motion, and nothing is made up beyond."""

import numpy as np
import pytest
from recorded_session import poses_of, swinging

from posecap.runtime.errors import ExportError
from posecap.runtime.session_poses import take_of
from posecap.runtime.uniform_take import at_rate, fill_gaps, median_rate_hz

T_S = np.arange(60) / 30


def take_at(t_s, xyz=None, ids=(1,)):
    return take_of(poses_of(swinging(t_s) if xyz is None else xyz, t_s, ids))


def test_an_even_recording_is_copied():
    take = take_at(T_S)
    even = at_rate(take)
    assert even.rate_hz == 30
    assert even.moved_max_s < 1e-7
    for name in ("xyz", "covariance", "residual_px", "views", "recorded"):
        np.testing.assert_array_equal(getattr(even.take, name), getattr(take, name))


def test_an_uneven_recording_stays_on_the_motion():
    jitter = np.random.default_rng(1).uniform(-0.004, 0.004, 60)
    jitter[0] = 0
    take = take_at(T_S + jitter)
    even = at_rate(take, 30)
    exact = swinging(even.take.t_s)
    error = np.abs(even.take.xyz - exact)
    assert np.nanmax(error[1:-2]) < 1.0e-3
    straight = np.stack([
        np.interp(even.take.t_s, take.t_s, take.xyz[:, 0, 9, axis].astype(float)) for axis in range(3)
    ], axis=1)  # fmt: skip
    assert np.abs(even.take.xyz[:, 0, 9] - exact[:, 0, 9])[2:-2].mean() < 0.5 * (
        np.abs(straight - exact[:, 0, 9])[2:-2].mean()
    )
    assert 0.001 < even.moved_median_s < 0.004
    assert even.moved_max_s <= 0.0081


@pytest.mark.parametrize("rate_hz", [12.5, 100.0])
def test_another_rate(rate_hz):
    even = at_rate(take_at(T_S), rate_hz)
    np.testing.assert_allclose(np.diff(even.take.t_ns), 1e9 / rate_hz, atol=1)
    assert len(even.take.t_ns) == int(T_S[-1] * rate_hz) + 1
    assert np.nanmax(np.abs(even.take.xyz - swinging(even.take.t_s))) < 2e-3
    assert (even.take.views == 3).all()


def test_nothing_is_drawn_across_what_is_unknown():
    xyz = swinging(T_S)
    xyz[20:25, 0, 4] = np.nan
    fast = at_rate(take_at(T_S, xyz), 120).take
    unknown = np.isnan(fast.xyz[:, 0, 4, 0])
    np.testing.assert_array_equal(unknown, (fast.t_s > 19 / 30 + 1e-6) & (fast.t_s < 25 / 30 - 1e-6))
    np.testing.assert_array_equal(np.isnan(fast.residual_px[:, 0, 4]), unknown)
    assert not fast.views[unknown, 0, 4].any()
    assert np.isfinite(np.delete(fast.xyz, 4, axis=2)).all()


def test_a_pause_without_frame_sets_stays_a_pause():
    t_s = np.concatenate([T_S, T_S + 5])  # indexes are consecutive, times are not
    even = at_rate(take_at(t_s))
    inside = (even.take.t_s > T_S[-1] + 1e-6) & (even.take.t_s < 5 - 1e-6)
    assert inside.sum() > 80
    assert np.isnan(even.take.xyz[inside]).all()
    assert np.isfinite(even.take.xyz[~inside]).all()
    assert not even.take.recorded[inside].any()
    assert even.moved_max_s < 1e-6


def test_a_short_gap_is_filled_on_the_motion_and_a_long_one_is_not():
    xyz = swinging(T_S)
    xyz[10:12, 0, 3] = np.nan
    xyz[30:45, 0, 3] = np.nan
    xyz[:4, 0, 6] = np.nan  # before the first: nothing to lean on
    filled, count = fill_gaps(take_at(T_S, xyz), 0.1)
    assert count == 2
    np.testing.assert_allclose(filled.xyz[10:12, 0, 3], swinging(T_S)[10:12, 0, 3], atol=4e-3)
    assert np.isnan(filled.covariance[10:12, 0, 3]).all()
    assert not filled.views[10:12, 0, 3].any()
    assert np.isnan(filled.xyz[30:45, 0, 3]).all()
    assert np.isnan(filled.xyz[:4, 0, 6]).all()
    assert fill_gaps(take_at(T_S, xyz), 0.099)[1] == 0
    assert fill_gaps(take_at(T_S, xyz), 0.54)[1] == 17


def test_rates_near_a_whole_number_are_that_number():
    assert median_rate_hz(take_at(T_S * 1.001)) == 30
    assert median_rate_hz(take_at(T_S * 30 / 22.37)) == 22.37


def test_impossible_rates_are_refused():
    with pytest.raises(ExportError, match="one frame has no rate"):
        at_rate(take_at(T_S[:1]))
    with pytest.raises(ExportError, match="rate of -1 Hz, expected above 0 and up to 1000: correct --rate"):
        at_rate(take_at(T_S), -1)
    with pytest.raises(ExportError, match="give 0 or more seconds"):
        fill_gaps(take_at(T_S), -1)
