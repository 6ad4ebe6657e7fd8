"""A camera process that decodes its whole recording before it starts: what is left is the pipeline."""

import numpy as np
from numpy.typing import NDArray

from posecap.capture import camera_process, source
from posecap.capture.camera_process import CameraConfig
from posecap.capture.source_config import VideoFile
from posecap.capture.video_file import VideoRecording

_open_video = source._video


class DecodedRecording:
    """A `posecap.capture.recording.Recording` in memory."""

    def __init__(self, video: VideoRecording) -> None:
        self.times_ns, self.duration_ns, self.size_px = video.times_ns, video.duration_ns, video.size_px
        pictures = [video.pixels(index) for index in range(len(video.times_ns))]
        self._pictures = [None if picture is None else np.array(picture) for picture in pictures]
        video.close()

    def pixels(self, index: int) -> NDArray[np.uint8] | None:
        return self._pictures[index]

    def close(self) -> None:
        self._pictures.clear()


def _decoded(config: VideoFile, camera: str, size_px: tuple[int, int] | None) -> DecodedRecording:
    return DecodedRecording(_open_video(config, camera, size_px))


def main(config: CameraConfig) -> None:
    """As `posecap.capture.camera_process.main`."""
    source._video = _decoded  # type: ignore[assignment]
    camera_process.main(config)
