"""The cameras of a rig file, checked before a process is started: geometry, sources, one rate."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig
from posecap.calib.rig_file import RigFile, read_rig_file
from posecap.capture.camera_process import CameraConfig
from posecap.capture.source import SourceInfo, played_together, source_info
from posecap.capture.source_config import SourceConfig, source_config
from posecap.launch.errors import UsageError

_SAME_RATE = 0.02


@dataclass(frozen=True, slots=True)
class PreparedCameras:
    """Cameras that can be started.

    Attributes:
        content: of the rig file.
        rig: the cameras.
        sources: what each plays, in rig order.
        fps: nominal, seconds of the scene.
        media_s: length of one round of the recordings; None where a camera is live.
        speed: seconds of the scene for each second of the clock; 1 where a camera is live.
        configs: of the processes, without endpoints, rings and epoch.
    """

    content: RigFile
    rig: Rig
    sources: list[SourceConfig]
    fps: float
    media_s: float | None
    speed: float
    configs: tuple[CameraConfig, ...]


def prepare_cameras(
    cams: Path, *, speed: float, loop: bool, pace: Literal["clock", "max"]
) -> PreparedCameras:
    """The checked cameras of the rig file `cams`.

    Raises:
        CalibrationError, CaptureError, UsageError: each names what is wrong.
    """
    content = read_rig_file(cams)
    try:
        rig = content.rig()
    except CalibrationError as error:
        raise CalibrationError(f"{cams}: {error}") from error
    folder = cams.resolve().parent
    sources = [source_config(entry, folder) for entry in content.cameras]
    infos = [
        source_info(source, camera.name, camera.size_px)
        for source, camera in zip(sources, rig.cameras, strict=True)
    ]
    fps = _common_rate(rig, infos)
    sources = played_together(sources, infos)
    counts = [info.n_frames for info in infos if info.n_frames is not None]
    media_s = min(counts) / fps if len(counts) == len(infos) else None
    speed = speed if media_s is not None else 1.0
    configs = tuple(
        CameraConfig(
            camera=camera.name,
            size_px=camera.size_px,
            source=source,
            endpoint="",
            ring="",
            speed=speed,
            loop=loop,
            pace=pace,
        )
        for camera, source in zip(rig.cameras, sources, strict=True)
    )
    return PreparedCameras(content, rig, sources, fps, media_s, speed, configs)


def _common_rate(rig: Rig, infos: list[SourceInfo]) -> float:
    slowest = min(range(len(infos)), key=lambda index: infos[index].fps)
    fastest = max(range(len(infos)), key=lambda index: infos[index].fps)
    low, high = infos[slowest].fps, infos[fastest].fps
    if high > (1 + _SAME_RATE) * low:
        raise UsageError(
            f"camera {rig.names[fastest]!r} gives {high:g} pictures a second, "
            f"{rig.names[slowest]!r} {low:g}: run all cameras at one rate"
        )
    return low
