"""How the runtime process is, told to whoever started it; its end when told to, or when nobody is left."""

import logging
import multiprocessing
import os
import select
import signal
import socket
import time
from threading import Event, Lock, Thread
from typing import Literal, Self

import msgspec
import zmq

from posecap.runtime.errors import WireError

_log = logging.getLogger(__name__)

EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: starting again would fail again
HEARTBEAT_S = 0.25
_GRACE_S = 0.6  # from the request to stop to the end by force
_LINGER_MS = 200


class RuntimeHealth(msgspec.Struct, frozen=True, array_like=True):
    """Sent four times a second.

    Attributes:
        pid: of the runtime process.
        state: starting (engines are compiled) | ready | failed (as configured it can never work: see note).
        t_ns: when this was said, monotonic clock.
        turn_ns: when its loop last turned: a runtime that hangs keeps its heartbeat, not this.
        note: one sentence.
    """

    pid: int
    state: Literal["starting", "ready", "failed"]
    t_ns: int
    turn_ns: int
    note: str = ""


_decoder: "msgspec.msgpack.Decoder[RuntimeHealth]" = msgspec.msgpack.Decoder(RuntimeHealth)


def unpack_health(data: bytes) -> RuntimeHealth:
    """The health in `data`; raises WireError."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError(
            f"health of the runtime cannot be read ({error}): start all of posecap anew"
        ) from error


class Heartbeat(Thread):
    """Tells `endpoint` how the process is, and ends the process on SIGTERM or when its parent is gone.

    SIGINT is left to the supervisor. A main thread that blocks in C code is ended by force after a grace.

    Args:
        endpoint: of whoever started the process; "" = it is told in another way.
        grace_s: from the request to stop to the end by force.
    """

    def __init__(self, endpoint: str, grace_s: float = _GRACE_S) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._grace_s = grace_s
        self.stop = Event()
        self._ended = Event()
        self._lock = Lock()
        self._state: Literal["starting", "ready", "failed"] = "starting"
        self._note = ""
        self._turn_ns = time.monotonic_ns()
        self._socket = zmq.Context.instance().socket(zmq.PUSH)
        self._socket.linger = _LINGER_MS
        self._socket.sndhwm = 100
        if endpoint:
            self._socket.connect(endpoint)
        self._told = bool(endpoint)
        parent = multiprocessing.parent_process()
        self._parent = os.getppid() if parent is None or parent.pid is None else parent.pid
        self._wake, self._signalled = socket.socketpair()
        self._signalled.setblocking(False)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # C code that blocks the main thread also blocks Python's signal handlers, not this:
        signal.set_wakeup_fd(self._signalled.fileno(), warn_on_full_buffer=False)

    def turn(self) -> None:
        """The loop has turned once more."""
        self._turn_ns = time.monotonic_ns()

    def report(self, state: Literal["starting", "ready", "failed"], note: str = "") -> None:
        """Say now that the state is another."""
        self._state, self._note = state, note
        self.turn()
        self._beat()

    def run(self) -> None:
        while not self._ended.is_set():
            self._beat()
            readable, _, _ = select.select([self._wake], [], [], HEARTBEAT_S)
            if readable or os.getppid() != self._parent:
                self.stop.set()
                if not self._ended.wait(self._grace_s):
                    os._exit(
                        0
                    )  # nothing of what is left behind is ours: rings and folder are the supervisor's

    def _on_signal(self, *_: object) -> None:
        self.stop.set()

    def _beat(self) -> None:
        if not self._told:
            return
        health = RuntimeHealth(os.getpid(), self._state, time.monotonic_ns(), self._turn_ns, self._note)
        with self._lock:
            try:
                self._socket.send(msgspec.msgpack.encode(health), zmq.NOBLOCK)
            except zmq.Again:
                _log.debug("event=heartbeat_unheard")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        signal.set_wakeup_fd(-1)
        self._signalled.send(b"\0")
        self.join()
        self._socket.close()
        self._wake.close()
        self._signalled.close()
