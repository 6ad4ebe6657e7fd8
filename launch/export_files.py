"""Which files an export writes, and what is in each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posecap.calib.rig import Rig
from posecap.runtime.errors import ExportError, SkeletonError, TakeError
from posecap.runtime.export_bvh import write_bvh
from posecap.runtime.export_c3d import write_c3d
from posecap.runtime.export_csv import write_csv
from posecap.runtime.export_npz import write_npz
from posecap.runtime.export_openpose import write_openpose
from posecap.runtime.export_parquet import write_parquet
from posecap.runtime.export_trc import write_trc
from posecap.runtime.pose_take import PoseTake
from posecap.runtime.uniform_take import median_rate_hz

FORMATS = ("trc", "c3d", "bvh", "csv", "parquet", "npz", "openpose-json")
UNIFORM = ("trc", "c3d", "bvh")
"""Formats that have one rate, and one file for each person."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Written:
    """One file, or folder of files, of an export.

    Attributes:
        name: in the folder of the export.
        people: ids in it.
        frames: in it.
        gaps: interruptions between first and last sight, of all its people together.
        unknown: share of the joints without position, between first and last sight.
        note: what else to know; a file that could not be written has 0 frames and the reason here.
    """

    name: str
    people: tuple[int, ...]
    frames: int
    gaps: int
    unknown: float
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to write.

    Attributes:
        formats: some of `FORMATS`.
        name: that files begin with.
        take: as recorded, or at the rate asked for.
        uniform: the take for formats of one rate; None where there is none of them.
        rate_hz: of `uniform`.
        longest_s: gap that is filled.
        rig: that the poses were made with, for OpenPose.
        order: of OpenPose keypoints.
    """

    formats: Sequence[str]
    name: str
    take: PoseTake
    uniform: PoseTake | None
    rate_hz: float
    longest_s: float
    rig: Rig | None
    order: str

    def names(self) -> list[str]:
        """Of all files and folders, in the order of writing."""
        names = []
        for kind in self.formats:
            if kind in UNIFORM:
                names += [f"{self.name}_person{person}.{kind}" for person in people_seen(self.take)]
            elif kind == "openpose-json":
                names.append(f"{self.name}_openpose")
            else:
                names.append(f"{self.name}.{kind}")
                names += [f"{self.name}.csv.json"] if kind == "csv" else []
        return names

    def write(self, folder: Path, kind: str, progress: Progress) -> list[Written]:
        """Write all files of one format into `folder`; raises ExportError, OSError."""
        if kind in UNIFORM:
            return self._write_people(folder, kind, progress)
        take, note, name = self.take, "", f"{self.name}.{kind}"
        if kind == "csv":
            write_csv(take, folder / name, progress)
            note = f"columns: {name}.json"
        elif kind == "parquet":
            write_parquet(take, folder / name, progress)
        elif kind == "npz":
            write_npz(take, folder / name)
        else:
            assert self.rig is not None
            name = f"{self.name}_openpose"
            files = write_openpose(take, folder / name, self.rig, self.order, progress)
            note = f"{files} files, {self.order}"
        people = people_seen(take)
        gaps, unknown = _gaps(take, people)
        return [Written(name, people, len(take.t_ns), gaps, unknown, note)]

    def _write_people(self, folder: Path, kind: str, progress: Progress) -> list[Written]:
        assert self.uniform is not None
        written = []
        people = people_seen(self.uniform)
        for done, person in enumerate(people, 1):
            name = f"{self.name}_person{person}.{kind}"
            span = self.uniform.span(person)
            frames, note = span.stop - span.start, ""
            gaps, unknown = _gaps(self.uniform, (person,))
            if kind == "bvh":
                try:
                    summary = write_bvh(
                        self.take,
                        folder / name,
                        person,
                        self.rate_hz,
                        max_gap_s=max(self.longest_s, 1.5 / median_rate_hz(self.take)),
                    )
                    frames = summary.frames
                    note = f"fits to {summary.residual_m * 1e3:.0f} mm"
                    note += f", {summary.filled} filled, {summary.held} held"
                except (SkeletonError, TakeError, ExportError) as error:
                    if len(people) == 1:
                        raise
                    frames, note = 0, f"left out: {error}"
            else:
                (write_trc if kind == "trc" else write_c3d)(self.uniform, folder / name, person)
                note = f"{self.rate_hz:g} Hz"
            written.append(Written(name, (person,), frames, gaps, unknown, note))
            progress(done, len(people))
        return written


def people_seen(take: PoseTake) -> tuple[int, ...]:
    """Ids of whom at least one joint is known."""
    seen = take.seen.any(axis=0)
    return tuple(take.ids[seen].tolist())


def _gaps(take: PoseTake, people: Sequence[int]) -> tuple[int, float]:
    """Interruptions of these people, and the share of their joints that is unknown, from first to last sight."""
    gaps = unknown = joints = 0
    for person in people:
        known = np.isfinite(take.xyz[take.span(person), take.row(person)].sum(axis=-1))
        there = known.any(axis=-1)
        gaps += int((np.diff(there.astype(int)) < 0).sum())
        unknown += int((~known).sum())
        joints += known.size
    return gaps, unknown / joints if joints else 0.0
