"""How much of the bare network's rate is left when everything around it runs too.

    python tests/bench/overhead.py --out tests/bench/results/overhead.json

Frame sets a second of the whole live path (camera processes, rings, grouping, 2D, association, lift, tracking,
refinement, publication, a subscriber) on 4 views x 1 person, as fast as it goes, against the same engine on batches of
4 crops with nothing else; A B B A in one run, same engine, threads and batches. Once with pictures already decoded in
the camera processes and once with H.264 decoding.
"""

import argparse
import dataclasses
import json
import os
import statistics
import sys
import time
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent)  # spawned cameras import decoded_camera
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as live.py does

from metadata import metadata

from posecap.launch.preparation import LiveOptions, prepare
from posecap.launch.session import _SLOTS
from posecap.launch.supervisor import Supervisor
from posecap.launch.topology import RunFolder, topology
from posecap.runtime.client import PoseSubscriber
from posecap.runtime.errors import StalePose
from posecap.runtime.estimate2d import open_estimator
from posecap.runtime.settings import PipelineSettings

ENDPOINT = "tcp://127.0.0.1:5598"
ROOT = Path(__file__).resolve().parents[2]


def bare_rate(settings: PipelineSettings, views: int, seconds: float) -> float:
    """Batches of `views` crops a second."""
    estimator = open_estimator(settings)
    width, height = estimator.engine.io.size_px
    batch = np.random.default_rng(0).integers(0, 255, (views, height, width, 3), dtype=np.uint8)
    for _ in range(10):
        estimator.engine.infer(batch)
    times = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        begin = time.perf_counter()
        estimator.engine.infer(batch)
        times.append(time.perf_counter() - begin)
    estimator.close()
    return 1 / statistics.mean(times)


def live_rate(cams: Path, seconds: float, decoded: bool) -> float:
    """Pose messages a second that a subscriber gets, after two seconds of start."""
    prepared = prepare(LiveOptions(cams=cams, pace="max", bind=ENDPOINT))
    with RunFolder(prepared.rig, _SLOTS) as folder:
        plan = topology(folder, prepared.cameras, prepared.runtime, None)
        if decoded:
            made = plan.cameras

            def cameras(epoch_ns: int) -> tuple:
                return tuple(dataclasses.replace(one, target="decoded_camera:main") for one in made(epoch_ns))

            plan = dataclasses.replace(plan, cameras=cameras)
        with Supervisor(plan) as supervisor, PoseSubscriber(ENDPOINT, stage="instant") as poses:
            supervisor.start()
            first = last = None
            count = people = 0
            begin = None
            while begin is None or time.monotonic() < begin + 2 + seconds:
                supervisor.poll()
                try:
                    pose = poses.read(1.0)
                except StalePose:
                    continue
                now = time.monotonic()
                begin = begin or now
                if now < begin + 2:
                    continue
                first, last = first or now, now
                count += 1
                people += bool(len(pose.ids))
            if people < 0.9 * count:
                raise SystemExit(
                    f"only {people} of {count} frame sets had a person: the rate would mean nothing"
                )
    return (count - 1) / (last - first)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cams", type=Path, default=ROOT / "calib" / "rig.yaml")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seconds", type=float, default=8.0)
    arguments = parser.parse_args()
    settings = msgspec.structs.replace(PipelineSettings())
    runs: dict[str, list[float]] = {"bare": [], "decoded": [], "h264": []}
    for name in ("bare", "decoded", "h264", "h264", "decoded", "bare", "bare", "decoded", "h264"):
        if name == "bare":
            runs[name].append(bare_rate(settings, 4, arguments.seconds))
        else:
            runs[name].append(live_rate(arguments.cams, arguments.seconds, name == "decoded"))
        print(f"{name}: {runs[name][-1]:.1f} / s", flush=True)
    middle = {name: statistics.median(values) for name, values in runs.items()}
    result = {
        "title": f"Whole live path against the bare network ({settings.model}, 4 views x 1 person)",
        "columns": ["what runs", "frame sets / s, median of 3", "share of the bare network"],
        "rows": [
            ["the network alone, batches of 4", round(middle["bare"], 1), 1.0],
            [
                "live path, pictures decoded before",
                round(middle["decoded"], 1),
                round(middle["decoded"] / middle["bare"], 2),
            ],
            [
                "live path with H.264 decoding",
                round(middle["h264"], 1),
                round(middle["h264"] / middle["bare"], 2),
            ],
        ],
        "metadata": metadata(runs=runs, settings=msgspec.to_builtins(settings)),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
