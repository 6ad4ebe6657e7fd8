"""How long the stages of one frame set took."""

import time


class Stopwatch:
    """Runs from its making; `laps_ns` sums nanoseconds by stage."""

    def __init__(self) -> None:
        self.laps_ns: dict[str, int] = {}
        self._last_ns = time.perf_counter_ns()

    def lap(self, stage: str) -> None:
        """What has passed since the last lap, or since `resume`, belongs to `stage`."""
        now_ns = time.perf_counter_ns()
        self.laps_ns[stage] = self.laps_ns.get(stage, 0) + now_ns - self._last_ns
        self._last_ns = now_ns

    def resume(self) -> None:
        """What has passed since the last lap belongs to nobody."""
        self._last_ns = time.perf_counter_ns()
