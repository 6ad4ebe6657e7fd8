"""`python launch/record.py` and `live.py --record`: what was played is in the folder, and plays again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from clips import SIZE_PX, number_of, write_clip
from typer.testing import CliRunner

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.calib.rig_file import read_rig_file, rig_file_of, write_rig_file
from posecap.capture.session_folder import MCAP_FILE, RecordedSession, open_session
from posecap.capture.video_file import VideoRecording
from posecap.launch.record_command import app
from posecap.runtime.session_poses import pose_messages

ROOT = Path(__file__).parents[2]
FRAMES = 45
LIVE_RIG = ROOT / "calib" / "rig.yaml"


def command(program: str, *arguments: object) -> list[str]:
    return [sys.executable, str(ROOT / "launch" / program), *map(str, arguments)]


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(program, *arguments), capture_output=True, text=True, timeout=100, check=False
    )


@pytest.fixture(scope="module")
def rig_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cameras that play numbered pictures."""
    folder = tmp_path_factory.mktemp("rig")
    cameras = []
    for name in ("left", "right"):
        cameras.append(Camera(name, SIZE_PX, np.diag([300.0, 300.0, 1.0]), np.zeros(5), np.eye(4)))
        write_clip(folder / f"{name}.mp4", FRAMES)
    sources = {one.name: {"type": "video", "file": f"{one.name}.mp4"} for one in cameras}
    write_rig_file(folder / "rig.yaml", rig_file_of(Rig(tuple(cameras)), sources))
    return folder / "rig.yaml"


