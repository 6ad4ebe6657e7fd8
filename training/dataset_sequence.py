"""A recording of a data set in this project's terms: cameras, videos, true joints, and what was left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.capture.source_config import VideoFile
from posecap.training.errors import DatasetError

_SHOWN = 40  # names in a message
_MOST_APART = 0.2  # of the longest: recordings end at different pictures, other rates differ by more


@dataclass(frozen=True, slots=True, eq=False)
class DatasetSequence:
    """One recording. Picture i of every video belongs to row i of `xyz`.

    Attributes:
        dataset: "human36m" or "totalcapture".
        name: "S9/Walking 1", "s1/walking2".
        rig: metres, +Z up; rig order is the order of `sources`.
        sources: one video for each camera, with absolute paths.
        fps: pictures for each second.
        xyz: (frames, people, joints, 3) metres, world frame; NaN = not known.
        joints: names of the joints axis; limbs as in `models/joints.py`.
        notes: what was skipped, known to be bad, or found to vary; whole sentences.
        damaged: the truth of this recording is known to be wrong.
        seen: (views,) share of the true joints that fall into the picture of each camera.
        rms_px: (views,) distance of the projected truth from the data set's own 2D truth; NaN where it has none.
    """

    dataset: str
    name: str
    rig: Rig
    sources: tuple[VideoFile, ...]
    fps: float
    xyz: NDArray[np.float64]
    joints: tuple[str, ...]
    notes: tuple[str, ...]
    damaged: bool
    seen: NDArray[np.float64]
    rms_px: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FoundSequence:
    """A recording that lies on disk, complete or not.

    Attributes:
        name: what to ask the reader for.
        cameras: those with a video.
        missing: what the reader would lack, as paths or words; empty where it can be read.
        notes: what is known about it.
    """

    name: str
    cameras: tuple[str, ...]
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def chosen(wanted: str, found: list[FoundSequence], dataset: str, root: Path) -> FoundSequence:
    """The sequence called `wanted`; blank, - and _ are one, case does not matter.

    Raises:
        DatasetError: lists those that are there.
    """
    for sequence in found:
        if _plain(sequence.name) == _plain(wanted):
            return sequence
    if not found:
        raise DatasetError(f"no sequence of {dataset} under {root}: see training/README.md for the layout")
    subject = [one.name for one in found if _plain(one.name).split("/")[0] == _plain(wanted).split("/")[0]]
    names = subject or [one.name for one in found]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    raise DatasetError(
        f"no sequence {wanted!r} of {dataset} under {root}, there are {', '.join(names[:_SHOWN])}{more}: "
        "check the spelling"
    )


def common_frames(name: str, rows: int, pictures: Mapping[str, int | None]) -> tuple[int, list[str]]:
    """How many frames truth and every video have, and a note where they are not equally long.

    Args:
        name: of the sequence, for messages.
        rows: of the truth.
        pictures: by camera; None = not known.

    Raises:
        DatasetError: a video is empty, or lengths differ so much that picture i cannot belong to row i.
    """
    lengths = ", ".join(f"{camera} {count}" for camera, count in pictures.items())
    counts = [rows, *(count or 0 for count in pictures.values())]
    frames = min(counts)
    if frames < (1 - _MOST_APART) * max(counts):
        raise DatasetError(
            f"{name}: the truth has {rows} rows, the videos have {lengths} pictures, expected about as many: take "
            "complete videos at their original rate and the truth of the same recording"
        )
    if frames < max(counts):
        return frames, [
            f"The truth has {rows} rows, the videos have {lengths} pictures: the first {frames} of each are used."
        ]
    return frames, []


def _plain(name: str) -> str:
    return name.strip("/").casefold().replace("-", " ").replace("_", " ")
