"""People as shapes: each in its colour, its number over its head."""

import numpy as np
from numpy.typing import NDArray

from posecap.launch.view_eye import Eye
from posecap.launch.view_glyphs import labels
from posecap.launch.view_shapes import Shapes, discs, ribbons
from posecap.launch.view_skeleton import drawing_of
from posecap.runtime.messages import PoseMessage
from posecap.runtime.palette import person_colour

_OVER_HEAD_M = 0.17
_GREY = np.array([0.45, 0.47, 0.5])


def people_shapes(pose: PoseMessage, eye: Eye, stale: bool) -> Shapes:
    """All people of a message; grey where it is `stale`."""
    header = pose.header
    drawing = drawing_of(header.joint_set, header.joints)
    points = drawing.points(pose.xyz.astype(np.float64))
    colours = np.array([person_colour(track) for track in pose.ids]).reshape(-1, 3)
    if stale:
        colours = 0.25 * colours + 0.75 * _GREY
    people, bones, balls = len(points), len(drawing.bones), len(drawing.discs)
    ends = points[:, drawing.bones].reshape(-1, 2, 3)
    return Shapes.joined(
        [
            ribbons(
                ends[:, 0],
                ends[:, 1],
                np.tile(drawing.bone_m, people),
                np.repeat(colours, bones, axis=0),
                eye,
            ),
            discs(
                points[:, drawing.discs].reshape(-1, 3),
                np.tile(drawing.disc_m, people),
                np.repeat(colours, balls, axis=0),
                eye,
            ),
            labels(
                [str(track) for track in pose.ids], tops(points), colours, eye, height_m=0.13, height_px=13.0
            ),
        ]
    )


def tops(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(people, 3) a little above the highest known point of each; NaN where none is known."""
    known = np.isfinite(points.sum(axis=2))
    tops = np.full((len(points), 3), np.nan)
    for person in np.flatnonzero(known.any(axis=1)):
        some = points[person][known[person]]
        highest = some[some[:, 2].argmax()]
        tops[person] = (*highest[:2], highest[2] + _OVER_HEAD_M)
    return tops
