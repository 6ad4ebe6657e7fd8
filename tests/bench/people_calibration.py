"""Calibration from a walking person: virtual rig from nothing, the Pose2Sim rig refined, and time offsets.

    python launch/fetch.py pose2sim-single
    python tests/bench/people_calibration.py --out tests/bench/results/people_calibration.json

Emulated offsets move the capture times of one camera of the virtual rig; the error is of that camera's offset and says
nothing of pictures taken at other phases. Those are the rows "every n-th picture", where camera k keeps the pictures
k, k + n, k + 2 n: the real offset is k / 30 s, at 30 / n fps. `--tracks FOLDER` keeps 2D joints for the next run.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from metadata import metadata

from posecap.calib.camera import Camera
from posecap.calib.joint_tracks import PeopleTracks, read_tracks, write_tracks
from posecap.calib.joint_views import ViewSettings
from posecap.calib.people_calibration import PeopleSettings, calibrate_from_people
from posecap.calib.people_refinement import refine_from_people
from posecap.calib.rig_file import load_rig, read_rig_file
from posecap.calib.time_offset import time_offsets
from posecap.capture.source_config import source_config
from posecap.runtime.people_tracks import track_people
from posecap.runtime.settings import PipelineSettings

ROOT = Path(__file__).resolve().parents[2]
SOLO = ROOT / "capture" / "sample" / "solo" / "rig.yaml"
SINGLE = ROOT / "data" / "pose2sim-single" / "rig.yaml"
HEIGHT_M = 1.77  # of the person of the virtual rig
OFFSETS_MS = (0, 10, 20, 35, 50)


def tracks_of(rig: Path, model: str, kept: Path | None) -> PeopleTracks:
    """2D joints in the recordings of a rig file, from the folder `kept` where they are there."""
    path = kept / f"{rig.parent.name}-{model}.npz" if kept else None
    if path and path.exists():
        return read_tracks(path)
    sources = {entry.name: source_config(entry, rig.parent) for entry in read_rig_file(rig).cameras}
    found = track_people(sources, PipelineSettings(model=model))
    if path:
        write_tracks(path, found)
    return found


def pose_errors(found: tuple[Camera, ...], true: tuple[Camera, ...]) -> tuple[float, float, float]:
    """Worst rotation (degrees) and position (% of the rig's size) after turning, shifting and scaling; scale (%)."""
    u, _, vt = np.linalg.svd(sum(b.R.T @ a.R for a, b in zip(found, true, strict=True)))
    R = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    turns = [np.trace(a.R @ R.T @ b.R.T) for a, b in zip(found, true, strict=True)]
    a, b = np.array([c.centre for c in found]) @ R.T, np.array([c.centre for c in true])
    size = max(np.linalg.norm(p - q) for p in b for q in b)
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    scale = (a * b).sum() / (a * a).sum()
    worst = np.linalg.norm(scale * a - b, axis=1).max()
    degrees = np.degrees(np.arccos(np.clip((np.array(turns) - 1) / 2, -1, 1))).max()
    return float(degrees), float(100 * worst / size), float(100 * (1 / scale - 1))


def late(tracks: PeopleTracks, view: int, ms: float) -> PeopleTracks:
    """The capture times of `view` moved by `ms`."""
    t_ns = tracks.t_ns.copy()
    t_ns[view] += round(ms * 1e6)
    return replace(tracks, t_ns=t_ns)


def every(tracks: PeopleTracks, n: int) -> tuple[PeopleTracks, np.ndarray]:
    """Camera k with its pictures k % n, k % n + n ..., stamped as those of camera 0; the true offsets in seconds."""
    count = tracks.t_ns.shape[1] // n - 1
    pick = [np.arange(count) * n + k % n for k in range(len(tracks.cameras))]
    parts = {
        name: np.stack([getattr(tracks, name)[k][:, frames] for k, frames in enumerate(pick)])
        for name in ("xy", "score", "variance")
    }
    t_ns = np.tile(tracks.t_ns[0, pick[0]], (len(pick), 1))
    return replace(tracks, t_ns=t_ns, **parts), np.arange(len(pick)) % n * tracks.period_s


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--tracks", type=Path, help="folder for 2D joints")
    arguments = parser.parse_args()
    rows: list[list[object]] = []

    def add(*row: object) -> None:
        rows.append(list(row))
        print(*row, sep="\t", flush=True)

    model = PipelineSettings().model
    rig, tracks = load_rig(SOLO), tracks_of(SOLO, model, arguments.tracks)
    found = calibrate_from_people(rig.cameras, tracks, height_m=HEIGHT_M)
    degrees, position, scale = pose_errors(found.rig.cameras, rig.cameras)
    add("virtual rig from nothing: worst rotation, degrees", model, round(degrees, 2), "at most 0.5")
    add(
        "virtual rig from nothing: worst position, % of the rig's size",
        model,
        round(position, 2),
        "at most 1",
    )
    add("virtual rig from nothing: scale from the height, %", model, round(scale, 2), "-")
    for instants in (50, 100, 200):  # how much chance there is in the first row
        few = PeopleSettings(views=ViewSettings(instants=instants))
        found = calibrate_from_people(rig.cameras, tracks, height_m=HEIGHT_M, settings=few)
        degrees, *_ = pose_errors(found.rig.cameras, rig.cameras)
        add(f"the same from {instants} instants: worst rotation, degrees", model, round(degrees, 2), "-")
    for preset in (model, "blazepose-heavy"):
        if not SINGLE.exists():
            print(f"Pose2Sim single: left out, {SINGLE} is absent", flush=True)
            break
        refined = refine_from_people(load_rig(SINGLE), tracks_of(SINGLE, preset, arguments.tracks))
        add("Pose2Sim single: median residual as given, px", preset, round(refined.before.median_px, 2), "-")
        add("Pose2Sim single: refined, px", preset, round(refined.after.median_px, 2), "at most 6.4")
    for ms in OFFSETS_MS:
        offsets = time_offsets(rig, late(tracks, 2, ms))
        error, sigma = 1e3 * offsets.offset_s[2] + ms, 1e3 * offsets.sigma_s[2]
        add(f"{ms} ms emulated: error, ms (sigma {sigma:.1f})", model, round(float(error), 2), "within 3")
    for n in (2, 3):
        part, true_s = every(tracks, n)
        offsets = time_offsets(rig, part)
        error = 1e3 * (offsets.offset_s - true_s)[1:]
        worst, sigma = float(error[np.abs(error).argmax()]), 1e3 * float(offsets.sigma_s.max())
        add(f"every {n}. picture: worst error, ms (sigma {sigma:.1f})", model, round(worst, 2), "-")
    result = {
        "title": "Calibration from a walking person",
        "columns": ["what", "model", "measured", "promised"],
        "rows": rows,
        "metadata": metadata(),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
