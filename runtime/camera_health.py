"""What the runtime knows about its cameras: their own words, or that they fell silent."""

import time
from collections.abc import Sequence

from posecap.capture.sync import SyncCounters
from posecap.capture.wire import CameraStatus
from posecap.runtime.messages import CameraState, CameraStats

_SILENT_NS = 1_000_000_000  # four heartbeats


class CameraHealth:
    """The last status of every camera of the rig."""

    def __init__(self, cameras: Sequence[str]) -> None:
        self._last: dict[str, tuple[CameraStatus | None, int]] = dict.fromkeys(cameras, (None, 0))

    def hear(self, status: CameraStatus) -> None:
        """Take what a camera says of itself."""
        if status.camera in self._last:
            self._last[status.camera] = (status, time.monotonic_ns())

    def states(self) -> tuple[CameraState, ...]:
        """In rig order; "lost" where a camera has been silent for a second."""
        return tuple(CameraState(camera, self._state(camera)) for camera in self._last)

    def any_live(self) -> bool:
        """Whether more pictures are to be expected."""
        return any(one.state in ("live", "starting") for one in self.states())

    def all_over(self) -> bool:
        """Whether every camera has said that its last picture is out, or that it never gives any."""
        said = [status.state if status else "starting" for status, _ in self._last.values()]
        return all(state in ("ended", "failed") for state in said)

    def stats(self, counters: SyncCounters) -> tuple[CameraStats, ...]:
        """In rig order, with what the grouping of frames counted."""
        return tuple(
            CameraStats(
                name=camera,
                state=self._state(camera),
                fps=status.fps if self._state(camera) == "live" else 0.0,
                sent=status.sent,
                dropped=status.dropped,
                late=counters.late[camera],
                missing=counters.missing[camera],
                decode_ms=status.decode_ms,
                clock=status.clock,
                clock_offset_ns=status.clock_offset_ns,
                clock_uncertainty_ns=status.clock_uncertainty_ns,
                note=status.note,
            )
            if status
            else CameraStats(name=camera, state="starting", missing=counters.missing[camera])
            for camera, (status, _) in self._last.items()
        )

    def note(self) -> str:
        """One sentence about the cameras that do not deliver; "" where all do."""
        absent = [
            f"{one.name} is {one.state}" for one in self.states() if one.state not in ("live", "starting")
        ]
        return f"without some cameras: {', '.join(absent)}" if absent else ""

    def _state(self, camera: str) -> str:
        status, heard_ns = self._last[camera]
        if status is None:
            return "starting"
        if status.state != "failed" and time.monotonic_ns() - heard_ns > _SILENT_NS:
            return "lost"
        return status.state
