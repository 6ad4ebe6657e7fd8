"""A constant-velocity Kalman filter for many joints at once, and its fixed-lag smoother.

State of a joint: position and velocity, world frame, metres and metres per second. The motion model is white noise on
the acceleration (Bar-Shalom, Li and Kirubarajan 2001, section 6.2); the smoother is Rauch, Tung and Striebel 1965.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

_START_SPEED_M_S = 1.5
_GATE = 12.0  # squared Mahalanobis distance from which a measurement loses weight; 3 degrees of freedom


@dataclass(frozen=True, slots=True, eq=False)
class JointState:
    """Belief about n joints. mean (n, 6) = position, velocity; covariance (n, 6, 6). NaN = joint never seen."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @property
    def xyz(self) -> NDArray[np.float64]:
        """(n, 3) metres."""
        return self.mean[:, :3]

    @property
    def position_covariance(self) -> NDArray[np.float64]:
        """(n, 3, 3) m^2."""
        return self.covariance[:, :3, :3]


def unknown(joints: int) -> JointState:
    """Nothing is known of any joint."""
    return JointState(np.full((joints, 6), np.nan), np.full((joints, 6, 6), np.nan))


def predicted(state: JointState, dt_s: float, agility: NDArray[np.float64]) -> JointState:
    """`state` after `dt_s` seconds; `agility` (n,) is the spectral density of the acceleration, m^2/s^3."""
    mean, P = state.mean.copy(), state.covariance.copy()
    _predict(mean, P, dt_s, agility)
    return JointState(mean, P)


def updated(state: JointState, xyz: NDArray[np.float64], covariance: NDArray[np.float64]) -> JointState:
    """`state` after measuring `xyz` (n, 3) with `covariance` (n, 3, 3); NaN rows are not measured.

    A measurement that contradicts the state keeps a bounded influence: its covariance grows with the square of its
    Mahalanobis distance. A joint that was unknown starts at its measurement.
    """
    mean, P = state.mean.copy(), state.covariance.copy()
    _update(mean, P, xyz, covariance)
    return JointState(mean, P)


def smoothed(filtered: list[JointState], forecast: list[JointState], steps_s: list[float]) -> JointState:
    """Belief about the first of several consecutive states, given all of them.

    `forecast[k]` is `filtered[k]` predicted by `steps_s[k]` seconds, before the measurement of state k + 1.
    """
    mean, P = filtered[-1].mean, filtered[-1].covariance
    for k in range(len(filtered) - 2, -1, -1):
        here, ahead = filtered[k], forecast[k]
        new_mean, new_P = here.mean.copy(), here.covariance.copy()
        _smooth(new_mean, new_P, ahead.mean, ahead.covariance, mean, P, steps_s[k])
        mean, P = new_mean, new_P
    return JointState(mean, P)


@njit(cache=True)
def _predict(mean, P, dt_s, agility):  # pragma: no cover - compiled
    """In place, with F = [[I, dt I], [0, I]]."""
    for n in range(len(mean)):
        q = agility[n]
        for i in range(3):
            mean[n, i] += dt_s * mean[n, 3 + i]
            for j in range(3):
                crossed = P[n, i, 3 + j] + P[n, 3 + i, j]
                P[n, i, j] += dt_s * crossed + dt_s * dt_s * P[n, 3 + i, 3 + j]
        for i in range(3):
            for j in range(3):
                P[n, i, 3 + j] += dt_s * P[n, 3 + i, 3 + j]
                P[n, 3 + j, i] = P[n, i, 3 + j]
        for i in range(3):
            P[n, i, i] += q * dt_s**3 / 3
            P[n, i, 3 + i] += q * dt_s**2 / 2
            P[n, 3 + i, i] += q * dt_s**2 / 2
            P[n, 3 + i, 3 + i] += q * dt_s


