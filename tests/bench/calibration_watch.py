"""Cameras that are pushed: time to the alarm, whether the right one is named, and false alarms in quiet hours.

    python tests/bench/calibration_watch.py --out tests/bench/results/calibration_watch.json

People walk, stand and turn for twenty seconds, then one camera is turned or shifted across its line of sight, each run
another one in another direction; small shifts also after five minutes, when it has been learnt how calm it is.
Keypoints have 3 px of noise and the slow offsets of networks (tests/watched_people.py). Alarms count as in time within
3 s, as late within 15 s. Quiet rows have no push.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from metadata import metadata
from watched_people import WatchedPeople, nearly, pushed, watch_for, watched_rig, with_camera

from posecap.runtime.calibration_watch import CalibrationWatch

RIGS = ((4, 640, 1), (4, 640, 2), (4, 1280, 1), (3, 640, 1))
PUSHES = ((0.5, 0.0), (1.0, 0.0), (2.0, 0.0), (0.0, 5.0), (0.0, 20.0))
WARM_S, CALM_S, IN_TIME_S, LATE_S = 20.0, 300.0, 3.0, 15.0
LEAST_M = 0.015


def push(
    views: int, size: int, crowd: int, degrees: float, mm: float, seed: int, after_s: float
) -> tuple[float, bool, bool]:
    """Seconds to the alarm (infinite = none), whether the right camera came first, or at least among the rivals."""
    truth = watched_rig(views, size)
    people = WatchedPeople(truth, crowd, seed=1000 + seed)
    watch = CalibrationWatch(nearly(truth, seed), LEAST_M)
    list(watch_for(watch, people, after_s))
    name = truth.names[seed % views]
    people.truth = with_camera(truth, name, lambda camera: pushed(camera, degrees, mm, seed))
    for second, cameras in watch_for(watch, people, LATE_S):
        if cameras:
            return second - after_s, cameras[0] == name, name in watch.alarms[0].rivals
    return float("inf"), False, False


def quiet(views: int, size: int, crowd: int, hours: float) -> tuple[int, float]:
    """False alarms, and milliseconds of one `update`."""
    truth = watched_rig(views, size)
    watch, people = CalibrationWatch(nearly(truth, 7), LEAST_M), WatchedPeople(truth, crowd, seed=77)
    spent = [0.0, 0]
    plain = watch.update

    def timed(*arguments: Any) -> bool:
        begin = time.perf_counter()
        changed = plain(*arguments)
        spent[0] += time.perf_counter() - begin
        spent[1] += 1
        return changed

    watch.update = timed  # type: ignore[method-assign]
    raised = sum(bool(cameras) for _, cameras in watch_for(watch, people, 3600 * hours))
    return raised, 1e3 * spent[0] / spent[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--hours", type=float, default=1.0)
    arguments = parser.parse_args()
    rows: list[list[Any]] = []
    for views, size, crowd in RIGS:
        pushes = [(degrees, mm, WARM_S) for degrees, mm in PUSHES]
        pushes += [(degrees, mm, CALM_S) for degrees, mm in PUSHES if mm]
        for degrees, mm, after_s in pushes:
            runs = [push(views, size, crowd, degrees, mm, seed, after_s) for seed in range(arguments.seeds)]
            raised = [run for run in runs if np.isfinite(run[0])]
            in_time = sum(seconds <= IN_TIME_S for seconds, _, _ in raised)
            right, rival = sum(run[1] for run in raised), sum(not run[1] and run[2] for run in raised)
            median = round(float(np.median([run[0] for run in raised])), 1) if raised else None
            what = f"{degrees:g} degrees" if degrees else f"{mm:g} mm, after {after_s:g} s"
            count = len(runs)
            rows.append(
                [
                    f"{views} x {size} px",
                    crowd,
                    what,
                    f"{in_time}/{count}",
                    f"{len(raised)}/{count}",
                    median,
                    right,
                    rival,
                ]
            )
            print(*rows[-1], sep="\t", flush=True)
        false_alarms, ms = quiet(views, size, crowd, arguments.hours)
        quiet_row = f"nothing, {arguments.hours:g} h: {false_alarms} false alarms, {ms:.2f} ms a frame set"
        rows.append([f"{views} x {size} px", crowd, quiet_row, None, None, None, None, None])
        print(*rows[-1], sep="\t", flush=True)
    result = {
        "title": "Calibration watch: simulated cameras in a ring of 5 m that are pushed (3 px noise, slow offsets)",
        "columns": [
            "cameras", "people", "pushed by", "alarm within 3 s", "within 15 s", "median s", "right name",
            "right name second",
        ],
        "rows": rows,
        "metadata": metadata(seeds=arguments.seeds, hours=arguments.hours),
    }  # fmt: skip
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
