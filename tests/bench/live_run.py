"""Runs `launch/live.py` as a user does and returns what it wrote with --summary."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"


def run_live(cams: Path, *options: str, timeout_s: float = 300.0) -> dict[str, Any]:
    """The summary of one session; SystemExit with the program's own words where it failed."""
    with tempfile.TemporaryDirectory() as folder:
        summary = Path(folder) / "summary.json"
        command = [sys.executable, str(ROOT / "launch" / "live.py"), "--cams", str(cams), "--viewer", "none"]
        run = subprocess.run(
            [*command, "--summary", str(summary), *options],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if run.returncode:
            raise SystemExit(f"{' '.join(run.args)} failed: {run.stdout[-2000:]}{run.stderr[-2000:]}")
        return json.loads(summary.read_text())


def score_columns(score: dict[str, Any]) -> list[float]:
    """Published %, errors in mm (plain, constant offsets removed, Procrustes), bone length variation %."""
    return [
        round(100 * score["published"], 1),
        round(score["mpjpe_mm"], 1),
        round(score["offset_removed_mm"], 1),
        round(score["procrustes_mm"], 1),
        round(100 * score["bone_variation"], 2),
    ]
