"""Round trips of random rigs through every kind of calibration file: by how many pixels points move.

    python tests/bench/formats.py --out tests/bench/results/formats.json

Each kind gets rigs of 2 to 10 cameras with lenses that it has room for, 2 to 8 m from the middle. They are written and
read back, and 500 points all over each picture, 0.5 to 20 m away, are projected with both. "Lost" is what a kind
without room for the bundled rig's barrel lenses (k1 k2 p1 p2 k3) costs when that rig is written with --lossy.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from metadata import metadata
from random_rigs import largest_difference_px, rigs

from posecap.calib.export_rig import KINDS, export_rig
from posecap.calib.import_rig import import_rig
from posecap.calib.rig import Rig
from posecap.calib.rig_file import load_rig

ROOT = Path(__file__).resolve().parents[2]
UNSAID_SIZES = ("human36m-h5", "human36m-json")
NOTES = {
    "posecap": "error, time, sources, truth and notes, too",
    "aniposelib": "unit and up axis stated in [metadata], which its loader leaves alone",
    "pose2sim": "cameras come back in the natural order of their names",
    "caliscope": "fisheye stated for each camera",
    "freemocap": "its own loader drops k3; board and observations are not known",
    "opencv": "layout of calib/README.md: direction, unit and up axis stated",
    "easymocap": "R_ and Rot_ both written; names of letters, digits, - and _",
    "qualisys": "camera looks along -z, 1/64 px; the place of the camera, not t",
    "panoptic": "written as HD cameras, panel 0",
    "human36m-h5": "R transposed, T = centre; sizes must be given again",
    "human36m-json": "R and t of one subject; sizes must be given again",
    "human36m-toolbox": "T = centre; width and height added",
    "totalcapture": "no names: cam1, cam2 and so on",
}


def worst_px(kind: str, examples: int) -> tuple[int, float]:
    """How many rigs went through, and the largest move of a point."""
    moved: list[float] = []

    def there_and_back(rig: Rig) -> None:
        sizes = {camera.name: camera.size_px for camera in rig.cameras} if kind in UNSAID_SIZES else None
        with TemporaryDirectory() as folder:
            path = Path(folder) / KINDS[kind].name
            export_rig(rig, path, kind)
            back = import_rig(path, size_px=sizes)
        moved.append(largest_difference_px(rig, back, by_name=kind != "totalcapture"))

    _every(there_and_back, kind, examples)
    return len(moved), max(moved)


def lost_px(rig: Rig, kind: str) -> float:
    """What the kind has no room for of `rig`, in pixels."""
    with TemporaryDirectory() as folder:
        losses = export_rig(rig, Path(folder) / KINDS[kind].name, kind, lossy=True)
    return max((loss.px for loss in losses if "reader does not use" not in loss.what), default=0.0)


def _every(test: Callable[[Rig], None], kind: str, examples: int) -> None:
    """Call `test` with the same rigs every time."""
    setting = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    seed(0)(setting(given(rigs(KINDS[kind].holds))(test)))()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rigs", type=int, default=100, help="of each kind")
    arguments = parser.parse_args()
    bundled = load_rig(ROOT / "calib" / "rig.yaml")
    columns = [
        "format",
        "has room for",
        "unit",
        "up",
        "rigs",
        "round trip, max px",
        "bundled rig, lost px",
        "notes",
    ]
    print(" | ".join(columns))
    rows = []
    for name, kind in KINDS.items():
        count, px = worst_px(name, arguments.rigs)
        any_ = " or any" if kind.states else ""
        lost = float(f"{lost_px(bundled, name):.2g}")
        rows.append(
            [
                name,
                str(kind.holds),
                kind.unit + any_,
                kind.up + any_,
                count,
                float(f"{px:.1e}"),
                lost,
                NOTES[name],
            ]
        )
        print(" | ".join(map(str, rows[-1])), flush=True)
    result = {
        "title": "Calibration files, written and read back: how far points in the pictures move (promised: 0.01 px)",
        "columns": columns,
        "rows": rows,
        "metadata": metadata(rigs=arguments.rigs),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
