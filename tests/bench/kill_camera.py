"""kill -9 of one camera process: the longest gap between poses, and how long until the camera delivers again.

python tests/bench/kill_camera.py --out tests/bench/results/kill_camera.json
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))

from live_run import ROOT
from metadata import metadata

from posecap.runtime.client import PoseSubscriber
from posecap.runtime.errors import StalePose

ENDPOINT = "tcp://127.0.0.1:5596"
_BEFORE_S, _AFTER_S = 4.0, 6.0


def cameras_of(parent: psutil.Process) -> list[psutil.Process]:
    """The camera processes: the small ones that the session spawned, the oldest first."""
    spawned = [
        child for child in parent.children(recursive=True) if "spawn_main" in " ".join(child.cmdline())
    ]
    return sorted(spawned, key=lambda child: child.memory_info().rss)[:-1]


def one_kill(cams: Path) -> dict[str, float]:
    """One session, one victim."""
    command = [sys.executable, str(ROOT / "launch" / "live.py"), "--cams", str(cams), "--viewer", "none"]
    session = subprocess.Popen([*command, "--bind", ENDPOINT], stdout=subprocess.DEVNULL)
    arrivals: list[tuple[float, int, int]] = []
    killed_s = None
    try:
        with PoseSubscriber(ENDPOINT, stage="instant") as poses:
            started = None
            while started is None or time.monotonic() < started + _BEFORE_S + _AFTER_S:
                try:
                    pose = poses.read(1.0)
                except StalePose:
                    continue
                now = time.monotonic()
                started = started or now
                live = sum(camera.state == "live" for camera in pose.header.cameras)
                arrivals.append((now, len(pose.ids), live))
                if killed_s is None and now > started + _BEFORE_S:
                    os.kill(cameras_of(psutil.Process(session.pid))[0].pid, signal.SIGKILL)
                    killed_s = time.monotonic()
    finally:
        session.send_signal(signal.SIGINT)
        session.wait(10)
    assert killed_s is not None
    times = [t for t, people, _ in arrivals if people]
    gaps = [(b - a, b) for a, b in pairwise(times)]
    lost = [t for t, _, live in arrivals if t > killed_s and live < 4]
    return {
        "before": 1e3 * max(gap for gap, t in gaps if t < killed_s and t > killed_s - 2),
        "after": 1e3 * max(gap for gap, t in gaps if t >= killed_s),
        "back": (lost[-1] - killed_s) if lost else float("nan"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cams", type=Path, default=ROOT / "calib" / "rig.yaml")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows = []
    for number in range(3):
        run = one_kill(arguments.cams)
        rows.append([number + 1, *(round(run[key], 2) for key in ("before", "after", "back"))])
        print(*rows[-1], sep="\t", flush=True)
    result = {
        "title": "kill -9 of one of four camera processes at 30 fps",
        "columns": ["run", "longest gap before, ms", "longest gap after, ms", "camera back after, s"],
        "rows": rows,
        "metadata": metadata(),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
