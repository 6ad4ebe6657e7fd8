"""`replay.py`: what was recorded comes again, bit for bit, and what cannot be replayed is said in one sentence."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from recorded_pictures import set_of, write_pictures

from posecap.capture.session_folder import open_session
from posecap.launch.replay_command import app

ROOT = Path(__file__).resolve().parents[2]
SOLO = ROOT / "capture" / "sample" / "solo"


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "launch" / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{tmp}/nothing"], "is no recorded session: give a folder that has session.mcap"),
        (["{tmp}/cameras", "--check"], "has no poses: it was recorded without the pipeline"),
        (["{tmp}/cameras", "--check", "--model", "blazepose-lite"], "leave out --model"),
        (["{tmp}/live", "--check", "--all"], "leave out --all"),
        (["{tmp}/cameras", "--pace", "quick"], "--pace 'quick' is unknown, there are clock, max"),
        (["{tmp}/cameras", "--dataset", "human36m"], "leave out the session"),
        (["--dataset", "human36m"], "give --root FOLDER and --sequence NAME"),
        (["--dataset", "human36", "--root", "{tmp}", "--sequence", "S9/Walking"], "no data set 'human36'"),
        (["--speed", "0"], "--speed is 0, expected more than 0"),
        (["--pace", "max"], "nothing to replay: name the folder of a session"),
    ],
)
def test_what_cannot_be_replayed_is_one_sentence(
    tmp_path: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path / "cameras", {"left": [0, 1], "right": [0, 1]}, [])
    write_pictures(tmp_path / "live", {"left": [0, 1], "right": [0, 1]}, [set_of(0, (0, 0))])
    for folder in ("cameras", "live"):
        (tmp_path / folder / "rig.yaml").write_bytes((ROOT / "calib" / "rig.yaml").read_bytes())
    with pytest.raises(SystemExit) as end:
        app([one.format(tmp=tmp_path) for one in arguments])
    assert end.value.code == 2
    words = capsys.readouterr().err
    assert says in words
    assert len(words.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_live_session_with_drops_and_a_dead_camera_is_repeated_in_every_bit(tmp_path: Path) -> None:
    """One camera drops pictures and another is killed; the poses of the live runtime come again."""
    content = yaml.safe_load((SOLO / "rig.yaml").read_text())
    for camera in content["cameras"]:
        camera["source"]["file"] = str(SOLO / camera["source"]["file"])
    content["cameras"][1]["source"]["emulate"] = {"drop": 0.2, "jitter_ms": 4.0, "seed": 3}
    content.pop("truth", None)
    rig = tmp_path / "rig.yaml"
    rig.write_text(yaml.safe_dump(content))
    take, bind = tmp_path / "take", "tcp://127.0.0.1:45571"
    live = subprocess.Popen(
        [sys.executable, str(ROOT / "launch" / "live.py"), "--cams", str(rig), "--viewer", "none", "--duration",
         "7", "--record", str(take), "--lossless", "--bind", bind],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    killed = False
    deadline = time.monotonic() + 60
    while not killed and time.monotonic() < deadline:
        videos = take / "video" / "cam2.mkv"
        if videos.exists() and videos.stat().st_size > 200_000:  # well under way
            killed = _kill_camera(live.pid, "cam2")
        time.sleep(0.1)
    words, _ = live.communicate(timeout=120)
    assert live.returncode == 0, words
    assert killed, words
    session = open_session(take)
    assert any(None in one.seqs for one in session.frame_sets)
    done = run("replay.py", take, "--check", "--bind", bind, "--viewer", "none")
    assert done.returncode == 0, done.stdout + done.stderr
    compared = [int(n) for n in re.findall(r"(\d+) of \d+ frame sets bit-identical", done.stdout)]
    assert min(compared) > 20
    first = run(
        "replay.py", take, "--pace", "max", "--save", tmp_path / "again", "--bind", bind, "--viewer", "none"
    )
    assert first.returncode == 0, first.stderr
    again = run("replay.py", take, "--against", tmp_path / "again", "--bind", bind, "--viewer", "none")
    assert again.returncode == 0, again.stdout
    assert "first difference" not in again.stdout


def _kill_camera(session: int, camera: str) -> bool:
    """kill -9 for the process of `camera` below the process `session`; False where it is not found."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            name = (entry / "comm").read_text()
            files = [os.readlink(one) for one in (entry / "fd").iterdir()]
        except OSError:
            continue
        if parent == session and name and any(one.endswith(f"/{camera}.mp4") for one in files):
            os.kill(int(entry.name), signal.SIGKILL)
            return True
    return False
