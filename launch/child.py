"""One process that the supervisor starts: its beginning, its signs of life, its last words."""

import logging
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import zmq

from posecap.launch.topology import Process

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_STEADY_S = 10.0  # a process that ran this long is started again at once
_FIRST_WORD_S = 20.0  # importing libraries on a busy machine
_KILL_S = 0.5
_LINGER_MS = 200


class Child:
    """A process of the topology and its history.

    Args:
        plan: what is started.
        logs: folder for what it prints.

    Attributes:
        heard_s: when it last gave a sign of life, monotonic seconds.
        turned_s: when its loop last turned; None while it is not ready.
        starts: how often it was started.
        due_s: when it is to be started again; None while it runs or is given up.
        reason: why it ended last.
    """

    def __init__(self, plan: Process, logs: Path) -> None:
        self.plan = plan
        self.heard_s = 0.0
        self.turned_s: float | None = None
        self.starts = 0
        self.due_s: float | None = None
        self.reason = ""
        self.process: SpawnProcess | None = None
        self._log = logs / f"{plan.name.replace(' ', '-').replace('/', '-')}.log"
        self._started_s = 0.0
        self._pause_s = _FIRST_PAUSE_S

    @property
    def pid(self) -> int | None:
        """Process id; None while it does not run."""
        return None if self.process is None else self.process.pid

    def start(self) -> None:
        """Start it (again)."""
        self.process = multiprocessing.get_context("spawn").Process(
            target=run_process, args=(self.plan.target, self.plan.config, str(self._log)), name=self.plan.name
        )
        with _interrupts_blocked():
            self.process.start()
        self._started_s = self.heard_s = time.monotonic()
        self.turned_s = self.due_s = None
        self.starts += 1

    def fault(self, now_s: float) -> str:
        """Why it should be killed; "" while it is well."""
        heard_once = self.heard_s > self._started_s
        silent_s = self.plan.silent_s if heard_once else max(self.plan.silent_s, _FIRST_WORD_S)
        if self.plan.silent_s and now_s - self.heard_s > silent_s:
            return f"silent for {now_s - self.heard_s:.1f} s"
        if self.plan.hung_s and self.turned_s is not None and now_s - self.turned_s > self.plan.hung_s:
            return f"hung for {now_s - self.turned_s:.1f} s"
        return ""

    def kill(self) -> None:
        """End it by force; its end is then seen as any other."""
        if self.process is not None:
            self.process.kill()
            self.process.join(_KILL_S)
        self.heard_s, self.turned_s = time.monotonic(), None

    def ended(self, status: int) -> None:
        """Remember why it ended."""
        words = self.last_words()
        cause = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        self.reason = f"{self.plan.name} ended with {cause}" + (f": {words}" if words else "")
        self.process = None

    def start_later(self, now_s: float) -> float:
        """Plan its next start: at once after a steady run, else later and later; returns the pause (s)."""
        if self.starts == 1 or now_s - self._started_s > _STEADY_S:
            self._pause_s = _FIRST_PAUSE_S
        else:
            self._pause_s = min(4 * self._pause_s, _LONGEST_PAUSE_S)
        self.due_s = now_s + self._pause_s
        return self._pause_s

    def last_words(self) -> str:
        """The last line that it printed; where it crashed, its log is kept outside the run folder."""
        try:
            lines = self._log.read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        if any(line.startswith("Traceback") for line in lines):
            kept = Path(tempfile.gettempdir()) / f"posecap-{os.getpid()}-{self._log.name}"
            shutil.copyfile(self._log, kept)
            return f"{lines[-1]} (log: {kept})"
        return lines[-1] if lines else ""


def run_process(target: str, config: Any, log: str) -> None:
    """In the new process: what it prints goes to `log`, then `target` ("module:function") gets `config`.

    Ends without the interpreter's destructors: those of inference and graphics libraries may take seconds.
    """
    with open(log, "wb", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    _end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    module, function = target.split(":")
    status = 1
    try:
        getattr(import_module(module), function)(config)
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        else:
            status = end.code or 0
    except BaseException:  # noqa: BLE001 (the main of a process)
        traceback.print_exc()
    finally:
        zmq.Context.instance().destroy(linger=_LINGER_MS)  # the last messages leave
        sys.stderr.flush()
        os._exit(status)


def _end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent is gone (Linux; cameras and runtime also watch for it)."""
    if sys.platform.startswith("linux"):
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Ctrl-C reaches the whole terminal group; a child that still imports would die with a traceback."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
