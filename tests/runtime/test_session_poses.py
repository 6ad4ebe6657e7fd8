"""A recording becomes the arrays that were recorded, with its gaps, absences and restarts as they were."""

import dataclasses

import numpy as np
import pytest
from recorded_session import START_NS, UNIX_OFFSET_NS, pose_of, poses_of, swinging, write_session

from posecap.capture.errors import SessionError
from posecap.launch.subscribe import json_line
from posecap.models.joints import COCO_17
from posecap.runtime.errors import TakeError
from posecap.runtime.session_poses import read_poses, take_of

T_S = np.arange(60) / 30


def test_what_was_recorded_is_read_exactly(tmp_path):
    xyz = swinging(T_S, people=2)
    xyz[10:20, 0, 3] = np.nan
    session = write_session(tmp_path / "s", poses_of(xyz, T_S, (7, 3)))

    take = read_poses(session)

    assert take.ids.tolist() == [3, 7]
    assert (take.joint_set, take.joints, take.rig_id) == ("coco-17/1", COCO_17.names, "0123456789ab")
    assert (take.stage, take.unix_offset_ns) == ("refined", UNIX_OFFSET_NS)
    np.testing.assert_array_equal(take.xyz, xyz[:, ::-1].astype(np.float32))
    np.testing.assert_array_equal(take.t_ns, START_NS + np.rint(T_S * 1e9).astype(np.int64))
    np.testing.assert_array_equal(np.isnan(take.covariance[..., 0]), np.isnan(xyz[:, ::-1, :, 0]))
    assert take.covariance[0, 0, 0].tolist() == pytest.approx([1e-4, 0, 0, 1e-4, 0, 4e-4])
    assert (take.views[0, 0, 0], take.views[12, 1, 3]) == (3, 0)
    assert take.recorded.all()


def test_a_gap_is_nan_at_interpolated_times(tmp_path):
    messages = poses_of(swinging(T_S), T_S, (1,))
    late = [m for m in messages[5:] if m.header.index not in (20, 21, 22)]  # begins at set 5

    take = read_poses(write_session(tmp_path / "s", late))

    assert len(take.t_ns) == 55
    assert take.index[0] == 5
    assert np.flatnonzero(~take.recorded).tolist() == [15, 16, 17]
    assert np.isnan(take.xyz[15:18]).all()
    assert np.isfinite(take.xyz[[14, 18]]).all()
    np.testing.assert_allclose(take.t_ns - START_NS, np.rint(T_S[5:] * 1e9), atol=2)


def test_someone_who_leaves_and_comes_back_keeps_one_row(tmp_path):
    xyz = swinging(T_S, people=2)
    xyz[20:30, 1] = np.nan
    xyz[:5, 1] = np.nan

    take = read_poses(write_session(tmp_path / "s", poses_of(xyz, T_S, (1, 2))))

    np.testing.assert_array_equal(take.known.any(axis=-1)[:, 1], np.isfinite(xyz[:, 1, 0, 0]))
    assert take.span(2) == slice(5, 60)
    assert not take.views[20:30, 1].any()


def test_stages_are_kept_apart(tmp_path):
    refined = poses_of(swinging(T_S), T_S, (1,))
    instant = poses_of(swinging(T_S) + 0.5, T_S, (1,), stage="instant")
    session = write_session(tmp_path / "s", [*refined, *instant])
    assert np.allclose(read_poses(session, "instant").xyz, read_poses(session).xyz + 0.5, atol=1e-6)


def test_only_the_people_asked_for(tmp_path):
    session = write_session(tmp_path / "s", poses_of(swinging(T_S, 3), T_S, (1, 2, 5)))
    both = read_poses(session, people=[5, 1])
    assert both.ids.tolist() == [1, 5]
    np.testing.assert_array_equal(both.xyz[:, 1], read_poses(session).xyz[:, 2])
    with pytest.raises(TakeError, match="no person 4 in the recording, there is 1, 2, 5: correct --person"):
        read_poses(session, people=[4])


