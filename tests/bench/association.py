"""Association and lift on synthetic crowds: correctness, distance to the Cramer-Rao bound, cost against views.

    python tests/bench/association.py --out tests/bench/results/association.json

1 to 10 people, 3 to 16 views, 3 px noise, 20 % of joints missing, 5 % gross outliers. Nobody is expected: every frame
set is associated from nothing, the dearest case.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from metadata import metadata
from scene import cramer_rao, crowd

from posecap.runtime.associate import Associator
from posecap.runtime.gather import gathered_rays
from posecap.runtime.lift import Lifter

GATE_M = 0.22
VIEWS = (3, 4, 6, 8, 12, 16)
PEOPLE = (1, 2, 4, 7, 10)


def measure(views: int, people: int, seed: int) -> dict[str, float]:
    """Share of rows with the right person, error and bound over joints with three clean views, milliseconds."""
    scene = crowd(views, people, seed)
    associator, lifter = Associator(scene.rig, GATE_M, 3), Lifter(scene.rig, 0.12)
    rays = lifter.views.rays(scene.keypoints)
    nobody = np.empty((0, 17, 3))
    started = time.perf_counter()
    rows = associator.assign(rays, nobody).rows
    associated = time.perf_counter()
    gathered = gathered_rays(rays, rows)
    skeletons = lifter.skeletons(gathered, np.full((len(rows), 17, 3), np.nan), np.full(len(rows), -1))
    lifted = time.perf_counter()
    right, error, bound = 0, [], []
    claimed: set[int] = set()
    for person_rows, skeleton in zip(rows, skeletons, strict=True):
        owners = [scene.owner[v, row] for v, row in enumerate(person_rows) if row >= 0]
        person = max(set(owners), key=owners.count)
        if person in claimed:
            continue
        claimed.add(person)
        right += sum(owner == person for owner in owners)
        clean = np.stack(
            [
                np.isfinite(scene.keypoints.xy[v, row, :, 0]) & ~scene.gross[v, row]
                if row >= 0
                else np.zeros(17, bool)
                for v, row in enumerate(person_rows)
            ]
        )
        enough = clean.sum(axis=0) >= 3
        sigma = np.where(clean, 3.0, np.inf)[:, enough]
        root = np.linalg.cholesky(cramer_rao(scene.rig, scene.xyz[person, enough], sigma))
        normal = np.random.default_rng(0).normal(size=(200, 3))
        bound.extend(np.linalg.norm(np.einsum("nij,kj->kni", root, normal), axis=-1).mean(axis=0))
        error.extend(np.linalg.norm(skeleton.xyz - scene.xyz[person], axis=1)[enough])
    return {
        "correct": right / scene.owner.size,
        "error": float(np.nanmean(error)),
        "bound": float(np.mean(bound)),
        "associate_ms": (associated - started) * 1e3,
        "lift_ms": (lifted - associated) * 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    measure(4, 2, 0)  # compiled now
    rows = []
    for views in VIEWS:
        for people in PEOPLE:
            runs = [measure(views, people, seed) for seed in range(arguments.seeds)]
            mean = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
            cost = float(np.median([run["associate_ms"] + run["lift_ms"] for run in runs]))
            ratio = mean["error"] / mean["bound"]
            rows.append(
                [
                    views,
                    people,
                    round(100 * mean["correct"], 2),
                    round(1e3 * mean["error"], 1),
                    round(ratio, 3),
                    round(cost, 2),
                    round(cost / views, 3),
                ]
            )
            print(*rows[-1], flush=True)
    result = {
        "title": "Association and lift of unexpected people (3 px noise, 20 % missing, 5 % gross outliers)",
        "columns": [
            "views",
            "people",
            "rows correct %",
            "error mm",
            "error / bound",
            "ms a frame set",
            "ms a view",
        ],
        "rows": rows,
        "metadata": metadata(seeds=arguments.seeds),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
