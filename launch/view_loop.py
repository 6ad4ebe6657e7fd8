"""The loop of the viewer: take what came, look where the eye is, change the shapes, ask for a redraw."""

import math
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.launch.view_eye import Eye, Framing, framing, same
from posecap.launch.view_panel import WIDTH_PX, Panel, PanelPainter
from posecap.launch.view_people import people_shapes
from posecap.launch.view_room import axes, frusta, frustum_depth
from posecap.launch.view_score import read_score
from posecap.launch.view_shapes import Shapes
from posecap.launch.view_stream import PoseStream
from posecap.launch.view_window import Window
from posecap.runtime.messages import PoseMessage, Stage

_STALE_S = 1.0  # poses older than this are shown grey
_GONE_S = 5.0  # and not at all
_PANEL_PERIOD_S = 0.2
_FOLLOW_SHARE = 0.15  # of the way to a followed person that the eye goes in one picture


class Scene:
    """All that changes or faces the eye; what stands still is made anew when the eye or a state changes.

    Args:
        rig: cameras to draw; None = none.
        depth_m: of their frusta.
    """

    def __init__(self, rig: Rig | None, depth_m: float) -> None:
        self._rig, self._depth_m = rig, depth_m
        self._still: tuple[Eye, dict[str, str], Shapes] | None = None

    def shapes(self, pose: PoseMessage | None, eye: Eye, *, states: dict[str, str], stale: bool) -> Shapes:
        """Axes, cameras by `states`, people; these grey where `stale`."""
        if self._still is None or not same(self._still[0], eye) or self._still[1] != states:
            parts = [axes(eye)]
            if self._rig is not None:
                parts.append(frusta(self._rig, states, self._depth_m, eye))
            self._still = (eye, states, Shapes.joined(parts))
        if pose is None:
            return self._still[2]
        return Shapes.joined([self._still[2], people_shapes(pose, eye, stale)])