@pytest.fixture(scope="module")
def recorded(rig_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every picture of the rig once."""
    folder = tmp_path_factory.mktemp("sessions") / "take1"
    result = run("record.py", "--cams", rig_file, "--out", folder, "--no-loop", "--pace", "max")
    assert result.returncode == 0, result.stderr
    assert f"recorded in {folder}: {2 * FRAMES} pictures" in result.stdout
    assert "0 pictures lost" in result.stdout
    assert " GB free; Ctrl-C ends" in result.stdout
    return folder


def numbers(session: RecordedSession, camera: str) -> list[int]:
    video = VideoRecording(session.video(camera), camera)
    pictures = [video.picture(index) for index in range(len(video.times_ns))]
    shown = [number_of(one) for one in pictures if one is not None]
    video.close()
    return shown


def test_every_picture_is_recorded_once_with_its_time(recorded: Path, rig_file: Path) -> None:
    session = open_session(recorded)
    assert session.complete
    assert session.info.rig == read_rig_file(rig_file).rig().id == read_rig_file(session.rig_file).rig().id
    assert session.losses == {"left": 0, "right": 0}
    for camera in ("left", "right"):
        assert numbers(session, camera) == list(range(FRAMES))
        times_ns = session.pictures[camera].t_ns
        np.testing.assert_allclose(np.diff(times_ns), 1e9 / 30, atol=1000)
        assert session.pictures[camera].seq.tolist() == list(range(FRAMES))
    assert session.frame_sets == ()


@pytest.mark.slow
def test_a_recording_is_recorded_again_as_it_was(recorded: Path, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    result = run("record.py", "--cams", recorded / "rig.yaml", "--out", folder, "--no-loop", "--pace", "max")
    assert result.returncode == 0, result.stderr
    first, again = open_session(recorded), open_session(folder)
    for camera in ("left", "right"):
        assert numbers(again, camera) == list(range(FRAMES))
        before, after = first.pictures[camera].t_ns, again.pictures[camera].t_ns
        np.testing.assert_array_equal(before - before[0], after - after[0])


def test_ctrl_c_ends_a_recording_properly(rig_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    arguments = command("record.py", "--cams", rig_file, "--out", folder)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        for line in program.stdout:
            if "MB" in line:
                break
        program.send_signal(signal.SIGINT)
        rest = program.stdout.read()
    assert program.returncode == 0
    assert f"recorded in {folder}" in rest
    assert open_session(folder).complete


def test_what_cannot_be_recorded_is_refused_and_leaves_nothing(
    rig_file: Path, recorded: Path, tmp_path: Path
) -> None:
    out = tmp_path / "s"
    for arguments, sentence in (
        (("--cams", rig_file), "give --cams RIG.YAML and --out FOLDER"),
        (("--cams", rig_file, "--out", recorded), "holds a recording already: give another folder"),
        (("--cams", rig_file, "--out", out, "--keep-free", 1e12), "nothing can be recorded: less than"),
        (("--repair", tmp_path), "is no recorded session"),
    ):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 2
        assert sentence in result.stderr
    assert not out.exists()


def test_an_unknown_encoder_is_told_and_leaves_nothing(rig_file: Path, tmp_path: Path) -> None:
    result = run("record.py", "--cams", rig_file, "--out", tmp_path / "s", "--encoder", "none_such")
    assert result.returncode == 1
    assert "no encoder takes pictures of 320 x 240 px (none_such" in result.stderr
    assert not (tmp_path / "s").exists()


def test_repair_says_what_was_lost_and_then_that_nothing_is(recorded: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cut"
    (folder / "video").mkdir(parents=True)
    for file in ("rig.yaml", "video/left.mkv", "video/right.mkv"):
        (folder / file).write_bytes((recorded / file).read_bytes())
    (folder / MCAP_FILE).write_bytes((recorded / MCAP_FILE).read_bytes()[:-1000])
    left = folder / "video" / "left.mkv"
    left.write_bytes(left.read_bytes()[: left.stat().st_size // 2])
    result = CliRunner().invoke(app, ["--repair", str(folder)])
    assert result.exit_code == 0
    sentences = result.stdout.splitlines()
    assert sentences[0].startswith("left: ")
    assert "capture times without pixels dropped" in sentences[0]
    assert sentences[1] == f"right: {FRAMES} pictures are left, the last at {(FRAMES - 1) / 30:.2f} s"
    assert "is whole again with" in sentences[-1]
    assert "the last second" in sentences[-1]
    again = CliRunner().invoke(app, ["--repair", str(folder)])
    assert again.exit_code == 0
    assert again.stdout.splitlines()[-1] == f"{folder} is whole: nothing to repair"


@pytest.mark.slow
def test_live_records_pictures_and_poses_that_belong_together(tmp_path: Path) -> None:
    folder = tmp_path / "take"
    endpoint = f"ipc://{tmp_path}/poses"
    result = run(
        "live.py",
        "--cams",
        LIVE_RIG,
        "--viewer",
        "none",
        "--duration",
        5,
        "--bind",
        endpoint,
        "--record",
        folder,
    )
    assert result.returncode == 0, result.stderr
    assert f"recorded in {folder}" in result.stdout
    session = open_session(folder)
    assert session.complete
    assert session.info.rig == read_rig_file(LIVE_RIG).rig().id
    assert session.settings["model"]
    seqs = [set(session.pictures[camera].seq.tolist()) for camera in session.info.cameras]
    assert session.frame_sets
    for frame_set in session.frame_sets:
        for camera, seq in enumerate(frame_set.seqs):
            assert seq is None or seq in seqs[camera]
    instants = {(frame_set.session, frame_set.index, frame_set.t_ns) for frame_set in session.frame_sets}
    for stage in ("instant", "refined"):
        headers = [message.header for message in pose_messages(folder / MCAP_FILE, stage)]
        assert headers
        assert {(one.session, one.index, one.t_ns) for one in headers} <= instants
    channels = {message.channel for message in session.messages()}
    assert {"pose3d", "pose3d/instant", "stats", "status/cam0", "frame/cam0", "frame_set"} <= channels


@pytest.mark.slow
def test_poses_go_on_when_the_recorder_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "take"
    endpoint = f"ipc://{tmp_path}/poses"
    arguments = ("--viewer", "none", "--duration", 6, "--bind", endpoint, "--record", folder)
    summary = tmp_path / "summary.json"
    program = subprocess.Popen(
        command("live.py", "--cams", LIVE_RIG, *arguments, "--summary", summary),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    video = folder / "video" / "cam0.mkv"
    until_s = time.monotonic() + 60
    while not (video.exists() and video.stat().st_size > 300_000):
        assert time.monotonic() < until_s
        time.sleep(0.02)
    children = psutil.Process(program.pid).children(recursive=True)
    holds = [one for one in children if str(video) in {file.path for file in one.open_files()}]
    assert len(holds) == 1
    os.kill(holds[0].pid, signal.SIGKILL)
    killed_ns = time.monotonic_ns()
    output, errors = program.communicate(timeout=60)
    assert program.returncode == 0, errors
    assert "recording has ended: recorder ended with signal" in output
    assert f"python launch/record.py --repair {folder}" in output
    session = open_session(folder)
    assert not session.complete
    last_ns = int(session.pictures["cam0"].t_ns[-1])
    assert killed_ns - last_ns < 1_000_000_000
    assert summary.exists()
    assert run("record.py", "--repair", folder).returncode == 0
    assert open_session(folder).complete


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 20 MB."""
    point = tmp_path / "disk"
    point.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "none", str(point)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root mounts a small disk")
    yield point
    subprocess.run(["umount", str(point)], check=True)


@pytest.mark.slow
def test_poses_go_on_when_the_disk_is_nearly_full(small_disk: Path, tmp_path: Path) -> None:
    folder = small_disk / "take"
    result = run(
        *("live.py", "--cams", LIVE_RIG, "--viewer", "none", "--duration", 8, "--record", folder),
        *("--keep-free", 18.5, "--bind", f"ipc://{tmp_path}/poses", "--summary", tmp_path / "summary.json"),
    )
    assert result.returncode == 0, result.stderr
    assert "recording has ended: less than" in result.stdout
    assert f"MB are free at {folder}: free some, record to another disk" in result.stdout
    session = open_session(folder)
    assert session.complete
    recorded_s = (max(one.t_ns[-1] for one in session.pictures.values()) - session.info.start_ns) / 1e9
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["seconds"] > recorded_s + 1
    last = summary["runtime"]["t_ns"]
    assert last > max(one.t_ns[-1] for one in session.pictures.values()) + 1_000_000_000
