"""Video files whose pictures say their number: times are exact, access random, wrong files explained."""

from pathlib import Path

import numpy as np
import pytest
from clips import SIZE_PX, number_of, write_clip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posecap.capture.errors import CaptureError
from posecap.capture.video_file import VideoRecording


def number(recording: VideoRecording, index: int) -> int:
    image = recording.picture(index)
    assert image is not None
    return number_of(image)


@pytest.mark.parametrize("b_frames", [0, 3])
def test_pictures_and_times_are_exact(tmp_path: Path, b_frames: int) -> None:
    video = VideoRecording(
        write_clip(tmp_path / "a.mp4", 45, fps=50, b_frames=b_frames), "cam01", size_px=SIZE_PX
    )
    assert list(video.times_ns) == [i * 20_000_000 for i in range(45)]
    assert video.duration_ns == 45 * 20_000_000
    assert video.fps == 50
    assert video.size_px == SIZE_PX
    assert [number(video, i) for i in range(45)] == list(range(45))
    image = video.picture(3)
    assert image is not None
    assert image.dtype == np.uint8
    assert image.shape == (240, 320, 3)


def test_colours_are_blue_green_red(tmp_path: Path) -> None:
    import av

    path = tmp_path / "red.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height = SIZE_PX
        stream.pix_fmt = "yuv420p"
        red = np.zeros((240, 320, 3), np.uint8)
        red[..., 2] = 220
        container.mux(stream.encode(av.VideoFrame.from_ndarray(red, format="bgr24")))
        container.mux(stream.encode())
    image = VideoRecording(path, "cam01").picture(0)
    assert image is not None
    assert np.abs(image.mean(axis=(0, 1)) - (0, 0, 220)).max() < 4


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "b.mp4", 60, b_frames=2, gop=13)


@given(st.lists(st.integers(0, 59), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_gives_the_right_picture(clip: Path, order: list[int]) -> None:
    video = VideoRecording(clip, "cam01")
    assert [number(video, index) for index in order] == order


def test_uneven_times_are_the_files_own(tmp_path: Path) -> None:
    ticks = [0, 30, 70, 90, 200, 233]
    video = VideoRecording(write_clip(tmp_path / "vfr.mkv", 6, ticks=ticks), "cam01")
    assert [round(t / 1e6) for t in video.times_ns] == ticks
    assert video.duration_ns == pytest.approx(233e6 * 6 / 5, rel=1e-6)


def test_a_part_is_played(clip: Path) -> None:
    video = VideoRecording(clip, "cam01", first_frame=20, frames=15)
    assert len(video.times_ns) == 15
    assert video.times_ns[0] == 0
    assert [number(video, i) for i in (0, 14, 7)] == [20, 34, 27]


def test_damage_in_the_middle_costs_pictures_and_not_the_recording(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 60)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = b"\xff" * 40
    path.write_bytes(data)
    video = VideoRecording(path, "cam01")
    numbers = [(i, number_of(image)) for i in range(60) if (image := video.picture(i)) is not None]
    assert len(numbers) >= 45
    assert sum(i == found for i, found in numbers) >= 45


def test_wrong_files_are_explained(tmp_path: Path) -> None:
    with pytest.raises(
        CaptureError, match=r"camera 'cam01': no video file at .*none.mp4: correct source.file"
    ):
        VideoRecording(tmp_path / "none.mp4", "cam01")
    (tmp_path / "zero.mp4").touch()
    with pytest.raises(CaptureError, match=r"zero.mp4 is empty \(0 bytes\)"):
        VideoRecording(tmp_path / "zero.mp4", "cam01")
    (tmp_path / "text.mp4").write_text("this is not a video\n" * 100)
    with pytest.raises(CaptureError, match=r"text.mp4 is not a video that can be read"):
        VideoRecording(tmp_path / "text.mp4", "cam01")
    clip = write_clip(tmp_path / "a.mp4", 5)
    with pytest.raises(CaptureError, match=r"pictures of 320 x 240 px, calibrated were 640 x 480: calibrate"):
        VideoRecording(clip, "cam01", size_px=(640, 480))
    with pytest.raises(CaptureError, match=r"has 5 pictures, asked for those from 9"):
        VideoRecording(clip, "cam01", first_frame=9)
    clip.write_bytes(clip.read_bytes()[:600])
    with pytest.raises(CaptureError, match=r"a.mp4 is not a video that can be read"):
        VideoRecording(clip, "cam01")
