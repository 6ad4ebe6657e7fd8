"""A rig of real camera processes over one recording, for tests that need the whole chain."""

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from pathlib import Path

from posecap.capture.camera_process import CameraConfig, main
from posecap.capture.frame import Frame, FrameSet
from posecap.capture.ring import Ring
from posecap.capture.source_config import Emulation, SourceConfig
from posecap.capture.sync import FrameGrouper
from posecap.capture.transport import FrameReceiver
from posecap.capture.wire import CameraStatus


@dataclass
class CameraRig:
    """Running camera processes and what came from them."""

    receiver: FrameReceiver
    rings: dict[str, Ring]
    configs: dict[str, CameraConfig]
    epoch_ns: int
    processes: dict[str, SpawnProcess] = field(default_factory=dict)
    statuses: dict[str, list[CameraStatus]] = field(default_factory=dict)

    def start(self, camera: str) -> None:
        """Start (again) the process of `camera`."""
        process = multiprocessing.get_context("spawn").Process(target=main, args=(self.configs[camera],))
        process.start()
        self.processes[camera] = process

    def frames(self, seconds: float, until: Callable[[], bool] = lambda: False) -> Iterator[Frame]:
        """Pictures as they arrive; status is kept aside."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            for item in self.receiver.poll(10):
                if isinstance(item, CameraStatus):
                    self.statuses.setdefault(item.camera, []).append(item)
                else:
                    yield item

    def sets(
        self, grouper: FrameGrouper, seconds: float, until: Callable[[], bool] = lambda: False
    ) -> Iterator[FrameSet]:
        """Sets as they are done; each is released after it was used."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            done: list[FrameSet] = []
            for item in self.receiver.poll(5):
                if isinstance(item, CameraStatus):
                    self.statuses.setdefault(item.camera, []).append(item)
                    if item.state in ("lost", "frozen", "ended"):
                        grouper.lose(item.camera)
                else:
                    done += grouper.push(item)
            for frame_set in done + grouper.poll():
                yield frame_set
                self.receiver.release(frame_set)

    def state(self, camera: str) -> str:
        """What the camera said last."""
        said = self.statuses.get(camera)
        return said[-1].state if said else ""


@contextmanager
def camera_rig(
    sources: dict[str, SourceConfig],
    size_px: tuple[int, int],
    *,
    faults: dict[str, Emulation] | None = None,
    slots: int = 8,
    head_start_s: float = 0.0,
    start: bool = True,
    **options: object,
) -> Iterator[CameraRig]:
    """Start one process for each source; `options` go into every CameraConfig."""
    epoch_ns = time.monotonic_ns() + round(head_start_s * 1e9)
    with tempfile.TemporaryDirectory(prefix="posecap-") as folder:
        endpoint = f"ipc://{folder}/frames"
        rings = {camera: Ring.create(size_px, slots, name=camera) for camera in sources}
        configs = {
            camera: CameraConfig(
                camera=camera,
                size_px=size_px,
                source=source,
                endpoint=endpoint,
                ring=str(rings[camera].path),
                epoch_ns=epoch_ns,
                emulate=(faults or {}).get(camera),
                **options,  # pyright: ignore[reportArgumentType]
            )
            for camera, source in sources.items()
        }
        receiver = FrameReceiver(endpoint, {camera: Path(ring.path) for camera, ring in rings.items()})
        rig = CameraRig(receiver, rings, configs, epoch_ns)
        try:
            for camera in sources if start else ():
                rig.start(camera)
            yield rig
        finally:
            for process in rig.processes.values():
                process.terminate()
            for process in rig.processes.values():
                process.join(5)
                if process.is_alive():
                    process.kill()
                    process.join()
            receiver.close()
            for ring in rings.values():
                ring.close()
