"""Biovision hierarchy files: a skeleton at rest, then its root and rotations frame by frame.

Rest is the T-pose, facing +z, +y up, left to +x. The root has six channels, all others three, in one rotation order:
"ZXY" means Rz Rx Ry, applied to column vectors, the order in which the channels stand. Frames are evenly spaced.
World (x, y, z), +z up, becomes (y, z, x), +y up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from posecap.runtime.errors import ExportError, TakeError
from posecap.runtime.euler import EulerOrder, euler_deg
from posecap.runtime.skeleton import Skeleton
from posecap.runtime.skeleton_fit import NOISE_M, fit_skeleton
from posecap.runtime.skeleton_track import LATE, Track, even_track

LengthUnit = Literal["cm", "m", "mm"]
UNITS_PER_M: Final[dict[LengthUnit, float]] = {"cm": 100.0, "m": 1.0, "mm": 1000.0}
_MIN_RATE_HZ, _MAX_RATE_HZ = 0.1, 10_000.0
_MAX_FRAMES = 10_000_000


class Poses(Protocol):
    """What is read from a take: see `PoseTake`, or any arrays of these names."""

    @property
    def t_ns(self) -> NDArray[np.int64]:
        """(frames,)"""
        ...

    @property
    def ids(self) -> NDArray[np.int64]:
        """(people,)"""
        ...

    @property
    def joints(self) -> tuple[str, ...]:
        """Names of the joints axis."""
        ...

    @property
    def xyz(self) -> NDArray[np.floating]:
        """(frames, people, joints, 3) metres, +z up, NaN = unknown."""
        ...


@dataclass(frozen=True, slots=True)
class BvhSummary:
    """What was written.

    Attributes:
        path: the file.
        person: whose motion.
        segments: names in the order of the file.
        start_ns: time of the first frame, clock of the take.
        frames: evenly spaced.
        rate_hz: of these frames.
        filled: frames in which some rotation was interpolated across missing ones.
        held: frames in which some rotation stands still because more was missing than may be filled.
        at_rest: segments that were never seen and keep the T-pose.
        residual_m: rms distance between the given joints and those of the skeleton.
    """

    path: Path
    person: int
    segments: tuple[str, ...]
    start_ns: int
    frames: int
    rate_hz: float
    filled: int
    held: int
    at_rest: tuple[str, ...]
    residual_m: float


def write_bvh(
    take: Poses,
    path: Path,
    person: int | None = None,
    rate_hz: float | None = None,
    *,
    order: EulerOrder = "ZXY",
    unit: LengthUnit = "cm",
    max_gap_s: float = 0.5,
    noise_m: float = NOISE_M,
) -> BvhSummary:
    """Fit a skeleton to one person of `take` and write it.

    Args:
        take: poses as arrays.
        path: of the file; replaced where it exists.
        person: id; None = the only one.
        rate_hz: frames a second; None = the rate of the take.
        order: of the rotation channels.
        unit: of offsets and positions; the format has none, programs expect centimetres.
        max_gap_s: up to which missing rotations are interpolated (slerp); longer, the last one is held.
        noise_m: standard deviation of a joint.

    Frames before the first and after the last in which the person's hips and shoulders are seen are left out.

    Raises:
        TakeError: no such person, or several and none named.
        ExportError: an impossible rate or gap, or a file that cannot be written.
        SkeletonError: joints without hips or shoulders.
    """
    row, identity = _row(take, person)
    if not max_gap_s >= 0:
        raise ExportError(f"a gap of {max_gap_s:g} s, expected 0 or more: set it to 0 to fill nothing")
    motion = fit_skeleton(take.joints, take.t_ns, take.xyz[:, row], noise_m=noise_m)
    seen = np.flatnonzero(np.isfinite(motion.root_m[:, 0]))
    start_ns, end_ns = (int(motion.t_ns[seen[place]]) for place in (0, -1))
    period_s = _period_s(motion.t_ns, rate_hz)
    count = int(np.floor((end_ns - start_ns) / 1e9 / period_s + 1e-3)) + 1
    if count > _MAX_FRAMES:
        raise ExportError(
            f"{count} frames at {1 / period_s:g} Hz, expected at most {_MAX_FRAMES}: lower the rate"
        )
    known_s = (motion.t_ns - start_ns) / 1e9
    grid_s = np.minimum(np.arange(count, dtype=np.float64) * period_s, (end_ns - start_ns) / 1e9)
    track = even_track(motion, known_s, grid_s, max_gap_s)
    try:
        with path.open("w", encoding="ascii", newline="\n") as file:
            file.writelines(_hierarchy(motion.skeleton, order, UNITS_PER_M[unit]))
            file.writelines(_motion(track, order, UNITS_PER_M[unit], period_s))
    except OSError as error:
        raise ExportError(
            f"cannot write {path} ({error.strerror}): choose a folder that exists and is writable"
        ) from error
    squares = motion.residual_m[np.isfinite(motion.residual_m)] ** 2
    return BvhSummary(
        path=path,
        person=identity,
        segments=motion.skeleton.layout.segments,
        start_ns=start_ns,
        frames=count,
        rate_hz=1 / period_s,
        filled=int(track.filled.sum()),
        held=int(track.held.sum()),
        at_rest=track.at_rest,
        residual_m=float(np.sqrt(squares.mean())),
    )


def _hierarchy(skeleton: Skeleton, order: EulerOrder, scale: float) -> Iterator[str]:
    layout = skeleton.layout
    turns = " ".join(f"{axis}rotation" for axis in order)

    def offset(place: NDArray[np.float64]) -> str:
        return "OFFSET " + " ".join(f"{value:.4f}" for value in place * scale + 0.0)

    def segment_lines(segment: int, depth: int) -> Iterator[str]:
        tab = "\t" * depth
        yield f"{tab}{'JOINT' if depth else 'ROOT'} {layout.segments[segment]}\n{tab}{{\n"
        yield f"{tab}\t{offset(skeleton.offset_m[segment])}\n"
        places = "" if depth else "Xposition Yposition Zposition "
        yield f"{tab}\tCHANNELS {3 if depth else 6} {places}{turns}\n"
        children = [child for child, parent in enumerate(layout.parents) if parent == segment]
        for child in children:
            yield from segment_lines(child, depth + 1)
        if not children:
            yield f"{tab}\tEnd Site\n{tab}\t{{\n{tab}\t\t{offset(_end(skeleton, segment))}\n{tab}\t}}\n"
        yield f"{tab}}}\n"

    yield "HIERARCHY\n"
    yield from segment_lines(0, 0)


def _end(skeleton: Skeleton, segment: int) -> NDArray[np.float64]:
    """Tip of a segment without children; where no joint tells, a head's length upwards, for drawing only."""
    end = skeleton.end_m[segment]
    return end if np.isfinite(end).all() else np.array([0.0, 0.15, 0.0])


