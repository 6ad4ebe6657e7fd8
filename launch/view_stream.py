"""What the viewer knows at this moment: the newest message of each kind, and how fast poses come."""

import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from posecap.runtime.client import Subscriber, age_s
from posecap.runtime.errors import WireError
from posecap.runtime.messages import (
    TOPIC_INSTANT,
    TOPIC_REFINED,
    TOPIC_STATS,
    Message,
    PoseMessage,
    Stage,
    StatsMessage,
)
from posecap.runtime.thumbnail_client import ThumbnailSubscriber
from posecap.runtime.thumbnail_message import ThumbnailMessage

_RATE_OVER_S = 2.0


class PoseStream:
    """The newest of everything that an endpoint says.

    Args:
        endpoint: of the runtime.
        server_key: as for `Subscriber`; None = not encrypted.

    Raises:
        EndpointError: a malformed endpoint or an unusable key file.
    """

    def __init__(self, endpoint: str, server_key: Path | None = None) -> None:
        self.endpoint = endpoint
        self.poses: dict[Stage, PoseMessage] = {}
        self.stats: StatsMessage | None = None
        self.thumbnails: dict[str, ThumbnailMessage] = {}
        self.trouble = ""
        self._late: dict[str, int] = {}
        self._arrivals: dict[Stage, deque[float]] = {"instant": deque(), "refined": deque()}
        topics = (TOPIC_REFINED, TOPIC_INSTANT, TOPIC_STATS)
        self._subscriber: Subscriber[Message] = Subscriber(endpoint, topics, server_key)
        self._thumbnails = ThumbnailSubscriber(endpoint, server_key)

    def poll(self, timeout_s: float = 0.0) -> None:
        """Take what has come, waiting up to `timeout_s` for the first.

        Messages that cannot be read are dropped, and `trouble` says why.
        """
        try:
            for message in self._subscriber.drain(timeout_s):
                if isinstance(message, PoseMessage):
                    self.poses[message.header.stage] = message
                    self._arrivals[message.header.stage].append(time.monotonic())
                elif isinstance(message, StatsMessage):
                    self._take_stats(message)
            self.thumbnails |= self._thumbnails.newest()
        except WireError as error:
            self.trouble = str(error)

    def _take_stats(self, stats: StatsMessage) -> None:
        if self.stats is not None and self.stats.session == stats.session:
            self._late = {camera.name: camera.late for camera in self.stats.cameras}
        else:
            self._late = {camera.name: camera.late for camera in stats.cameras}
        self.stats = stats

    def rate_hz(self, stage: Stage) -> float:
        """Messages of a stage for each second, over the last two."""
        arrivals = self._arrivals[stage]
        now = time.monotonic()
        while arrivals and arrivals[0] < now - _RATE_OVER_S:
            arrivals.popleft()
        return len(arrivals) / _RATE_OVER_S

    def silent_s(self, stage: Stage) -> float:
        """Seconds since the newest pose of a stage was taken; infinite where there is none."""
        pose = self.poses.get(stage)
        return float("inf") if pose is None else age_s(pose)

    def camera_states(self, stage: Stage) -> dict[str, str]:
        """State of each camera as the newest pose says; of a live one its alarm, or "late" after a late picture."""
        pose = self.poses.get(stage)
        states = {}
        if pose is not None:
            for camera in pose.header.cameras:
                states[camera.name] = (
                    camera.alarm if camera.alarm and camera.state == "live" else camera.state
                )
        if self.stats is not None:
            for camera in self.stats.cameras:
                state = states.setdefault(camera.name, camera.state)
                if state == "live" and camera.late > self._late.get(camera.name, camera.late):
                    states[camera.name] = "late"
        return states

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._subscriber.close()
        self._thumbnails.close()
