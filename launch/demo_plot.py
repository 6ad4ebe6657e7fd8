"""People in space as one picture: turned, and from above, with axes in metres. Drawn by OpenCV alone."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.launch.demo_overlay import bgr, draw_skeleton, stamp_on, text_band
from posecap.launch.demo_person import DemoPerson, Frame
from posecap.models.joints import JointSet

_SIDE_PX = 720
_MARGIN_PX = 70
_TURN_RAD, _LIFT_RAD = np.radians(30.0), np.radians(18.0)
_GRID, _AXIS, _INK = (215, 215, 215), (150, 150, 150), (60, 60, 60)
_STEPS_M = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0, 100.0)
_MOST_LINES = 10

Matrix = NDArray[np.float64]

# rows: right, away from us, up
_FROM_CAMERA = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


def plot(
    people: Sequence[DemoPerson],
    joint_set: JointSet,
    frame: Frame,
    lines: Sequence[str],
    *,
    stamp: str = "",
) -> NDArray[np.uint8]:
    """(height, width, 3) BGR picture of the people who have 3D joints; the camera is at 0 where it is the frame.

    Left: turned by 30 degrees and from 18 degrees above; right: straight from above. Both have one scale of metres
    along all axes. Empty axes where nobody has 3D joints.
    """
    to_plot = np.eye(3) if frame == "world" else _FROM_CAMERA
    known = [
        (number, person.xyz_mm @ to_plot.T / 1e3)
        for number, person in enumerate(people)
        if person.xyz_mm is not None and np.isfinite(person.xyz_mm).any()
    ]
    points = [xyz[np.isfinite(xyz).all(axis=1)] for _, xyz in known]
    eye = np.zeros((1, 3)) if frame == "camera" else np.zeros((0, 3))
    everything = np.concatenate([*points, eye]) if points else np.array([[-1.0, -1, -1], [1, 1, 1]])
    low, high = everything.min(axis=0), everything.max(axis=0)
    low, high = low - 0.1 * (high - low).max() - 0.05, high + 0.1 * (high - low).max() + 0.05
    floor = low[2]
    panels = []
    for matrix, title in ((_turned(), "turned by 30 degrees"), (np.eye(3)[[0, 1, 2]], "from above")):
        panel = _Panel(matrix, low, high)
        panel.grid(floor, frame)
        if len(eye):
            panel.camera()
        order = sorted(known, key=lambda one: -float(np.nanmean(one[1] @ matrix.T, axis=0)[panel.depth_row]))
        for number, xyz in order:
            panel.person(number, xyz, joint_set, floor)
        cv2.putText(panel.canvas, title, (12, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.6, _INK, 1, cv2.LINE_AA)
        panels.append(panel.canvas)
    canvas = np.hstack(panels)
    if stamp:
        stamp_on(canvas, stamp)
    return np.vstack([canvas, text_band(lines, canvas.shape[1])])


def _turned() -> Matrix:
    """Rows: across the panel, up the panel, away from us."""
    c, s = np.cos(_TURN_RAD), np.sin(_TURN_RAD)
    across = np.array([c, s, 0.0])
    away = np.array([-s, c, 0.0])
    up = np.array([0.0, 0.0, 1.0])
    return np.stack(
        [
            across,
            np.cos(_LIFT_RAD) * up + np.sin(_LIFT_RAD) * away,
            np.cos(_LIFT_RAD) * away - np.sin(_LIFT_RAD) * up,
        ]
    )


class _Panel:
    """One parallel projection; rows of `matrix` are across, up and away."""

    depth_row = 2

    def __init__(self, matrix: Matrix, low: Matrix, high: Matrix) -> None:
        self.matrix = matrix
        self.low, self.high = low, high
        self.canvas = np.full((_SIDE_PX, _SIDE_PX, 3), 250, np.uint8)
        corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T @ matrix[:2].T
        span = float((corners.max(axis=0) - corners.min(axis=0)).max())
        self.scale = (_SIDE_PX - 2 * _MARGIN_PX) / max(span, 1e-6)
        self.middle = (corners.max(axis=0) + corners.min(axis=0)) / 2

    def pixels(self, xyz: Matrix) -> Matrix:
        """(n, 2) of points (n, 3) in metres."""
        at = (np.asarray(xyz) @ self.matrix[:2].T - self.middle) * self.scale
        return _SIDE_PX / 2 + at * (1, -1)

    def grid(self, floor: float, frame: Frame) -> None:
        """Lines on the ground with their metres, and a pole for the height."""
        span = float((self.high - self.low)[:2].max())
        step = next((step for step in _STEPS_M if span / step <= _MOST_LINES), span)
        names = ("x", "y", "z") if frame == "world" else ("x", "z", "-y")
        for axis, other in ((0, 1), (1, 0)):
            for value in _ticks(self.low[axis], self.high[axis], step):
                ends = np.tile([0.0, 0.0, floor], (2, 1))
                ends[:, axis] = value
                ends[:, other] = self.low[other], self.high[other]
                a, b = self.pixels(ends)
                self._line(a, b, _AXIS if abs(value) < 1e-9 else _GRID)
                outside = a + (a - b) / max(float(np.linalg.norm(a - b)), 1e-6) * 24
                self._label(f"{value + 0.0:g}", outside)
            end = np.array([[0.0, 0.0, floor]])
            end[0, axis] = self.high[axis]
            end[0, other] = self.low[other]
            self._label(f"{names[axis]} (m)", self.pixels(end)[0] + (0, 44), strong=True)
        pole = np.array([[self.low[0], self.high[1], self.low[2]], [self.low[0], self.high[1], self.high[2]]])
        a, b = self.pixels(pole)
        if np.linalg.norm(a - b) < 20:  # from above the pole is a point
            return
        self._line(a, b, _AXIS)
        for value in _ticks(self.low[2], self.high[2], step):
            at = self.pixels(np.array([[self.low[0], self.high[1], value]]))[0]
            self._label(f"{value + 0.0:g}", at - (26, 0))
        self._label(f"{names[2]} (m)", b - (0, 16), strong=True)

    def camera(self) -> None:
        """A pyramid at 0 that looks along z."""
        half = 0.04 * float((self.high - self.low).max())
        corners = np.array([[-1, 2, -0.75], [1, 2, -0.75], [1, 2, 0.75], [-1, 2, 0.75]]) * half
        eye = self.pixels(np.zeros((1, 3)))[0]
        ends = self.pixels(corners)
        for k, end in enumerate(ends):
            self._line(eye, end, _INK)
            self._line(end, ends[(k + 1) % 4], _INK)
        self._label("camera", eye + np.array([0.0, 18.0]), strong=True)

    def person(self, number: int, xyz: Matrix, joint_set: JointSet, floor: float) -> None:
        """The skeleton, its shadow on the ground, and its number."""
        shadow = np.column_stack([xyz[:, :2], np.where(np.isfinite(xyz[:, 2]), floor, np.nan)])
        flat = self.pixels(shadow)
        for a, b in joint_set.bones:
            if np.isfinite(flat[[a, b]]).all():
                self._line(flat[a], flat[b], (190, 190, 190), 2)
        at = self.pixels(xyz)
        draw_skeleton(self.canvas, at, joint_set, 1)
        top = at[np.nanargmin(at[:, 1])]
        self._label(str(number + 1), top - (0, 18), colour=bgr(number), strong=True)

    def _line(self, a: Matrix, b: Matrix, colour: tuple[int, int, int], thick: int = 1) -> None:
        ends = [(round(float(x)), round(float(y))) for x, y in (a, b)]
        cv2.line(self.canvas, ends[0], ends[1], colour, thick, cv2.LINE_AA)

    def _label(
        self, text: str, at: Matrix, *, colour: tuple[int, int, int] = _INK, strong: bool = False
    ) -> None:
        """Text with its middle at `at`."""
        size, thick = (0.55, 2) if strong and len(text) < 3 else (0.45, 1)
        (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
        x = min(max(round(float(at[0]) - width / 2), 2), _SIDE_PX - width - 2)
        y = min(max(round(float(at[1]) + height / 2), height + 2), _SIDE_PX - 4)
        cv2.putText(self.canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick, cv2.LINE_AA)


def _ticks(low: float, high: float, step: float) -> NDArray[np.float64]:
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
