"""What the calibration watch knows of one camera: the last seconds, a baseline, and how much they usually differ."""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SUMS = 23  # numbers that a bin is summed up in
_WINDOW = 36  # bins of a tenth of a second
_ENOUGH = 18  # of them, before anything is said
_OLD_NS = 12_000_000_000  # what was seen longer ago says nothing about now
_LEARN = 60  # bins until there is a baseline
_FOLLOW = 1200  # bins that the baseline remembers
_SIGMA_M = 0.005  # of medians of windows, as networks have it; what is learnt has to outweigh
_FEW_VIEWS = 3  # two others fix no joint well, and errors of their calibration change from place to place:
_FEW_SIGMA_M = 0.0075
_SIGMA_SAMPLES = 20.0  # that many of them
_MOST_SAMPLES = 300.0
_SIGMAS = 5.0
_RIDGE = np.array([1e-3, 1e-3, 0.05])  # a roll is badly seen: without evidence there is none


@dataclass(frozen=True, slots=True)
class Deviation:
    """A camera against the others.

    Attributes:
        shift_m: rms distance of its joints from where the turn would put them, at the people, metres.
        turn_rad: the same as an angle at the camera.
        explained: how much the sum of squared residuals of all cameras falls if this camera is turned.
    """

    shift_m: float
    turn_rad: float
    explained: float


class WatchedView:
    """One camera of `views`.

    Sums are rows of numbers as `leave_one_out.turn_equations` gives them.

    Attributes:
        now: the median of the last 3.6 s that it was seen in, against the baseline; None = too little is known.
        ever: the baseline against no turn at all; None = not learnt yet.
    """

    def __init__(self, views: int) -> None:
        self.now: Deviation | None = None
        self.ever: Deviation | None = None
        self._sums = np.zeros((_WINDOW, SUMS))  # of the last bins, in a ring
        self._turns = np.zeros((_WINDOW, 3))
        self._ended_ns: deque[int] = deque(maxlen=_WINDOW)
        self._next = 0
        self._base = np.zeros(SUMS)
        self._base_turn = np.zeros(3)
        self._base_bins = 0.0
        self._square_m2 = (_FEW_SIGMA_M if views <= _FEW_VIEWS else _SIGMA_M) ** 2
        self._samples = _SIGMA_SAMPLES
        self._unsampled = 0

    @property
    def limit_m(self) -> float:
        """The shift that is too much to be chance, metres."""
        windows = max(self._base_bins / _WINDOW, 1.0)
        return _SIGMAS * math.sqrt(self._square_m2 * (1.0 + 1.0 / windows))

    def add(self, sums: NDArray[np.float64], t_ns: int) -> None:
        """What a tenth of a second said, which ended at `t_ns`."""
        at = self._next % _WINDOW
        self._sums[at], self._turns[at] = sums, _turn(sums)
        self._next += 1
        self._ended_ns.append(t_ns)
        self.refresh(t_ns)

    def refresh(self, t_ns: int) -> None:
        """Forget what is old, and bring `now` up to date."""
        while self._ended_ns and self._ended_ns[0] < t_ns - _OLD_NS:
            self._ended_ns.popleft()
        known = len(self._ended_ns)
        self.now = None
        if known >= _ENOUGH and self._base_bins >= _LEARN:
            rows = np.arange(self._next - known, self._next) % _WINDOW
            turns = np.sort(self._turns[rows], axis=0)
            median = (turns[(known - 1) // 2] + turns[known // 2]) / 2
            self.now = _deviation(median - self._base_turn, self._sums[rows].sum(axis=0))

    def learn(self, *, calm: bool) -> None:
        """Take the last bin into the baseline; with `calm` also what is usual into the limit."""
        if self._base_bins >= _FOLLOW:
            self._base *= 1.0 - 1.0 / _FOLLOW
        else:
            self._base_bins += 1.0
        self._base += self._sums[(self._next - 1) % _WINDOW]
        if self._base_bins >= _LEARN:
            self._base_turn = _turn(self._base)
            self.ever = _deviation(self._base_turn, self._base)
        self._unsampled += 1
        if calm and self.now is not None and self._unsampled >= _WINDOW:
            self._unsampled = 0
            self._samples = min(self._samples + 1.0, _MOST_SAMPLES)
            self._square_m2 += (self.now.shift_m**2 - self._square_m2) / self._samples

    def forget_window(self) -> None:
        """Another camera was found to have moved: the last seconds were compared with that."""
        self._ended_ns.clear()
        self.now = None


def _turn(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) radians."""
    H = sums[:9].reshape(3, 3) + np.diag(_RIDGE * sums[12])
    return np.asarray(np.linalg.solve(H, sums[9:12]), dtype=np.float64)


def _deviation(turn: NDArray[np.float64], sums: NDArray[np.float64]) -> Deviation:
    explained = float(turn @ sums[:9].reshape(3, 3) @ turn)
    weight, depth = float(sums[12]), float(sums[13])
    angle = math.sqrt(max(float(turn @ sums[14:].reshape(3, 3) @ turn), 0.0) / weight)
    return Deviation(angle * depth / weight, angle, explained)
