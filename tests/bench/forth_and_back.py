"""A short clip played forth and back: an endless take without the jump of a loop, at which everybody is lost."""

import shutil
from pathlib import Path

from posecap.calib.rig_file import read_rig_file
from posecap.capture.video_file import VideoRecording
from posecap.training.synthetic_video import Clip

_QUALITY = 23  # constant, of H.264
_FPS = 30


def written_forth_and_back(cams: Path, folder: Path) -> Path:
    """The rig file of `cams` in `folder`, beside 30 fps clips that end where they began; made once."""
    rig_path = folder / "rig.yaml"
    if rig_path.exists():
        return rig_path
    folder.mkdir(parents=True, exist_ok=True)
    for camera in read_rig_file(cams).cameras:
        file = str(camera.source["file"])
        _write(VideoRecording(cams.parent / file, camera.name), folder / file)
    shutil.copy(cams, rig_path)
    return rig_path


def _write(recording: VideoRecording, path: Path) -> None:
    forth = []
    for index in range(len(recording.times_ns)):
        picture = recording.picture(index)
        if picture is not None:
            forth.append(picture[..., ::-1].copy())
    recording.close()
    with Clip(path, recording.size_px, _FPS, _QUALITY) as clip:
        for picture in forth + forth[-2:0:-1]:
            clip.write(picture)
