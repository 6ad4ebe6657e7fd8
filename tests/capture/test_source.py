"""What is known of sources before they start, and recordings that loop together."""

from pathlib import Path
from threading import Event

import pytest
from clips import SIZE_PX, write_clip

from posecap.capture.errors import CaptureError
from posecap.capture.frame import Frame
from posecap.capture.source import Playback, SourceInfo, open_source, played_together, source_info
from posecap.capture.source_config import ImageFolder, Uvc, VideoFile

SAMPLE = Path(__file__).parents[2] / "capture" / "sample" / "solo"


def test_a_recording_is_known_before_it_starts(tmp_path: Path) -> None:
    clip = VideoFile(file=str(write_clip(tmp_path / "a.mp4", 12, fps=60)))
    assert source_info(clip, "cam01") == SourceInfo(60.0, 12, SIZE_PX, live=False)
    with pytest.raises(CaptureError, match="calibrated were 640 x 480"):
        source_info(clip, "cam01", (640, 480))


def test_a_camera_is_not_opened_to_be_asked() -> None:
    assert source_info(Uvc(device=99, fps=50), "cam01") == SourceInfo(50.0, None, None, live=True)


def test_recordings_of_different_length_loop_together(tmp_path: Path) -> None:
    sources = [
        VideoFile(file=str(write_clip(tmp_path / "a.mp4", 12))),
        Uvc(device=0),
        VideoFile(file=str(write_clip(tmp_path / "b.mp4", 10))),
    ]
    infos = [source_info(source, "cam01") for source in sources]
    together = played_together(sources, infos)
    assert [source_info(source, "cam01").n_frames for source in together] == [10, None, 10]
    assert isinstance(played_together([ImageFolder(folder="x", fps=1)], [infos[0]])[0], ImageFolder)


@pytest.mark.skipif(not list(SAMPLE.glob("*.mp4")), reason="capture/sample/solo has no clips here")
def test_the_sample_clips_are_synchronous_and_complete() -> None:
    times = {}
    for clip in sorted(SAMPLE.glob("*.mp4")):
        info = source_info(VideoFile(file=str(clip)), clip.stem)
        with open_source(
            VideoFile(file=str(clip)), clip.stem, None, Playback(0, pace="max"), Event()
        ) as source:
            frames: list[Frame] = list(source.frames())
        assert len(frames) == info.n_frames
        assert source.counters.dropped == 0
        times[clip.stem] = [frame.t_ns for frame in frames]
    assert len(times) == 4
    assert len({tuple(stamps) for stamps in times.values()}) == 1
