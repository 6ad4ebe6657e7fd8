"""The filter and the smoother against their textbook definitions."""

import kalman_by_numpy as slow
import numpy as np

from posecap.runtime.kalman import JointState, predicted, smoothed, unknown, updated

AGILITY = np.array([8.0])


def track(steps: int, seed: int, sigma_m: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """A joint that moves as the model says: truth and measurements, (steps, 3)."""
    rng = np.random.default_rng(seed)
    dt = 1 / 30
    velocity = np.cumsum(rng.normal(0, np.sqrt(8.0 * dt), (steps, 3)), axis=0)
    truth = np.cumsum(velocity * dt, axis=0)
    return truth, truth + rng.normal(0, sigma_m, truth.shape)


def run(measured: np.ndarray, sigma_m: float = 0.02) -> tuple[list[JointState], list[JointState]]:
    state = unknown(1)
    filtered, forecasts = [], []
    for z in measured:
        forecast = predicted(state, 1 / 30, AGILITY)
        forecasts.append(forecast)
        state = updated(forecast, z[None], sigma_m**2 * np.eye(3)[None])
        filtered.append(state)
    return filtered, forecasts


def test_filtering_beats_measuring_and_smoothing_beats_filtering() -> None:
    raw, now, later = [], [], []
    for seed in range(5):
        truth, measured = track(120, seed)
        filtered, forecasts = run(measured)
        for k in range(30, 110):
            raw.append(np.linalg.norm(measured[k] - truth[k]))
            now.append(np.linalg.norm(filtered[k].xyz[0] - truth[k]))
            state = smoothed(filtered[k : k + 4], forecasts[k + 1 : k + 4], [1 / 30] * 3)
            later.append(np.linalg.norm(state.xyz[0] - truth[k]))
    assert np.mean(now) < 0.9 * np.mean(raw)
    assert np.mean(later) < 0.9 * np.mean(now)


def test_the_covariance_is_honest() -> None:
    whitened = []
    for seed in range(10):
        truth, measured = track(100, seed)
        filtered, _ = run(measured)
        for state, place in list(zip(filtered, truth, strict=True))[20:]:
            gap = state.xyz[0] - place
            whitened.append(gap @ np.linalg.inv(state.position_covariance[0]) @ gap)
    assert 2.2 < np.mean(whitened) < 3.8


def test_one_wild_measurement_hardly_moves_a_joint() -> None:
    _, measured = track(60, 0)
    filtered, _ = run(measured[:50])
    forecast = predicted(filtered[-1], 1 / 30, AGILITY)
    wild = updated(forecast, forecast.xyz + 1.0, 0.02**2 * np.eye(3)[None])
    assert np.linalg.norm(wild.xyz - forecast.xyz) < 0.05


def test_an_unmeasured_joint_stays_unknown_and_a_lost_one_is_carried_on() -> None:
    state = updated(unknown(2), np.array([[0.0, 0, 1], [np.nan] * 3]), np.stack([np.eye(3)] * 2) * 1e-4)
    assert np.isnan(state.xyz[1]).all()
    state = updated(
        predicted(state, 0.1, np.full(2, 8.0)), np.full((2, 3), np.nan), np.full((2, 3, 3), np.nan)
    )
    assert np.isfinite(state.xyz[0]).all()
    assert state.position_covariance[0, 0, 0] > 1e-4


def test_the_fast_path_is_its_slow_twin() -> None:
    rng = np.random.default_rng(0)
    agility = rng.uniform(5, 30, 6)
    fast = slow_state = unknown(6)
    states: list[tuple[JointState, JointState]] = []
    forecasts: list[JointState] = []
    for k in range(12):
        dt_s = float(rng.uniform(0.01, 0.05))
        fast, slow_state = predicted(fast, dt_s, agility), slow.predicted(slow_state, dt_s, agility)
        np.testing.assert_allclose(fast.covariance, slow_state.covariance, rtol=1e-9, atol=1e-15)
        forecasts.append(fast)
        xyz = rng.normal(0, 0.05, (6, 3)) + (2.0 if k == 7 else 0.0)  # once far outside the gate
        root = rng.normal(0, 0.02, (6, 3, 3))
        covariance = root @ root.swapaxes(1, 2) + 1e-5 * np.eye(3)
        xyz[rng.integers(6)] = np.nan
        xyz[5] = np.nan
        fast, slow_state = updated(fast, xyz, covariance), slow.updated(slow_state, xyz, covariance)
        np.testing.assert_allclose(fast.mean, slow_state.mean, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(fast.covariance, slow_state.covariance, rtol=1e-8, atol=1e-14)
        states.append((fast, slow_state))
    run_of = [one for one, _ in states[-4:]]
    found = smoothed(run_of, forecasts[-3:], [0.03] * 3)
    twin = slow.smoothed(run_of, forecasts[-3:], [0.03] * 3)
    np.testing.assert_allclose(found.mean, twin.mean, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(found.covariance, twin.covariance, rtol=1e-6, atol=1e-12)
