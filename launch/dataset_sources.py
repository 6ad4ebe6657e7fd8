"""Sequences of data sets as sessions: a rig file whose cameras play the videos, and the truth to compare with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from posecap.calib.rig_file import RigFile, rig_file_of, write_rig_file
from posecap.launch.errors import UsageError
from posecap.training.dataset_sequence import DatasetSequence, FoundSequence
from posecap.training.errors import DatasetError
from posecap.training.human36m import find_human36m, read_human36m
from posecap.training.totalcapture import BENCHMARK_CAMERAS, find_totalcapture, read_totalcapture

RIG_FILE, TRUTH_FILE = "rig.yaml", "truth.npz"


@dataclass(frozen=True, slots=True)
class Dataset:
    """How sequences of one data set are found and read."""

    about: str
    find: Callable[[Path], list[FoundSequence]]
    read: Callable[[Path, str, Path | None], DatasetSequence]


DATASETS = {
    "human36m": Dataset("Human3.6M, four views", find_human36m, read_human36m),
    "totalcapture": Dataset(
        "TotalCapture, cameras 1, 3, 5, 7",
        find_totalcapture,
        lambda root, sequence, cameras: read_totalcapture(root, sequence, BENCHMARK_CAMERAS, cameras),
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class DatasetSession:
    """A sequence ready to be played.

    Attributes:
        sequence: as its reader checked it.
        content: rig file; sources have absolute paths, the truth block names `TRUTH_FILE` beside it.
    """

    sequence: DatasetSequence
    content: RigFile

    def write(self, folder: Path) -> Path:
        """Write rig file and truth into `folder`, made where it is not there; the path of the rig file.

        Raises:
            UsageError: it cannot be written.
        """
        sequence = self.sequence
        try:
            folder.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(
                folder / TRUTH_FILE,
                xyz=sequence.xyz.astype(np.float32),
                joints=np.array(sequence.joints),
                fps=np.float64(sequence.fps),
            )
        except OSError as error:
            raise UsageError(
                f"{folder} cannot be written ({error.strerror}): choose another folder"
            ) from error
        write_rig_file(folder / RIG_FILE, self.content)
        return folder / RIG_FILE


def dataset_of(name: str) -> Dataset:
    """The data set called `name`; UsageError lists those there are."""
    if name not in DATASETS:
        raise UsageError(f"no data set {name!r}, there are {', '.join(DATASETS)}: check --dataset")
    return DATASETS[name]


def dataset_session(dataset: str, root: Path, sequence: str, cameras: Path | None = None) -> DatasetSession:
    """A sequence of a data set, read and checked against its own truth.

    Args:
        dataset: human36m or totalcapture.
        root: of the data set.
        sequence: such as S9/Walking-1 or s1/walking2.
        cameras: camera file; None = the one under `root`.

    Raises:
        UsageError: an unknown data set, or a sequence that is not there (lists those that are), incomplete, or whose
            cameras and truth contradict each other.
    """
    try:
        read = dataset_of(dataset).read(root, sequence, cameras)
    except DatasetError as error:
        raise UsageError(str(error)) from error
    sources = {
        camera: msgspec.to_builtins(source)
        for camera, source in zip(read.rig.names, read.sources, strict=True)
    }
    frames = len(read.xyz)
    content = rig_file_of(
        read.rig, {camera: {**source, "frames": frames} for camera, source in sources.items()}
    )
    content.notes = " ".join((f"{dataset} {read.name}.", *read.notes))
    content.truth = {"file": TRUTH_FILE, "people": read.xyz.shape[1]}
    return DatasetSession(read, content)
