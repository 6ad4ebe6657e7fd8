"""Joints of people in the pictures of several cameras over time: what calibrates cameras when there is no board."""

from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from posecap.calib.errors import CalibrationError

_VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class PeopleTracks:
    """2D joints of people, one track after another, before anything is known of where the cameras are.

    Attributes:
        cameras: names, the order of the views axis.
        t_ns: (views, frames) capture times; a view that ended earlier is filled up with its own period.
        xy: (views, people, frames, joints, 2) full-image pixels, distorted; NaN = not seen.
        score: (views, people, frames, joints) 0..1; 0 where not seen.
        variance: (views, people, frames, joints) px^2 for each axis; inf where not seen.
        joint_set: name of the joint set.
        joints: its names, the order of the joints axis.

    Row p of different views is the same person where there is one; with more, whoever uses the tracks sees to it
    (`person`).
    """

    cameras: tuple[str, ...]
    t_ns: NDArray[np.int64]
    xy: NDArray[np.float64]
    score: NDArray[np.float64]
    variance: NDArray[np.float64]
    joint_set: str
    joints: tuple[str, ...]

    def __post_init__(self) -> None:
        views, _, frames, joints = self.xy.shape[:4] if self.xy.ndim == 5 else (-1, 0, 0, 0)
        fits = (
            self.xy.shape[-1] == 2
            and self.score.shape == self.variance.shape == self.xy.shape[:-1]
            and self.t_ns.shape == (views, frames)
            and (len(self.cameras), len(self.joints)) == (views, joints)
        )
        if not fits:
            raise CalibrationError(
                f"tracks of people: xy {self.xy.shape}, score {self.score.shape}, variance {self.variance.shape}, "
                f"t_ns {self.t_ns.shape}, {len(self.cameras)} cameras and {len(self.joints)} joints do not belong "
                "together: expected (views, people, frames, joints, 2), the same less the 2, and (views, frames)"
            )

    @property
    def people(self) -> int:
        """Rows of the people axis."""
        return self.xy.shape[1]

    @property
    def period_s(self) -> float:
        """Median time between two pictures, seconds; 0 with a single picture."""
        return float(np.median(np.diff(self.t_ns, axis=1))) / 1e9 if self.t_ns.shape[1] > 1 else 0.0

    def index(self, joint: str) -> int:
        """Position of `joint`, -1 where the set has none of that name."""
        return self.joints.index(joint) if joint in self.joints else -1

    def between(self, first: int, last: int) -> "PeopleTracks":
        """Frames `first` to before `last`."""
        part = slice(first, last)
        return replace(
            self,
            t_ns=self.t_ns[:, part],
            xy=self.xy[:, :, part],
            score=self.score[:, :, part],
            variance=self.variance[:, :, part],
        )

    def of(self, cameras: tuple[str, ...]) -> "PeopleTracks":
        """The views of `cameras`, in their order; CalibrationError names the one that was not filmed."""
        absent = [name for name in cameras if name not in self.cameras]
        if absent:
            raise CalibrationError(
                f"no tracks of camera {absent[0]!r}, there are {', '.join(self.cameras)}: "
                "track people in the recordings of all cameras"
            )
        order = [self.cameras.index(name) for name in cameras]
        return replace(
            self,
            cameras=cameras,
            t_ns=self.t_ns[order],
            xy=self.xy[order],
            score=self.score[order],
            variance=self.variance[order],
        )

    def person(self, rows: tuple[int, ...]) -> "PeopleTracks":
        """One person: row `rows[v]` of view v."""
        view = np.arange(len(rows))
        row = np.array(rows)
        return replace(
            self,
            xy=self.xy[view, row][:, None],
            score=self.score[view, row][:, None],
            variance=self.variance[view, row][:, None],
        )


def write_tracks(path: Path, tracks: PeopleTracks) -> None:
    """Keep `tracks` as an .npz; raises CalibrationError where it cannot be written."""
    try:
        np.savez_compressed(
            path,
            version=_VERSION,
            cameras=np.array(tracks.cameras),
            t_ns=tracks.t_ns,
            xy=tracks.xy.astype(np.float32),
            score=tracks.score.astype(np.float32),
            variance=tracks.variance.astype(np.float32),
            joint_set=tracks.joint_set,
            joints=np.array(tracks.joints),
        )
    except OSError as error:
        raise CalibrationError(
            f"{path} cannot be written ({error.strerror}): check the folder and its permissions"
        ) from error


def read_tracks(path: Path) -> PeopleTracks:
    """What `write_tracks` wrote; raises CalibrationError where it is not that."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            version = int(file["version"])
            parts = {name: file[name] for name in ("cameras", "t_ns", "xy", "score", "variance", "joints")}
            joint_set = str(file["joint_set"])
    except (OSError, ValueError, KeyError, BadZipFile, EOFError) as error:
        raise CalibrationError(
            f"{path} holds no tracks of people ({error}): remove it, track again"
        ) from error
    if version != _VERSION:
        raise CalibrationError(
            f"{path} has version {version} of tracks, this program reads {_VERSION}: remove it, track again"
        )
    return PeopleTracks(
        cameras=tuple(str(name) for name in parts["cameras"]),
        t_ns=parts["t_ns"].astype(np.int64),
        xy=parts["xy"].astype(np.float64),
        score=parts["score"].astype(np.float64),
        variance=parts["variance"].astype(np.float64),
        joint_set=joint_set,
        joints=tuple(str(name) for name in parts["joints"]),
    )
