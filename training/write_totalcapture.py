"""A synthetic recording in TotalCapture's layout: what `totalcapture` must be able to read, with exact truth."""

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posecap.calib.errors import CalibrationError
from posecap.calib.format_limits import reduced
from posecap.calib.length_unit import UNITS_M
from posecap.calib.totalcapture import HOLDS, export_totalcapture
from posecap.calib.up_axis import from_up
from posecap.training.errors import DatasetError
from posecap.training.synthetic_take import SyntheticTake
from posecap.training.totalcapture import CALIBRATION, SKELETONS, UP, Z_UP_FROM_Y_UP
from posecap.training.totalcapture_poses import JOINTS, VICON_JOINTS

_SPINE = {"spine": 0.2, "spine1": 0.4, "spine2": 0.6, "spine3": 0.8}  # of the way from the hips to the neck


def write_totalcapture(take: SyntheticTake, root: Path, subject: int = 1, sequence: str = "walking2") -> Path:
    """Write videos, skeletons and calibration under `root`; the path of the calibration.

    Limbs are exact; the trunk is made of them.

    Args:
        take: its cameras become cam1, cam2 and so on; those without a clip are calibrated only.
        root: made where it is not there.
        subject: 1 to 5.
        sequence: such as walking2.

    Raises:
        DatasetError: a lens that one radial coefficient cannot describe.
    """
    try:
        rig, _ = reduced(take.rig, "calibration.cal", HOLDS, lossy=False)
    except CalibrationError as error:
        raise DatasetError(str(error)) from error
    folder = root / f"s{subject}" / sequence
    folder.mkdir(parents=True, exist_ok=True)
    for number, clip in enumerate(take.clips, 1):
        if clip is not None:
            shutil.copyfile(clip, folder / f"TC_S{subject}_{sequence}_cam{number}.mp4")
    write_skeletons(folder / SKELETONS, vicon_joints(take) @ Z_UP_FROM_Y_UP)
    path = root / CALIBRATION
    export_totalcapture(from_up(rig, UP), path)
    return path


def vicon_joints(take: SyntheticTake) -> NDArray[np.float64]:
    """(frames, 21, 3) metres, world +Z up, in the data set's order."""
    places = take.with_trunk(_SPINE)
    return np.stack([places[name] for name in JOINTS], axis=1)


def write_skeletons(path: Path, y_up: NDArray[np.float64], unit: str = "in") -> None:
    """A line of names, then a line for each frame of (frames, 21, 3) metres, y up; tabs between joints."""
    lines = ["\t".join(VICON_JOINTS) + "\t"]
    for row in y_up / UNITS_M[unit]:
        lines.append("\t".join(" ".join(f"{value:.6f}" for value in joint) for joint in row) + "\t")
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
