"""Triangulation beside what others use: time of a call, error, distance to the Cramer-Rao bound; all in one run.

    python tests/bench/triangulation.py --out tests/bench/results/triangulation.json

4 views x 17 joints of 1 and of 16 people, 3 px noise at a focal length of 1145 px, cameras 4.5 m away (Human3.6M's
geometry). Everybody gets the same undistorted points. Rounds go forth and back through the list (A B C C B A), so a
busy moment of the machine meets all alike. Opponents are optional; those not installed are named and left out:

    pip install aniposelib
    pip install --no-deps pose2sim==0.10.49 && pip install matplotlib rtoml c3d anytree pandas
"""

import argparse
import importlib
import json
import logging
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from metadata import metadata
from scene import cramer_rao, posed_person, ring_rig, standing_places

from posecap.calib.rig import Rig
from posecap.calib.triangulate import triangulate

SIGMA_PX = 3.0
VIEWS = 4
PEOPLE = (1, 16)
FRAMES = 2000
VISIT_S = 0.06

Method = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # rays (views, n, 2) -> xyz (n, 3)


def ours(rig: Rig, n: int) -> Method:
    E = _extrinsics(rig)
    variance = np.full((VIEWS, n), (SIGMA_PX / rig.cameras[0].focal_px) ** 2)
    return lambda rays: triangulate(rays, variance, E).xyz


