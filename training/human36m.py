"""Human3.6M as it comes: videos, D3_Positions and a camera file become a `DatasetSequence`. Millimetres, +Z up.

    {root}/Videos_{S}/{S}/Videos/{action}.{camera}.mp4            or  {root}/{S}/Videos/...
    {root}/Poses_D3_Positions_{S}/{S}/MyPoseFeatures/D3_Positions/{action}.cdf    or  {root}/{S}/MyPoseFeatures/...
    {root}/Poses_D2_Positions_{S}/.../D2_Positions/{action}.{camera}.cdf          may be missing; checks the lens

All of it may lie in Labels/ or Data/, too. Nothing is believed: the truth is drawn into the pictures on load.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.capture.errors import CaptureError
from posecap.capture.source import SourceInfo, source_info
from posecap.capture.source_config import VideoFile
from posecap.models.joints import H36M_17
from posecap.training.body_check import check_body
from posecap.training.camera_reading import check_reading
from posecap.training.dataset_sequence import DatasetSequence, FoundSequence, chosen, common_frames
from posecap.training.errors import DatasetError
from posecap.training.human36m_cameras import CAMERAS, FOLDERS, camera_file, camera_places, read_cameras
from posecap.training.human36m_poses import read_pixels, read_positions
from posecap.training.length_check import check_limbs
from posecap.training.lens_reading import fitted_lenses

FPS = 50.0
DAMAGED = ("S9/Greeting", "S9/SittingDown 1", "S9/Waiting 1")
"""Their truth is shifted as a whole; in the numbering of other readers (act, subact) (5,2), (10,2), (13,1)."""
CORRUPT = {"S11/Directions": "54138969"}
"""Recordings that lack a camera, or where its video is broken."""

_SAME_RATE = 0.02
_SUBJECTS = tuple(f"S{number}" for number in range(1, 12))


def find_human36m(root: Path) -> list[FoundSequence]:
    """Every recording with a video or a truth file under `root`; raises DatasetError where there is no folder."""
    if not root.is_dir():
        raise DatasetError(f"no folder at {root}: give --root the folder with Videos_S9 or S9")
    found = []
    for subject in _SUBJECTS:
        videos = {path.name for folder in _folders(root, subject, "Videos") for path in folder.glob("*.mp4")}
        truths = {
            path.stem for folder in _folders(root, subject, "D3_Positions") for path in folder.glob("*.cdf")
        }
        actions = {name.rsplit(".", 2)[0] for name in videos if name.rsplit(".", 2)[-2] in CAMERAS} | truths
        cameras_known = camera_file(root, int(subject[1:])) is not None
        for action in sorted(action for action in actions if not action.startswith("_ALL")):
            name = f"{subject}/{action}"
            present = tuple(camera for camera in CAMERAS if f"{action}.{camera}.mp4" in videos)
            missing = [f"video of {camera}" for camera in CAMERAS if camera not in present]
            missing += [] if action in truths else ["D3_Positions"]
            missing += [] if cameras_known else ["camera file"]
            found.append(FoundSequence(name, present, tuple(missing), _known_of(name)))
    return found


def read_human36m(root: Path, sequence: str, cameras: Path | None = None) -> DatasetSequence:
    """One recording, checked.

    Args:
        root: of the data set.
        sequence: "S9/Walking 1"; - and _ stand for the blank, case does not matter.
        cameras: camera file; None = the one under `root`.

    Raises:
        DatasetError: not there (says what is), incomplete, unreadable, or cameras and truth that contradict each other.
    """
    name = chosen(sequence, find_human36m(root), "Human3.6M", root).name
    subject, action = name.split("/")
    path = cameras or camera_file(root, int(subject[1:]))
    if path is None or not path.is_file():
        raise DatasetError(
            f"no camera file at {path or root}: put {camera_places()} there, or name it with --cameras"
        )
    truth = _file(root, subject, "D3_Positions", f"{action}.cdf")
    if truth is None:
        raise DatasetError(
            f"{name} has no D3_Positions under {root}: extract Poses_D3_Positions_{subject}.tgz"
        )
    xyz = read_positions(truth)
    check_limbs(xyz, H36M_17.names, "mm", str(truth))
    check_body(xyz, H36M_17.names, ("+x", "+y", "+z"), str(truth))
    sources, infos, notes = _videos(root, name)
    read = read_cameras(
        path, int(subject[1:]), {camera: info.size_px or (0, 0) for camera, info in infos.items()}
    )
    rig = replace(read.rig, cameras=tuple(read.rig.cameras[read.rig.index(camera)] for camera in infos))
    frames, shortened = common_frames(
        name, len(xyz), {camera: info.n_frames for camera, info in infos.items()}
    )
    notes += shortened
    xyz = xyz[:frames]
    seen = check_reading(rig, read.reading, xyz, H36M_17.names, "+z", str(path))
    drawn = _drawn(root, subject, action, rig, frames)
    lenses = fitted_lenses(rig.cameras, xyz, drawn, str(path))
    rig = replace(rig, cameras=lenses.cameras)
    notes.append(f"Cameras are read as {read.reading}, as {path.name} of this layout documents.")
    if lenses.exchanged:
        notes.append(
            f"The two tangential numbers of {', '.join(lenses.exchanged)} are exchanged in {path.name}, as in copies "
            "that are around; the 2D truth shows it, and the right order is used."
        )
    if not read.lens:
        notes.append(
            "The camera file has no distortion: points near the edges of pictures are off by some pixels."
        )
    if not drawn:
        notes.append("There are no D2_Positions: the distortion is not checked.")
    return DatasetSequence(
        dataset="human36m",
        name=name,
        rig=rig,
        sources=sources,
        fps=min(info.fps for info in infos.values()),
        xyz=xyz,
        joints=H36M_17.names,
        notes=(*_known_of(name), *notes),
        damaged=name in DAMAGED,
        seen=seen,
        rms_px=lenses.rms_px,
    )


def _known_of(name: str) -> tuple[str, ...]:
    if name in DAMAGED:
        return ("The truth of this recording is known to be shifted: leave it out of absolute errors.",)
    if name in CORRUPT:
        return (f"The video of {CORRUPT[name]} is known to be missing or broken: three views are used.",)
    return ()


def _folders(root: Path, subject: str, kind: str) -> list[Path]:
    """Where files of a kind can lie, those that are there."""
    inner = f"{subject}/Videos" if kind == "Videos" else f"{subject}/MyPoseFeatures/{kind}"
    archive = f"Videos_{subject}" if kind == "Videos" else f"Poses_{kind}_{subject}"
    places = [root / folder / outer / inner for folder in FOLDERS for outer in (archive, "")]
    return [place for place in places if place.is_dir()]


def _file(root: Path, subject: str, kind: str, name: str) -> Path | None:
    for folder in _folders(root, subject, kind):
        if (folder / name).is_file():
            return folder / name
    return None


def _videos(root: Path, name: str) -> tuple[tuple[VideoFile, ...], dict[str, SourceInfo], list[str]]:
    """Sources, what is known of each, and notes about those left out and about their rate."""
    subject, action = name.split("/")
    sources, infos, notes = [], {}, []
    for camera in CAMERAS:
        path = _file(root, subject, "Videos", f"{action}.{camera}.mp4")
        if CORRUPT.get(name) == camera:
            continue
        if path is None:
            notes.append(f"Camera {camera} has no video and is left out.")
            continue
        source = VideoFile(file=str(path.resolve()))
        try:
            infos[camera] = source_info(source, camera)
        except CaptureError as error:
            raise DatasetError(f"{name}: {error}") from error
        sources.append(source)
    if len(sources) < 2:
        raise DatasetError(
            f"{name} has {len(sources)} videos under {root}, 3D needs two: extract Videos_{subject}.tgz"
        )
    rates = {info.fps for info in infos.values()}
    if any(abs(rate - FPS) > _SAME_RATE * FPS for rate in rates):
        notes.append(
            f"Videos run at {', '.join(f'{rate:g}' for rate in sorted(rates))} pictures a second, the data set at "
            f"{FPS:g}: were pictures left out?"
        )
    return tuple(sources), infos, notes


def _drawn(root: Path, subject: str, action: str, rig: Rig, frames: int) -> dict[str, NDArray[np.float64]]:
    """The published 2D truth of the cameras that have one, at most `frames` rows each."""
    drawn = {}
    for camera in rig.names:
        path = _file(root, subject, "D2_Positions", f"{action}.{camera}.cdf")
        if path is not None:
            pixels = read_pixels(path)[:frames]
            if len(pixels) < frames:
                raise DatasetError(f"{path} has {len(pixels)} rows, expected {frames}: extract it again")
            drawn[camera] = pixels
    return drawn
