"""Truth drawn over the pictures of a sequence, one row for each instant: wrong cameras are seen at a glance."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.capture.errors import CaptureError
from posecap.launch.errors import UsageError
from posecap.models.joints import H36M_17
from posecap.training.dataset_sequence import DatasetSequence

_TILE_PX = 480
_TITLE_PX = 28
_MARGIN = 1.4  # of the person's height are shown
_LEFT, _RIGHT, _MIDDLE = (80, 160, 255), (255, 150, 60), (90, 230, 90)  # BGR: orange, blue, green
_BONES = (
    *((H36M_17.names[parent], H36M_17.names[child]) for parent, child in H36M_17.bones),
    ("pelvis", "spine"), ("spine", "spine1"), ("spine1", "spine2"), ("spine2", "spine3"), ("spine3", "neck"),
    ("neck", "left_collar"), ("left_collar", "left_shoulder"), ("neck", "right_collar"),
    ("right_collar", "right_shoulder"),
)  # fmt: skip
_OF_COLLARS = {
    ("neck", "left_shoulder"),
    ("neck", "right_shoulder"),
}  # drawn by way of the collars where there are any


def write_overlay(sequence: DatasetSequence, path: Path, rows: int = 3) -> list[int]:
    """Write a PNG with the truth over `rows` instants of every view; the numbers of the pictures shown.

    Left limbs are orange, right ones blue. An instant is from a tenth to nine tenths of the sequence.

    Raises:
        UsageError: a video cannot be read, or the picture not be written.
    """
    frames = sorted({round((len(sequence.xyz) - 1) * at) for at in np.linspace(0.1, 0.9, rows)})
    columns = []
    for view, camera in enumerate(sequence.rig.cameras):
        pictures = _pictures(sequence.sources[view].file, camera.name, frames)
        tiles = []
        for frame, picture in zip(frames, pictures, strict=True):
            pixels = camera.project(sequence.xyz[frame])
            _draw(picture, pixels, sequence.joints)
            tiles.append(_tile(_around(picture, pixels), f"{camera.name} {frame}"))
        columns.append(tiles)
    grid = np.hstack([np.vstack(tiles) for tiles in columns])
    try:
        done = cv2.imwrite(str(path), grid)
    except cv2.error as error:
        raise UsageError(f"{path} is not the name of a picture: let it end in .png") from error
    if not done:
        raise UsageError(f"{path} cannot be written: choose a file in a folder that exists")
    return frames


def _pictures(file: str, camera: str, wanted: list[int]) -> list[NDArray[np.uint8]]:
    """(height, width, 3) BGR pictures by their numbers; decodes from the start."""
    import av
    import av.error

    found = {}
    try:
        with av.open(file) as container:
            for index, picture in enumerate(container.decode(video=0)):
                if index in wanted:
                    found[index] = picture.to_ndarray(format="bgr24")
                if index >= wanted[-1]:
                    break
    except (OSError, av.error.FFmpegError) as error:
        raise CaptureError(
            f"camera {camera!r}: {file} cannot be decoded ({error}): extract it again"
        ) from error
    if len(found) < len(wanted):
        raise CaptureError(f"camera {camera!r}: {file} ends before picture {wanted[-1]}: extract it again")
    return [found[index] for index in wanted]


def _draw(picture: NDArray[np.uint8], pixels: NDArray[np.float64], joints: tuple[str, ...]) -> None:
    """`pixels` (people, joints, 2)."""
    thick = max(1, picture.shape[1] // 400)
    collars = "left_collar" in joints
    for person in pixels:
        for pair in _BONES:
            if not set(pair) <= set(joints) or (collars and pair in _OF_COLLARS):
                continue
            ends = person[[joints.index(name) for name in pair]]
            if np.isfinite(ends).all() and np.abs(ends).max() < 1e5:
                a, b = (tuple(int(value) for value in np.rint(end)) for end in ends)
                cv2.line(picture, a, b, _colour(pair[1]), thick, cv2.LINE_AA)
        for name, place in zip(joints, person, strict=True):
            if np.isfinite(place).all() and np.abs(place).max() < 1e5:
                centre = tuple(int(value) for value in np.rint(place))
                cv2.circle(picture, centre, 2 * thick, _colour(name), -1, cv2.LINE_AA)


def _colour(joint: str) -> tuple[int, int, int]:
    return {"left": _LEFT, "right": _RIGHT}.get(joint.split("_", maxsplit=1)[0], _MIDDLE)


def _around(picture: NDArray[np.uint8], pixels: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The square of the picture around what is drawn; all of it where that is nowhere near."""
    size = np.array(picture.shape[1::-1])
    known = pixels[np.isfinite(pixels).all(axis=-1)]
    known = known[((known >= 0) & (known < size)).all(axis=-1)]
    if not len(known):
        return picture
    low, high = known.min(axis=0), known.max(axis=0)
    side = int(min(_MARGIN * (high - low).max() + 1, size.min()))
    x, y = np.clip(np.rint((low + high - side) / 2), 0, size - side).astype(int)
    return picture[y : y + side, x : x + side]


def _tile(picture: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """A square of `_TILE_PX` with a title; pictures that are none get bars."""
    scale = _TILE_PX / max(picture.shape[:2])
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    tile = np.zeros((_TILE_PX, _TILE_PX, 3), dtype=np.uint8)
    tile[:height, :width] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    tile[:_TITLE_PX] //= 3
    cv2.putText(
        tile, text, (8, _TITLE_PX - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA
    )
    return tile
