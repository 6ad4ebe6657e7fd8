"""Which camera file of Human3.6M lies in a folder, in which of four layouts, read as that layout documents."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from posecap.calib.errors import CalibrationError
from posecap.calib.human36m_h5 import import_cameras_h5
from posecap.calib.human36m_json import SIZES_PX, import_camera_parameters, import_toolbox
from posecap.calib.json_document import kind_of_json, read_json
from posecap.calib.rig import Rig
from posecap.training.camera_reading import Reading
from posecap.training.errors import DatasetError

CAMERAS = tuple(SIZES_PX)
"""In the order of the data set: camera 1 to 4."""

_PLACES = (
    "camera-parameters.json", "cameras.h5", "cam_param/cameras.h5", "cameras.json",
    "annotations/Human36M_subject{number}_camera.json",
)  # fmt: skip
FOLDERS = ("", "Labels", "Data/Labels", "Data")
"""Of a root, where readers of Human3.6M keep labels and cameras."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadCameras:
    """The four cameras of one subject.

    Attributes:
        rig: as the layout documents; cameras called as in the data set.
        reading: that the layout documents.
        path: of the file.
        lens: the file has distortion.
    """

    rig: Rig
    reading: Reading
    path: Path
    lens: bool


def camera_file(root: Path, subject: int) -> Path | None:
    """The first camera file of `root` that could have the subject; None where there is none."""
    for folder in FOLDERS:
        for place in _PLACES:
            path = root / folder / place.format(number=subject)
            if path.is_file():
                return path
    return None


def camera_places() -> str:
    """Where `camera_file` looks, in words."""
    return "camera-parameters.json (there or in Labels), cameras.h5, cameras.json"


def read_cameras(path: Path, subject: int, sizes_px: Mapping[str, tuple[int, int]]) -> ReadCameras:
    """The cameras of a subject.

    Args:
        path: camera-parameters.json (R, t); cameras.h5 (R transposed, T = centre); JSON of the toolbox (R, T = centre)
            or of PoseNet (R, t), told apart by what is in them.
        subject: its number.
        sizes_px: (width, height) of pictures by camera, where they are not those of the data set.

    Raises:
        DatasetError: unreadable, mirrored, in another unit, or clearly of another convention.
    """
    sizes = {**SIZES_PX, **{str(k): size for k, size in enumerate(SIZES_PX.values(), 1)}, **sizes_px}
    try:
        if path.suffix == ".h5":
            rig = import_cameras_h5(path, size_px=sizes, subject=subject)
            reading = Reading(transposed=True, vector="centre")
        elif kind_of_json(document := read_json(path)) == "human36m-json":
            rig, reading = import_camera_parameters(path, size_px=sizes, subject=subject), Reading()
        else:
            rig = import_toolbox(path, size_px=sizes)
            centre = any("T" in entry for entry in document.values() if isinstance(entry, dict))
            reading = Reading(vector="centre" if centre else "translation")
    except CalibrationError as error:
        raise DatasetError(str(error)) from error
    numbered = rig.names == tuple(str(k) for k in range(1, len(CAMERAS) + 1))
    if numbered:
        pairs = zip(rig.cameras, CAMERAS, strict=True)
        rig = replace(rig, cameras=tuple(replace(camera, name=name) for camera, name in pairs))
    absent = [name for name in CAMERAS if name not in rig.names]
    if absent:
        raise DatasetError(
            f"{path} has cameras {', '.join(rig.names)}, expected {', '.join(CAMERAS)}: get the complete file"
        )
    rig = replace(rig, cameras=tuple(rig.cameras[rig.index(name)] for name in CAMERAS))
    return ReadCameras(rig, reading, path, any(camera.distortion.any() for camera in rig.cameras))
