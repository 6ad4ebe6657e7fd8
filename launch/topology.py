"""Which processes there are, what they say to each other, where and how often: the one table."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from posecap.calib.rig import Rig
from posecap.capture.camera_process import CameraConfig
from posecap.capture.ring import Ring, sweep_stale_rings
from posecap.launch.errors import LaunchError
from posecap.launch.view import ViewConfig
from posecap.runtime.record_config import RecordConfig
from posecap.runtime.runtime_config import RuntimeConfig

_PREFIX = "posecap-"
_LONGEST_SOCKET_PATH = 100  # sun_path has 108 bytes


@dataclass(frozen=True, slots=True)
class Topic:
    """What travels between processes.

    Attributes:
        name: first part of the messages.
        publisher, reader: names of processes.
        place: of the socket; that in bold in launch/README.md is bound, the other end connects.
        rate: how often.
    """

    name: str
    publisher: str
    reader: str
    place: str
    rate: str


TOPICS = (
    Topic("frame/<camera>", "camera", "runtime", "frames", "each picture; pixels are in the camera's ring"),
    Topic("status/<camera>", "camera", "runtime", "frames", "4 Hz"),
    Topic("status/<camera>", "camera", "live", "watch", "4 Hz"),
    Topic("frame/<camera>", "camera", "recorder", "record", "each picture, with --record"),
    Topic("status/<camera>", "camera", "recorder", "record", "4 Hz, with --record"),
    Topic("status/<camera>", "live", "runtime", "frames", "when a camera's process has ended"),
    Topic("health", "runtime", "live", "health", "4 Hz"),
    Topic("pose3d/instant", "runtime", "anybody", "poses", "each frame set"),
    Topic("pose3d", "runtime", "anybody", "poses", "each frame set, lag_frames later"),
    Topic("stats", "runtime", "anybody", "poses", "1 Hz"),
    Topic("view2d", "runtime", "anybody", "poses", "each frame set, with --view2d"),
    Topic("frame_set", "runtime", "recorder", "poses", "each frame set that is processed, with --record"),
    Topic("record report", "recorder", "live", "report", "2 Hz, with --record"),
    Topic("resolve_camera", "recalibrate", "runtime", "control", "when a user asks; answered"),
    Topic("thumbnail", "runtime", "viewer", "poses", "5 Hz a camera, with a viewer"),
)


@dataclass(frozen=True, slots=True)
class Process:
    """One process that the supervisor starts and watches.

    Attributes:
        name: in messages and logs.
        target: "module:function", called with `config` in the new process.
        config: picklable.
        silent_s: a process that has not been heard for this long is killed; 0 = it has no heartbeat.
        hung_s: the same for the turns of its loop, once it is ready; 0 = not watched.
        restarts: started again when it ends; otherwise its end is only reported.
        patience_s: how long it may take to end when it is asked to.
    """

    name: str
    target: str
    config: Any
    silent_s: float = 0.0
    hung_s: float = 0.0
    restarts: bool = True
    patience_s: float = 1.2


def camera_process(config: CameraConfig) -> Process:
    """The process of one camera."""
    return Process(f"camera {config.camera}", "posecap.capture.camera_process:main", config, silent_s=5.0)


def runtime_process(config: RuntimeConfig) -> Process:
    """The process from pictures to poses. Compiling may hold its heartbeat up for seconds."""
    return Process("runtime", "posecap.runtime.runtime_process:main", config, silent_s=20.0, hung_s=10.0)


def recorder_process(config: RecordConfig) -> Process:
    """The process that writes a session folder. Where it ends, poses go on; the folder is not begun anew."""
    return Process(
        "recorder",
        "posecap.runtime.record_process:main",
        config,
        silent_s=30.0,
        restarts=False,
        patience_s=config.patience_s,
    )


def viewer_process(config: ViewConfig) -> Process:
    """The window. It may be closed by the user; then everything ends."""
    return Process("viewer", "posecap.launch.view:main", config, restarts=False)


@dataclass(frozen=True, slots=True)
class Topology:
    """All processes of one session and the endpoints that the supervisor itself binds.

    Attributes:
        runtime: started first; cameras start when it is ready. None = cameras are only recorded.
        cameras: made when the instant of the first picture is known (epoch_ns, monotonic clock).
        viewer: None = no window.
        frames: endpoint of the runtime that cameras connect to; the supervisor speaks there for the dead.
        watch, health: endpoints of the supervisor.
        logs: folder for what processes print.
        recorder: cameras start when it is ready, too. None = nothing is recorded.
        report: endpoint of the supervisor that the recorder reports to.
        recorder_gone: called when the recorder has ended: cameras need not wait for it.
    """

    runtime: Process | None
    cameras: Callable[[int], tuple[Process, ...]]
    viewer: Process | None
    frames: str
    watch: str
    health: str
    logs: Path
    recorder: Process | None = None
    report: str = ""
    recorder_gone: Callable[[], None] = lambda: None


class RunFolder:
    """What a session has outside its processes: a private folder for sockets, and the rings of the cameras.

    Owned by the supervisor's process: gone when it ends; what a killed one left is swept by the next.

    Args:
        rig: one ring for each camera, of its size.
        slots: pictures in each ring.

    Raises:
        CaptureError: no room for the rings.
        LaunchError: no folder can be made.
    """

    def __init__(self, rig: Rig, slots: int) -> None:
        sweep_stale_rings()
        base = _base_folder()
        _sweep_stale_folders(base)
        try:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))  # mode 0700
            self._lock = os.open(self.path / "unlocked", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            (self.path / "unlocked").rename(self.path / "lock")  # sweepers never see it without the lock
        except OSError as error:
            raise LaunchError(
                f"cannot make a folder for sockets in {base} ({error.strerror}): set XDG_RUNTIME_DIR"
            ) from error
        self._rings: dict[str, Ring] = {}
        try:
            for camera in rig.cameras:
                self._rings[camera.name] = Ring.create(camera.size_px, slots)
        except BaseException:
            self.close()
            raise

    @property
    def rings(self) -> Mapping[str, str]:
        """File of each camera's ring."""
        return {camera: str(ring.path) for camera, ring in self._rings.items()}

    def endpoint(self, name: str) -> str:
        """Address of a socket in the folder."""
        return f"ipc://{self.path / name}"

    def leave_recorder(self) -> None:
        """The recorder is gone: cameras no longer wait for it."""
        for ring in self._rings.values():
            ring.leave_recorder()

    def close(self) -> None:
        """Remove everything."""
        for ring in self._rings.values():
            ring.close()
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def topology(
    folder: RunFolder,
    cameras: tuple[CameraConfig, ...],
    runtime: RuntimeConfig | None,
    viewer: ViewConfig | None,
    recorder: RecordConfig | None = None,
) -> Topology:
    """The processes of one session, their private endpoints and rings filled in."""
    frames, watch, health, record, report = (
        folder.endpoint(name) for name in ("frames", "watch", "health", "record", "report")
    )
    rings = folder.rings
    if runtime is not None:
        runtime = msgspec.structs.replace(
            runtime,
            frames_endpoint=frames,
            health_endpoint=health,
            control_endpoint=folder.endpoint("control"),
            rings=dict(rings),
        )
    if recorder is not None:
        recorder = msgspec.structs.replace(
            recorder, endpoint=record, report_endpoint=report, rings=dict(rings)
        )

    def camera_processes(epoch_ns: int) -> tuple[Process, ...]:
        return tuple(
            camera_process(
                msgspec.structs.replace(
                    config,
                    endpoint="" if runtime is None else frames,
                    watch_endpoint=watch,
                    record_endpoint="" if recorder is None else record,
                    ring=rings[config.camera],
                    epoch_ns=epoch_ns,
                )
            )
            for config in cameras
        )

    return Topology(
        runtime=None if runtime is None else runtime_process(runtime),
        cameras=camera_processes,
        viewer=None if viewer is None else viewer_process(viewer),
        frames=frames,
        watch=watch,
        health=health,
        logs=folder.path,
        recorder=None if recorder is None else recorder_process(recorder),
        report=report,
        recorder_gone=folder.leave_recorder,
    )


def _base_folder() -> Path:
    """XDG_RUNTIME_DIR where it is usable and short enough for a socket, else the temporary folder."""
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    room = len("/posecap-12345678/frames")
    if named and len(named) + room < _LONGEST_SOCKET_PATH and os.access(named, os.W_OK | os.X_OK):
        return Path(named)
    temporary = tempfile.gettempdir()
    return Path(temporary) if len(temporary) + room < _LONGEST_SOCKET_PATH else Path("/tmp")


def _sweep_stale_folders(base: Path) -> None:
    """Remove the folders of supervisors that were killed: nobody holds their lock."""
    for lock in base.glob(f"{_PREFIX}*/lock"):
        try:
            file = os.open(lock, os.O_RDWR)
        except OSError:  # another user's, or gone in the meantime
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(file)
