"""Boards before live cameras: camera processes as in a session, pictures grouped by time, the user guided."""

import time
from collections import deque
from dataclasses import replace
from pathlib import Path

import msgspec
from rich.console import Console
from rich.live import Live

from posecap.calib.board import Board
from posecap.capture.camera_process import CameraConfig
from posecap.capture.frame import FrameSet
from posecap.capture.sync import FrameGrouper
from posecap.capture.transport import FrameReceiver
from posecap.capture.wire import CameraStatus
from posecap.launch.board_sightings import BoardSightings
from posecap.launch.calibration_cameras import CalibrationCameras
from posecap.launch.calibration_panel import guiding_line, guiding_panel, still_missing
from posecap.launch.errors import LaunchError, UsageError
from posecap.launch.interruption import ended_by_signals
from posecap.launch.supervisor import Supervisor
from posecap.launch.topology import Process, RunFolder, Topology, topology

_SLOTS = 16
_POLL_MS = 20
_WAIT_PERIODS = 3
_PANEL_S, _LINE_S = 0.4, 2.0
_GONE = ("lost", "frozen", "ended", "failed")
_NO_PICTURES_S = 30.0


def watch_boards(
    board: Board,
    cameras: CalibrationCameras,
    console: Console,
    *,
    duration_s: float | None,
    lenses: bool,
) -> BoardSightings:
    """What the cameras see of a board until enough was seen, `duration_s` is over, or Ctrl-C.

    Where a computer is too slow for all pictures, the newest are looked at.

    Raises:
        UsageError: nobody saw the board.
        LaunchError: no pictures came.
    """
    rig = cameras.rig()
    configs = tuple(
        CameraConfig(
            camera=name, size_px=cameras.sizes()[name], source=cameras.sources[name], endpoint="", ring=""
        )
        for name in cameras.names
    )
    period_ns = round(1e9 / max(info.fps for info in cameras.infos.values()))
    seen = BoardSightings(board, cameras.sizes())
    with seen, RunFolder(rig, _SLOTS) as folder, ended_by_signals():
        plan = _delivering(topology(folder, configs, None, None))
        with Supervisor(plan) as supervisor, FrameReceiver(plan.frames, _rings(folder)) as receiver:
            supervisor.start()
            grouper = FrameGrouper(cameras.names, period_ns, _WAIT_PERIODS * period_ns)
            _Watch(seen, receiver, grouper, supervisor, console, duration_s, lenses=lenses).run()
    found = ", ".join(f"{name} {seen.count(name)}" for name in cameras.names)
    console.print(f"pictures with the board: {found}", markup=False, soft_wrap=True)
    if not any(seen.count(name) for name in cameras.names):
        looked = sum(seen.looked.values())
        raise UsageError(
            f"no camera saw the board in {looked} pictures: check --board (kind, squares, dictionary), light and "
            "sharpness"
        )
    return seen


class _Watch:
    """The loop from the first picture to the end."""

    def __init__(
        self,
        seen: BoardSightings,
        receiver: FrameReceiver,
        grouper: FrameGrouper,
        supervisor: Supervisor,
        console: Console,
        duration_s: float | None,
        *,
        lenses: bool,
    ) -> None:
        self.seen, self.receiver, self.grouper = seen, receiver, grouper
        self.supervisor, self.console = supervisor, console
        self.duration_s, self.lenses = duration_s, lenses
        self.begin_s: float | None = None  # of the first picture
        self.shown: frozenset[str] = frozenset()
        self.told_s = 0.0
        self.enough = False

    def run(self) -> None:
        """Until there is a reason to end; Ctrl-C is one."""
        start_s = time.monotonic()
        try:
            with Live(console=self.console, auto_refresh=False, transient=True) as live:
                while not self._is_over(start_s):
                    for line in self.supervisor.poll():
                        self.console.print(line, markup=False, soft_wrap=True)
                    newest = self._newest()
                    if newest is not None:
                        self._look(newest)
                    self._tell(live)
        except KeyboardInterrupt:
            pass

    def _newest(self) -> FrameSet | None:
        """The newest set that is done, if any; those before it are let go."""
        done: deque[FrameSet] = deque(maxlen=1)
        for item in self.receiver.poll(_POLL_MS):
            if isinstance(item, CameraStatus):
                if item.state in _GONE:
                    self.grouper.lose(item.camera)
                continue
            self.begin_s = time.monotonic() if self.begin_s is None else self.begin_s
            done.extend(self.grouper.push(item))
        done.extend(self.grouper.poll())
        return done[0] if done else None

    def _look(self, frames: FrameSet) -> None:
        copies = [None if one is None else replace(one, pixels=one.pixels.copy()) for one in frames.frames]
        whole = [one for one in copies if one is not None and self.receiver.intact(one)]
        self.receiver.release(frames)
        before = {name: self.seen.count(name) for name in self.seen.sizes}
        self.seen.look(whole, frames.t_ns)
        self.shown = frozenset(name for name, count in before.items() if self.seen.count(name) > count)

    def _tell(self, live: Live) -> None:
        now_s = time.monotonic()
        terminal = self.console.is_terminal
        if now_s - self.told_s < (_PANEL_S if terminal else _LINE_S):
            return
        self.told_s = now_s
        self.enough = not still_missing(self.seen, lenses=self.lenses)
        left_s = None
        if self.duration_s is not None:
            left_s = self.duration_s if self.begin_s is None else self.begin_s + self.duration_s - now_s
        if terminal:
            live.update(guiding_panel(self.seen, self.shown, left_s, lenses=self.lenses), refresh=True)
        elif any(self.seen.looked.values()):
            self.console.print(guiding_line(self.seen, lenses=self.lenses), markup=False, soft_wrap=True)

    def _is_over(self, start_s: float) -> bool:
        if self.begin_s is None:
            if time.monotonic() - start_s > _NO_PICTURES_S:
                notes = [f"{name}: {one.note or one.state}" for name, one in self.supervisor.cameras.items()]
                raise LaunchError(
                    f"no pictures came ({'; '.join(notes) or 'no camera answered'}): check the cameras"
                )
            return False
        states = [one.state for one in self.supervisor.cameras.values()]
        if len(states) == len(self.seen.sizes) and all(state in ("ended", "failed") for state in states):
            return True
        if self.duration_s is not None:
            return time.monotonic() - self.begin_s >= self.duration_s
        return self.enough


def _rings(folder: RunFolder) -> dict[str, Path]:
    return {name: Path(path) for name, path in folder.rings.items()}


def _delivering(plan: Topology) -> Topology:
    """The cameras send their pictures to this process."""

    def cameras(epoch_ns: int) -> tuple[Process, ...]:
        return tuple(
            replace(one, config=msgspec.structs.replace(one.config, endpoint=plan.frames))
            for one in plan.cameras(epoch_ns)
        )

    return replace(plan, cameras=cameras)
