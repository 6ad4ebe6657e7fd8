"""What all bridges share: poses come from an endpoint, go out another way, until Ctrl-C."""

import signal
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from posecap.launch.errors import UsageError
from posecap.runtime.client import PoseSubscriber
from posecap.runtime.messages import PoseMessage, Stage

_POLL_S = 0.25
_SILENCE_S = 5.0


class Bridge(Protocol):
    """One way out."""

    @property
    def target(self) -> str:
        """Where poses go, for people."""
        ...

    def send(self, message: PoseMessage) -> None:
        """Pass a message on; never waits for a receiver."""
        ...

    def news(self) -> str:
        """What there is to say at the end besides the count; "" = nothing."""
        ...

    def close(self) -> None:
        """Free sockets."""
        ...


@dataclass(frozen=True, slots=True)
class Origin:
    """Where poses come from.

    Attributes:
        endpoint: of the runtime.
        stage: refined or instant.
        server_key: public CURVE key file of the publisher; None = not encrypted.
        duration_s: after which to end; None = never.
    """

    endpoint: str
    stage: Stage
    server_key: Path | None = None
    duration_s: float | None = None


def require(module: str, package: str) -> None:
    """Raises UsageError where an optional package is not installed."""
    if find_spec(module) is None:
        raise UsageError(f"this bridge needs {package}: pip install 'posecap[bridges]'")


def sigma_m(message: PoseMessage) -> NDArray[np.float32]:
    """(people, joints) metres: standard deviation for each axis; NaN where the joint is unknown."""
    return np.sqrt(np.maximum(message.covariance[..., [0, 3, 5]].mean(axis=-1), 0.0))


def forward(bridge: Bridge, origin: Origin) -> None:
    """Pass every message on until Ctrl-C, SIGTERM or the duration is over; says what happens on stderr.

    Raises:
        EndpointError: a malformed endpoint or key.
        WireError: a message of another version.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    sent, lost, begun_s, last_s = 0, 0, time.monotonic(), time.monotonic()
    expected: tuple[str, int] | None = None
    silent = False
    try:
        with PoseSubscriber(origin.endpoint, origin.stage, origin.server_key) as poses:
            _say(f"{origin.endpoint} ({origin.stage}) -> {bridge.target}; Ctrl-C ends it")
            while origin.duration_s is None or time.monotonic() - begun_s < origin.duration_s:
                messages = poses.drain(_POLL_S)
                now_s = time.monotonic()
                if messages:
                    if silent:
                        _say("poses arrive")
                    last_s, silent = now_s, False
                elif now_s - last_s > _SILENCE_S and not silent:
                    silent = True
                    _say(f"no pose for {_SILENCE_S:g} s: is `python launch/live.py` running?")
                for message in messages:
                    header = message.header
                    if expected is not None and expected[0] == header.session:
                        lost += max(header.seq - expected[1], 0)
                    expected = (header.session, header.seq + 1)
                    bridge.send(message)
                    sent += 1
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the program is ending already
        bridge.close()
    news = bridge.news()
    took_s = time.monotonic() - begun_s
    _say(f"{sent} poses in {took_s:.1f} s, {lost} lost on the way here" + (f", {news}" if news else ""))


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
