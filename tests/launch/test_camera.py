"""`python launch/camera.py` on this host, received as a camera of another host."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from camera_rig import camera_rig
from clips import SIZE_PX, number_of, write_clip

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.calib.rig_file import rig_file_of, write_rig_file
from posecap.capture.source_config import Remote

PROGRAM = Path(__file__).parents[2] / "launch" / "camera.py"


def write_rig(folder: Path) -> Path:
    camera = Camera("cam02", SIZE_PX, np.diag([300.0, 300.0, 1.0]), np.zeros(5), np.eye(4))
    write_clip(folder / "a.mp4", 60)
    path = folder / "rig.yaml"
    write_rig_file(path, rig_file_of(Rig((camera,)), {"cam02": {"type": "video", "file": "a.mp4"}}))
    return path


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(PROGRAM), *arguments]


def test_a_published_camera_becomes_a_camera_of_the_rig(tmp_path: Path) -> None:
    rig_file = write_rig(tmp_path)
    program = subprocess.Popen(
        command("--cams", str(rig_file), "--camera", "cam02", "--publish", "tcp://127.0.0.1:*"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert program.stdout is not None
    try:
        endpoint = program.stdout.readline().split()[3].rstrip(";")
        with camera_rig({"cam02": Remote(endpoint=endpoint)}, SIZE_PX) as rig:
            taken = []
            for frame in rig.frames(20):
                assert 0 <= time.monotonic_ns() - frame.t_ns < 500_000_000
                taken.append((frame.seq, number_of(frame.image)))
                if len(taken) == 40:
                    break
            list(rig.frames(5, until=lambda: rig.state("cam02") == "live"))
        assert len({(seq - number) % 60 for seq, number in taken}) == 1
        status = rig.statuses["cam02"][-1]
        assert status.clock == "other host, by round trips"
        assert abs(status.clock_offset_ns) <= status.clock_uncertainty_ns  # both are this host's clock
    finally:
        program.send_signal(signal.SIGINT)
        begin = time.monotonic()
        assert program.wait(5) == 0
        assert time.monotonic() - begin < 2
        program.stdout.close()


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=30, check=False)


def test_mistakes_are_answered_in_one_sentence(tmp_path: Path) -> None:
    rig_file = write_rig(tmp_path)
    unknown = run("--cams", str(rig_file), "--camera", "cam09")
    assert unknown.returncode == 78
    assert unknown.stderr == f"no camera 'cam09' in {rig_file}, there are cam02: check --camera\n"
    (tmp_path / "a.mp4").unlink()
    missing = run("--cams", str(rig_file), "--camera", "cam02", "--publish", "tcp://127.0.0.1:*")
    assert missing.returncode == 78
    assert missing.stderr.splitlines()[-1].startswith("camera 'cam02': no video file at")


def test_keys_are_made_and_the_secret_one_is_private(tmp_path: Path) -> None:
    made = run("--new-key", str(tmp_path / "cam02"))
    assert made.returncode == 0
    assert (tmp_path / "cam02.key").exists()
    assert (tmp_path / "cam02.key_secret").stat().st_mode & 0o077 == 0
