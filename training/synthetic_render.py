"""Clips and exact joints of a scene, frame by frame."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.calib.rig_file import rig_file_of, write_rig_file
from posecap.training.synthetic_bake import baked_body
from posecap.training.synthetic_body import BodyPose
from posecap.training.synthetic_clothes import SHOE_SOLE_M
from posecap.training.synthetic_mesh import Mesh
from posecap.training.synthetic_person import Person
from posecap.training.synthetic_posture import Poser
from posecap.training.synthetic_room import Light, Room
from posecap.training.synthetic_scene import Scene
from posecap.training.synthetic_sets import Play
from posecap.training.synthetic_video import Clip, with_sensor_noise

FPS = 30
RIG_FILE, TRUTH_FILE = "rig.yaml", "truth.npz"

_NOTES = "Synthetic people with exact joints; the numbers of the cameras are authored. Made by: {}"


class Cast:
    """The people of a scene, dressed and able to move.

    Attributes:
        people: in the order of the people axis.
        mesh: all of them, as last posed.
    """

    def __init__(self, play: Play) -> None:
        """Dress the actors; fetches and bakes the body data at first use. Raises SyntheticError."""
        path = baked_body()
        self.people = [Person(path, actor.look) for actor in play.actors]
        self._posers = [Poser(person.body, SHOE_SOLE_M) for person in self.people]
        self._motions = [actor.motion(poser) for actor, poser in zip(play.actors, self._posers, strict=True)]
        self.mesh = Mesh([person.parts for person in self.people], len(self.people[0].body.bones))

    def poses(self, at_s: float) -> list[BodyPose]:
        """The bones of each person at a time of the scene; the mesh is left as it is."""
        return [poser.pose(motion(at_s)) for poser, motion in zip(self._posers, self._motions, strict=True)]

    def move_to(self, at_s: float) -> NDArray[np.float64]:
        """(people, 23, 3) keypoints at a time of the scene, metres, world; poses the mesh."""
        poses = self.poses(at_s)
        self.mesh.pose(poses)
        pairs = zip(self.people, poses, strict=True)
        return np.array([person.body.keypoints_at(pose) for person, pose in pairs])


def render(
    play: Play, rig: Rig, out: Path, frames: int, crf: int, noise: float, command: str, also_rig: Path | None
) -> Iterator[int]:
    """Write clips, truth and rig file into `out`, one frame for each step; yields the frames that are drawn.

    What is in `out` is replaced at the end, all at once for each file: who plays it meanwhile sees whole clips.

    Args:
        play: scene.
        rig: cameras, in the size of the pictures.
        out: folder, made when it is not there.
        frames: how many.
        crf: quality of x264.
        noise: of the sensor, grey levels.
        command: that makes these files, for the notes of the rig file.
        also_rig: second rig file to write.
    """
    cast = Cast(play)
    light = Light()
    room = Room(light)
    scene = Scene(rig, [room.backdrop(camera) for camera in rig.cameras], light)
    rng = np.random.default_rng(0)
    joints = []
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".unfinished-") as name:
        unfinished = Path(name)
        with ExitStack() as stack:
            clips = [
                stack.enter_context(Clip(unfinished / f"{camera.name}.mp4", camera.size_px, FPS, crf))
                for camera in rig.cameras
            ]
            for frame in range(frames):
                joints.append(cast.move_to(frame / FPS))
                for clip, picture in zip(clips, scene.draw(cast.mesh), strict=True):
                    clip.write(with_sensor_noise(picture, noise, rng))
                yield frame
        _write_truth(unfinished / TRUTH_FILE, np.array(joints), cast.people[0].body.keypoints)
        for path in unfinished.iterdir():
            path.replace(out / path.name)
    for path in (out / RIG_FILE, *([also_rig] if also_rig else [])):
        write_rig(path, out, rig, command, len(cast.people))


def write_rig(path: Path, clips: Path, rig: Rig, command: str, people: int) -> None:
    """A rig file at `path` whose sources and truth lie in the folder `clips`."""
    way = Path(os.path.relpath(clips, path.parent)).as_posix()
    prefix = "" if way == "." else f"{way}/"
    sources = {camera.name: {"type": "video", "file": f"{prefix}{camera.name}.mp4"} for camera in rig.cameras}
    content = msgspec.structs.replace(
        rig_file_of(rig, sources),
        notes=_NOTES.format(command),
        truth={"file": f"{prefix}{TRUTH_FILE}", "people": people},
    )
    write_rig_file(path, content)


def _write_truth(path: Path, xyz: NDArray[np.float64], joints: tuple[str, ...]) -> None:
    """`xyz` (frames, people, joints, 3) metres, world frame; frame f of the clips is at f / fps seconds."""
    np.savez_compressed(path, xyz=xyz.astype(np.float32), joints=np.array(joints), fps=np.float64(FPS))
