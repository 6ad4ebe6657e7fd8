"""TotalCapture's `gt_skel_gbl_pos.txt`: a line of names, then one line of joint positions a frame. Inches, y up."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posecap.calib.length_unit import UNITS_M
from posecap.training.errors import DatasetError

VICON_JOINTS = (
    "Hips", "Spine", "Spine1", "Spine2", "Spine3", "Neck", "Head", "RightShoulder", "RightArm", "RightForeArm",
    "RightHand", "LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand", "RightUpLeg", "RightLeg", "RightFoot",
    "LeftUpLeg", "LeftLeg", "LeftFoot",
)  # fmt: skip
"""The data set names a joint after the bone that begins there: its RightArm is the shoulder joint."""

_OURS = {
    "Hips": "pelvis", "Neck": "neck", "Head": "head", "RightShoulder": "right_collar", "LeftShoulder": "left_collar",
    "RightArm": "right_shoulder", "RightForeArm": "right_elbow", "RightHand": "right_wrist",
    "LeftArm": "left_shoulder", "LeftForeArm": "left_elbow", "LeftHand": "left_wrist",
    "RightUpLeg": "right_hip", "RightLeg": "right_knee", "RightFoot": "right_ankle",
    "LeftUpLeg": "left_hip", "LeftLeg": "left_knee", "LeftFoot": "left_ankle",
}  # fmt: skip
JOINTS = tuple(_OURS.get(name, name.lower()) for name in VICON_JOINTS)
"""The same joints by our names, in the same order."""

_MOST_BYTES = 256 << 20


def read_skeletons(path: Path) -> NDArray[np.float64]:
    """(frames, 1, 21, 3) metres in the world of the file, y up; joints in the order of `JOINTS`.

    Columns go by the names in the first line, not by their order.

    Raises:
        DatasetError: not such a file, or a joint is missing.
    """
    if not path.is_file():
        raise DatasetError(f"no skeletons at {path}: extract the Vicon part of the data set")
    if path.stat().st_size > _MOST_BYTES:
        raise DatasetError(f"{path} is larger than {_MOST_BYTES >> 20} MiB: is it a gt_skel_gbl_pos.txt?")
    try:
        header, *lines = path.read_text(encoding="ascii").splitlines()
        rows = [np.array(line.split(), dtype=np.float64) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} is not names, then numbers ({error}): extract it again") from error
    names = header.split()
    absent = [name for name in VICON_JOINTS if name not in names]
    if absent:
        raise DatasetError(
            f"{path}: its first line lacks {', '.join(absent)}: is it a gt_skel_gbl_pos.txt, whose first line is names?"
        )
    wrong = [row for row, values in enumerate(rows) if values.size != 3 * len(names)]
    if wrong or not rows:
        where = f"line {wrong[0] + 2} has {rows[wrong[0]].size} numbers" if wrong else "it has no frames"
        raise DatasetError(f"{path}: {where}, expected {3 * len(names)} in a line: extract it again")
    xyz = np.stack(rows).reshape(len(rows), len(names), 3)[:, [names.index(name) for name in VICON_JOINTS]]
    return np.where(np.isfinite(xyz), xyz, np.nan)[:, None] * UNITS_M["in"]
