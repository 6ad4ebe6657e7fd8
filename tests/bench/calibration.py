"""Calibration from boards: rendered videos with exact truth, and a real session of four webcams.

    python tests/bench/calibration.py --out tests/bench/results/calibration.json

Rendered: a ChArUco board is held before each of four cameras, lies on the floor, and is carried through the room;
H.264 videos of 1280 x 720 are written, read and searched for corners as anybody's would be. Poses are compared in the
world of the board on the floor, and after the rigid motion that fits all cameras best. Real: the ChArUco session of
Caliscope (BSD-2-Clause), if it is there, with the lenses that come with it; nobody knows its truth.
"""

import argparse
import json
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from boards import corner_rig
from metadata import metadata

from posecap.calib.board import Board, Sighting
from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.calib.rigid import mean_pose
from posecap.calib.solution import RigSolution
from posecap.calib.solve_extrinsics import solve_extrinsics
from posecap.calib.solve_intrinsics import solve_intrinsics
from posecap.calib.world_frame import rig_in
from posecap.training.synthetic_board_path import BoardPath, held_before
from posecap.training.synthetic_board_picture import BoardPictures
from posecap.training.synthetic_room import Light, Room
from posecap.training.synthetic_video import Clip

SESSION = Path(__file__).resolve().parents[3] / "shared/data/caliscope_charuco"
BOARD = Board("charuco", 7, 5, 0.16, 0.12, "DICT_4X4_50")  # on A0 paper
ON_FLOOR = np.diag([1.0, -1.0, -1.0, 1.0])
FPS = 2
FLOOR = 4  # instants
BARS = {
    "rotation deg": 0.05,
    "translation mm": 2.0,
    "focal %": 0.2,
    "board distance rms mm": 0.5,
    "scale bias %": 0.2,
}


def rendered(held: int, carried: int, folder: Path) -> tuple[Rig, list[Sighting]]:
    """True cameras, and what was found in their videos; times before `held` seconds are of each camera alone."""
    rig, room, path = corner_rig(), Room(Light(), half_m=(3.6, 3.6)), BoardPath(reach_m=0.7)
    walk = [path.world_from_board(BOARD, k / FPS) for k in range(carried)]
    sightings = []
    for index, camera in enumerate(rig.cameras):
        grey = room.backdrop(camera).picture.mean(axis=2).round().astype(np.uint8)
        pictures = BoardPictures(BOARD, camera, grey)
        poses = [*held_before(camera, BOARD, held), *[ON_FLOOR] * FLOOR, *walk]
        file = folder / f"{camera.name}.mp4"
        with Clip(file, camera.size_px, 10, crf=17) as clip:
            for k, pose in enumerate(poses):
                picture = pictures.draw(pose, seed=1000 * index + k)
                clip.write(np.repeat(picture[..., None], 3, axis=2))
        for k, image in enumerate(grey_pictures(file)):
            alone = k < held
            found = BOARD.detect(image, camera.name, k + (index * 10_000 if alone else 100_000))
            if found is not None:
                sightings.append(found)
        print(camera.name, len(sightings), flush=True)
    return rig, sightings


def grey_pictures(file: Path) -> Iterator[np.ndarray]:
    with av.open(str(file)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="gray")


def measured(rig: Rig, sightings: list[Sighting], held: int) -> tuple[dict[str, float], RigSolution]:
    """Worst errors over the cameras."""
    started = time.perf_counter()
    own = [
        solve_intrinsics(BOARD, sightings, camera.size_px, name=camera.name).camera for camera in rig.cameras
    ]
    solution = solve_extrinsics(
        BOARD, sightings, own, refine_intrinsics=True, floor_t_ns=100_000 + held + FLOOR // 2
    )
    seconds = time.perf_counter() - started
    in_floor, aligned = solution.rig, fitted(solution.rig, rig)
    figures = {
        "corners": sum(fit.corners for fit in solution.fits.values()),
        "rms px": solution.rms_px,
        "rotation deg": max(turn(a, b) for a, b in zip(aligned.cameras, rig.cameras, strict=True)),
        "translation mm": max(shift(a, b) for a, b in zip(aligned.cameras, rig.cameras, strict=True)),
        "rotation deg, world of the floor": max(
            turn(a, b) for a, b in zip(in_floor.cameras, rig.cameras, strict=True)
        ),
        "translation mm, world of the floor": max(
            shift(a, b) for a, b in zip(in_floor.cameras, rig.cameras, strict=True)
        ),
        "focal %": max(100 * abs(a.focal_px / b.focal_px - 1) for a, b in zip(own, rig.cameras, strict=True)),
        "focal %, refined": max(
            100 * abs(a.focal_px / b.focal_px - 1) for a, b in zip(in_floor.cameras, rig.cameras, strict=True)
        ),
        "board distance rms mm": 1e3 * solution.board_rms_m,
        "scale bias %": 100 * abs(solution.scale_bias),
        "seconds": seconds,
    }
    return figures, solution


