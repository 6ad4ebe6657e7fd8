"""The recorder process: everything that it was given, exactly; killed or without a disk, everything but the end."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from recording_rig import RecordingRig, number_in, numbered

from posecap.capture.session_folder import open_session
from posecap.capture.video_file import VideoRecording


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short enough for sockets."""
    return tmp_path_factory.mktemp("r")


def played(session: Path, camera: str) -> tuple[list[int], int]:
    """Numbers that the whole pictures of a video show, and how many of them have a record with this number as seq."""
    opened = open_session(session)
    video = VideoRecording(opened.video(camera), camera)
    shown = []
    for index in range(len(video.times_ns)):
        pixels = video.picture(index)
        if pixels is None:
            break
        shown.append(number_in(pixels))
    video.close()
    seqs = opened.pictures[camera].seq
    assert opened.pictures[camera].index.tolist() == list(range(len(seqs)))
    both = min(len(seqs), len(shown))
    assert shown[:both] == seqs[:both].tolist()
    return shown, both


def test_lossless_pictures_come_back_bit_by_bit_with_number_and_time(folder: Path) -> None:
    with RecordingRig(folder, lossless=True) as rig:
        assert rig.start().state == "ready"
        layouts = {"cam0": "bgr24", "cam1": "i420"}
        for step in range(80):  # ten times round the ring: the writer waits for the recorder
            for name, layout in layouts.items():
                rig.send(name, step + step // 7, layout=layout)
        assert rig.end() == 0
        last = rig.last_report()
        assert last.state == "ended"
        session = open_session(rig.session)
        assert session.complete
        assert session.info.cameras == ("cam0", "cam1")
        assert session.losses == {"cam0": 0, "cam1": 0}
        for number, (name, layout) in enumerate(layouts.items()):
            pictures = session.pictures[name]
            assert list(zip(pictures.seq, pictures.t_ns, strict=True)) == rig.sent[name]
            assert last.cameras[name].written == 80
            assert last.cameras[name].missing == 80 // 7
            video = VideoRecording(session.video(name), name)
            for index, (seq, _) in enumerate(rig.sent[name]):
                np.testing.assert_array_equal(video.pixels(index), numbered(seq, number, layout))
            video.close()


def test_what_was_overwritten_is_counted(folder: Path) -> None:
    with RecordingRig(folder, cameras=1, slots=4) as rig:
        rig.start()
        os.kill(rig.process.pid or 0, 19)  # SIGSTOP: it does not read for a while
        time.sleep(0.1)
        for seq in range(20):
            rig.send("cam0", seq, wait=False)
        os.kill(rig.process.pid or 0, 18)
        assert rig.end() == 0
        last = rig.last_report()
        assert (last.cameras["cam0"].written, last.cameras["cam0"].lost) == (4, 16)
        session = open_session(rig.session)
        assert session.pictures["cam0"].seq.tolist() == [16, 17, 18, 19]
        assert session.losses == {"cam0": 16}


def test_a_killed_recorder_leaves_everything_but_the_last_second(folder: Path) -> None:
    with RecordingRig(folder) as rig:
        rig.start()
        rig.play(30)
        time.sleep(1.8)
        rig.process.kill()
        rig.process.join()
        killed_ns = time.monotonic_ns()
        for name in rig.names:
            _, both = played(rig.session, name)
            assert killed_ns - rig.sent[name][both - 1][1] < 1_000_000_000
            assert not open_session(rig.session).complete


def test_a_folder_that_holds_a_recording_is_refused(folder: Path) -> None:
    with RecordingRig(folder) as rig:
        (rig.session / "session.mcap").touch()
        rig.process.start()
        report = rig.report(60)
        assert report.state == "failed"
        assert "cannot write" in report.note
        assert "(File exists): give another folder" in report.note
        rig.process.join(10)
        assert rig.process.exitcode == 78


def test_recording_ends_before_the_disk_is_full(folder: Path) -> None:
    with RecordingRig(folder, keep_free_bytes=1 << 60) as rig:
        rig.start()
        rig.play(30)
        rig.process.join(10)
        assert rig.process.exitcode == 0
        last = rig.last_report()
        assert last.state == "ended"
        assert "MB are free at" in last.note
        assert open_session(rig.session).complete
        assert rig.rings["cam0"].readers == 1
