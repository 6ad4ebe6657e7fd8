"""Repair: a session that was cut off is whole after it, with every picture that has pixels and a capture time."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from clips import number_of, numbered_picture

from posecap.capture.errors import SessionError
from posecap.capture.session_folder import (
    CAMERA_METADATA,
    MCAP_FILE,
    PICTURE_CHANNEL,
    REPAIR_METADATA,
    SESSION_METADATA,
    PictureRecord,
    RecordedCamera,
    SessionInfo,
    open_session,
    to_metadata,
)
from posecap.capture.session_records import RecordedMetadata, SessionRecords
from posecap.capture.session_repair import repair
from posecap.capture.session_writer import SessionWriter
from posecap.capture.video_file import VideoRecording
from posecap.capture.video_writer import VideoWriter

START_NS = 7_000_000_000_000
PERIOD_NS = 33_333_333
CAMERA = RecordedCamera(
    name="cam01", size_px=(320, 240), file="video/cam01.mkv", codec="libx264", layout="bgr24", lossless=False
)


def written(folder: Path, pixels: int, records: int, *, finish: bool = False) -> Path:
    """A session of one camera with `pixels` pictures in its video and `records` capture times, chunks of 10."""
    (folder / "video").mkdir(parents=True)
    with VideoWriter(folder / CAMERA.file, (320, 240), "bgr24", 30.0, encoder="libx264") as video:
        for index in range(pixels):
            video.write(VideoWriter.picture(numbered_picture(index)), index * PERIOD_NS)
    with SessionWriter(folder / MCAP_FILE) as writer:
        info = SessionInfo(start_ns=START_NS, cameras=("cam01",))
        writer.add_metadata(SESSION_METADATA, to_metadata(info))
        writer.add_metadata(CAMERA_METADATA + "cam01", to_metadata(CAMERA))
        for index in range(records):
            record = PictureRecord(2 * index, START_NS + index * PERIOD_NS, index)
            writer.write(PICTURE_CHANNEL + "cam01", msgspec.msgpack.encode(record), START_NS + index)
            writer.write("pose3d", msgspec.msgpack.encode((b"header", bytes([index]))), START_NS + index)
            if index % 10 == 9:
                writer.flush()
        if finish:
            writer.finish()
    return folder


def shown(folder: Path) -> list[int]:
    """Numbers that the pictures of the video show."""
    video = VideoRecording(folder / CAMERA.file, "cam01")
    pictures = [video.picture(index) for index in range(len(video.times_ns))]
    numbers = [number_of(one) for one in pictures if one is not None]
    video.close()
    return numbers


def test_pictures_without_pixels_and_without_capture_time_are_dropped(tmp_path: Path) -> None:
    for pixels, records in ((40, 30), (30, 40)):
        folder = written(tmp_path / f"{pixels}", pixels, records)
        result = repair(folder)
        camera = result.cameras["cam01"]
        assert (camera.pictures, camera.without_pixels, camera.without_record) == (
            30,
            records - 30,
            pixels - 30,
        )
        assert camera.last_ns == START_NS + 29 * PERIOD_NS
        assert result.messages == 30 + records
        session = open_session(folder)
        assert session.complete
        assert session.pictures["cam01"].seq.tolist() == list(range(0, 60, 2))
        assert shown(folder) == list(range(30))
        poses = list(session.messages({"pose3d"}))
        assert [(one.log_ns, one.data[-1]) for one in poses] == [
            (START_NS + index, index) for index in range(records)
        ]
        assert repair(folder).was_whole


def test_a_video_and_records_cut_anywhere_become_whole(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole", 40, 40, finish=True)
    video, mcap = (whole / CAMERA.file).read_bytes(), (whole / MCAP_FILE).read_bytes()
    left = []
    for number, share in enumerate((0.3, 0.55, 0.8, 0.97)):
        cut = tmp_path / f"cut{number}"
        (cut / "video").mkdir(parents=True)
        (cut / CAMERA.file).write_bytes(video[: round(share * len(video))])
        (cut / MCAP_FILE).write_bytes(mcap[: round(share * len(mcap))])
        result = repair(cut)
        session = open_session(cut)
        assert session.complete
        count = len(session.pictures["cam01"])
        assert shown(cut)[:count] == list(range(count))
        assert count == result.cameras["cam01"].pictures
        left.append(count)
    assert left == sorted(left)
    assert left[0] < left[-1]
    assert not list(tmp_path.rglob("*.new"))


def test_a_whole_session_is_left_as_it_is(tmp_path: Path) -> None:
    folder = written(tmp_path / "s", 20, 20, finish=True)
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert repair(folder).was_whole
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_a_damaged_chunk_costs_its_capture_times_and_nothing_else(tmp_path: Path) -> None:
    folder = written(tmp_path / "s", 30, 30, finish=True)
    data = bytearray((folder / MCAP_FILE).read_bytes())
    data[data.index(b"zstd") + 40] ^= 0xFF
    (folder / MCAP_FILE).write_bytes(data)
    result = repair(folder)
    assert result.damaged_chunks == 1
    assert result.cameras["cam01"].pictures == 20
    session = open_session(folder)
    assert session.pictures["cam01"].index.tolist() == list(range(10, 30))
    assert shown(folder) == list(range(30))  # the places in the video stay as they were
    assert repair(folder).was_whole


def test_what_was_dropped_is_written_down(tmp_path: Path) -> None:
    folder = written(tmp_path / "s", 10, 20)
    repair(folder)
    records = SessionRecords(folder / MCAP_FILE)
    notes = [
        one.values for one in records if isinstance(one, RecordedMetadata) and one.name == REPAIR_METADATA
    ]
    assert notes == [{"cam01": "10"}]


def test_a_camera_without_any_pixels_keeps_none(tmp_path: Path) -> None:
    folder = written(tmp_path / "s", 5, 20)
    (folder / CAMERA.file).write_bytes(b"")
    camera = repair(folder).cameras["cam01"]
    assert (camera.pictures, camera.without_pixels, camera.last_ns) == (0, 20, None)
    assert np.array_equal(open_session(folder).pictures["cam01"].seq, [])


def test_a_session_that_is_being_recorded_is_refused(tmp_path: Path) -> None:
    with SessionWriter(tmp_path / MCAP_FILE) as writer:
        writer.flush()
        with pytest.raises(SessionError, match="is still being written: end the recording first"):
            repair(tmp_path)
    assert not repair(tmp_path).was_whole  # closed without an end
