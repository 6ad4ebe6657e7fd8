"""Rows that were read where a person was expected, and that association then took for nobody's.

A view that was turned by three degrees shows everybody a quarter of a metre beside themselves: association leaves it
out, as it should, and the pose is right. But the calibration watch needs to see what that view sees.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.runtime.pose import Keypoints2D
from posecap.runtime.rays import Rays


@dataclass(frozen=True, slots=True, eq=False)
class Strays:
    """The rows, one for each of (view, person); lists of equal length.

    Attributes:
        view, person, row: indices; `person` into the people that association gave.
    """

    view: NDArray[np.int64]
    person: NDArray[np.int64]
    row: NDArray[np.int64]

    def joined(self, people: Rays, rows: Rays) -> Rays:
        """`people` with the strays of `rows`, which are as association found them."""
        if not len(self.view):
            return people
        xy, variance = people.xy.copy(), people.variance.copy()
        xy[self.view, self.person] = rows.xy[self.view, self.row]
        variance[self.view, self.person] = rows.variance[self.view, self.row]
        return Rays(xy, variance)


def find_strays(keypoints: Keypoints2D, rows: NDArray[np.int64], ids: NDArray[np.int64]) -> Strays:
    """For the first `len(ids)` people the rows that their expectation led to and that `rows` (people, views) lacks."""
    found: list[tuple[int, int, int]] = []
    for person, view in np.argwhere(rows[: len(ids)] < 0):
        led = np.flatnonzero(keypoints.track[view] == ids[person])
        found += [(view, person, row) for row in led[:1] if row not in rows[:, view]]
    table = np.array(found, dtype=np.int64).reshape(-1, 3)
    return Strays(*table.T)
