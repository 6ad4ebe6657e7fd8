"""A synthetic recording in Human3.6M's layout: what `human36m` must be able to read, with exact truth."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posecap.calib.human36m_h5 import export_cameras_h5
from posecap.calib.human36m_json import export_camera_parameters, export_toolbox
from posecap.calib.rig import Rig
from posecap.training.errors import DatasetError
from posecap.training.human36m_cameras import CAMERAS
from posecap.training.human36m_poses import RAW_JOINTS
from posecap.training.synthetic_take import SyntheticTake

CAMERA_FILES = {"json": "camera-parameters.json", "h5": "cameras.h5", "toolbox": "cameras.json"}

_HEAD_TOP_M = 0.14  # above the ears, along the neck
_SAME = {11: 0, 16: 13, 24: 13, 20: 19, 28: 27, 4: 3, 9: 8, 21: 19, 22: 19, 23: 19, 29: 27, 30: 27, 31: 27}
_BY_NAME = {
    1: "right_hip", 2: "right_knee", 3: "right_ankle", 5: "right_big_toe", 6: "left_hip", 7: "left_knee",
    8: "left_ankle", 10: "left_big_toe", 14: "nose", 17: "left_shoulder", 18: "left_elbow", 19: "left_wrist",
    25: "right_shoulder", 26: "right_elbow", 27: "right_wrist",
}  # fmt: skip


def write_human36m(
    take: SyntheticTake, root: Path, subject: str = "S9", action: str = "Walking 1", cameras: str = "json"
) -> Path:
    """Write videos, D3_Positions, D2_Positions and cameras under `root`; the path of the camera file.

    Limbs and nose are exact; pelvis, thorax, spine and the top of the head are made of them.

    Args:
        take: four cameras; the order of its rig becomes that of the data set's cameras.
        root: made where it is not there.
        subject: S1 to S11.
        action: raw name of the recording.
        cameras: json, h5 or toolbox.

    Raises:
        DatasetError: not four cameras with a clip each, or another kind of camera file.
    """
    if cameras not in CAMERA_FILES:
        raise DatasetError(
            f"no camera file {cameras!r}, there are {', '.join(CAMERA_FILES)}: check the spelling"
        )
    if len(take.rig) != len(CAMERAS):
        raise DatasetError(
            f"the recording has {len(take.rig)} cameras, Human3.6M {len(CAMERAS)}: take another"
        )
    pairs = zip(take.rig.cameras, CAMERAS, strict=True)
    rig = Rig(tuple(replace(camera, name=name) for camera, name in pairs))
    raw = raw_joints(take)
    videos = root / f"Videos_{subject}" / subject / "Videos"
    positions = root / f"Poses_D3_Positions_{subject}" / subject / "MyPoseFeatures" / "D3_Positions"
    pixels = root / f"Poses_D2_Positions_{subject}" / subject / "MyPoseFeatures" / "D2_Positions"
    for folder in (videos, positions, pixels):
        folder.mkdir(parents=True, exist_ok=True)
    write_cdf(positions / f"{action}.cdf", raw.reshape(len(raw), -1) * 1000)
    for camera, clip in zip(rig.cameras, take.clips, strict=True):
        if clip is None:
            raise DatasetError(f"camera {camera.name} has no clip: draw all cameras")
        shutil.copyfile(clip, videos / f"{action}.{camera.name}.mp4")
        write_cdf(pixels / f"{action}.{camera.name}.cdf", camera.project(raw).reshape(len(raw), -1))
    path, number = root / CAMERA_FILES[cameras], int(subject[1:])
    if cameras == "json":
        export_camera_parameters(rig, path, subject=number)
    elif cameras == "h5":
        export_cameras_h5(rig, path, subject=number)
    else:
        export_toolbox(rig, path)
    return path


def raw_joints(take: SyntheticTake) -> NDArray[np.float64]:
    """(frames, 32, 3) metres in the data set's order."""
    raw = np.zeros((len(take.xyz), RAW_JOINTS, 3))
    for place, name in _BY_NAME.items():
        raw[:, place] = take.joint(name)
    raw[:, 0] = (raw[:, 1] + raw[:, 6]) / 2
    raw[:, 13] = (raw[:, 17] + raw[:, 25]) / 2
    raw[:, 12] = (raw[:, 0] + raw[:, 13]) / 2
    ears = (take.joint("left_ear") + take.joint("right_ear")) / 2
    neck = ears - raw[:, 13]
    raw[:, 15] = ears + _HEAD_TOP_M * neck / np.linalg.norm(neck, axis=-1, keepdims=True)
    for place, same in _SAME.items():
        raw[:, place] = raw[:, same]
    return raw


def write_cdf(path: Path, rows: NDArray[np.float64]) -> None:
    """One variable "Pose" of shape (1, frames, width), as the data set's files have."""
    from cdflib.cdfwrite import CDF

    path.unlink(missing_ok=True)
    spec = {
        "Variable": "Pose", "Data_Type": CDF.CDF_DOUBLE, "Num_Elements": 1, "Rec_Vary": True,
        "Dim_Sizes": list(rows.shape), "Var_Type": "zVariable", "Compress": 0,
    }  # fmt: skip
    file = CDF(str(path))
    file.write_var(spec, var_data=rows[None])
    file.close()