def _motion(track: Track, order: EulerOrder, scale: float, period_s: float) -> Iterator[str]:
    frames, segments = track.local.shape[:2]
    angles = np.stack([euler_deg(track.local[:, segment], order) for segment in range(segments)], axis=1)
    # The format lists channels in the order of the hierarchy, which is depth first; so are the segments.
    rows = np.concatenate([track.root_m * scale, angles.reshape(frames, -1)], axis=1) + 0.0
    yield f"MOTION\nFrames: {frames}\nFrame Time: {period_s:.9f}\n"
    for row in rows:
        yield " ".join(f"{value:.4f}" for value in row) + "\n"


def _row(take: Poses, person: int | None) -> tuple[int, int]:
    """Index and id of the person."""
    there = ", ".join(str(one) for one in take.ids) or "nobody"
    if person is None and len(take.ids) == 1:
        return 0, int(take.ids[0])
    if person is None:
        raise TakeError(f"{len(take.ids)} people in the take ({there}), a BVH file holds one: name a person")
    found = np.flatnonzero(np.asarray(take.ids) == person)
    if not len(found):
        raise TakeError(f"no person {person} in the take, there is {there}: name one of them")
    return int(found[0]), person


def _period_s(t_ns: NDArray[np.int64], rate_hz: float | None) -> float:
    """Of the grid: as asked, or the mean step of the take without its gaps."""
    if rate_hz is not None:
        if not _MIN_RATE_HZ <= rate_hz <= _MAX_RATE_HZ:
            raise ExportError(
                f"a rate of {rate_hz:g} Hz, expected {_MIN_RATE_HZ:g} to {_MAX_RATE_HZ:g}: choose for example 30"
            )
        return 1 / rate_hz
    steps = np.diff(t_ns) / 1e9
    if not len(steps) or np.median(steps) <= 0:
        raise ExportError(f"{len(t_ns)} frames tell no rate: give one")
    return float(steps[steps < LATE * np.median(steps)].mean())
