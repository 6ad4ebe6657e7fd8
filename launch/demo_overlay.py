"""Joints and boxes drawn over a picture, and a band of text under it."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.launch.demo_person import DemoPerson
from posecap.models.joints import JointSet
from posecap.runtime.palette import person_colour

_LEFT, _RIGHT, _MIDDLE = (80, 160, 255), (255, 150, 60), (90, 230, 90)  # BGR: orange, blue, green
_LEAST_SIDE_PX = 900  # smaller pictures are enlarged: lines stay thin
_LEAST_SCORE = 0.2
_BAND_PX = 30
_FAR_PX = 1e5


def side_colour(joint: str) -> tuple[int, int, int]:
    """BGR: orange for left joints, blue for right ones, green for the middle."""
    return {"left": _LEFT, "right": _RIGHT}.get(joint.split("_", maxsplit=1)[0], _MIDDLE)


def bgr(person: int) -> tuple[int, int, int]:
    """The person's colour."""
    red, green, blue = (round(255 * value) for value in person_colour(person))
    return blue, green, red


def overlay(
    image: NDArray[np.uint8],
    people: Sequence[DemoPerson],
    joint_set: JointSet,
    lines: Sequence[str],
    *,
    stamp: str = "",
    view: int = 0,
) -> NDArray[np.uint8]:
    """A copy of the BGR picture with everybody's joints in picture `view` of the instant, and `lines` below.

    Joints with a low score are hollow. `stamp` is written large across the picture.
    """
    scale = max(1.0, _LEAST_SIDE_PX / max(image.shape[:2]))
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    canvas = np.array(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    thick = max(1, round(max(size) / 700))
    for number, person in enumerate(people):
        # the enlarged picture's pixel centres
        joints = (person.xy[view] + 0.5) * scale - 0.5
        box = (person.boxes[view].reshape(2, 2) + 0.5) * scale - 0.5
        if np.isfinite(box).all():
            cv2.rectangle(canvas, _pixel(box[0]), _pixel(box[1]), bgr(number), thick, cv2.LINE_AA)
            _text(canvas, str(number + 1), (_pixel(box[0])[0] + 4, _pixel(box[0])[1] + 22), 0.7, bgr(number))
        draw_skeleton(canvas, joints, joint_set, thick, person.score[view])
    if stamp:
        stamp_on(canvas, stamp)
    return np.vstack([canvas, text_band(lines, size[0])])


def draw_skeleton(
    canvas: NDArray[np.uint8],
    xy: NDArray[np.float64],
    joint_set: JointSet,
    thick: int,
    score: NDArray[np.float64] | None = None,
) -> None:
    """Bones and joints at `xy` (joints, 2) pixels; unknown ones and those far outside are left out."""
    drawn = np.abs(np.nan_to_num(xy, nan=np.inf)).max(axis=1) < _FAR_PX
    for parent, child in joint_set.bones:
        if drawn[parent] and drawn[child]:
            colour = side_colour(joint_set.names[child])
            cv2.line(canvas, _pixel(xy[parent]), _pixel(xy[child]), colour, 2 * thick, cv2.LINE_AA)
    for joint in np.flatnonzero(drawn):
        weak = score is not None and score[joint] < _LEAST_SCORE
        colour = side_colour(joint_set.names[joint])
        cv2.circle(canvas, _pixel(xy[joint]), 3 * thick, colour, 1 if weak else -1, cv2.LINE_AA)


def text_band(lines: Sequence[str], width: int) -> NDArray[np.uint8]:
    """(height, width, 3) dark band with one line of text each, made smaller where it would not fit."""
    band = np.full((_BAND_PX * max(len(lines), 1), width, 3), 32, np.uint8)
    for row, line in enumerate(lines):
        (length, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1)
        size = 0.55 * min(1.0, (width - 20) / max(length, 1))
        _text(band, line, (10, _BAND_PX * row + 20), size, (235, 235, 235))
    return band


def stamp_on(canvas: NDArray[np.uint8], text: str) -> None:
    """Large red letters across the top that let the picture shine through."""
    (length, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, 1.0, 2)
    size = 0.6 * canvas.shape[1] / length
    place = (round(0.2 * canvas.shape[1]), round(1.8 * size * height))
    written = canvas.copy()
    cv2.putText(written, text, place, cv2.FONT_HERSHEY_DUPLEX, size, (40, 40, 230), 2, cv2.LINE_AA)
    cv2.addWeighted(written, 0.6, canvas, 0.4, 0, dst=canvas)


def _text(
    canvas: NDArray[np.uint8], text: str, at: tuple[int, int], size: float, colour: tuple[int, int, int]
) -> None:
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)


def _pixel(xy: NDArray[np.float64]) -> tuple[int, int]:
    return round(float(xy[0])), round(float(xy[1]))
