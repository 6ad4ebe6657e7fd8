"""The user's pictures or videos of one instant, one for each camera of a rig file."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.calib.rig_file import CameraEntry, read_rig_file
from posecap.capture.frame import Frame, FrameSet
from posecap.launch.demo_pictures import PICTURES, read_picture
from posecap.launch.errors import UsageError

_PERIOD_NS = 33_333_333
_VIDEOS = {".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts"}


def still_sets(rig: Rig, files: dict[str, Path], count: int) -> tuple[Rig, list[FrameSet]]:
    """The cameras that have a picture, in the pictures' sizes, and `count` times the same instant.

    Raises:
        UsageError: a file that is no picture, or has another shape than its camera's pictures.
    """
    images = {name: read_picture(path) for name, path in files.items()}
    cameras = tuple(
        _resized(camera, files[camera.name], images[camera.name])
        for camera in rig.cameras
        if camera.name in images
    )
    sets = []
    for index in range(count):
        t_ns = index * _PERIOD_NS
        frames = (Frame(camera.name, index, t_ns, images[camera.name]) for camera in cameras)
        sets.append(FrameSet(index, t_ns, tuple(frames)))
    return Rig(cameras), sets


def _resized(camera: Camera, path: Path, image: NDArray[np.uint8]) -> Camera:
    height, width = image.shape[:2]
    if abs(width * camera.size_px[1] - height * camera.size_px[0]) > max(camera.size_px):
        raise UsageError(
            f"{path} has {width} x {height} px, camera {camera.name!r} was calibrated with {camera.size_px[0]} x "
            f"{camera.size_px[1]}: give pictures of that shape"
        )
    return camera.scaled((width, height))


def files_of_cameras(paths: Sequence[Path], rig: Rig) -> dict[str, Path]:
    """For each camera its picture or video among `paths`, folders opened.

    A file belongs to the camera whose name it bears, or else, with as many files as cameras, to the one in its place.

    Raises:
        UsageError: nothing there, pictures and videos mixed, or files that cannot be told apart.
    """
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist: check the path")
        files += sorted(_readable(path.iterdir())) if path.is_dir() else [path]
    if len(files) < 2:
        raise UsageError(
            "several views are needed: give a picture or a video of each camera, or a folder of them"
        )
    if len({file.suffix.lower() in PICTURES for file in files}) > 1:
        raise UsageError("pictures and videos do not go together: give one kind for all cameras")
    named = {file: [name for name in rig.names if name == file.stem] for file in files}
    if not all(named.values()):
        named = {file: [name for name in rig.names if name in file.stem] for file in files}
    assigned = [names[0] for names in named.values() if len(names) == 1]
    if len(assigned) == len(files) == len(set(assigned)):
        return dict(zip(assigned, files, strict=True))
    if len(files) == len(rig):
        return dict(zip(rig.names, files, strict=True))
    raise UsageError(
        f"{len(files)} files for the cameras {', '.join(rig.names)}: call each file like its camera, or give one for "
        "each camera, in their order"
    )


def video_entries(cams: Path, files: dict[str, Path]) -> list[CameraEntry]:
    """The cameras of the rig file that have a video, with it as their source."""
    entries = [entry for entry in read_rig_file(cams).cameras if entry.name in files]
    return [
        msgspec.structs.replace(entry, source={"type": "video", "file": str(files[entry.name].resolve())})
        for entry in entries
    ]


def _readable(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.suffix.lower() in PICTURES | _VIDEOS]
