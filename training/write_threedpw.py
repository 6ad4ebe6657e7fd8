"""A synthetic recording in 3DPW's layout: what `threedpw` must be able to read, with exact truth."""

import errno
import pickle
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import av
import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from posecap.calib.camera import Camera
from posecap.training.errors import DatasetError
from posecap.training.synthetic_take import SyntheticTake, take_of
from posecap.training.threedpw_joints import COCO_18, SMPL_24
from posecap.training.threedpw_people import PICTURES
from posecap.training.threedpw_sequence import FOLDER, plain_name

_PROGRAM = "python -m posecap.training.write_threedpw"
_SPINE = {"spine1": 0.2, "spine2": 0.45, "spine3": 0.6}  # of the way from the pelvis to the neck
_HAND = 0.3  # of the forearm, beyond the wrist
_DRIFT_M = (0.004, -0.002, 0.003)  # of the world's origin from one picture to the next
_DRIFT_RAD = (0.001, 0.003, -0.002)

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


def write_threedpw(
    takes: Sequence[SyntheticTake],
    root: Path,
    split: str = "train",
    sequence: str = "downtown_posecap_00",
    *,
    view: int = 0,
    frames: int = 8,
    every: int = 1,
    unaligned: Sequence[int] = (),
) -> Path:
    """Write pictures and the pickle of a recording under `root`; the path of the pickle.

    Limbs and nose are exact; the trunk is made of them, and so are hands and collars. The world moves from picture to
    picture, so that each has a camera of its own, as one that is carried. Pictures are free of lens distortion.

    Args:
        takes: one for each person; the same rig and clips.
        root: made where it is not there.
        split: train, validation or test.
        sequence: its name.
        view: which camera's clip.
        frames: how many pictures.
        every: take every n-th picture of the clip.
        unaligned: pictures with `campose_valid` 0 and a camera that is off.

    Raises:
        DatasetError: nobody, no clip of that camera, a clip that is too short, or names that no reader takes.
        OSError: a picture or the pickle cannot be written.
    """
    if split not in ("train", "validation", "test"):
        raise DatasetError(f"no split {split!r} of 3DPW, there are train, validation and test: choose one")
    plain_name(sequence, "the recording's name")
    if not takes or not 0 <= view < len(takes[0].clips) or takes[0].clips[view] is None:
        raise DatasetError(f"no clip of camera {view} to write: take a recording with one")
    camera, clip = takes[0].rig.cameras[view], takes[0].clips[view]
    folder = root / PICTURES / sequence
    pictures = _pictures(Path(str(clip)), frames, every)
    folder.mkdir(parents=True, exist_ok=True)
    for index, picture in enumerate(pictures):
        plain = cv2.undistort(picture, camera.K, camera.distortion)
        path = folder / f"image_{index:05d}.jpg"
        if not cv2.imwrite(str(path), plain):
            raise OSError(errno.EIO, "cannot be written", str(path))
    rows = np.arange(frames) * every
    moved_from_world = np.array([_drift(index) for index in range(frames)])
    cam_from_moved = camera.cam_from_world @ np.linalg.inv(moved_from_world)
    valid = np.ones(frames, bool)
    valid[list(unaligned)] = False
    cam_from_moved[~valid, :3, 3] += 1.0
    joints, found = [], []
    for take in takes:
        smpl = smpl_joints(take)[rows]
        moved = smpl @ np.swapaxes(moved_from_world[:, :3, :3], 1, 2) + moved_from_world[:, None, :3, 3]
        joints.append(moved.reshape(frames, -1))
        found.append(_found(take, rows, camera))
    table = {
        "sequence": sequence,
        "cam_intrinsics": camera.K,
        "cam_poses": cam_from_moved,
        "campose_valid": [valid for _ in takes],
        "jointPositions": joints,
        "poses2d": found,
        "img_frame_ids": np.arange(frames) * 2,
        "genders": ["m" for _ in takes],
        "betas": [np.zeros(10) for _ in takes],
        "trans": [row[:, :3] for row in joints],
        "poses": [np.zeros((frames, 72)) for _ in takes],
    }
    path = root / FOLDER / split / f"{sequence}.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(python2_pickle(table))
    return path


def smpl_joints(take: SyntheticTake) -> NDArray[np.float64]:
    """(frames, 24, 3) metres, world +Z up, order `SMPL_24`."""
    places = take.with_trunk(_SPINE)
    for side in ("left", "right"):
        elbow, wrist = places[f"{side}_elbow"], places[f"{side}_wrist"]
        places[f"{side}_hand"] = wrist + _HAND * (wrist - elbow)
        places[f"{side}_foot"] = take.joint(f"{side}_big_toe")
    return np.stack([places[name] for name in SMPL_24], axis=1)


def python2_pickle(value: Any) -> bytes:
    """Bytes of a pickle as Python 2 with its numpy wrote it, protocol 2: text and arrays are byte strings."""
    return pickle.PROTO + b"\x02" + _pickled(value) + pickle.STOP


