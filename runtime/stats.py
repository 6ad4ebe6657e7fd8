"""Counters and rolling percentiles of one session of the runtime."""

import time
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from posecap.runtime.messages import CameraStats, Percentiles, StatsMessage

SAMPLES = 3000
_NAN = float("nan")


class RollingTimes:
    """The last `samples` durations, given in nanoseconds and read in milliseconds."""

    def __init__(self, samples: int = SAMPLES) -> None:
        self._last: deque[int] = deque(maxlen=samples)

    def add(self, duration_ns: int) -> None:
        """Remember one more, forget the oldest."""
        self._last.append(duration_ns)

    def percentiles(self) -> Percentiles:
        """p50, p95, p99 and maximum, milliseconds; NaN where nothing was added."""
        if not self._last:
            return Percentiles(0, _NAN, _NAN, _NAN, _NAN)
        values = np.percentile(np.fromiter(self._last, dtype=np.float64), [50, 95, 99, 100]) / 1e6
        return Percentiles(len(self._last), *(float(value) for value in values))


class SessionStats:
    """What one session counted; everything that was thrown away is here under the name of its reason."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.started_ns = time.monotonic_ns()
        self.dropped = 0
        self.torn = 0
        self.processed = 0
        self.with_people = 0
        self.people = 0
        self.stages: dict[str, RollingTimes] = {}
        self.latency_instant = RollingTimes()
        self.latency_refined = RollingTimes()
        self._seq = 0
        self._rate_ns, self._rate_processed = self.started_ns, 0

    def step(self, stage_ns: Mapping[str, int], people: int) -> None:
        """Count a frame set that went through the pipeline."""
        self.processed += 1
        self.people = people
        self.with_people += people > 0
        for stage, duration_ns in stage_ns.items():
            self.stages.setdefault(stage, RollingTimes()).add(duration_ns)

    def message(
        self,
        *,
        complete: int,
        partial: int,
        cameras: Sequence[CameraStats],
        engine: str,
        model: str,
        rig: str,
        joint_set: str,
        note: str,
    ) -> StatsMessage:
        """The statistics as of now; the rate is that since the last call."""
        now_ns = time.monotonic_ns()
        elapsed_s = max((now_ns - self._rate_ns) / 1e9, 1e-3)
        fps = (self.processed - self._rate_processed) / elapsed_s
        self._rate_ns, self._rate_processed = now_ns, self.processed
        self._seq += 1
        return StatsMessage(
            session=self.session,
            seq=self._seq - 1,
            t_ns=now_ns,
            unix_offset_ns=time.time_ns() - now_ns,
            uptime_s=(now_ns - self.started_ns) / 1e9,
            fps=fps,
            people=self.people,
            complete=complete,
            partial=partial,
            dropped=self.dropped,
            torn=self.torn,
            processed=self.processed,
            with_people=self.with_people,
            stages={name: times.percentiles() for name, times in self.stages.items()},
            latency_instant=self.latency_instant.percentiles(),
            latency_refined=self.latency_refined.percentiles(),
            cameras=tuple(cameras),
            engine=engine,
            model=model,
            rig=rig,
            joint_set=joint_set,
            clock="CLOCK_MONOTONIC of the publishing host",
            note=note,
        )
