"""What recording costs the live path: sessions of the bundled cameras with and without --record, in turn.

python tests/bench/recording_cost.py --out tests/bench/results/recording_cost.json
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from live_run import ROOT, run_live
from metadata import metadata

from posecap.capture.session_folder import open_session

_COLUMNS = [
    "recording", "sessions", "frame sets a second", "published, %", "instant p50, ms", "instant p95, ms",
    "pictures recorded", "pictures lost",
]  # fmt: skip


def one_session(cams: Path, seconds: float, how: tuple[str, ...] | None) -> dict[str, float]:
    """A live session, recorded with the options `how`; None = not recorded."""
    with tempfile.TemporaryDirectory() as folder:
        take = Path(folder) / "take"
        options = ("--duration", str(seconds), *(() if how is None else ("--record", str(take), *how)))
        summary: dict[str, Any] = run_live(cams, *options)
        written = lost = 0
        if how is not None:
            session = open_session(take)
            written = sum(len(pictures) for pictures in session.pictures.values())
            lost = sum(session.losses.values())
    latency = summary["stages"]["instant"]["latency_ms"]
    return {
        "fps": summary["fps"],
        "published": 100 * summary["published_share"],
        "p50": latency["p50"],
        "p95": latency["p95"],
        "written": written,
        "lost": lost,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cams", type=Path, default=ROOT / "calib" / "rig.yaml")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    kinds: dict[str, tuple[str, ...] | None] = {"none": None, "H.264": (), "lossless": ("--lossless",)}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in kinds}
    for _ in range(arguments.rounds):
        for name, how in kinds.items():
            runs[name].append(one_session(arguments.cams, arguments.seconds, how))
            print(name, runs[name][-1], flush=True)
    rows = []
    for name, sessions in runs.items():
        median = {key: float(np.median([one[key] for one in sessions])) for key in sessions[0]}
        total = [int(sum(one[key] for one in sessions)) for key in ("written", "lost")]
        rows.append(
            [name, len(sessions), *(round(median[key], 1) for key in ("fps", "published", "p50", "p95"))]
            + (total if kinds[name] is not None else [None, None])
        )
    result = {
        "title": "What recording costs: the bundled cameras, median of sessions that took turns",
        "columns": _COLUMNS,
        "rows": rows,
        "metadata": metadata(seconds=arguments.seconds, cams=arguments.cams.name),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