def test_a_restart_of_the_runtime_does_not_mix_people():
    before = poses_of(swinging(T_S), T_S, (1,))
    after = [
        pose_of(swinging(T_S + 9)[k], (1,), k, START_NS + 9_000_000_000 + k * 33_333_333, session="later")
        for k in range(10)
    ]
    take = take_of([*before, *after])
    assert take.ids.tolist() == [1, 3]
    assert len(take.t_ns) == 70
    assert np.isnan(take.xyz[:60, 1]).all()
    assert np.isnan(take.xyz[60:, 0]).all()


def test_a_file_that_was_cut_off_gives_what_it_has(tmp_path):
    session = write_session(tmp_path / "s", poses_of(swinging(T_S), T_S, (1,)))
    whole = (session / "session.mcap").read_bytes()
    (session / "session.mcap").write_bytes(whole[: len(whole) // 2])
    take = read_poses(session)
    assert 10 < len(take.t_ns) < 60
    np.testing.assert_array_equal(take.xyz, swinging(T_S)[: len(take.t_ns)].astype(np.float32))


def test_lines_of_subscribe_are_the_same_take(tmp_path):
    xyz = swinging(T_S, 2)
    xyz[4:9, 1, 2] = np.nan
    xyz[30:40] = np.nan  # nobody
    messages = poses_of(xyz, T_S, (1, 2))
    lines = tmp_path / "poses.jsonl"
    lines.write_bytes(b"".join(map(json_line, messages)))

    by_lines, by_mcap = read_poses(lines), read_poses(write_session(tmp_path / "s", messages))

    for field in dataclasses.fields(by_mcap):
        np.testing.assert_array_equal(getattr(by_lines, field.name), getattr(by_mcap, field.name), field.name)


def test_lines_that_are_no_poses_are_refused(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(json_line(poses_of(swinging(T_S), T_S, (1,))[0]) + b'{"a": 1}\n')
    with pytest.raises(TakeError, match=r"line 2 is not a pose .*: give a session folder"):
        read_poses(path)


def test_what_cannot_be_read_says_so(tmp_path):
    with pytest.raises(TakeError, match=r"no recording at .*: give the folder that has session\.mcap"):
        read_poses(tmp_path / "nothing")
    empty = write_session(tmp_path / "empty", [])
    with pytest.raises(TakeError, match=r"no refined poses in .*: record while cameras run"):
        read_poses(empty)
    (tmp_path / "other.mcap").write_bytes(b"something else entirely")
    with pytest.raises(SessionError, match=r"is not an MCAP file: give the folder of a recorded session"):
        read_poses(tmp_path / "other.mcap")
    with pytest.raises(TakeError, match="no stage 'raw', there are instant, refined: correct --stage"):
        read_poses(empty, "raw")


def test_two_calibrations_in_one_recording_are_refused():
    messages = [pose_of(swinging(T_S)[k], (1,), k, START_NS + k, rig=f"{k:012d}") for k in range(2)]
    with pytest.raises(TakeError, match="rig changes in the recording from 000000000000 to 000000000001"):
        take_of(messages)


def test_an_absurd_gap_is_refused_before_memory_is_taken():
    messages = [pose_of(swinging(T_S)[k], (1,), k * 10**12, START_NS + k) for k in range(2)]
    with pytest.raises(TakeError, match="GiB, at most 8 are used"):
        take_of(messages)


def test_times_that_go_back_are_refused():
    messages = [pose_of(swinging(T_S)[k], (1,), k, START_NS - k) for k in range(2)]
    with pytest.raises(TakeError, match="do not increase"):
        take_of(messages)


def test_a_damaged_message_is_refused(tmp_path):
    good = poses_of(swinging(T_S), T_S, (1,))[0]

    class Cut:
        header = good.header

        @staticmethod
        def pack():
            topic, header, payload = good.pack()
            return [topic, header, payload[:-3]]

    with pytest.raises(TakeError, match="the header announces"):
        read_poses(write_session(tmp_path / "s", [Cut()]))