class ViewLoop:
    """Between a stream and a window.

    Args:
        rig: cameras to draw; None = none.
        view: default view.
        stage: shown at first.
        max_hz: pictures for each second, at most.
        score_file: read for the error against the truth; None = not known.
    """

    def __init__(
        self,
        stream: PoseStream,
        window: Window,
        view: Framing,
        *,
        rig: Rig | None,
        stage: Stage,
        max_hz: float,
        score_file: Path | None = None,
    ) -> None:
        self._rig, self._stream, self._window = rig, stream, window
        self._scene = Scene(rig, 0.0 if rig is None else frustum_depth(rig, view))
        self._stage: Stage = stage
        self._score_file = score_file
        self._period_s = 1 / max_hz
        self._painter = PanelPainter()
        self._paused = self._hidden = False
        self._followed: int | None = None
        self._aim = view.target
        self._pose: PoseMessage | None = None
        self._drawn: tuple[object, ...] = ()
        self._eye: Eye | None = None
        self._panel_due_s = 0.0
        self._draws = 0
        self._draw_hz = 0.0
        self._draws_since_s = time.monotonic()
        self._stopped = False
        window.on_key(" ", self._pause)
        window.on_key("R", self._reset)
        window.on_key("F", self._follow)
        window.on_key("1", lambda: self._switch("instant"))
        window.on_key("2", lambda: self._switch("refined"))
        window.on_key("P", self._toggle_panel)

    def stop(self) -> None:
        """Let `run` return at its next round."""
        self._stopped = True

    def run(self, until_s: float = math.inf) -> bool:
        """Draw until the window is closed (False), or `stop` or `until_s`, monotonic seconds (True)."""
        due_s = 0.0
        while self._window.poll():
            if self._stopped or time.monotonic() >= until_s:
                return True
            self._stream.poll(self._period_s)
            time.sleep(max(0.0, min(due_s - time.monotonic(), self._period_s)))
            due_s = time.monotonic() + self._period_s
            self.step()
        return False

    def run_until_pose(self, timeout_s: float) -> bool:
        """Draw until the first pose (True), or until closed, stopped or out of time (False)."""
        until_s = time.monotonic() + timeout_s
        while self._stage not in self._stream.poses:
            if self._stopped or time.monotonic() > until_s or not self.run(time.monotonic() + 0.05):
                return False
        return True

    def step(self) -> None:
        """Change the shapes to what is known now, and ask for a redraw where that changes anything."""
        if not self._paused:
            self._pose = self._stream.poses.get(self._stage)
        silent_s = self._stream.silent_s(self._stage)
        pose = self._pose if self._paused or silent_s < _GONE_S else None
        stale = not self._paused and silent_s > _STALE_S
        self._go_after(pose)
        eye = self._window.eye
        moved = self._eye is None or not same(eye, self._eye)
        self._eye = eye
        states = self._stream.camera_states(self._stage)
        drawn = (pose, stale, sorted(states.items()))
        if moved or drawn != self._drawn:
            self._drawn = drawn
            self._window.show(self._scene.shapes(pose, eye, states=states, stale=stale))
            self._draws += 1
        if not self._hidden:
            self._show_panel(eye, moved, states, silent_s)

    def save(self, path: Path) -> None:
        """Write the window as it is now as PNG; OSError where that cannot be done."""
        self._panel_due_s = 0.0
        self.step()
        picture = self._window.picture()
        done, data = cv2.imencode(".png", picture[..., ::-1])
        if not done:
            raise OSError(f"the picture of the window cannot be encoded (shape {picture.shape})")
        path.write_bytes(data.tobytes())

    def _show_panel(self, eye: Eye, moved: bool, states: dict[str, str], silent_s: float) -> None:
        now_s = time.monotonic()
        picture: NDArray[np.uint8] | None = None
        if now_s >= self._panel_due_s:
            self._panel_due_s = now_s + _PANEL_PERIOD_S
            if now_s - self._draws_since_s >= 1.0:
                self._draw_hz = self._draws / (now_s - self._draws_since_s)
                self._draws, self._draws_since_s = 0, now_s
            panel = self._panel(states, silent_s)
            picture = self._painter.paint(panel, self._stream.thumbnails, eye.size_px[1])
        if picture is not None or moved:
            self._window.show_panel(picture, eye)

    def _panel(self, states: dict[str, str], silent_s: float) -> Panel:
        stats, pose = self._stream.stats, self._pose
        title = f"posecap   {self._stage}" + ("   PAUSED" if self._paused else "")
        numbers = [("poses", f"{self._stream.rate_hz(self._stage):.1f} /s   (drawn {self._draw_hz:.0f} /s)")]
        if pose is not None:
            residuals = [person.residual_px for person in pose.header.people]
            known = [value for value in residuals if math.isfinite(value)]
            numbers.append(("people", str(len(residuals))))
            numbers.append(("residual", f"{np.mean(known):.1f} px" if known else "-"))
        score = None if self._score_file is None else read_score(self._score_file)
        if score is not None and score.mpjpe_mm is not None and score.offset_removed_mm is not None:
            numbers.append(("error", f"{score.mpjpe_mm:.1f} mm   (no offset {score.offset_removed_mm:.1f})"))
        if stats is not None:
            latency = stats.latency_refined if self._stage == "refined" else stats.latency_instant
            if latency.n:
                numbers.append(("latency", f"{latency.p50:.0f} ms   (p99 {latency.p99:.0f})"))
            numbers.append(("dropped", f"{stats.dropped} of {stats.dropped + stats.processed} sets"))
        if self._followed is not None:
            numbers.append(("follow", f"person {self._followed}"))
        notes = {} if stats is None else {camera.name: f"{camera.fps:.0f} fps" for camera in stats.cameras}
        names = tuple(states) if self._rig is None else self._rig.names
        cameras = tuple((name, states.get(name, "?"), notes.get(name, "")) for name in names)
        return Panel(title, tuple(numbers), self._warning(silent_s), cameras)

    def _warning(self, silent_s: float) -> str:
        pose = self._stream.poses.get(self._stage)
        if self._stream.trouble:
            return self._stream.trouble
        if pose is None:
            return f"waiting for {self._stage} poses at {self._stream.endpoint}"
        if silent_s > _STALE_S:
            return f"no pose for {silent_s:.0f} s from {self._stream.endpoint}"
        if self._rig is not None and pose.header.rig != self._rig.id:
            return f"poses are of rig {pose.header.rig}, the cameras drawn are of {self._rig.id}"
        return "" if self._stream.stats is None else self._stream.stats.note

    def _go_after(self, pose: PoseMessage | None) -> None:
        """Move the eye towards the followed person; it waits where they are not seen."""
        if self._followed is None or pose is None or self._followed not in pose.ids:
            return
        xyz = pose.xyz[pose.ids.index(self._followed)]
        if np.isfinite(xyz).all(axis=1).any():
            self._aim = self._aim + _FOLLOW_SHARE * (np.nanmedian(xyz, axis=0) - self._aim)
            self._window.look_at(self._aim)

    def _pause(self) -> None:
        self._paused = not self._paused
        self._panel_due_s = 0.0

    def _reset(self) -> None:
        self._followed = None
        size_px = self._window.eye.size_px
        self._window.reset_view(framing(self._rig, size_px, size_px[0] - WIDTH_PX))
        self._panel_due_s = 0.0

    def _follow(self) -> None:
        ids = sorted(self._pose.ids) if self._pose is not None else []
        after = [track for track in ids if self._followed is None or track > self._followed]
        self._followed = after[0] if after else None
        if self._followed is not None and self._eye is not None:
            self._aim = self._window.aim
        self._panel_due_s = 0.0

    def _switch(self, stage: Stage) -> None:
        self._stage = stage
        self._panel_due_s = 0.0

    def _toggle_panel(self) -> None:
        self._hidden = not self._hidden
        self._panel_due_s = 0.0
        if self._hidden:
            self._window.hide_panel()
