"""What the runtime knows about its cameras: their own words, or that they fell silent."""

import time
from collections.abc import Sequence

import msgspec

from posecap.capture.sync import SyncCounters
from posecap.capture.wire import CameraStatus
from posecap.runtime.calibration_watch import CalibrationWatch
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

    def states(self, watch: CalibrationWatch | None = None) -> tuple[CameraState, ...]:
        """In rig order; "lost" where a camera has been silent for a second. With the alarms of `watch`."""
        alarms = {} if watch is None else {alarm.camera: alarm.kind for alarm in watch.alarms}
        return tuple(
            CameraState(camera, self._state(camera), alarms.get(camera, "")) for camera in self._last
        )

    def any_live(self) -> bool:
        """Whether more pictures are to be expected."""
        return any(one.state in ("live", "starting") for one in self.states())

    def all_over(self) -> bool:
        """Whether every camera has said that its last picture is out, or that it never gives any."""
        said = [status.state if status else "starting" for status, _ in self._last.values()]
        return all(state in ("ended", "failed") for state in said)

    def stats(self, counters: SyncCounters, watch: CalibrationWatch | None = None) -> tuple[CameraStats, ...]:
        """In rig order, with what the grouping of frames counted and what the watch says."""
        plain = self._plain_stats(counters)
        if watch is None:
            return plain
        alarms = {alarm.camera: alarm for alarm in watch.alarms}
        return tuple(
            msgspec.structs.replace(
                one,
                alarm=alarms[one.name].kind if one.name in alarms else "",
                shift_mm=float("nan") if (now := watch.watched[view].now) is None else 1e3 * now.shift_m,
                shift_limit_mm=1e3 * watch.limit_m(view),
            )
            for view, one in enumerate(plain)
        )

    def _plain_stats(self, counters: SyncCounters) -> tuple[CameraStats, ...]:
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

    def note(self, watch: CalibrationWatch | None = None) -> str:
        """About the cameras that do not deliver or were moved; "" where all is well."""
        absent = [
            f"{one.name} is {one.state}" for one in self.states() if one.state not in ("live", "starting")
        ]
        notes = [f"without some cameras: {', '.join(absent)}"] if absent else []
        return "; ".join(notes + [str(alarm) for alarm in (watch.alarms if watch else ())])

    def _state(self, camera: str) -> str:
        status, heard_ns = self._last[camera]
        if status is None:
            return "starting"
        if status.state != "failed" and time.monotonic_ns() - heard_ns > _SILENT_NS:
            return "lost"
        return status.state
