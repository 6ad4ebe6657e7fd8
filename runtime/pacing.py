"""Keeping up with the cameras on a machine that is too slow for them: leave views out rather than instants.

A pose at every instant from three of four views is worth more than a pose at three of four instants: the motion stays
whole, and which views supported a joint is in every message. The view that is left out changes from one frame set to
the next, so none goes blind.
"""

_RECENT = 12  # frame sets
_TOO_OFTEN = 4  # of them behind: leave one more view out
_CALM = 150  # frame sets in time before one view more is tried
_ROOM = 0.8  # of the period, that reading one view more must leave free


class Pacer:
    """Chooses how many views the next frame set goes without.

    Args:
        views: cameras of the rig.
        least: views that are always read.
        period_ns: time between two frame sets; 0 = never in a hurry.
    """

    def __init__(self, views: int, least: int, period_ns: int) -> None:
        self.left_out = 0
        self._views, self._most = views, max(views - least, 0)
        self._period_ns = period_ns
        self._behind: list[bool] = []
        self._in_time = 0
        self._step_ns = 0.0

    def after(self, step_ns: int, behind: bool) -> None:
        """Learn that a frame set took `step_ns`, and whether the next one had to wait for it."""
        if not self._period_ns:
            return
        self._step_ns += 0.1 * (step_ns - self._step_ns)
        self._behind = [*self._behind[1 - _RECENT :], behind]
        self._in_time = 0 if behind else self._in_time + 1
        if sum(self._behind) >= _TOO_OFTEN and self.left_out < self._most:
            self._change(+1)
        elif self.left_out and self._in_time >= _CALM:
            read = self._views - self.left_out
            if self._step_ns * (read + 1) / read < _ROOM * self._period_ns:
                self._change(-1)

    def _change(self, step: int) -> None:
        self.left_out += step
        self._behind.clear()
        self._in_time = 0
