"""Latency under an open-loop schedule: four 1088 x 1920 H.264 cameras at 30 fps, and the bundled 640 x 640 rig.

    python launch/fetch.py pose2sim-single
    python tests/bench/realtime.py --out tests/bench/results/realtime.json

The cameras are emulated: each picture is stamped with its scheduled mid-exposure (t0 + n / fps), whatever the load, so
a stall cannot hide itself. Latency is from the mid-exposure of the oldest picture used to a subscriber in another
process that holds the pose; stage 2 includes its lag of one frame set. The large clips last 100 pictures: they are
written anew as forth and back at 30 fps, since a person who jumps back every three seconds is lost each time.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from forth_and_back import written_forth_and_back
from live_run import ROOT, run_live
from metadata import metadata


def rows_of(name: str, summary: dict[str, Any]) -> list[list[Any]]:
    """One row for each stage."""
    rows = []
    for stage, label in (("instant", "stage 1"), ("refined", "stage 2")):
        one = summary["stages"][stage]
        latency = one["latency_ms"]
        shares = 100 * summary["published_share"], 100 * summary["people_share"]
        rows.append(
            [name, label, round(summary["fps"], 1), round(shares[0], 1), round(shares[1], 1)]
            + [round(latency[key], 1) for key in ("p50", "p95", "p99", "max")]
        )
    return rows


def measured(runs: list[tuple[str, Path, tuple[str, ...]]]) -> tuple[list[list[Any]], dict[str, Any]]:
    """The rows of all runs, and the milliseconds of their stages."""
    rows, stages = [], {}
    for name, cams, options in runs:
        summary = run_live(cams, *options)
        stages[name] = summary["runtime"]["stages"]
        for row in rows_of(name, summary):
            rows.append(row)
            print(*row, sep="\t", flush=True)
    return rows, stages


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seconds", type=float, default=40.0)
    arguments = parser.parse_args()
    duration = ("--duration", str(arguments.seconds))
    large = ROOT / "data" / "pose2sim-single" / "rig.yaml"
    with tempfile.TemporaryDirectory() as folder:
        runs: list[tuple[str, Path, tuple[str, ...]]] = [
            ("640 x 640, 30 fps, blazepose-full", ROOT / "calib" / "rig.yaml", duration)
        ]
        if large.exists():
            cams = written_forth_and_back(large, Path(folder))
            lite = (*duration, "--model", "blazepose-lite")
            runs.append(("1088 x 1920, 30 fps, blazepose-lite", cams, lite))
            runs.append(
                ("1088 x 1920, 30 fps, blazepose-lite, no lag", cams, (*lite, "--set", "lag_frames=0"))
            )
            runs.append(("1088 x 1920, 30 fps, blazepose-full", cams, duration))
        else:
            print(
                f"1088 x 1920: left out, run `python launch/fetch.py pose2sim-single` first ({large})",
                flush=True,
            )
        rows, stages = measured(runs)
    result = {
        "title": "Latency, mid-exposure of the oldest picture to a subscriber holding the pose (emulated cameras)",
        "columns": [
            "cameras", "pose", "frame sets / s", "published %", "with people %", "p50 ms", "p95 ms", "p99 ms", "max ms",
        ],
        "rows": rows,
        "metadata": metadata(seconds=arguments.seconds, stages=stages),
    }  # fmt: skip
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
