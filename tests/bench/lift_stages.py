"""Lift stages on the bundled virtual rig: error against truth, steadiness of bones, and the time they take.

    python tests/bench/lift_stages.py --out tests/bench/results/lift_stages.json

Every row is a run of `launch/live.py` that plays the recording once (--pace max). Trained networks are left out: their
weights belong to one rig each. The time is that of stage 1 with everything else of the session running beside it.
"""

import argparse
import json
import socket
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from live_run import ROOT, run_live, score_columns
from metadata import metadata

SAMPLE = ROOT / "capture" / "sample"
STAGES = {"instant": "1", "refined": "2"}
LIFTS = ("dlt", "rpsm")


def rows_of(clip: str, model: str, lift: str, summary: dict[str, Any]) -> list[list[Any]]:
    """One row for each stage."""
    rows = []
    for stage, number in STAGES.items():
        score = summary["stages"][stage]["score"]
        rows.append(
            [
                f"{clip}, {model}",
                lift,
                number,
                *score_columns(score),
                _lift_ms(summary),
            ]
        )
    return rows


def _free() -> str:
    """An address at which nobody publishes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def _lift_ms(summary: dict[str, Any]) -> float:
    return round(summary["runtime"]["stages"]["lift"]["p50"], 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--model", action="append", default=[], help="may be repeated; movenet-thunder")
    parser.add_argument("--clip", action="append", default=[], help="solo or duo, may be repeated; solo")
    arguments = parser.parse_args()
    rows = []
    for clip in arguments.clip or ["solo"]:
        for model in arguments.model or ["movenet-thunder"]:
            for lift in LIFTS:
                options = ("--no-loop", "--pace", "max", "--model", model, "--lift", lift, "--bind", _free())
                summary = run_live(SAMPLE / clip / "rig.yaml", *options, timeout_s=900.0)
                for row in rows_of(clip, model, lift, summary):
                    rows.append(row)
                    print(*row, sep="\t", flush=True)
    result = {
        "title": "Lift stages on the virtual rig, 12 limb joints",
        "columns": [
            "clip, model", "lift", "stage", "published %", "MPJPE mm", "constant joint offsets removed mm",
            "Procrustes mm", "bone length variation %", "lift p50 ms",
        ],
        "rows": rows,
        "metadata": metadata(),
    }  # fmt: skip
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
