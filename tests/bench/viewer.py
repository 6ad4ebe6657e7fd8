"""How many pictures a second the viewer draws, by number of people and joint set.

    python tests/bench/viewer.py --out tests/bench/results/viewer.json

On a display where there is one, else under Xvfb (software OpenGL). Everybody moves in every picture, eight
cameras stand around, their thumbnails are painted five times a second: as live, but as fast as it goes.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
from metadata import metadata
from scene import posed_person, ring_rig, standing_places
from xvfb import display, missing

from posecap.models.joints import BLAZEPOSE_33, COCO_17, JointSet, joint_map
from posecap.runtime.messages import CameraState, Person, PoseHeader, PoseMessage
from posecap.runtime.thumbnail_message import ThumbnailHeader, ThumbnailMessage

SIZE_PX = (1280, 720)
CASES = (
    ("coco-17/1", 1),
    ("coco-17/1", 10),
    ("coco-17/1", 25),
    ("blazepose-33/1", 1),
    ("blazepose-33/1", 25),
)
SECONDS = 6.0


def poses(people: int, joint_set: JointSet, rig_id: str, cameras: tuple[str, ...]) -> list[PoseMessage]:
    """A second of people who sway."""
    rng = np.random.default_rng(0)
    places = standing_places(rng, people, reach_m=3.5)
    seventeen = np.stack([posed_person(rng, place) for place in places])
    sources = np.array(joint_map(COCO_17, joint_set))
    nearest = np.where(sources >= 0, sources, 0)
    for joint in np.flatnonzero(sources < 0):  # hands, feet, mouth: beside the joint that they hang on
        parent = joint
        while sources[parent] < 0:
            parent = joint_set.parents[parent]
        nearest[joint] = sources[parent]
    beside = np.where(sources[:, None] < 0, rng.normal(0, 0.05, (len(joint_set), 3)), 0.0)
    still = seventeen[:, nearest] + beside
    messages = []
    for index in range(60):
        angle = 2 * np.pi * index / 60
        xyz = (still + 0.15 * np.array([np.sin(angle), np.cos(angle), 0.0])).astype(np.float32)
        header = PoseHeader(
            session="bench", seq=index, index=index, stage="refined", t_ns=0, t_capture_ns=0, t_publish_ns=0,
            unix_offset_ns=0, rig=rig_id, joint_set=joint_set.name, joints=joint_set.names,
            people=tuple(Person(person, 1.5) for person in range(people)),
            cameras=tuple(CameraState(name, "live") for name in cameras),
        )  # fmt: skip
        shape = xyz.shape[:2]
        covariance, residual_px = np.zeros((*shape, 6), np.float32), np.ones(shape, np.float32)
        messages.append(PoseMessage(header, xyz, covariance, residual_px, np.full(shape, 8, np.uint8)))
    return messages


def thumbnails(cameras: tuple[str, ...]) -> dict[str, ThumbnailMessage]:
    """A small picture for each camera."""
    picture = np.random.default_rng(1).integers(0, 255, (150, 200, 3), dtype=np.uint8)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    return {
        name: ThumbnailMessage(
            ThumbnailHeader(camera=name, seq=0, t_ns=0, w=200, h=150, length=len(jpeg)),
            bytes(bytearray(jpeg)),
        )
        for name in cameras
    }


def measure(joint_set: JointSet, people: int) -> dict[str, float]:
    """Pictures a second; milliseconds of a picture, and of them for making the shapes; memory gained, MB."""
    from posecap.launch.view_eye import framing
    from posecap.launch.view_loop import Scene
    from posecap.launch.view_panel import WIDTH_PX, Panel, PanelPainter
    from posecap.launch.view_room import frustum_depth
    from posecap.launch.view_window import Window

    rig = ring_rig(8)
    messages, small = poses(people, joint_set, rig.id, rig.names), thumbnails(rig.names)
    view = framing(rig, SIZE_PX, SIZE_PX[0] - WIDTH_PX)
    scene, states = Scene(rig, frustum_depth(rig, view)), dict.fromkeys(rig.names, "live")
    painter, times, shaping, memory = PanelPainter(), [], [], []
    panel = Panel(
        "bench", (("people", str(people)),), cameras=tuple((name, "live", "30 fps") for name in rig.names)
    )
    with Window("posecap bench", SIZE_PX, view) as window:
        panel_due = 0.0
        until = time.perf_counter() + SECONDS
        spent = time.process_time()
        while (started := time.perf_counter()) < until:
            pose = messages[len(times) % len(messages)]
            eye = window.eye
            shapes = scene.shapes(pose, eye, states=states, stale=False)
            shaping.append(time.perf_counter() - started)
            window.show(shapes)
            if started >= panel_due:
                panel_due = started + 0.2
                window.show_panel(painter.paint(panel, small, SIZE_PX[1]), eye)
            window.poll()
            times.append(time.perf_counter() - started)
            memory.append(_resident_mb())
        spent = time.process_time() - spent
    warm = len(times) // 4
    steady = np.array(times[warm:])
    return {
        "fps": float(len(steady) / steady.sum()),
        "p50": float(np.median(steady) * 1e3),
        "p95": float(np.percentile(steady, 95) * 1e3),
        "cpu": spent / len(times) * 1e3,
        "shapes": float(np.median(shaping[warm:]) * 1e3),
        "grown_mb": memory[-1] - memory[warm],
        "triangles": len(shapes.triangles),
    }


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _all(out: Path | None, server: str) -> None:
    sets = {joint_set.name: joint_set for joint_set in (COCO_17, BLAZEPOSE_33)}
    rows = []
    for name, people in CASES:
        m = measure(sets[name], people)
        rows.append(
            [name, people, m["triangles"]]
            + [round(m[key], 1) for key in ("fps", "p50", "p95", "cpu", "shapes", "grown_mb")]
        )
        print(*rows[-1], flush=True)
    result = {
        "title": f"Viewer, {SIZE_PX[0]} x {SIZE_PX[1]}, 8 cameras with thumbnails, legacy Open3D on {server}",
        "columns": [
            "joints", "people", "triangles", "pictures a second", "ms p50", "ms p95", "CPU ms", "ms shapes", "MB grown",
        ],
        "rows": rows,
        "metadata": metadata(seconds=SECONDS),
    }  # fmt: skip
    if out:
        out.write_text(json.dumps(result, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--server", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.server or os.environ.get("DISPLAY"):
        _all(arguments.out, arguments.server or os.environ["DISPLAY"])
        return
    if missing():
        raise SystemExit(missing())
    with display() as environment:
        command = [sys.executable, *sys.argv, "--server", "Xvfb (software OpenGL)"]
        raise SystemExit(subprocess.run(command, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
