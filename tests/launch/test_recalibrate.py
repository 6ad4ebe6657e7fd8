"""A camera is pushed while `live.py` plays; the statistics name it, and `recalibrate.py` brings it back."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from posecap.calib.rig_file import read_rig_file, write_rig_file
from posecap.models.weights import present
from posecap.runtime.client import Subscriber
from posecap.runtime.messages import TOPIC_STATS, StatsMessage

ROOT = Path(__file__).parents[2]
SOLO = ROOT / "capture" / "sample" / "solo"
PUSH_AT_S, PUSH_PX = 12.0, [12, 6]
needs_weights = pytest.mark.skipif(
    not (present("blazepose-full") and present("blazepose-detector")),
    reason="weights are not on this machine: python launch/fetch.py blazepose-full blazepose-detector",
)


def recalibrate(runtime_folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "launch" / "recalibrate.py"), *arguments],
        env={**os.environ, "XDG_RUNTIME_DIR": str(runtime_folder), "TMPDIR": str(runtime_folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_cannot_work_is_said_in_one_sentence(tmp_path: Path) -> None:
    none = recalibrate(tmp_path, "cam2", "--connect", f"ipc://{tmp_path}/control", "--seconds", "0")
    assert (none.returncode, none.stderr) == (
        2,
        "error: --seconds is 0, expected more than 0 and at most 30: correct it\n",
    )
    missing = recalibrate(tmp_path, "cam2", "--save", str(tmp_path / "rig.yaml"))
    assert missing.returncode == 2
    assert "Traceback" not in missing.stderr


@pytest.mark.slow
@needs_weights
def test_a_pushed_camera_is_named_on_the_wire_and_solved_from_the_walker(tmp_path: Path) -> None:
    content = read_rig_file(SOLO / "rig.yaml")
    content.truth = None
    for entry in content.cameras:
        entry.source = {"type": "video", "file": str(SOLO / f"{entry.name}.mp4")}
        if entry.name == "cam2":
            entry.source["emulate"] = {"push_px": PUSH_PX, "push_at_s": PUSH_AT_S}
    write_rig_file(tmp_path / "rig.yaml", content)
    before = content.rig()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        bind = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    live = [sys.executable, str(ROOT / "launch" / "live.py"), "--cams", str(tmp_path / "rig.yaml")]
    session = subprocess.Popen(
        [*live, "--viewer", "none", "--bind", bind],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
    )
    try:
        named: list[tuple[float, tuple[str, ...]]] = []
        with Subscriber[StatsMessage](bind, (TOPIC_STATS,)) as stats:
            until_s = time.monotonic() + 90
            while time.monotonic() < until_s and not named:
                message = stats.read(60)
                alarms = tuple(one.name for one in message.cameras if one.alarm)
                if alarms:
                    named.append((message.uptime_s, alarms))
                    assert "recalibrate.py cam2" in message.note
        assert [alarms for _, alarms in named] == [("cam2",)]
        assert named[0][0] > PUSH_AT_S
        control = next(tmp_path.glob("posecap-*/control"))
        arguments = ("--connect", f"ipc://{control}", "--seconds", "5", "--save", str(tmp_path / "rig.yaml"))
        done = recalibrate(tmp_path, "cam2", *arguments)
        assert done.returncode == 0, done.stderr
        saved = read_rig_file(tmp_path / "rig.yaml").rig()
        pairs = zip(before.cameras, saved.cameras, strict=True)
        assert [a.name for a, b in pairs if (a.cam_from_world != b.cam_from_world).any()] == ["cam2"]
        assert read_rig_file(tmp_path / "rig.yaml.before").rig().id == before.id
        with Subscriber[StatsMessage](bind, (TOPIC_STATS,)) as stats:
            message = stats.read(10)
        assert (message.rig, [one.alarm for one in message.cameras]) == (saved.id, ["", "", "", ""])
    finally:
        session.send_signal(signal.SIGTERM)
        session.wait(20)
