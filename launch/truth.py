"""Exact or reference joints of the recording that the cameras play."""

import math
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from posecap.launch.errors import TruthError
from posecap.models.joints import LIMB_JOINTS

_ON_A_FRAME = 1e-3  # of a frame: nearer than this no interpolation is due
_TRC_HEADER_ROWS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Where the joints were.

    Attributes:
        xyz: (frames, people, 12, 3) metres, world frame; the twelve limb joints; NaN = not known.
        fps: frames for each second of the recording; frame f is at f / fps.
        source: file it was read from.
    """

    xyz: NDArray[np.float64]
    fps: float
    source: str

    def at(self, media_s: float) -> NDArray[np.float64] | None:
        """(people, 12, 3) at a time of the recording, linear between frames; None outside it."""
        place = media_s * self.fps
        last = len(self.xyz) - 1
        if not -0.5 <= place <= last + 0.5:
            return None
        nearest = min(max(round(place), 0), last)
        if abs(place - nearest) < _ON_A_FRAME or not 0 <= place <= last:
            return self.xyz[nearest]
        before = math.floor(place)
        share = place - before
        return (1 - share) * self.xyz[before] + share * self.xyz[before + 1]


def load_truth(path: Path, first_frame: int = 0) -> Truth:
    """The truth in `path`: posecap's .npz, or a .trc of Pose2Sim.

    Args:
        path: of the file.
        first_frame: of the recording that the cameras play first; becomes frame 0.

    Raises:
        TruthError: missing, unreadable, of another shape, or without limb joints.
    """
    if not path.is_file():
        raise TruthError(f"no truth file at {path}: correct --truth or the `truth` block of the rig file")
    truth = _read_trc(path) if path.suffix.lower() == ".trc" else _read_npz(path)
    return Truth(truth.xyz[first_frame:], truth.fps, truth.source)


def _read_npz(path: Path) -> Truth:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            xyz, joints, fps = file["xyz"].astype(np.float64), file["joints"], float(file["fps"])
    except (OSError, ValueError, KeyError, BadZipFile, EOFError) as error:
        raise TruthError(
            f"{path} is not a truth file ({error}): it needs xyz (frames, people, joints, 3), joints, fps"
        ) from error
    names = [str(name) for name in joints]
    if xyz.ndim != 4 or xyz.shape[2:] != (len(names), 3) or not fps > 0:
        raise TruthError(
            f"{path}: xyz is {xyz.shape} for {len(names)} joints at {fps:g} fps, "
            "expected (frames, people, joints, 3) at a positive rate: write the file again"
        )
    return Truth(_limbs(xyz, names, path), fps, str(path))


def _read_trc(path: Path) -> Truth:
    """Pose2Sim writes metres with Y up; its calibration has Z up: world = columns (Z, X, Y).

    Frame# counts from 1: row n is picture n - 1 of the recording.
    """
    try:
        lines = path.read_text().splitlines()
        rates = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=False))
        fps, unit = float(rates["DataRate"]), rates["Units"].strip()
        names = [_joint_of_marker(marker) for marker in lines[3].split("\t")[2:] if marker.strip()]
        cells = [line.split("\t") for line in lines[_TRC_HEADER_ROWS:] if line.strip()]
        numbers = [[float(cell) if cell.strip() else math.nan for cell in row] for row in cells]
        frames = [int(row[0]) - 1 for row in numbers]
        markers = np.array([row[2 : 2 + 3 * len(names)] for row in numbers], dtype=np.float64)
        markers = markers.reshape(len(frames), len(names), 3)
    except (OSError, UnicodeDecodeError, ValueError, KeyError, IndexError) as error:
        raise TruthError(f"{path} is not a TRC file ({error}): export it again from Pose2Sim") from error
    metres = {"m": 1.0, "mm": 1e-3, "cm": 1e-2}.get(unit)
    if metres is None or not fps > 0 or not frames or min(frames) < 0:
        raise TruthError(
            f"{path}: unit {unit!r}, {fps:g} Hz, {len(frames)} rows; expected m, cm or mm: export it again"
        )
    xyz = np.full((max(frames) + 1, 1, len(names), 3), np.nan)
    xyz[frames, 0] = markers[:, :, [2, 0, 1]] * metres
    return Truth(_limbs(xyz, names, path), fps, str(path))


def _joint_of_marker(marker: str) -> str:
    """RHip -> right_hip; markers of the middle keep their names."""
    side = {"R": "right_", "L": "left_"}.get(marker[:1]) if marker[1:2].isupper() else None
    return side + marker[1:].lower() if side else marker.lower()


def _limbs(xyz: NDArray[np.float64], names: list[str], path: Path) -> NDArray[np.float64]:
    """The twelve limb joints of (..., joints, 3), NaN for those the file has not."""
    absent = [name for name in LIMB_JOINTS if name not in names]
    if len(absent) > len(LIMB_JOINTS) // 2:
        raise TruthError(
            f"{path} lacks most limb joints ({', '.join(absent)}): name them as in models/joints.py"
        )
    limbs = np.full((*xyz.shape[:-2], len(LIMB_JOINTS), 3), np.nan)
    for row, name in enumerate(LIMB_JOINTS):
        if name in names:
            limbs[..., row, :] = xyz[..., names.index(name), :]
    return limbs
