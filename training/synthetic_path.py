"""Ways on the floor, followed by arc length."""

import numpy as np
from numpy.typing import NDArray

_STEP_M = 0.005


class Path:
    """A way given by its curvature.

    Headings are those of a body: 0 = -y, positive to the left.

    Attributes:
        length_m: of one round; a closed path goes on from its start.
    """

    def __init__(
        self,
        curvature_per_m: NDArray[np.float64],
        length_m: float,
        start_m: NDArray[np.float64],
        heading_deg: float,
    ) -> None:
        """A path from `start_m` (2,); `curvature_per_m` (n,) at even spacing, positive to the left."""
        self.length_m = length_m
        count = round(length_m / _STEP_M) + 1
        self._along = np.linspace(0, length_m, count)
        curvature = np.interp(self._along, np.linspace(0, length_m, len(curvature_per_m)), curvature_per_m)
        turned = _integral(curvature, self._along)
        self._heading = np.deg2rad(heading_deg) + turned
        self._xy = np.stack(
            [
                start_m[0] + _integral(np.sin(self._heading), self._along),
                start_m[1] - _integral(np.cos(self._heading), self._along),
            ],
            axis=1,
        )

    def heading_deg(self, along_m: float) -> float:
        """Heading at an arc length; goes on turning with every round."""
        rounds, rest = divmod(along_m, self.length_m)
        whole = self._heading[-1] - self._heading[0]
        return float(np.rad2deg(np.interp(rest, self._along, self._heading) + rounds * whole))

    def at(self, along_m: float, left_m: float = 0.0) -> NDArray[np.float64]:
        """(3,) floor point at an arc length, `left_m` to the left of the path."""
        rest = along_m % self.length_m
        heading = np.deg2rad(self.heading_deg(along_m))
        x, y = (float(np.interp(rest, self._along, self._xy[:, axis])) for axis in range(2))
        return np.array([x + left_m * np.cos(heading), y + left_m * np.sin(heading), 0.0])

    @property
    def closing_gap_m(self) -> float:
        """Distance from the end of the round to its start."""
        return float(np.linalg.norm(self._xy[-1] - self._xy[0]))


def circle(radius_m: float, start_m: NDArray[np.float64], heading_deg: float) -> Path:
    """Once round to the left, from `start_m` (2,)."""
    return Path(np.array([1 / radius_m] * 2), 2 * np.pi * radius_m, start_m, heading_deg)


def oval(length_m: float, straight_share: float, start_m: NDArray[np.float64], heading_deg: float) -> Path:
    """Two straights and two soft left turns; starts in the middle of the first straight at `start_m` (2,)."""
    half = np.linspace(0, 1, 401)
    place = (half - straight_share / 2) / (1 - straight_share)
    bump = np.where((place > 0) & (place < 1), 1 - np.cos(2 * np.pi * np.clip(place, 0, 1)), 0.0)
    bump *= np.pi / (np.trapezoid(bump, half) * length_m / 2)
    return Path(np.concatenate([bump, bump[1:]]), length_m, start_m, heading_deg)


def _integral(values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    parts = (values[1:] + values[:-1]) / 2 * np.diff(at)
    return np.concatenate([[0.0], np.cumsum(parts)])