def turn(a: Camera, b: Camera) -> float:
    R = a.R @ b.R.T
    return float(np.degrees(np.linalg.norm(R - R.T) / np.sqrt(8)))


def shift(a: Camera, b: Camera) -> float:
    return float(1e3 * np.linalg.norm(a.centre - b.centre))


def fitted(rig: Rig, true: Rig) -> Rig:
    """The rig after the rigid motion, without scale, that brings poses and places nearest to the true ones."""
    turns = np.stack([b.R.T @ a.R for a, b in zip(rig.cameras, true.cameras, strict=True)])
    motion = np.tile(np.eye(4), (len(turns), 1, 1))
    motion[:, :3, :3] = turns
    new_from_world = mean_pose(motion)
    here, there = (np.mean([camera.centre for camera in one.cameras], axis=0) for one in (rig, true))
    new_from_world[:3, 3] = there - new_from_world[:3, :3] @ here
    return rig_in(rig, new_from_world)


def session(folder: Path) -> dict[str, float]:
    """The real session: residuals and distances between triangulated corners."""
    made = tomllib.loads((folder / "charuco.toml").read_text())
    side = made["square_size_override_cm"] / 100
    board = Board(
        "charuco",
        made["columns"],
        made["rows"],
        side,
        side * made["aruco_scale"],
        made["dictionary"],
        inverted=made["inverted"],
    )
    cameras, sightings = [], []
    for number, entry in tomllib.loads((folder / "camera_array.toml").read_text())["cameras"].items():
        name = f"cam_{number}"
        size = (int(entry["size"][0]), int(entry["size"][1]))
        cameras.append(
            Camera(name, size, np.array(entry["matrix"]), np.array(entry["distortions"]), np.eye(4))
        )
        for k, image in enumerate(grey_pictures(folder / "calibration/extrinsic" / f"{name}.mp4")):
            found = board.detect(image, name, k)
            if found is not None:
                sightings.append(found)
    started = time.perf_counter()
    solution = solve_extrinsics(board, sightings, cameras)
    return {
        "corners": sum(fit.corners for fit in solution.fits.values()),
        "left out": sum(fit.left_out for fit in solution.fits.values()),
        "rms px": solution.rms_px,
        "board distance rms mm": 1e3 * solution.board_rms_m,
        "scale bias %": 100 * abs(solution.scale_bias),
        "seconds": time.perf_counter() - started,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--held", type=int, default=40, help="pictures of the board close to each camera")
    parser.add_argument("--carried", type=int, default=80, help="instants of the board in the room")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        rig, sightings = rendered(arguments.held, arguments.carried, Path(folder))
    figures, _ = measured(rig, sightings, arguments.held)
    rows += [["rendered, 4 cameras", what, rounded(value), BARS.get(what)] for what, value in figures.items()]
    if SESSION.exists():
        bars = {"rms px": 1.2, "board distance rms mm": 1.0}
        rows += [
            ["Caliscope session, 4 webcams", what, rounded(value), bars.get(what)]
            for what, value in session(SESSION).items()
        ]
    for row in rows:
        print(*row)
    result = {
        "title": "Calibration from ChArUco boards (worst camera)",
        "columns": ["recording", "what", "value", "bar"],
        "rows": rows,
        "metadata": metadata(held=arguments.held, carried=arguments.carried, session=SESSION.exists()),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


def rounded(value: float) -> float:
    return float(f"{value:.4g}")


if __name__ == "__main__":
    main()