def svd_dlt(rig: Rig, n: int) -> Method:
    """The homogeneous direct linear transform, all points in one batched numpy SVD."""
    E = _extrinsics(rig)

    def solve(rays: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = rays[..., None] * E[:, None, 2:3] - E[:, None, :2]
        A = rows.transpose(1, 0, 2, 3).reshape(n, -1, 4)
        X = np.linalg.svd(A, full_matrices=False)[2][:, -1]
        return X[:, :3] / X[:, 3:]

    return solve


def opencv_pairs(rig: Rig, n: int) -> Method:
    """cv2.triangulatePoints over all pairs of views, median of the answers."""
    E = _extrinsics(rig)
    pairs = list(combinations(range(VIEWS), 2))

    def solve(rays: NDArray[np.float64]) -> NDArray[np.float64]:
        answers = np.empty((len(pairs), n, 3))
        for k, (a, b) in enumerate(pairs):
            X = cv2.triangulatePoints(E[a], E[b], rays[a].T, rays[b].T)
            answers[k] = (X[:3] / X[3]).T
        return np.median(answers, axis=0)

    return solve


def aniposelib(rig: Rig, n: int, fast: bool) -> Method:
    cameras = importlib.import_module("aniposelib.cameras")
    group = cameras.CameraGroup(
        [
            cameras.Camera(
                matrix=camera.K.copy(),
                dist=np.zeros(5),
                rvec=cv2.Rodrigues(camera.R.copy())[0].ravel(),
                tvec=camera.t.copy(),
                size=camera.size_px,
                name=camera.name,
            )
            for camera in rig.cameras
        ]
    )
    return lambda rays: group.triangulate(rays, undistort=False, fast=fast)


def pose2sim(rig: Rig, n: int) -> Method:
    """Pose2Sim's function solves one joint a call."""
    one = importlib.import_module("Pose2Sim.common").weighted_triangulation
    P = list(_extrinsics(rig))
    likelihood = [1.0] * VIEWS
    return lambda rays: np.stack([one(P, rays[:, k, 0], rays[:, k, 1], likelihood)[:3] for k in range(n)])


METHODS: dict[str, Callable[[Rig, int], Method]] = {
    "posecap": ours,
    "numpy, batched SVD DLT": svd_dlt,
    "OpenCV triangulatePoints, all pairs, median": opencv_pairs,
    "aniposelib triangulate, fast=True": lambda rig, n: aniposelib(rig, n, True),
    "aniposelib triangulate": lambda rig, n: aniposelib(rig, n, False),
    "Pose2Sim weighted_triangulation, each joint": pose2sim,
}


def available(rig: Rig, n: int) -> dict[str, Method]:
    methods = {}
    for name, build in METHODS.items():
        try:
            methods[name] = build(rig, n)
        except ImportError as error:
            print(f"left out: {name} ({error}): pip install as the head of this file says", file=sys.stderr)
    return methods


def observed(rig: Rig, people: int, frames: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Truth (frames, n, 3) and noisy rays (frames, views, n, 2)."""
    rng = np.random.default_rng(people)
    E = _extrinsics(rig)
    truth = np.empty((frames, 17 * people, 3))
    for xyz in truth:
        places = standing_places(rng, people, reach_m=1.5, apart_m=0.3)
        xyz[:] = np.concatenate([posed_person(rng, place) for place in places])
    local = np.einsum("vij,fnj->fvni", E[:, :, :3], truth) + E[None, :, None, :, 3]
    rays = local[..., :2] / local[..., 2:]
    return truth, rays + rng.normal(0, SIGMA_PX / rig.cameras[0].focal_px, rays.shape)


def bound_mm(rig: Rig, truth: NDArray[np.float64]) -> float:
    """Mean error of the best unbiased estimator: mean length of draws from the Cramer-Rao covariance."""
    points = truth.reshape(-1, 3)
    root = np.linalg.cholesky(cramer_rao(rig, points, np.full((VIEWS, len(points)), SIGMA_PX)))
    draws = np.random.default_rng(0).normal(size=(50, len(points), 3))
    return 1e3 * float(np.linalg.norm(np.einsum("nij,knj->kni", root, draws), axis=-1).mean())


def timed(method: Method, rays: NDArray[np.float64]) -> list[float]:
    """Microseconds of single calls on one frame after another, for about `VISIT_S`."""
    times: list[float] = []
    end = time.perf_counter() + VISIT_S
    while time.perf_counter() < end or len(times) < 3:
        frame = np.ascontiguousarray(rays[len(times) % len(rays)])
        started = time.perf_counter_ns()
        method(frame)
        times.append((time.perf_counter_ns() - started) / 1e3)
    return times


def compare(people: int, rounds: int) -> list[list[object]]:
    """One row for each method."""
    rig = ring_rig(VIEWS)
    truth, rays = observed(rig, people, FRAMES // people)
    methods = available(rig, truth.shape[1])
    error_mm = {
        name: 1e3
        * float(
            np.mean([np.linalg.norm(method(r) - x, axis=-1).mean() for r, x in zip(rays, truth, strict=True)])
        )
        for name, method in methods.items()
    }
    times: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(rounds):
        for name in [*methods, *reversed(methods)]:
            times[name] += timed(methods[name], rays)
    bound = bound_mm(rig, truth)
    fastest = float(np.median(times["posecap"]))
    rows: list[list[object]] = []
    for name in methods:
        low, median, high = np.percentile(times[name], [25, 50, 75])
        rows.append(
            [
                name,
                people,
                float(f"{median:.3g}"),
                f"{float(f'{low:.3g}'):g} to {float(f'{high:.3g}'):g}",
                round(median / fastest, 1),
                round(error_mm[name], 2),
                round(error_mm[name] / bound, 3),
            ]
        )
    return rows


def _extrinsics(rig: Rig) -> NDArray[np.float64]:
    return np.stack([camera.cam_from_world[:3] for camera in rig.cameras])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=8, help="each goes through the methods forth and back")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # Pose2Sim talks about windows when it is imported
    rows = []
    for people in PEOPLE:
        for row in compare(people, arguments.rounds):
            rows.append(row)
            print(*row, sep="\t", flush=True)
    opponents = {}
    for package in ("aniposelib", "jax", "pose2sim"):
        try:
            opponents[package] = version(package)
        except PackageNotFoundError:
            continue
    result = {
        "title": f"Triangulation, {VIEWS} views x 17 joints, {SIGMA_PX:g} px noise",
        "columns": [
            "method",
            "people",
            "µs a call (median)",
            "quartiles",
            "x posecap",
            "MPJPE mm",
            "error / bound",
        ],
        "rows": rows,
        "metadata": metadata(rounds=arguments.rounds, opponents=opponents, opencv=cv2.__version__),
    }
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
