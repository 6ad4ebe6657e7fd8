"""How often are extrinsics that were read the wrong way round refused, and right ones taken?

    python tests/bench/conventions.py --out tests/bench/results/conventions.json

Random rigs stand up to 2 m beside the origin of a world whose axis z, -y or y points up, level within a few degrees,
and look at one place (targets of the cameras 0.3 m around it). Each is read as it would be if the file had its rotation
transposed, the camera's centre for the translation, or both. Alone: `check_convention`; with points: `check_points` on
100 joints of people in the middle, too. The last columns are right files that were refused all the same.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from metadata import metadata
from scene import look_at

from posecap.calib.camera import Camera
from posecap.calib.convention import check_convention, check_points
from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig
from posecap.calib.up_axis import from_up, with_up

Array = NDArray[np.float64]
WAYS: dict[str, Callable[[Camera], tuple[Array, Array]]] = {
    "R transposed": lambda one: (one.R.T, one.t),
    "centre for t": lambda one: (one.R, one.centre),
    "both": lambda one: (one.R.T, one.centre),
}


def random_rig(rng: np.random.Generator, cameras: int) -> tuple[Rig, Array]:
    """A rig, +Z up, and (100, 3) m joints of people in its middle."""
    middle = np.append(rng.uniform(-2, 2, 2), 1.0)
    made = []
    for k in range(cameras):
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(2, 6)
        centre = middle + np.array([distance * np.cos(angle), distance * np.sin(angle), rng.uniform(-0.5, 2)])
        target = middle + np.append(rng.normal(0, 0.3, 2), 0)
        camera = look_at(f"cam{k}", centre, target, rng.uniform(0.6, 1.2) * 1920, (1920, 1080))
        roll = rng.normal(0, 0.05)
        turn = np.eye(4)
        turn[:2, :2] = [[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]]
        made.append(replace(camera, cam_from_world=turn @ camera.cam_from_world))
    return Rig(tuple(made)), middle + rng.normal(0, (0.3, 0.3, 0.3), (100, 3))


def read_as(rig: Rig, way: str) -> Rig:
    cameras = []
    for camera in rig.cameras:
        into = np.eye(4)
        into[:3, :3], into[:3, 3] = WAYS[way](camera)
        cameras.append(replace(camera, cam_from_world=into))
    return Rig(tuple(cameras))


def refused(check: Callable[[], None]) -> bool:
    try:
        check()
    except CalibrationError:
        return True
    return False


def measure(cameras: int, up: str, way: str, count: int) -> list[float]:
    """Percent of wrong files refused alone and with points, of right ones refused alone and with points."""
    rng = np.random.default_rng(0)
    found = np.zeros((count, 4), bool)
    for k in range(count):
        rig, joints = random_rig(rng, cameras)
        right = from_up(rig, up)
        wrong = read_as(right, way)
        for column, file in ((0, wrong), (2, right)):
            alone = refused(lambda: check_convention(file))  # noqa: B023 - called at once
            seen = refused(lambda: check_points(with_up(file, up), joints))  # noqa: B023
            found[k, column : column + 2] = alone, alone or seen
    return [round(100 * float(share), 1) for share in found.mean(axis=0)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rigs", type=int, default=200, help="for each row")
    arguments = parser.parse_args()
    columns = [
        "cameras",
        "up",
        "file has",
        "refused %",
        "with points %",
        "right ones refused %",
        "with points, right %",
    ]
    print(*columns, sep=" | ")
    rows = []
    for cameras in (2, 3, 8):
        for up in ("+z", "-y", "+y"):
            for way in WAYS:
                rows.append([cameras, up, way, *measure(cameras, up, way, arguments.rigs)])
                print(*rows[-1], sep=" | ", flush=True)
    result = {
        "title": "Calibration files read the wrong way round: how often that is noticed",
        "columns": columns,
        "rows": rows,
        "metadata": metadata(rigs=arguments.rigs),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
