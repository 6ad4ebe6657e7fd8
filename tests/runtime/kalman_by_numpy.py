"""The slow twin of `posecap.runtime.kalman`: the same equations on whole arrays."""

import numpy as np
from numpy.typing import NDArray

from posecap.runtime.kalman import JointState

_START_SPEED_M_S = 1.5
_GATE = 12.0


def predicted(state: JointState, dt_s: float, agility: NDArray[np.float64]) -> JointState:
    """`state` after `dt_s` seconds; `agility` (n,) is the spectral density of the acceleration, m^2/s^3."""
    F = np.eye(6)
    F[:3, 3:] = dt_s * np.eye(3)
    noise = np.kron(np.array([[dt_s**3 / 3, dt_s**2 / 2], [dt_s**2 / 2, dt_s]]), np.eye(3))
    return JointState(state.mean @ F.T, F @ state.covariance @ F.T + agility[:, None, None] * noise)


def updated(state: JointState, xyz: NDArray[np.float64], covariance: NDArray[np.float64]) -> JointState:
    """`state` after measuring `xyz` (n, 3) with `covariance` (n, 3, 3); NaN rows are not measured.

    A measurement that contradicts the state keeps a bounded influence: its covariance grows with the square of its
    Mahalanobis distance. A joint that was unknown starts at its measurement.
    """
    mean, P = state.mean.copy(), state.covariance.copy()
    measured = np.isfinite(xyz[:, 0]) & np.isfinite(covariance[:, 0, 0])
    known = np.isfinite(mean[:, 0])
    fresh = measured & ~known
    mean[fresh, :3] = xyz[fresh]
    mean[fresh, 3:] = 0.0
    P[fresh] = 0.0
    P[fresh, :3, :3] = covariance[fresh]
    P[fresh, 3:, 3:] = _START_SPEED_M_S**2 * np.eye(3)
    both = np.flatnonzero(measured & known)
    if len(both):
        gap = xyz[both] - mean[both, :3]
        R = covariance[both]
        distance = np.einsum("ni,nij,nj->n", gap, np.linalg.inv(P[both, :3, :3] + R), gap)
        R = R * np.maximum(1.0, distance / _GATE)[:, None, None]
        gain = P[both, :, :3] @ np.linalg.inv(P[both, :3, :3] + R)
        mean[both] += np.einsum("nij,nj->ni", gain, gap)
        after = P[both] - gain @ P[both, :3, :]
        P[both] = (after + np.swapaxes(after, 1, 2)) / 2
    return JointState(mean, P)


def smoothed(filtered: list[JointState], forecast: list[JointState], steps_s: list[float]) -> JointState:
    """Belief about the first of several consecutive states, given all of them.

    `forecast[k]` is `filtered[k]` predicted by `steps_s[k]` seconds, before the measurement of state k + 1.
    """
    mean, P = filtered[-1].mean, filtered[-1].covariance
    for k in range(len(filtered) - 2, -1, -1):
        F = np.eye(6)
        F[:3, 3:] = steps_s[k] * np.eye(3)
        here, ahead = filtered[k], forecast[k]
        known = np.isfinite(here.mean[:, 0]) & np.isfinite(mean[:, 0])
        new_mean, new_P = here.mean.copy(), here.covariance.copy()
        C = np.swapaxes(np.linalg.solve(ahead.covariance[known], F @ here.covariance[known]), 1, 2)
        new_mean[known] += np.einsum("nij,nj->ni", C, mean[known] - ahead.mean[known])
        new_P[known] += C @ (P[known] - ahead.covariance[known]) @ np.swapaxes(C, 1, 2)
        mean, P = new_mean, new_P
    return JointState(mean, P)