def _pickled(value: Any) -> bytes:
    match value:
        case dict():
            inside = b"".join(_pickled(key) + _pickled(one) for key, one in value.items())
            written = pickle.EMPTY_DICT + pickle.MARK + inside + pickle.SETITEMS
        case list():
            inside = b"".join(_pickled(one) for one in value)
            written = pickle.EMPTY_LIST + pickle.MARK + inside + pickle.APPENDS
        case tuple():
            written = pickle.MARK + b"".join(_pickled(one) for one in value) + pickle.TUPLE
        case np.ndarray():
            written = _pickled_array(value)
        case None:
            written = pickle.NONE
        case bool():
            written = pickle.NEWTRUE if value else pickle.NEWFALSE
        case int():
            written = pickle.BININT + struct.pack("<i", value)
        case float():
            written = pickle.BINFLOAT + struct.pack(">d", value)
        case _:
            text = value.encode("latin1") if isinstance(value, str) else bytes(value)
            written = pickle.BINSTRING + struct.pack("<i", len(text)) + text
    return written


def _pickled_array(array: NDArray[Any]) -> bytes:
    array = np.ascontiguousarray(array)
    kind, order = array.dtype.str[1:], array.dtype.str[0]
    empty = (
        _named("numpy.core.multiarray", "_reconstruct")
        + pickle.MARK
        + _named("numpy", "ndarray")
        + _pickled((0,))
        + _pickled(b"b")
        + pickle.TUPLE
        + pickle.REDUCE
    )
    of = _named("numpy", "dtype") + _pickled((kind, 0, 1)) + pickle.REDUCE
    of += _pickled((3, order, None, None, None, -1, -1, 0)) + pickle.BUILD
    state = _pickled(1) + _pickled(array.shape) + of + pickle.NEWFALSE + _pickled(array.tobytes())
    return empty + pickle.MARK + state + pickle.TUPLE + pickle.BUILD


def _named(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def _found(take: SyntheticTake, rows: NDArray[np.int64], camera: Camera) -> NDArray[np.float64]:
    """(frames, 3, 18): pixels and confidence of what a detector would find, 0 outside of the picture."""
    xyz = np.full((len(rows), len(COCO_18), 3), np.nan)
    for place, name in enumerate(COCO_18):
        if name != "neck":
            xyz[:, place] = take.joint(name)[rows]
    xyz[:, 1] = (take.joint("left_shoulder")[rows] + take.joint("right_shoulder")[rows]) / 2
    in_camera = camera.in_camera(xyz)
    pixels = in_camera[..., :2] / in_camera[..., 2:] * [camera.K[0, 0], camera.K[1, 1]] + camera.K[:2, 2]
    inside = np.asarray((pixels >= 0).all(-1) & (pixels < np.array(camera.size_px) - 1).all(-1))
    pixels[~inside] = 0
    confidence = np.where(inside, 0.8, 0.0)
    return np.concatenate([np.swapaxes(pixels, 1, 2), confidence[:, None]], axis=1)


def _pictures(clip: Path, frames: int, every: int) -> list[NDArray[np.uint8]]:
    """(height, width, 3) BGR, every n-th of the first pictures of a clip."""
    pictures: list[NDArray[np.uint8]] = []
    with av.open(str(clip)) as file:
        for index, frame in enumerate(file.decode(video=0)):
            if index % every == 0:
                pictures.append(frame.to_ndarray(format="bgr24").astype(np.uint8))
            if len(pictures) == frames:
                return pictures
    raise DatasetError(
        f"{clip} has {len(pictures)} pictures to take, expected {frames}: ask for fewer frames"
    )


def _drift(index: int) -> NDArray[np.float64]:
    """(4, 4) moved_from_world: y up, as in 3DPW, and a little further with each picture."""
    pose, up = np.eye(4), np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    pose[:3, :3] = cv2.Rodrigues(index * np.array(_DRIFT_RAD))[0] @ up
    pose[:3, 3] = np.array([1.5, 0.2, -0.7]) + index * np.array(_DRIFT_M)
    return pose


@app.command(
    epilog="Examples:\n\n"
    f"{_PROGRAM} --from capture/sample/solo --out data/3dpw-like\n\n"
    f"{_PROGRAM} --from capture/sample/solo --out data/3dpw-like --split test --view 2 --frames 30"
)
def main(
    out: Annotated[Path, typer.Option(help="Root of the data set; made when it is not there.")],
    clips: Annotated[Path, typer.Option("--from", help="Recording with exact joints, see write_synthetic.")],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
    sequence: Annotated[str, typer.Option(help="Name of the recording.")] = "downtown_posecap_00",
    view: Annotated[int, typer.Option(min=0, help="Which camera.")] = 0,
    frames: Annotated[int, typer.Option(min=1, help="How many pictures.")] = 30,
    every: Annotated[int, typer.Option(min=1, help="Take every n-th picture.")] = 1,
) -> None:
    """Lay out a recording with exact joints as 3DPW is: pictures and a pickle, for a single moving camera."""
    console = Console(stderr=True, soft_wrap=True)
    try:
        path = write_threedpw([take_of(clips)], out, split, sequence, view=view, frames=frames, every=every)
    except DatasetError as error:
        console.print(f"error: {error}", markup=False)
        raise typer.Exit(2) from None
    except OSError as error:
        console.print(f"error: {error.filename or out}: {error.strerror}: choose another --out", markup=False)
        raise typer.Exit(1) from None
    console.print(f"{path}: {frames} pictures", markup=False)


if __name__ == "__main__":
    app()
