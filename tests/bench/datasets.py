"""How far the truth that readers of data sets return lands from where the renderer drew it, in every view.

    python tests/bench/datasets.py --out tests/bench/results/datasets.json

Sequences are drawn in the cameras, picture sizes and rates of each data set, written in each of its layouts and read
back. The reference is what nobody wrote into a file: the renderer's joints in the renderer's cameras. Twelve limb
joints and the nose, where a set has it; the body data is fetched on first use, see training/README.md.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from dataset_takes import off_px
from metadata import metadata
from rich.progress import track

from posecap.calib.rig import Rig
from posecap.training.dataset_sequence import DatasetSequence
from posecap.training.human36m import read_human36m
from posecap.training.human36m_cameras import CAMERAS
from posecap.training.synthetic_take import SyntheticTake, draw_take, hall, studio
from posecap.training.totalcapture import BENCHMARK_CAMERAS, read_totalcapture
from posecap.training.write_human36m import CAMERA_FILES, write_human36m
from posecap.training.write_totalcapture import write_totalcapture

START_S = 4.9  # of the scene: one walks


def drawn(rig: Rig, names: tuple[str, ...], fps: int, frames: int, folder: Path) -> SyntheticTake:
    steps = track(
        draw_take("solo", rig, names, fps, START_S, frames, folder),
        total=frames + 1,
        description=f"{fps} fps",
    )
    return next(step for step in steps if step is not None)


def row(layout: str, read: DatasetSequence, take: SyntheticTake) -> list[object]:
    px = off_px(read, take)
    return [
        layout, len(read.rig), len(read.xyz), float(f"{px.max():.2g}"), " ".join(f"{value:.1e}" for value in px),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--frames", type=int, default=10, help="drawn for each data set")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="posecap-") as name:
        folder = Path(name)
        for part in ("studio", "hall"):
            (folder / part).mkdir()
        take = drawn(studio(), CAMERAS, 50, arguments.frames, folder / "studio")
        for kind, file in CAMERA_FILES.items():
            write_human36m(take, folder / kind, cameras=kind)
            rows.append(row(f"Human3.6M, {file}", read_human36m(folder / kind, "S9/Walking-1"), take))
        names = tuple(f"cam{number}" for number in BENCHMARK_CAMERAS)
        take = drawn(hall(), names, 60, arguments.frames, folder / "hall")
        write_totalcapture(take, folder / "totalcapture")
        read = read_totalcapture(folder / "totalcapture", "s1/walking2")
        rows.append(row("TotalCapture, calibration.cal", read, take))
    for one in rows:
        print(*one, sep="\t")
    result = {
        "title": "Truth of data set layouts, written and read back: distance from where it was drawn, largest, px",
        "columns": ["layout", "views", "frames", "largest px", "largest px in each view"],
        "rows": rows,
        "metadata": metadata(),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
