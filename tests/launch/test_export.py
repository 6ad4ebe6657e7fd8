"""The command from session folder to files: what it writes, what it says, and what it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from recorded_session import poses_of, swinging, write_session
from scene import ring_rig
from typer.testing import CliRunner

from posecap.calib.rig_file import rig_file_of, write_rig_file
from posecap.launch.export import app
from posecap.launch.subscribe import json_line
from posecap.launch.truth import load_truth

FRAMES = 60
RIG = ring_rig(4)
JITTER_S = np.random.default_rng(3).uniform(-0.003, 0.003, FRAMES)
T_S = np.arange(FRAMES) / 30 + JITTER_S


@pytest.fixture
def session(tmp_path) -> Path:
    """Two people at uneven times; person 2 leaves and comes back, frame set 40 is lost."""
    xyz = swinging(T_S, people=2)
    xyz[20:30, 1] = np.nan
    xyz[12:14, 0, 9] = np.nan
    messages = [m for m in poses_of(xyz, T_S, (1, 2), rig=RIG.id) if m.header.index != 40]
    folder = write_session(tmp_path / "take7", messages)
    write_rig_file(folder / "rig.yaml", rig_file_of(RIG))
    return folder


def run(*arguments):
    """Exit status, what was printed, and the error line."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_every_format_in_one_go(session):
    status, said, _ = run(
        session, "--trc", "--c3d", "--bvh", "--csv", "--parquet", "--npz", "--openpose-json"
    )
    assert status == 0
    made = sorted(path.name for path in (session / "export").iterdir())
    assert made == sorted([
        "take7.csv", "take7.csv.json", "take7.npz", "take7.parquet", "take7_openpose",
        *(f"take7_person{person}.{kind}" for person in (1, 2) for kind in ("trc", "c3d", "bvh")),
    ])  # fmt: skip
    assert "1 frame sets are not in the recording" in said
    assert "gaps are as recorded" in said
    assert "30 Hz: times moved by" in said
    held = [int(line.split(" held")[0].split()[-1]) for line in said.splitlines() if ".bvh" in line]
    assert held[0] < 8 < held[1] < 20  # only where somebody is unknown, not from frame to frame
    rows = {line.split()[0]: line.split()[1:5] for line in said.splitlines() if ".trc" in line}
    assert rows["take7_person1.trc"][:3] == ["1", "60", "1"]  # one gap: the lost frame set
    assert rows["take7_person2.trc"][:3] == ["2", "60", "2"]


def test_uneven_times_become_even_ones_on_the_motion(session):
    assert run(session, "--trc", "--person", 1)[0] == 0
    truth = load_truth(session / "export" / "take7_person1.trc")
    exact = swinging(np.arange(len(truth.xyz)) / 30 + T_S[0])[:, :1, 5:]
    error = np.abs(truth.xyz - exact[:, :, : truth.xyz.shape[2]])
    assert np.nanmax(error[1:-1]) < 3e-3
    assert np.isnan(truth.xyz[40]).all()


def test_the_recordings_own_times_stay_where_no_rate_is_needed(session):
    assert run(session, "--npz")[0] == 0
    with np.load(session / "export" / "take7.npz", allow_pickle=False) as file:
        np.testing.assert_allclose((file["t_ns"] - file["t_ns"][0]) / 1e9, T_S - T_S[0], atol=3e-3)
        steps = np.diff(file["t_ns"])
    assert steps.std() > 1e6


def test_options_choose_rate_people_joints_and_gaps(session, tmp_path):
    out = tmp_path / "elsewhere"
    status, said, _ = run(
        session, "--npz", "--rate", 90, "--person", 1, "--fill-gaps", 0.2, "--joints", "left_wrist, nose", "--out", out
    )  # fmt: skip
    assert status == 0
    with np.load(out / "take7.npz", allow_pickle=False) as file:
        assert file["joints"].tolist() == ["left_wrist", "nose"]
        assert file["ids"].tolist() == [1]
        np.testing.assert_allclose(np.diff(file["t_ns"]), 1e9 / 90, atol=1)
        assert np.isfinite(file["xyz"]).all()
    assert "4 joint positions filled, in gaps of up to 0.2 s" in said
    assert not (session / "export").exists()


def test_lines_of_subscribe_are_exported_too(tmp_path):
    lines = tmp_path / "live.jsonl"
    lines.write_bytes(b"".join(map(json_line, poses_of(swinging(T_S), T_S, (1,), stage="instant"))))
    assert run(lines, "--csv", "--stage", "instant")[0] == 0
    assert (tmp_path / "export" / "live_instant.csv").is_file()


def test_openpose_takes_another_rig_file(session, tmp_path):
    rig = tmp_path / "moved.yaml"
    (session / "rig.yaml").rename(rig)
    status, _, error = run(session, "--openpose-json")
    assert (status, "--openpose-json needs one: give it with --rig" in error) == (2, True)
    assert run(session, "--openpose-json", "--rig", rig, "--openpose-order", "coco_17")[0] == 0
    files = list((session / "export" / "take7_openpose" / "cam03_json").iterdir())
    assert len(files) == FRAMES
    people = json.loads(sorted(files)[0].read_text())["people"]
    assert [len(person["pose_keypoints_2d"]) for person in people] == [51, 51]


def test_what_exists_is_not_replaced_without_force(session):
    assert run(session, "--csv", "--openpose-json")[0] == 0
    target = session / "export" / "take7.csv"
    target.write_text("mine")
    status, _, error = run(session, "--csv")
    assert status == 2
    assert error == f"error: {target} exists: choose another folder with --out, or give --force\n"
    assert target.read_text() == "mine"
    assert run(session, "--csv", "--openpose-json", "--force")[0] == 0
    assert target.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "nothing to write: give one or more of --trc"),
        (("--csv", "--person", 9), "no person 9 in the recording, there is 1, 2: correct --person"),
        (("--csv", "--joints", "tail"), "no joint 'tail' in coco-17/1, there are nose, left_eye"),
        (("--csv", "--stage", "instant"), "no instant poses in"),
        (("--csv", "--stage", "best"), "no stage 'best', there are instant, refined"),
        (("--trc", "--rate", 0), "rate of 0 Hz, expected above 0"),
        (("--trc", "--fill-gaps", -1), "give 0 or more seconds to --fill-gaps"),
        (("--csv", "--out", "/proc/nothing"), "cannot write into /proc/nothing"),
        (("--openpose-json", "--openpose-order", "x"), "no order 'x', there are body_25"),
    ],
)
def test_what_cannot_work_is_one_sentence(session, arguments, sentence):
    status, _, error = run(session, *arguments)
    assert status == 2
    assert sentence in error
    assert error.count("\n") == 1
    assert not list(session.glob("export/*"))


def test_a_recording_without_people_says_so(tmp_path):
    nobody = np.full((20, 1, 17, 3), np.nan)
    folder = write_session(tmp_path / "empty", poses_of(nobody, np.arange(20) / 30, (1,)))
    status, _, error = run(folder, "--trc")
    assert (status, "nobody was seen: record people" in error) == (2, True)


def test_it_runs_as_a_script_and_leaves_nothing_behind(session):
    script = Path(__file__).parents[2] / "launch" / "export.py"
    done = subprocess.run(
        [sys.executable, str(script), str(session), "--trc"],
        capture_output=True, text=True, timeout=60, check=False, env=os.environ | {"COLUMNS": "120"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (session / "export").iterdir()) == [
        "take7_person1.trc",
        "take7_person2.trc",
    ]
