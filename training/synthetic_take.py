"""One synthetic recording with one person, drawn for the occasion or taken from a folder, ready to be laid out."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig
from posecap.calib.rig_file import read_rig_file
from posecap.training.errors import DatasetError
from posecap.training.human36m_cameras import SIZES_PX
from posecap.training.synthetic_rigs import STUDIO_SIZE_PX, looking_at, studio_4

_HALL_SIZE_PX = (1920, 1080)
_HALL_M = 4.6  # from the middle
_HALL_ROOM_M = (5.4, 5.4)
_COLLAR = 0.3  # of the way from the neck to the shoulder
_LOOKS_AT_M = (0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticTake:
    """Clips of one person and where the joints were.

    Attributes:
        rig: metres, +Z up.
        clips: one for each camera, in rig order; None = calibrated, but without a video.
        xyz: (frames, joints, 3) metres, world frame.
        joints: COCO-17 and six of the feet.
        fps: of the clips.
    """

    rig: Rig
    clips: tuple[Path | None, ...]
    xyz: NDArray[np.float64]
    joints: tuple[str, ...]
    fps: float

    def joint(self, name: str) -> NDArray[np.float64]:
        """(frames, 3) metres; DatasetError where the recording does not have it."""
        if name not in self.joints:
            raise DatasetError(f"the recording has no {name}: take one that was made by write_synthetic")
        return self.xyz[:, self.joints.index(name)]

    def with_trunk(self, spine: Mapping[str, float]) -> dict[str, NDArray[np.float64]]:
        """(frames, 3) metres by name: the joints of `joints`, and a trunk made of them.

        Pelvis, neck, head and both collars are added, and what `spine` names at its share of the way from the pelvis to
        the neck.
        """
        places = {name: self.joint(name) for name in self.joints}
        places["pelvis"] = (places["left_hip"] + places["right_hip"]) / 2
        places["neck"] = (places["left_shoulder"] + places["right_shoulder"]) / 2
        places["head"] = (places["left_ear"] + places["right_ear"]) / 2
        for name, share in spine.items():
            places[name] = (1 - share) * places["pelvis"] + share * places["neck"]
        for side in ("left", "right"):
            shoulder = places[f"{side}_shoulder"]
            places[f"{side}_collar"] = (1 - _COLLAR) * places["neck"] + _COLLAR * shoulder
        return places


def studio() -> Rig:
    """The four cameras of studio-4 with the names and picture sizes of Human3.6M; two have two more rows."""
    pairs = zip(studio_4(STUDIO_SIZE_PX).cameras, SIZES_PX.items(), strict=True)
    return Rig(tuple(replace(camera, name=name, size_px=size) for camera, (name, size) in pairs))


def hall(size_px: tuple[int, int] = _HALL_SIZE_PX) -> Rig:
    """Eight cameras in a ring, one radial coefficient each, as TotalCapture's are; every number is our own."""
    cameras = []
    for k in range(8):
        turn = np.deg2rad(20 + 45 * k)
        height = 2.0 + 0.25 * (k % 3)
        place = np.array([_HALL_M * np.cos(turn), _HALL_M * np.sin(turn), height])
        focal = 1040.0 + 9 * k
        K = np.array([[focal, 0, 955 + 2.5 * k], [0, focal - 1.5, 545 - 1.5 * k], [0, 0, 1]])
        lens = np.array([-0.12 - 0.006 * k, 0, 0, 0, 0])
        pose = looking_at(place, np.array(_LOOKS_AT_M))
        cameras.append(Camera(f"cam{k + 1}", _HALL_SIZE_PX, K, lens, pose).scaled(size_px))
    return Rig(tuple(cameras))


def take_of(folder: Path) -> SyntheticTake:
    """The recording that `write_synthetic` left in `folder`, its first person.

    Raises:
        DatasetError: no rig file, truth or clips there.
    """
    try:
        content = read_rig_file(folder / "rig.yaml")
        rig = content.rig()
        clips = tuple(folder / str((entry.source or {})["file"]) for entry in content.cameras)
        with np.load(folder / str((content.truth or {})["file"]), allow_pickle=False) as file:
            xyz, joints, fps = file["xyz"].astype(np.float64), file["joints"], float(file["fps"])
    except (CalibrationError, OSError, KeyError, ValueError) as error:
        raise DatasetError(
            f"{folder} is no recording with exact joints ({error}): write one with write_synthetic"
        ) from error
    return SyntheticTake(rig, clips, xyz[:, 0], tuple(str(name) for name in joints), fps)


def draw_take(
    play: str, rig: Rig, drawn: tuple[str, ...], fps: int, start_s: float, frames: int, folder: Path
) -> Iterator[SyntheticTake | None]:
    """Draw the first seconds of a scene into `folder`; None for each frame, the recording at the end.

    Args:
        play: scene, see `synthetic_sets`.
        rig: cameras.
        drawn: names of those that get a clip.
        fps: pictures a second.
        start_s: of the scene.
        frames: how many.
        folder: for the clips.
    """
    from posecap.training.synthetic_render import Cast
    from posecap.training.synthetic_room import Light, Room
    from posecap.training.synthetic_scene import Scene
    from posecap.training.synthetic_sets import PLAYS
    from posecap.training.synthetic_video import Clip, with_sensor_noise

    if play not in PLAYS:
        raise DatasetError(f"no scene {play!r}, there are {', '.join(PLAYS)}: choose one with --set")
    cast, light = Cast(PLAYS[play]), Light()
    room = Room(light, half_m=_HALL_ROOM_M) if len(rig) > 4 else Room(light)
    seen_by = Rig(tuple(camera for camera in rig.cameras if camera.name in drawn))
    scene = Scene(seen_by, [room.backdrop(camera) for camera in seen_by.cameras], light)
    rng = np.random.default_rng(0)
    paths = {camera.name: folder / f"{camera.name}.mp4" for camera in seen_by.cameras}
    joints = []
    with ExitStack() as stack:
        clips = [
            stack.enter_context(Clip(paths[camera.name], camera.size_px, fps, crf=20))
            for camera in seen_by.cameras
        ]
        for frame in range(frames):
            joints.append(cast.move_to(start_s + frame / fps)[0])
            for clip, picture in zip(clips, scene.draw(cast.mesh), strict=True):
                clip.write(with_sensor_noise(picture, 1.5, rng))
            yield None
    names = cast.people[0].body.keypoints
    yield SyntheticTake(
        rig, tuple(paths.get(name) for name in rig.names), np.array(joints), names, float(fps)
    )
