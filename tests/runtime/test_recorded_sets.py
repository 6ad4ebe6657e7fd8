"""Frame sets of a session: the pictures that the pipeline had, and no others."""

from pathlib import Path

import pytest
from clips import number_of
from recorded_pictures import RIG, set_of, write_pictures

from posecap.capture.session_folder import FrameSetRecord, open_session
from posecap.runtime.errors import RuntimeFault
from posecap.runtime.recorded_sets import RecordedSets


def numbers(folder: Path) -> list[list[int | None]]:
    """What the pictures of each frame set show."""
    with RecordedSets(open_session(folder), RIG) as sets:
        return [
            [None if frame is None else number_of(frame.image) for frame in one.frame_set.frames]
            for one in sets
        ]


def test_each_set_has_its_own_pictures_also_after_drops(tmp_path: Path) -> None:
    seqs = {
        "left": [0, 1, 2, 3, 4],
        "right": [0, 2, 3, 5, 6],
    }  # the place in the video is what a picture shows
    sets = [set_of(0, (0, 0)), set_of(1, (1, None)), set_of(2, (2, 2)), set_of(4, (4, 5))]
    folder = write_pictures(tmp_path / "session", seqs, sets)
    assert numbers(folder) == [[0, 0], [1, None], [2, 1], [4, 3]]


def test_a_camera_that_counts_anew_is_told_apart_by_time(tmp_path: Path) -> None:
    seqs = {"left": [0, 1, 2, 3], "right": [0, 1, 0, 1]}
    sets = [set_of(index, (index, index % 2)) for index in range(4)]
    folder = write_pictures(tmp_path / "session", seqs, sets)
    assert numbers(folder) == [[0, 0], [1, 1], [2, 2], [3, 3]]


def test_pictures_that_were_cut_off_are_lost_and_said_to_be(tmp_path: Path) -> None:
    seqs = {"left": list(range(6)), "right": list(range(6))}
    sets = [set_of(index, (index, index)) for index in range(6)]
    folder = write_pictures(tmp_path / "session", seqs, sets, in_video=4)
    with RecordedSets(open_session(folder), RIG) as recorded:
        lost = [one.lost for one in recorded]
    assert lost == [()] * 4 + [("left", "right")] * 2


def test_without_frame_sets_pictures_are_grouped_by_time(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "session", {"left": list(range(8)), "right": list(range(6))}, [])
    assert numbers(folder) == [[n, n] for n in range(6)] + [[6, None], [7, None]]


def test_all_pictures_may_be_grouped_again(tmp_path: Path) -> None:
    folder = write_pictures(
        tmp_path / "session", {"left": [0, 1, 2], "right": [0, 1, 2]}, [set_of(1, (1, 1))]
    )
    assert numbers(folder) == [[1, 1]]
    with RecordedSets(open_session(folder), RIG, whole=True) as sets:
        assert [one.record.seqs for one in sets] == [(0, 0), (1, 1), (2, 2)]


def test_settings_of_the_pipeline_are_kept(tmp_path: Path) -> None:
    sets = [set_of(0, (0, 0), left_out=1, ahead=True, session="ab")]
    folder = write_pictures(tmp_path / "session", {"left": [0], "right": [0]}, sets)
    with RecordedSets(open_session(folder), RIG) as recorded:
        record: FrameSetRecord = next(iter(recorded)).record
    assert (record.left_out, record.ahead, record.torn, record.session) == (1, True, False, "ab")


def test_a_session_without_pictures_is_refused(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "session", {}, [])
    with pytest.raises(RuntimeFault, match="holds no pictures: record again"):
        RecordedSets(open_session(folder), RIG)
