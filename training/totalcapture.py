"""TotalCapture as it comes: videos, Vicon skeletons and calibration.cal become a `DatasetSequence`.

    {root}/calibration.cal                                     metres, y up, one radial coefficient
    {root}/s1/walking2/TC_S1_walking2_cam{1..8}.mp4            1920 x 1080, 60 fps
    {root}/s1/walking2/gt_skel_gbl_pos.txt                     inches, y up

Y up becomes Z up by a rotation, (x, y, z) -> (x, -z, y). A reader that is around exchanges y and z instead; projections
stay right, but that world is mirrored.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig
from posecap.calib.totalcapture import import_totalcapture
from posecap.calib.up_axis import from_up
from posecap.capture.errors import CaptureError
from posecap.capture.source import SourceInfo, source_info
from posecap.capture.source_config import VideoFile
from posecap.training.body_check import check_body
from posecap.training.camera_reading import Reading, check_reading
from posecap.training.dataset_sequence import DatasetSequence, FoundSequence, chosen, common_frames
from posecap.training.errors import DatasetError
from posecap.training.length_check import check_limbs
from posecap.training.totalcapture_poses import JOINTS, read_skeletons

FPS = 60.0
BENCHMARK_CAMERAS = (1, 3, 5, 7)
CALIBRATION, SKELETONS = "calibration.cal", "gt_skel_gbl_pos.txt"
UP = "+y"
Z_UP_FROM_Y_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""A rotation: x stays, y becomes z."""

_SAME_RATE = 0.02
_VIDEO = re.compile(r"TC_S(\d+)_(\w+)_cam(\d+)\.mp4", re.IGNORECASE)


def find_totalcapture(root: Path, cameras: tuple[int, ...] = BENCHMARK_CAMERAS) -> list[FoundSequence]:
    """Every recording with a video or skeletons under `root`; raises DatasetError where there is no folder.

    `cameras` are those whose videos are missed where they are absent.
    """
    if not root.is_dir():
        raise DatasetError(f"no folder at {root}: give --root the folder with {CALIBRATION} and s1")
    found = []
    for folder in sorted(path for path in root.glob("[sS][0-9]*/*") if path.is_dir()):
        videos = _videos_in(folder)
        truth = (folder / SKELETONS).is_file()
        if not videos and not truth:
            continue
        missing = [f"video of cam{number}" for number in cameras if number not in videos]
        missing += [] if truth else [SKELETONS]
        missing += [] if _calibration(root, folder) else [CALIBRATION]
        names = tuple(f"cam{number}" for number in sorted(videos))
        found.append(FoundSequence(f"{folder.parent.name}/{folder.name}", names, tuple(missing)))
    return found


def read_totalcapture(
    root: Path,
    sequence: str,
    cameras: tuple[int, ...] = BENCHMARK_CAMERAS,
    calibration: Path | None = None,
) -> DatasetSequence:
    """One recording, checked.

    Args:
        root: of the data set.
        sequence: "s1/walking2"; case does not matter.
        cameras: numbers from 1, in rig order; those of the published benchmark.
        calibration: None = the calibration.cal under `root`.

    Raises:
        DatasetError: not there (says what is), incomplete, unreadable, or cameras and truth that contradict each other.
    """
    name = chosen(sequence, find_totalcapture(root, cameras), "TotalCapture", root).name
    folder = root / name
    path = calibration or _calibration(root, folder)
    if path is None or not path.is_file():
        raise DatasetError(
            f"no calibration at {path or root / CALIBRATION}: copy the {CALIBRATION} of the data set there"
        )
    y_up = read_skeletons(folder / SKELETONS)
    check_limbs(y_up, JOINTS, "in", str(folder / SKELETONS))
    check_body(y_up @ Z_UP_FROM_Y_UP.T, JOINTS, ("+x", "-z", "+y"), str(folder / SKELETONS))
    sources, infos, notes = _videos(folder, name, cameras)
    rig = _rig(path, infos)
    frames, shortened = common_frames(
        name, len(y_up), {camera: info.n_frames for camera, info in infos.items()}
    )
    notes += shortened
    y_up = y_up[:frames]
    seen = check_reading(from_up(rig, UP), Reading(), y_up, JOINTS, UP, str(path))
    notes.append("The data set has no 2D truth: the distortion is not checked.")
    return DatasetSequence(
        dataset="totalcapture",
        name=name,
        rig=rig,
        sources=sources,
        fps=min(info.fps for info in infos.values()),
        xyz=y_up @ Z_UP_FROM_Y_UP.T,
        joints=JOINTS,
        notes=tuple(notes),
        damaged=False,
        seen=seen,
        rms_px=np.full(len(rig), np.nan),
    )


def _calibration(root: Path, folder: Path) -> Path | None:
    for place in (root, folder.parent, folder):
        if (place / CALIBRATION).is_file():
            return place / CALIBRATION
    return None


def _videos_in(folder: Path) -> dict[int, Path]:
    """By the number of the camera."""
    matches = [(path, _VIDEO.fullmatch(path.name)) for path in sorted(folder.iterdir())]
    return {int(match.group(3)): path for path, match in matches if match}


def _videos(
    folder: Path, name: str, cameras: tuple[int, ...]
) -> tuple[tuple[VideoFile, ...], dict[str, SourceInfo], list[str]]:
    """Sources, what is known of each, and notes about those left out and about their rate."""
    there = _videos_in(folder)
    sources, infos, notes = [], {}, []
    for number in cameras:
        if number not in there:
            notes.append(f"Camera cam{number} has no video and is left out.")
            continue
        source = VideoFile(file=str(there[number].resolve()))
        try:
            infos[f"cam{number}"] = source_info(source, f"cam{number}")
        except CaptureError as error:
            raise DatasetError(f"{name}: {error}") from error
        sources.append(source)
    if len(sources) < 2:
        raise DatasetError(
            f"{name} has {len(sources)} videos of cameras {', '.join(map(str, cameras))} in {folder}, 3D needs two: "
            "extract them, or choose other cameras"
        )
    rates = {info.fps for info in infos.values()}
    if any(abs(rate - FPS) > _SAME_RATE * FPS for rate in rates):
        notes.append(
            f"Videos run at {', '.join(f'{rate:g}' for rate in sorted(rates))} pictures a second, the data set at "
            f"{FPS:g}: were pictures left out?"
        )
    return tuple(sources), infos, notes


def _rig(path: Path, infos: dict[str, SourceInfo]) -> Rig:
    """The cameras that have a video, z up; pictures must be of the calibrated size."""
    try:
        rig = import_totalcapture(path)
        rig = replace(rig, cameras=tuple(rig.cameras[rig.index(camera)] for camera in infos))
    except CalibrationError as error:
        raise DatasetError(str(error)) from error
    for camera in rig.cameras:
        size = infos[camera.name].size_px
        if size != camera.size_px:
            raise DatasetError(
                f"camera {camera.name!r}: its video is {size[0] if size else 0} x {size[1] if size else 0}, {path} is "
                f"for {camera.size_px[0]} x {camera.size_px[1]}: use the original videos"
            )
    return rig
