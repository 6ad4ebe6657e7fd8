"""Whether replayed poses are those that were recorded, bit for bit."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.runtime.messages import PoseMessage, Stage
from posecap.runtime.pose import PoseSet
from posecap.runtime.pose_messages import pose_arrays

_ARRAYS = ("xyz", "covariance", "residual_px", "views")
_MOST_READ = 256  # messages of the reference that are held at most


@dataclass(frozen=True, slots=True)
class Difference:
    """The first pose that differs.

    Attributes:
        index: of the frame set.
        stage: of the poses.
        what: in words.
    """

    index: int
    stage: Stage
    what: str

    def __str__(self) -> str:
        return f"frame set {self.index}, stage {self.stage}: {self.what}"


class PoseCheck:
    """Compares the poses of one stage with a reference as they come, both in the order of their frame sets.

    Attributes:
        compared: frame sets that both have.
        identical: of these, those that are the same in every bit.
        absent: replayed frame sets that the reference lacks.
        first: the first difference; None where there is none.
        moved_m: mean distance of the joints that both know, metres, of each frame set that differs.
    """

    def __init__(self, reference: Iterable[PoseMessage], stage: Stage) -> None:
        self.stage: Stage = stage
        self.compared = self.identical = self.absent = 0
        self.first: Difference | None = None
        self.moved_m: list[float] = []
        self._reference = iter(reference)
        self._read: dict[tuple[str, int], PoseMessage] = {}  # read, not yet asked for

    def add(self, poses: PoseSet, session: str) -> None:
        """Compare the poses of one frame set; `session` is that of the runtime in the recording."""
        expected = self._expected((session, poses.index))
        if expected is None:
            self.absent += 1
            return
        self.compared += 1
        found_ids = tuple(one.track for one in poses.skeletons)
        found = pose_arrays(poses.skeletons, len(expected.header.joints))
        what = _difference(expected, found_ids, found)
        if not what:
            self.identical += 1
            return
        self.moved_m.append(_moved_m(expected, found_ids, found[0]))
        self.first = self.first or Difference(poses.index, self.stage, what)

    def _expected(self, key: tuple[str, int]) -> PoseMessage | None:
        """The reference of a frame set; both come in the same order, but either may lack some."""
        while key not in self._read and len(self._read) < _MOST_READ:
            message = next(self._reference, None)
            if message is None:
                break
            self._read[message.header.session, message.header.index] = message
        found = self._read.pop(key, None)
        if found is None and len(self._read) >= _MOST_READ:
            del self._read[next(iter(self._read))]  # one that was never replayed
        return found


def _difference(expected: PoseMessage, ids: tuple[int, ...], found: tuple[NDArray[np.generic], ...]) -> str:
    """In words; "" where there is none."""
    if expected.ids != ids:
        return f"people {list(ids)}, recorded {list(expected.ids)}"
    recorded = (expected.xyz, expected.covariance, expected.residual_px, expected.views)
    for name, here, there in zip(_ARRAYS, found, recorded, strict=True):
        differs = np.ascontiguousarray(here).tobytes() != np.ascontiguousarray(there).tobytes()
        if differs and not np.array_equal(here, there, equal_nan=here.dtype.kind == "f"):
            row, joint = np.argwhere(~_same(here, there))[0][:2]
            where = f"{expected.header.joints[joint]} of person {ids[row]}"
            return f"{name} of {where} is {here[row, joint]}, recorded {there[row, joint]}"
    return ""


def _same(here: NDArray[np.generic], there: NDArray[np.generic]) -> NDArray[np.bool_]:
    both_unknown = np.isnan(here) & np.isnan(there) if here.dtype.kind == "f" else np.False_
    return (here == there) | both_unknown


def _moved_m(expected: PoseMessage, ids: tuple[int, ...], xyz: NDArray[np.generic]) -> float:
    """Mean distance of the joints that both know, NaN where there are none."""
    common = [track for track in ids if track in expected.ids]
    if not common:
        return float("nan")
    here = xyz[[ids.index(track) for track in common]].astype(np.float64)
    there = expected.xyz[[expected.ids.index(track) for track in common]].astype(np.float64)
    moved = np.linalg.norm(here - there, axis=-1)
    return float(np.nanmean(moved)) if np.isfinite(moved).any() else float("nan")
