"""Session folders: what was written comes back, also when the file was cut anywhere."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from posecap.capture.errors import SessionError
from posecap.capture.session_folder import (
    CAMERA_METADATA,
    FRAME_SET_CHANNEL,
    MCAP_FILE,
    PICTURE_CHANNEL,
    SESSION_METADATA,
    SETTINGS_METADATA,
    FrameSetRecord,
    PictureRecord,
    RecordedCamera,
    SessionInfo,
    open_session,
    to_metadata,
)
from posecap.capture.session_writer import SessionWriter

START_NS = 5_000_000_000_000
PERIOD_NS = 33_333_333
CAMERA = RecordedCamera(
    name="cam01", size_px=(64, 48), file="video/cam01.mkv", codec="libx264", layout="bgr24", lossless=True
)


def written_session(folder: Path, pictures: int = 60, flush_every: int = 15, *, finish: bool = True) -> Path:
    """A session of one camera that missed every seventh picture."""
    folder.mkdir(exist_ok=True)
    with SessionWriter(folder / MCAP_FILE) as writer:
        info = SessionInfo(posecap="0.1", start_ns=START_NS, unix_offset_ns=17, rig="0123456789ab")
        writer.add_metadata(SESSION_METADATA, to_metadata(info))
        writer.add_metadata(SETTINGS_METADATA, {"model": '"rtmpose"', "lag_frames": "1"})
        writer.add_metadata(CAMERA_METADATA + "cam01", to_metadata(CAMERA))
        for index in range(pictures):
            seq = index + index // 6
            record = PictureRecord(seq, START_NS + seq * PERIOD_NS, index)
            writer.write(PICTURE_CHANNEL + "cam01", msgspec.msgpack.encode(record))
            frame_set = FrameSetRecord(index, record.t_ns, (seq, None), left_out=index % 2)
            writer.write(FRAME_SET_CHANNEL, msgspec.msgpack.encode(frame_set))
            writer.write("pose3d", msgspec.msgpack.encode([b"header", bytes([index])]), log_ns=index)
            if index % flush_every == flush_every - 1:
                writer.flush()
        if finish:
            writer.finish()
    return folder


def test_everything_comes_back(tmp_path: Path) -> None:
    session = open_session(written_session(tmp_path / "session"))
    assert session.complete
    assert session.info == SessionInfo(
        posecap="0.1", start_ns=START_NS, unix_offset_ns=17, rig="0123456789ab"
    )
    assert session.settings == {"model": "rtmpose", "lag_frames": 1}
    assert session.cameras == {"cam01": CAMERA}
    assert session.video("cam01") == tmp_path / "session" / "video" / "cam01.mkv"
    pictures = session.pictures["cam01"]
    index = np.arange(60)
    np.testing.assert_array_equal(pictures.index, index)
    np.testing.assert_array_equal(pictures.seq, index + index // 6)
    np.testing.assert_array_equal(pictures.t_ns, START_NS + (index + index // 6) * PERIOD_NS)
    assert [(one.index, one.seqs, one.left_out) for one in session.frame_sets[:2]] == [
        (0, (0, None), 0),
        (1, (1, None), 1),
    ]
    poses = list(session.messages({"pose3d"}))
    assert [one.log_ns for one in poses] == list(range(60))
    assert poses[7].parts() == [b"pose3d", b"header", b"\x07"]
    assert len(list(session.messages())) == 180


def test_a_session_cut_anywhere_opens_with_every_whole_chunk(tmp_path: Path) -> None:
    whole = written_session(tmp_path / "whole")
    data = (whole / MCAP_FILE).read_bytes()
    cut = tmp_path / "cut"
    cut.mkdir()
    counts = []
    for length in range(0, len(data), 13):
        (cut / MCAP_FILE).write_bytes(data[:length])
        session = open_session(cut)
        assert not session.complete
        seq = session.pictures["cam01"].seq if session.cameras else np.empty(0, np.int64)
        assert len(seq) % 15 == 0
        np.testing.assert_array_equal(seq, np.arange(len(seq)) + np.arange(len(seq)) // 6)
        counts.append(len(seq))
    assert counts == sorted(counts)
    assert set(counts) == {0, 15, 30, 45, 60}


def test_what_was_flushed_is_there_without_an_end(tmp_path: Path) -> None:
    session = open_session(written_session(tmp_path / "s", finish=False))
    assert not session.complete
    assert len(session.pictures["cam01"]) == 60


def test_a_damaged_chunk_costs_its_own_messages_only(tmp_path: Path) -> None:
    folder = written_session(tmp_path / "s")
    data = bytearray((folder / MCAP_FILE).read_bytes())
    data[data.index(b"zstd") + 40] ^= 0xFF
    (folder / MCAP_FILE).write_bytes(data)
    session = open_session(folder)
    assert session.pictures["cam01"].index.tolist() == list(range(15, 60))


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match=r"is no recorded session: give a folder that has session\.mcap"):
        open_session(tmp_path)
    (tmp_path / MCAP_FILE).write_bytes(b"not an mcap file at all")
    with pytest.raises(SessionError, match="is not an MCAP file"):
        open_session(tmp_path)


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    with SessionWriter(tmp_path / MCAP_FILE) as writer:
        writer.add_metadata(SESSION_METADATA, {"version": "99"})
        writer.finish()
    with pytest.raises(SessionError, match="has version 99, this program reads 1: update posecap"):
        open_session(tmp_path)


def test_a_message_without_parts_is_refused(tmp_path: Path) -> None:
    session = open_session(written_session(tmp_path / "s", pictures=1))
    message = next(session.messages({FRAME_SET_CHANNEL}))
    with pytest.raises(SessionError, match="channel 'frame_set' is damaged"):
        message.parts()


def test_an_unknown_camera_is_refused(tmp_path: Path) -> None:
    session = open_session(written_session(tmp_path / "s", pictures=1))
    with pytest.raises(SessionError, match="no pictures of camera 'cam09', there are cam01"):
        session.video("cam09")
