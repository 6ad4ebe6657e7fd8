"""Error of the live path against truth, on the bundled virtual rigs and on the Pose2Sim demo clips.

    python launch/fetch.py pose2sim-single && python launch/fetch.py pose2sim-multi
    python tests/bench/accuracy.py --out tests/bench/results/accuracy.json

Every row is a run of `launch/live.py`: camera processes, rings, runtime process, a subscriber that compares. The
recordings are played once with --pace max: no frame is left out on a slow machine, and times are those of the
recording. The Pose2Sim reference is another network's triangulation (OpenPose), not marker truth; it is read from a
folder `shared/` beside the repository and the rows are left out where that is absent.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from live_run import ROOT, SHARED, run_live, score_columns
from metadata import metadata

SAMPLE = ROOT / "capture" / "sample"
STAGES = {"instant": "1", "refined": "2"}


def rows_of(name: str, summary: dict[str, Any]) -> list[list[Any]]:
    """One row for each stage."""
    rows = []
    for stage, number in STAGES.items():
        score = summary["stages"][stage]["score"]
        rows.append(
            [
                name,
                number,
                *score_columns(score),
                score["id_switches"],
            ]
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--model", action="append", default=[], help="preset, may be repeated; default: that of live"
    )
    arguments = parser.parse_args()
    once = ("--no-loop", "--pace", "max")
    runs: list[tuple[str, Path, tuple[str, ...]]] = [
        ("virtual rig, one person", SAMPLE / "solo" / "rig.yaml", once),
        ("virtual rig, two cross", SAMPLE / "duo" / "rig.yaml", once),
    ]
    for name, folder, reference in (
        ("Pose2Sim single", "pose2sim-single", "single_reference.trc"),
        ("Pose2Sim multi (the real man)", "pose2sim-multi", "multi_P2_reference.trc"),
    ):
        cams, truth = ROOT / "data" / folder / "rig.yaml", SHARED / "pose2sim" / reference
        if cams.exists() and truth.exists():
            runs.append((name, cams, (*once, "--truth", str(truth))))
        else:
            print(f"{name}: left out, {cams} or {truth} is absent", flush=True)
    rows, ids = [], {}
    for model in arguments.model or [""]:
        for name, cams, options in runs:
            summary = run_live(cams, *options, *(("--model", model) if model else ()))
            label = f"{name}, {model}" if model else name
            ids[label] = summary["stages"]["refined"]["ids"]
            for row in rows_of(label, summary):
                rows.append(row)
                print(*row, sep="\t", flush=True)
    result = {
        "title": "Live path against truth, 12 limb joints",
        "columns": [
            "clip", "stage", "published %", "MPJPE mm", "constant joint offsets removed mm", "Procrustes mm",
            "bone length variation %", "id switches",
        ],
        "rows": rows,
        "metadata": metadata(ids=ids),
    }  # fmt: skip
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
