"""RPSM against a straightforward NumPy loop of the same levels: same joints, time of a frame; all in one run.

    python tests/bench/rpsm.py --out tests/bench/results/rpsm.json

4 views, 17 joints, heatmaps of 64 x 64, 16 bins, 10 levels, root and limb lengths known to everybody. One thread each.
Rounds go forth and back through the methods (A B C C B A). The loop measures each pair of bins, joint after joint
(`tests/rpsm_loop.py`); a second one knows beforehand which pairs of the first level fit each limb, as the original did
for lengths that never change. Their joints are compared with those of the same rules in `posecap.models.rpsm`.
Times are processor time, so other work on the machine does not count.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from heatmap_scene import LIMBS_M, HeatmapScene, heatmap_scene
from metadata import metadata
from rpsm_loop import first_fits, rpsm_loop

from posecap.models.heatmap_sampling import HeatmapViews
from posecap.models.joints import H36M_17
from posecap.models.rpsm import CLEAN, COMPAT, Rpsm, RpsmSettings

Method = Callable[[], NDArray[np.float64]]  # joints (frames, 17, 3)


def loop(scene: HeatmapScene, fits: list[NDArray[np.bool_]] | None = None) -> Method:
    """One frame after the other; with `fits` the pairs of the first level are known beforehand."""
    heatmaps = scene.heatmaps.double().numpy()
    cameras = [
        [
            tuple(part[frame, view].double().numpy() for part in scene.views)
            for view in range(heatmaps.shape[1])
        ]
        for frame in range(len(heatmaps))
    ]
    return lambda: np.stack(
        [
            rpsm_loop(
                maps, seen_from, xyz[0], LIMBS_M, H36M_17.bones, grid=2.0, tolerance=0.15, first_fits=fits
            )  # pyright: ignore[reportArgumentType]
            for maps, seen_from, xyz in zip(heatmaps, cameras, scene.xyz, strict=True)
        ]
    )


def batched(scene: HeatmapScene, settings: RpsmSettings, dtype: torch.dtype, device: str = "cpu") -> Method:
    """All frames in one call."""
    module = Rpsm(settings).to(device)
    lengths = torch.from_numpy(LIMBS_M)[None]
    root = torch.from_numpy(scene.xyz[:, 0])
    tensors = (scene.heatmaps, *scene.views, root, lengths, torch.full_like(lengths, 0.01))
    inputs = [tensor.to(device, dtype) for tensor in tensors]

    def solve() -> NDArray[np.float64]:
        with torch.inference_mode():
            return module(*inputs)[0].cpu().double().numpy()

    return solve


def first_frame(scene: HeatmapScene) -> HeatmapScene:
    views = HeatmapViews(*(part[:1] for part in scene.views))
    return HeatmapScene(scene.rig, scene.xyz[:1], scene.pixels[:1], scene.heatmaps[:1], views)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--frames", type=int, default=8, help="in the batch")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    fits = first_fits(LIMBS_M, grid=2.0, tolerance=0.15)
    many = heatmap_scene(arguments.frames)
    one = first_frame(many)
    methods: dict[str, tuple[HeatmapScene, Method]] = {
        "NumPy loop, float64": (one, loop(one)),
        "NumPy loop, pairs of the first level known": (one, loop(one, fits)),
        "posecap compat, float64": (one, batched(one, COMPAT, torch.float64)),
        "posecap compat, float32": (one, batched(one, COMPAT, torch.float32)),
        "posecap clean, float32": (one, batched(one, CLEAN, torch.float32)),
        "posecap compat, float64, batch": (many, batched(many, COMPAT, torch.float64)),
        "posecap compat, float32, batch": (many, batched(many, COMPAT, torch.float32)),
    }
    if torch.cuda.is_available():
        methods["posecap compat, float32, batch, GPU"] = (many, batched(many, COMPAT, torch.float32, "cuda"))
    answers = {
        name: method() for name, (_, method) in methods.items() if name.startswith("posecap")
    }  # warms up
    times: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(arguments.rounds):
        for name in [*methods, *reversed(methods)]:
            scene, method = methods[name]
            clock = time.perf_counter if name.endswith("GPU") else time.process_time
            start = clock()
            answers[name] = method()
            times[name].append(1e3 * (clock() - start) / len(scene.xyz))
    slow, slow_known = (float(np.median(times[name])) for name in list(methods)[:2])
    truth = {1: answers["NumPy loop, float64"], arguments.frames: loop(many, fits)()}
    for name, (scene, _) in methods.items():
        ms = float(np.median(times[name]))
        frames = len(scene.xyz)
        same_rules = "clean" not in name
        difference = 1e3 * float(np.abs(answers[name] - truth[frames]).max()) if same_rules else None
        error = 1e3 * float(np.linalg.norm(answers[name] - scene.xyz, axis=-1).mean())
        rows.append(
            [
                name,
                frames,
                float(f"{ms:.3g}"),
                float(f"{slow / ms:.3g}"),
                float(f"{slow_known / ms:.3g}"),
                difference if difference is None else float(f"{difference:.1g}"),
                round(error, 2),
            ]
        )
        print(*rows[-1], sep="\t", flush=True)
    result = {
        "title": "RPSM, 4 views, 17 joints, 64 x 64 px, 16 bins, 10 levels, one thread",
        "columns": [
            "method",
            "frames in a call",
            "ms a frame (median, processor time)",
            "x faster than the loop",
            "x faster than the loop that knows pairs",
            "largest difference to the loop, mm",
            "mean error, mm",
        ],
        "rows": rows,
        "metadata": metadata(rounds=arguments.rounds, torch=torch.__version__),
    }
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
