"""Ten minutes of four cameras at 30 fps: memory and shared memory of every process, and every drop with its reason.

python tests/bench/soak.py --minutes 10 --out tests/bench/results/soak.json
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))

from live_run import ROOT
from metadata import metadata

_SETTLED_S = 180.0  # by then the allocator has what it needs
_EVERY_S = 5.0
_ROLES = ("live", "resource tracker", "runtime")  # in the order of their start, then the cameras


def memory_mb(parent: psutil.Process) -> dict[str, float]:
    """Unshared memory of each process of the session by its role, and the rings."""
    used: dict[str, float] = {}
    for number, process in enumerate([parent, *parent.children(recursive=True)]):
        try:
            name = _ROLES[number] if number < len(_ROLES) else f"camera {number - len(_ROLES)}"
            used[name] = process.memory_full_info().uss / 1e6
        except psutil.NoSuchProcess:
            continue
    rings = Path("/dev/shm").glob("posecap-*")
    used["rings in shared memory"] = sum(ring.stat().st_size for ring in rings if ring.is_file()) / 1e6
    return used


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cams", type=Path, default=ROOT / "calib" / "rig.yaml")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "summary.json"
        command = [sys.executable, str(ROOT / "launch" / "live.py"), "--cams", str(arguments.cams)]
        command += [
            "--viewer",
            "none",
            "--bind",
            "tcp://127.0.0.1:5597",
            "--duration",
            str(60 * arguments.minutes),
            "--summary",
            str(file),
        ]
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        parent, started = psutil.Process(run.pid), time.monotonic()
        samples: list[tuple[float, dict[str, float]]] = []
        while run.poll() is None:
            try:
                samples.append((time.monotonic() - started, memory_mb(parent)))
            except psutil.NoSuchProcess:
                break
            time.sleep(_EVERY_S)
        summary = json.loads(file.read_text())
    settled = [(t, used) for t, used in samples[:-2] if t > min(_SETTLED_S, samples[-1][0] / 2)]
    rows = []
    for name in settled[-1][1]:
        points = [(t, used[name]) for t, used in settled if name in used]
        times, megabytes = np.array(points).T
        slope = np.polyfit(times / 60, megabytes, 1)[0]
        rows.append(
            [
                name,
                round(megabytes[0], 1),
                round(megabytes[-1], 1),
                round(slope, 3),
            ]
        )
        print(*rows[-1], sep="\t")
    stats = summary["runtime"]
    drops = {
        camera["name"]: {k: camera[k] for k in ("sent", "dropped", "late", "missing")}
        for camera in stats["cameras"]
    }
    counts = {key: stats[key] for key in ("complete", "partial", "dropped", "torn", "processed")}
    print(counts, drops, summary["restarts"])
    result = {
        "title": f"Memory over {arguments.minutes:g} minutes of four cameras at 30 fps, after three minutes",
        "columns": ["process", "MB at first", "MB at last", "MB a minute"],
        "rows": rows,
        "metadata": metadata(counts=counts, drops=drops, restarts=summary["restarts"]),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
