"""One instant of a calibrated rig: its pictures, free of distortion, and who is where."""

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.calib.rig_file import read_rig_file
from posecap.capture.frame import FrameSet
from posecap.capture.source import source_info
from posecap.capture.source_config import source_config
from posecap.launch.demo_person import DemoPicture
from posecap.launch.demo_pictures import PICTURES
from posecap.launch.demo_rig_files import files_of_cameras, still_sets, video_entries
from posecap.launch.errors import UsageError
from posecap.launch.model_files import with_weights
from posecap.launch.source_sets import source_sets
from posecap.models.joints import JointSet
from posecap.runtime.detect import open_detector
from posecap.runtime.estimate2d import open_estimator
from posecap.runtime.pinhole_views import PinholeViews
from posecap.runtime.pipeline import Pipeline
from posecap.runtime.settings import PipelineSettings

_WARM_UP = 6  # sets before the instant, until people are sure to be followed


def rig_instant(cams: Path, paths: Sequence[Path], at_s: float) -> tuple[Rig, list[FrameSet]]:
    """The rig, and the sets of pictures up to `at_s` seconds of its recordings; the last one is the instant.

    Args:
        paths: the user's own pictures or videos of the cameras; without any the recordings of the rig file.

    Raises:
        UsageError: live cameras, recordings that end before, files that do not fit the cameras.
        CalibrationError, CaptureError: a rig file or recording that cannot be read.
    """
    content = read_rig_file(cams)
    rig, entries = content.rig(), list(content.cameras)
    if paths:
        files = files_of_cameras(paths, rig)
        if next(iter(files.values())).suffix.lower() in PICTURES:
            return still_sets(rig, files, _WARM_UP + 1)
        entries = video_entries(cams, files)
        rig = Rig(tuple(rig.cameras[rig.index(entry.name)] for entry in entries))
    sources = {entry.name: source_config(entry, cams.parent) for entry in entries}
    infos = {
        camera.name: source_info(sources[camera.name], camera.name, camera.size_px) for camera in rig.cameras
    }
    live = [name for name, info in infos.items() if info.live]
    if live:
        raise UsageError(f"camera {live[0]!r} of {cams} is live: record it first with launch/record.py")
    sets: deque[FrameSet] = deque(maxlen=_WARM_UP + 1)
    for frame_set, _ in source_sets(sources, infos):
        sets.append(frame_set)
        if frame_set.t_ns >= at_s * 1e9 and len(sets) == _WARM_UP + 1:
            break
    else:
        raise UsageError(f"the recordings end before {at_s:g} s: give a smaller --at")
    return rig, list(sets)


def whole_views(rig: Rig, frame_set: FrameSet, cams: Path) -> tuple[Rig, list[DemoPicture]]:
    """The cameras that have a picture, as pinholes, and their pictures without distortion.

    Raises:
        UsageError: fewer than two pictures.
    """
    straight = PinholeViews(rig)
    pictures = [
        DemoPicture(camera.name, str(cams), frame.image, frame_set.t_ns / 1e9, camera)
        for camera, frame in zip(straight.rig.cameras, straight.straight(frame_set).frames, strict=True)
        if frame is not None
    ]
    if len(pictures) < 2:
        raise UsageError("fewer than two cameras have a picture at this instant: give another --at")
    return Rig(tuple(one.camera for one in pictures if one.camera is not None)), pictures


def locate(
    rig: Rig, sets: list[FrameSet], most_people: int, say: Callable[[str], None]
) -> tuple[JointSet, NDArray[np.float64]]:
    """Everybody at the last of `sets`, (people, joints, 3) world metres, as the live pipeline sees them.

    Raises:
        ModelError, WeightsError, EngineError: its networks cannot be had or run.
    """
    settings = msgspec.structs.replace(
        with_weights(PipelineSettings(), say), lag_frames=0, max_people=min(most_people, 64)
    )
    estimator = open_estimator(settings)
    detector = open_detector(settings)
    try:
        pipeline = Pipeline(rig, settings, estimator, detector)
        found = [pipeline.step(frame_set).instant for frame_set in sets][-1]
    finally:
        estimator.close()
        detector.close()
    known = [one.xyz for one in found.skeletons if np.isfinite(one.xyz).any()]
    return estimator.joint_set, np.array(known).reshape(-1, len(estimator.joint_set), 3)
