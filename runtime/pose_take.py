"""A recording's poses as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posecap.runtime.errors import TakeError


@dataclass(frozen=True, slots=True, eq=False)
class PoseTake:
    """One recording's poses of one stage. Rows are consecutive frame sets, whether they were recorded or not.

    Attributes:
        t_ns: (frames,) int64, increasing; the instant described, monotonic clock of the recording host.
        ids: (people,) int64, ascending; everyone who was ever seen.
        joint_set: name/version of the joint set.
        joints: its names, in the order of the joints axis.
        xyz: (frames, people, joints, 3) float32 metres, world frame, +Z up; NaN = unknown.
        covariance: (frames, people, joints, 6) float32 m^2: xx xy xz yy yz zz; NaN = unknown or filled.
        residual_px: (frames, people, joints) float32, rms reprojection distance; NaN where covariance is.
        views: (frames, people, joints) uint8, cameras that support the joint; 0 where a gap was filled.
        rig_id: of the calibration.
        stage: "instant" or "refined".
        unix_offset_ns: Unix time minus the clock of `t_ns`.
        index: (frames,) int64, of the frame set; counted from 0 where not given.
        recorded: (frames,) bool, False where the recording lacks the frame set and its time is interpolated; all True
            where not given.
    """

    t_ns: NDArray[np.int64]
    ids: NDArray[np.int64]
    joint_set: str
    joints: tuple[str, ...]
    xyz: NDArray[np.float32]
    covariance: NDArray[np.float32]
    residual_px: NDArray[np.float32]
    views: NDArray[np.uint8]
    rig_id: str
    stage: str
    unix_offset_ns: int
    index: NDArray[np.int64] = None  # pyright: ignore[reportAssignmentType]
    recorded: NDArray[np.bool_] = None  # pyright: ignore[reportAssignmentType]

    def __post_init__(self) -> None:
        if self.index is None:
            object.__setattr__(self, "index", np.arange(len(self.t_ns)))
        if self.recorded is None:
            object.__setattr__(self, "recorded", np.ones(len(self.t_ns), dtype=bool))

    @property
    def t_s(self) -> NDArray[np.float64]:
        """(frames,) seconds since the first frame."""
        return (self.t_ns - self.t_ns[0]) / 1e9

    @property
    def known(self) -> NDArray[np.bool_]:
        """(frames, people, joints) True where the joint has a position."""
        return np.isfinite(self.xyz.sum(axis=-1))

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(frames, people) True where any joint of the person has a position."""
        return np.asarray(self.known.any(axis=-1))

    def row(self, person: int) -> int:
        """Place of a person on the people axis; TakeError names those there are."""
        check_people([person], self.ids.tolist())
        return int(np.searchsorted(self.ids, person))

    def span(self, person: int) -> slice:
        """Frames from the first to the last in which any joint of `person` is known; empty where none is."""
        seen = np.isfinite(self.xyz[:, self.row(person)].sum(axis=-1)).any(axis=-1)
        frames = np.flatnonzero(seen)
        return slice(int(frames[0]), int(frames[-1]) + 1) if len(frames) else slice(0, 0)

    def of_joints(self, joints: Sequence[str]) -> "PoseTake":
        """The take with only these joints, in this order; TakeError names those there are."""
        unknown = [name for name in joints if name not in self.joints]
        if unknown or not joints:
            names = ", ".join(map(repr, unknown)) or "given"
            there = ", ".join(self.joints)
            raise TakeError(f"no joint {names} in {self.joint_set}, there are {there}: correct --joints")
        columns = [self.joints.index(name) for name in joints]
        arrays = {name: getattr(self, name)[:, :, columns] for name in _BY_PERSON}
        return replace(self, joints=tuple(joints), **arrays)


_BY_PERSON = ("xyz", "covariance", "residual_px", "views")


def check_people(people: Sequence[int], there: Sequence[int]) -> None:
    """TakeError, which names those there are, where someone of `people` is not in `there`."""
    unknown = [str(one) for one in people if one not in there]
    if unknown:
        names = ", ".join(str(one) for one in there) or "nobody"
        raise TakeError(
            f"no person {', '.join(unknown)} in the recording, there is {names}: correct --person"
        )