@njit(cache=True)
def _update(mean, P, xyz, covariance):  # pragma: no cover - compiled
    """In place."""
    S = np.empty((3, 3))
    inverse = np.empty((3, 3))
    gap = np.empty(3)
    gain = np.empty((6, 3))
    before = np.empty((6, 6))
    for n in range(len(mean)):
        if not (np.isfinite(xyz[n, 0]) and np.isfinite(covariance[n, 0, 0])):
            continue
        if not np.isfinite(mean[n, 0]):
            mean[n, :3] = xyz[n]
            mean[n, 3:] = 0.0
            P[n] = 0.0
            P[n, :3, :3] = covariance[n]
            for i in range(3, 6):
                P[n, i, i] = _START_SPEED_M_S**2
            continue
        for i in range(3):
            gap[i] = xyz[n, i] - mean[n, i]
        S[:] = P[n, :3, :3] + covariance[n]
        _invert(S, inverse)
        distance = 0.0
        for i in range(3):
            for j in range(3):
                distance += gap[i] * inverse[i, j] * gap[j]
        if distance > _GATE:
            S[:] = P[n, :3, :3] + covariance[n] * (distance / _GATE)
            _invert(S, inverse)
        before[:] = P[n]
        for i in range(6):
            for j in range(3):
                gain[i, j] = (
                    before[i, 0] * inverse[0, j] + before[i, 1] * inverse[1, j] + before[i, 2] * inverse[2, j]
                )
        for i in range(6):
            mean[n, i] += gain[i, 0] * gap[0] + gain[i, 1] * gap[1] + gain[i, 2] * gap[2]
            for j in range(6):
                there = gain[i, 0] * before[0, j] + gain[i, 1] * before[1, j] + gain[i, 2] * before[2, j]
                back = gain[j, 0] * before[0, i] + gain[j, 1] * before[1, i] + gain[j, 2] * before[2, i]
                P[n, i, j] = (before[i, j] - there + before[j, i] - back) / 2


@njit(cache=True)
def _smooth(mean, P, ahead_mean, ahead_P, later_mean, later_P, dt_s):  # pragma: no cover - compiled
    """One step back, in place."""
    F = np.eye(6)
    for i in range(3):
        F[i, 3 + i] = dt_s
    for n in range(len(mean)):
        if not (np.isfinite(mean[n, 0]) and np.isfinite(later_mean[n, 0])):
            continue
        C = np.linalg.solve(ahead_P[n], F @ P[n]).T
        mean[n] += C @ (later_mean[n] - ahead_mean[n])
        P[n] += C @ (later_P[n] - ahead_P[n]) @ C.T


@njit(cache=True)
def _invert(S, out):  # pragma: no cover - compiled
    """A symmetric 3 x 3 matrix, by its cofactors."""
    a = S[1, 1] * S[2, 2] - S[1, 2] * S[2, 1]
    b = S[0, 2] * S[2, 1] - S[0, 1] * S[2, 2]
    c = S[0, 1] * S[1, 2] - S[0, 2] * S[1, 1]
    scale = 1.0 / (S[0, 0] * a + S[1, 0] * b + S[2, 0] * c)
    out[0, 0], out[0, 1], out[0, 2] = a * scale, b * scale, c * scale
    out[1, 0] = (S[1, 2] * S[2, 0] - S[1, 0] * S[2, 2]) * scale
    out[1, 1] = (S[0, 0] * S[2, 2] - S[0, 2] * S[2, 0]) * scale
    out[1, 2] = (S[0, 2] * S[1, 0] - S[0, 0] * S[1, 2]) * scale
    out[2, 0] = (S[1, 0] * S[2, 1] - S[1, 1] * S[2, 0]) * scale
    out[2, 1] = (S[0, 1] * S[2, 0] - S[0, 0] * S[2, 1]) * scale
    out[2, 2] = (S[0, 0] * S[1, 1] - S[0, 1] * S[1, 0]) * scale
