"""`rig.yaml`: the calibrated cameras and, for each, where its pictures come from. Units are part of the file.

The `source` and `truth` blocks are carried, not understood, here: `posecap.capture.source_config` reads the first,
`posecap.launch` the second.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from posecap.calib.calibration_file import read_calibration_file
from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError, RigFileError
from posecap.calib.plausibility import check_plausible
from posecap.calib.rig import Rig
from posecap.calib.yaml_document import dump_yaml, load_yaml

RIG_FILE_VERSION = 1


class CameraEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One camera of a rig file: pixels, and metres from world to camera."""

    name: str
    size_px: tuple[int, int]
    K: list[list[float]]
    distortion: list[float]
    cam_from_world: list[list[float]]
    source: dict[str, Any] | None = None


class RigFile(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The whole file. `truth` names exact 3D joints of the recording that the sources play, where there are any."""

    posecap_rig: int
    length_unit: str
    cameras: list[CameraEntry]
    up_axis: str = "+z"
    rms_px: float | None = None
    solved_at: str | None = None
    notes: str | None = None
    truth: dict[str, Any] | None = None

    def rig(self) -> Rig:
        """The checked cameras; raises CalibrationError."""
        rig = Rig(
            cameras=tuple(
                Camera(
                    name=entry.name,
                    size_px=entry.size_px,
                    K=_array(entry.K, f"camera {entry.name!r}: K"),
                    distortion=np.array(entry.distortion),
                    cam_from_world=_array(entry.cam_from_world, f"camera {entry.name!r}: cam_from_world"),
                )
                for entry in self.cameras
            ),
            rms_px=self.rms_px,
            solved_at=self.solved_at,
        )
        check_plausible(rig)
        return rig


def read_rig_file(path: Path) -> RigFile:
    """The file as it stands, checked for shape, version and units, not yet for geometry.

    Raises:
        RigFileError: missing, unreadable, unknown field (with its path), other version, other unit.
    """
    data = read_calibration_file(path, "rig file", "give --cams the path of a rig.yaml", RigFileError)
    try:
        document = load_yaml(data)
    except ValueError as error:
        raise RigFileError(f"{path} is not YAML ({error}): fix that line or export the rig again") from error
    version = document.get("posecap_rig") if isinstance(document, dict) else None
    if isinstance(version, int) and version != RIG_FILE_VERSION:
        raise RigFileError(
            f"{path}: posecap_rig is {version}, this program reads {RIG_FILE_VERSION}: update posecap"
        )
    try:
        content = msgspec.convert(document, RigFile)
    except msgspec.ValidationError as error:
        raise RigFileError(f"{path}: {error}: compare with the example in calib/README.md") from error
    if content.length_unit != "m" or content.up_axis != "+z":
        raise RigFileError(
            f"{path}: length_unit {content.length_unit!r} and up_axis {content.up_axis!r}, expected 'm' and '+z': "
            "convert the extrinsics"
        )
    return content


def load_rig(path: Path) -> Rig:
    """The rig of a rig file; raises CalibrationError with the path of the file in the message."""
    try:
        return read_rig_file(path).rig()
    except RigFileError:
        raise
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error


def write_rig_file(path: Path, content: RigFile) -> None:
    """Write `content` as YAML, floats in full precision; raises RigFileError where that cannot be."""
    document = msgspec.to_builtins(content, str_keys=True)
    document["cameras"] = [dict(entry, size_px=list(entry["size_px"])) for entry in document["cameras"]]
    try:
        path.write_text(dump_yaml(document), encoding="utf-8")
    except OSError as error:
        raise RigFileError(
            f"{path} cannot be written ({error.strerror}): check the folder and its permissions"
        ) from error


def rig_file_of(rig: Rig, sources: dict[str, dict[str, Any]] | None = None) -> RigFile:
    """The file content that stores `rig`, with the `source` block of each camera where one is given.

    Raises:
        CalibrationError: a source is for a camera that is not in the rig.
    """
    for name in sources or {}:
        rig.index(name)
    return RigFile(
        posecap_rig=RIG_FILE_VERSION,
        length_unit="m",
        rms_px=rig.rms_px,
        solved_at=rig.solved_at,
        cameras=[
            CameraEntry(
                name=camera.name,
                size_px=camera.size_px,
                K=camera.K.tolist(),
                distortion=camera.distortion.tolist(),
                cam_from_world=camera.cam_from_world.tolist(),
                source=(sources or {}).get(camera.name),
            )
            for camera in rig.cameras
        ],
    )


def _array(rows: list[list[float]], what: str) -> np.ndarray:
    if len({len(row) for row in rows}) > 1:
        raise CalibrationError(f"{what} has rows of different lengths: re-export the calibration")
    return np.array(rows, dtype=np.float64)
