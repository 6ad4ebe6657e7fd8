"""Starting the processes of a session, watching them, starting the fallen again, and ending them all."""

import logging
import signal
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import zmq

from posecap.capture.transport import FrameReceiver
from posecap.capture.wire import STATUS_TOPIC, WIRE_VERSION, CameraStatus, pack
from posecap.launch.child import Child
from posecap.launch.errors import LaunchError, UsageError
from posecap.launch.topology import Process, Topology
from posecap.runtime.health import EXIT_CONFIG, RuntimeHealth, unpack_health
from posecap.runtime.record_config import RecordReport, unpack_report

_log = logging.getLogger(__name__)

_RUNTIME, _RECORDER = "runtime", "recorder"
_MOST_STARTS = 3  # of a runtime that never became ready
_START_TIMEOUT_S = 180.0
_POLL_S = 0.05
_LAST_WORDS_MS = 200
_KILL_S = 0.5
_CAMERA_START_NS = 1_500_000_000  # from the start of the camera processes to the first picture


class Supervisor:
    """All processes of `topology`, from `start` to the end of the `with` block.

    Attributes:
        epoch_ns: instant of the first picture of recordings, monotonic clock; 0 before the cameras start.
        cameras: what each camera last said of itself.
        restarts: how often each process was started again.
        recording: what the recorder last said; None where there is none.
        recorder_ended: why, once the recorder has ended; "" where it was told to.
        viewer_ended: why, once the viewer has ended by itself; "" where its window was closed.
    """

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.epoch_ns = 0
        self.cameras: dict[str, CameraStatus] = {}
        self.restarts: dict[str, int] = {}
        self.recording: RecordReport | None = None
        self.recorder_ended: str | None = None
        self.viewer_ended: str | None = None
        self._children: dict[str, Child] = {}
        self._health: RuntimeHealth | None = None
        self._news: list[str] = []
        self._receiver: FrameReceiver | None = None
        self._socket: zmq.Socket[bytes] | None = None
        self._reports: zmq.Socket[bytes] | None = None
        self._obituaries: zmq.Socket[bytes] | None = None

    def start(self, waiting: Callable[[float], None] | None = None) -> None:
        """Start the runtime, the recorder and the viewer, and the cameras when the first two are ready.

        Args:
            waiting: called again and again with the seconds waited.

        Raises:
            LaunchError: one of them says that it cannot work, ends again and again, or takes too long.
        """
        plan = self.topology
        self._receiver = FrameReceiver(plan.watch, {})
        self._socket = _bound(plan.health)
        if plan.recorder is not None:
            self._reports = _bound(plan.report)
            self._add(plan.recorder)
        obituaries = self._obituaries = zmq.Context.instance().socket(zmq.PUB)
        obituaries.linger = 0
        obituaries.connect(plan.frames)
        begin_s = time.monotonic()
        runtime = None if plan.runtime is None else self._add(plan.runtime)
        if plan.viewer is not None:
            self._add(plan.viewer)
        while not self._is_ready():
            if waiting is not None:
                waiting(time.monotonic() - begin_s)
            self.poll(_POLL_S)
            if runtime is not None and runtime.starts >= _MOST_STARTS and runtime.due_s is not None:
                raise LaunchError(f"the runtime cannot be started: {runtime.reason}")
            if self.recorder_ended is not None:
                raise LaunchError(f"nothing can be recorded: {self.recorder_ended}")
            if time.monotonic() - begin_s > _START_TIMEOUT_S:
                raise LaunchError(
                    f"the runtime was not ready after {_START_TIMEOUT_S:g} s: "
                    "free the CPU or take a smaller --model"
                )
        self.epoch_ns = time.monotonic_ns() + _CAMERA_START_NS
        for process in self.topology.cameras(self.epoch_ns):
            self._add(process)

    def poll(self, timeout_s: float = 0.0) -> list[str]:
        """Hear everybody, start the fallen again; one line for each thing that happened.

        Raises:
            UsageError: the runtime says that it can never work as configured.
        """
        assert self._receiver is not None
        for status in self._receiver.poll(timeout_s * 1e3):
            if isinstance(status, CameraStatus):
                self._hear_camera(status)
        self._hear_runtime(0)
        self._hear_recorder()
        for child in self._children.values():
            self._look_after(child, time.monotonic())
        news, self._news = self._news, []
        return news

    @property
    def pids(self) -> dict[str, int]:
        """Process id of everything that runs now."""
        return {name: child.pid for name, child in self._children.items() if child.pid is not None}

    def _is_ready(self) -> bool:
        runtime = self.topology.runtime is None or (
            self._health is not None and self._health.state == "ready"
        )
        return runtime and (self.topology.recorder is None or self.recording is not None)

    def _add(self, plan: Process) -> Child:
        child = self._children[plan.name] = Child(plan, self.topology.logs)
        child.start()
        return child

    def _hear_camera(self, status: CameraStatus) -> None:
        last = self.cameras.get(status.camera)
        if last is not None and status.state not in (last.state, "starting"):
            note = f" ({status.note})" if status.note and status.state != "live" else ""
            self._news.append(f"camera {status.camera}: {last.state} -> {status.state}{note}")
        self.cameras[status.camera] = status
        child = self._children.get(f"camera {status.camera}")
        if child is not None:
            child.heard_s = time.monotonic()

    def _hear_runtime(self, timeout_ms: int) -> None:
        assert self._socket is not None
        while self._socket.poll(timeout_ms):
            child = self._children[_RUNTIME]
            health = unpack_health(self._socket.recv())
            if health.pid != child.pid:
                continue  # words of a predecessor
            self._health = health
            child.heard_s = time.monotonic()
            child.turned_s = health.turn_ns / 1e9 if health.state == "ready" else None
            timeout_ms = 0

    def _hear_recorder(self, timeout_ms: int = 0) -> None:
        while self._reports is not None and self._reports.poll(timeout_ms):
            self.recording = unpack_report(self._reports.recv())
            self._children[_RECORDER].heard_s = time.monotonic()
            timeout_ms = 0

    def _look_after(self, child: Child, now_s: float) -> None:
        name = child.plan.name
        if child.process is None:
            if child.due_s is not None and now_s >= child.due_s:
                self.restarts[name] = self.restarts.get(name, 0) + 1
                child.start()
        elif child.process.exitcode is not None:
            self._after_end(child, child.process.exitcode, now_s)
        elif fault := child.fault(now_s):
            self._news.append(f"{name}: {fault}, killed")
            child.kill()

    def _after_end(self, child: Child, status: int, now_s: float) -> None:
        if child.plan.name == _RUNTIME and status == EXIT_CONFIG:
            self._hear_runtime(_LAST_WORDS_MS)
            failed = self._health is not None and self._health.state == "failed"
            raise UsageError(self._health.note if self._health and failed else child.last_words())
        child.ended(status)
        self._tell_runtime(child)
        if child.plan.name == _RECORDER:
            self._after_recorder(child, status)
        elif not child.plan.restarts:
            self.viewer_ended = child.reason if status else ""
            self._news.append(
                f"{child.plan.name} ended" if not status else f"{child.reason}; going on without"
            )
        elif status == EXIT_CONFIG:
            self._news.append(f"{child.plan.name}: cannot work as configured, it is left out")
        else:
            pause_s = child.start_later(now_s)
            self._news.append(f"{child.reason}; it is started again in {pause_s:.1f} s")

    def _after_recorder(self, child: Child, status: int) -> None:
        """Poses go on; the session that it wrote is whole up to its last half second."""
        self.topology.recorder_gone()
        self._hear_recorder(_LAST_WORDS_MS if status in (0, EXIT_CONFIG) else 0)
        note = self.recording.note if self.recording is not None else ""
        self.recorder_ended = note or child.reason
        self._news.append(f"recording has ended: {self.recorder_ended}")

    def _tell_runtime(self, child: Child) -> None:
        """Say for a dead camera that it is lost: frame sets need not wait for it."""
        kind, _, camera = child.plan.name.partition(" ")
        if kind == "camera" and self._obituaries is not None:
            status = CameraStatus(
                WIRE_VERSION, camera, time.monotonic_ns(), "lost", note="its process has ended"
            )
            self._obituaries.send_multipart([STATUS_TOPIC + camera.encode(), pack(status)])

    def stop(self) -> None:
        """End everything within two seconds, by force where it must be; a recorder may take longer."""
        handlers = {
            number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)
        }
        alive = [child for child in self._children.values() if child.process is not None]
        _end([child for child in alive if child.plan.name != _RECORDER])
        _end(
            [child for child in alive if child.plan.name == _RECORDER]
        )  # it writes what the others said last
        self._hear_recorder()
        if self._receiver is not None:
            self._receiver.close()
        for one in (self._socket, self._reports, self._obituaries):
            if one is not None:
                one.close()
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _end(children: list[Child]) -> None:
    """Ask all of them to end, and end by force those that have not within their time."""
    processes = [(child.process, child.plan.patience_s) for child in children if child.process is not None]
    for process, _ in processes:
        process.terminate()
    begin_s = time.monotonic()
    for process, patience_s in processes:
        process.join(max(begin_s + patience_s - time.monotonic(), 0.0))
    stubborn = [process for process, _ in processes if process.is_alive()]
    for process in stubborn:
        _log.warning("process=%s event=killed reason=did_not_end", process.name)
        process.kill()
    for process in stubborn:
        process.join(_KILL_S)


def _bound(endpoint: str) -> "zmq.Socket[bytes]":
    socket = zmq.Context.instance().socket(zmq.PULL)
    socket.linger = 0
    socket.bind(endpoint)
    return socket
