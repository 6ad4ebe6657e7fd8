"""What stands in the room besides people: floor, axes, and the cameras as frusta coloured by their state."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.launch.view_eye import Eye, Framing
from posecap.launch.view_glyphs import labels
from posecap.launch.view_shapes import Shapes, bars

BACKGROUND = (0.075, 0.085, 0.105)
_LINE, _LINE_AT_0 = (0.20, 0.225, 0.265), (0.36, 0.39, 0.45)
_AXES = ((0.86, 0.28, 0.30), (0.36, 0.72, 0.36), (0.30, 0.50, 0.92))

LIVE, LATE, LOST, UNKNOWN = (0.25, 0.80, 0.40), (0.98, 0.70, 0.15), (0.95, 0.25, 0.22), (0.55, 0.58, 0.62)
_COLOUR_OF_STATE = {
    "live": LIVE,
    "late": LATE,
    "moved": LATE,
    "misfit": LATE,
    "frozen": LATE,
    "starting": LATE,
    "lost": LOST,
    "failed": LOST,
}


def state_colour(state: str) -> tuple[float, float, float]:
    """Green = live, amber = late, frozen, starting or moved, red = lost or failed, grey = ended or not known."""
    return _COLOUR_OF_STATE.get(state, UNKNOWN)


def floor_lines(view: Framing) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """(n, 3) points, (m, 2) lines, (m, 3) colours of a grid of 1 m; lines through the origin are lighter.

    Lines alone: a filled floor costs a software renderer 4 ms of processor time a picture.
    """
    half = view.floor_m
    points, colours = [], []
    for step in np.arange(-half, half + 0.5):
        for axis in (0, 1):
            ends = np.zeros((2, 3))
            ends[:, axis] = view.floor_centre[axis] + step
            ends[:, 1 - axis] = view.floor_centre[1 - axis] + np.array([-half, half])
            points.append(ends)
            colours.append(_LINE_AT_0 if abs(ends[0, axis]) < 0.1 else _LINE)
    count = len(points)
    return np.concatenate(points), np.arange(2 * count).reshape(-1, 2), np.array(colours)


def axes(eye: Eye) -> Shapes:
    """x red, y green, z blue, half a metre each, from the origin."""
    ends = 0.5 * np.eye(3)
    colours = np.array(_AXES)
    names = labels(["x", "y", "z"], 1.12 * ends, colours, eye, height_m=0.07, height_px=9.0)
    return Shapes.joined([bars(np.zeros((3, 3)), ends, np.full(3, 0.02), colours, eye), names])


def frusta(rig: Rig, states: Mapping[str, str], depth_m: float, eye: Eye) -> Shapes:
    """The cameras' fields of view up to `depth_m`, the upper edge of each picture doubled, names above."""
    parts = []
    feet = []
    paint = np.array([state_colour(states.get(name, "")) for name in rig.names])
    for camera, colour in zip(rig.cameras, paint, strict=True):
        width, height = camera.size_px
        pixels = np.array(
            [(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)], dtype=np.float64
        )
        local = np.column_stack([(pixels - camera.K[:2, 2]) @ np.linalg.inv(camera.K[:2, :2]).T, np.ones(4)])
        corners = (local * depth_m - camera.t) @ camera.R
        apex = camera.centre
        up = (corners[0] + corners[1] - corners[2] - corners[3]) / 2
        tip = (corners[0] + corners[1]) / 2 + 0.3 * up
        a = np.stack([apex] * 4 + [corners[0], corners[1], corners[2], corners[3], corners[0], corners[1]])
        b = np.stack([*corners, corners[1], corners[2], corners[3], corners[0], tip, tip])
        far = np.linalg.norm(apex - eye.centre)
        width_m = max(0.012, 1.6 * far / eye.focal_px)
        parts.append(bars(a, b, np.full(len(a), width_m), np.tile(colour, (len(a), 1)), eye))
        feet.append(np.concatenate([corners, tip[None], apex[None]]).max(axis=0)[2])
    places = np.array(
        [(*camera.centre[:2], foot + 0.05) for camera, foot in zip(rig.cameras, feet, strict=True)]
    )
    parts.append(labels(list(rig.names), places, paint, eye, height_m=0.1, height_px=10.0))
    return Shapes.joined(parts)


def frustum_depth(rig: Rig, view: Framing) -> float:
    """How deep frusta are drawn: a share of the room, metres."""
    return 0.11 * max(view.floor_m, 1.0) / max(1.0, np.sqrt(len(rig) / 8))
