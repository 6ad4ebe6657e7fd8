"""A recorder process of its own, and cameras whose every picture says its number and camera in its pixels."""

import multiprocessing
import threading
import time
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import zmq
from numpy.typing import NDArray

from posecap.capture.frame import Frame
from posecap.capture.pixels import planes_of
from posecap.capture.ring import Ring
from posecap.capture.transport import FramePublisher
from posecap.runtime.record_config import RecordConfig, RecordReport, unpack_report
from posecap.runtime.record_process import main

SIZE_PX = (128, 96)
_BLOCK = 16
_BITS = 20
_JOIN_S = 0.3  # until publishers and the recorder have found each other


def numbered(number: int, camera: int = 0, layout: str = "bgr24") -> NDArray[np.uint8]:
    """A picture, 96 x 128 BGR or I420, whose blocks are the bits of `number`, on a background that moves."""
    width, height = SIZE_PX
    rows, columns = np.mgrid[:height, :width]
    grey = ((rows * 3 + columns * 5 + number * 7 + camera * 50) % 200 + 28).astype(np.uint8)
    for bit in range(_BITS):
        row, column = divmod(bit, width // _BLOCK)
        block = slice(row * _BLOCK, (row + 1) * _BLOCK), slice(column * _BLOCK, (column + 1) * _BLOCK)
        grey[block] = 235 if number >> bit & 1 else 16
    if layout == "bgr24":
        return (
            np.stack([grey, grey[::-1], np.roll(grey, 9, axis=1)], axis=-1)
            if camera == 9
            else np.stack([grey] * 3, axis=-1)
        )
    pixels = np.full((height * 3 // 2, width), 128, np.uint8)
    planes_of(pixels)[0][:] = grey
    return pixels


def number_in(pixels: NDArray[np.uint8]) -> int:
    """The number that the picture shows, also after lossy compression."""
    width, height = SIZE_PX
    grey = pixels[..., 0] if pixels.ndim == 3 else pixels[:height]
    number = 0
    for bit in range(_BITS):
        row, column = divmod(bit, width // _BLOCK)
        centre = grey[row * _BLOCK + 4 : row * _BLOCK + 12, column * _BLOCK + 4 : column * _BLOCK + 12]
        number |= int(centre.mean() > 128) << bit
    return number


class RecordingRig:
    """Rings, sockets, publishers and a recorder process in `folder`; a context manager.

    Args:
        folder: for everything but the recording; short enough for sockets.
        cameras: how many.
        slots: of each ring.
        session: folder of the recording; `folder`/session where it is not given.
        options: fields of `RecordConfig`.

    Attributes:
        session: folder of the recording.
        process: the recorder.
        sent: (seq, t_ns) of every picture, by camera.
    """

    def __init__(
        self,
        folder: Path,
        cameras: int = 2,
        slots: int = 8,
        *,
        session: Path | None = None,
        **options: object,
    ) -> None:
        self.session = session or folder / "session"
        self.session.mkdir(exist_ok=True)
        self.names = [f"cam{number}" for number in range(cameras)]
        self.rings = {name: Ring.create(SIZE_PX, slots, folder=folder) for name in self.names}
        self.reports = zmq.Context.instance().socket(zmq.PULL)
        self.reports.linger = 0
        self.reports.bind(f"ipc://{folder}/report")
        self.config = RecordConfig(
            folder=str(self.session),
            rig="0123456789ab",
            cameras=tuple(self.names),
            fps=30.0,
            endpoint=f"ipc://{folder}/record",
            report_endpoint=f"ipc://{folder}/report",
            rings={name: str(ring.path) for name, ring in self.rings.items()},
            **options,  # pyright: ignore[reportArgumentType]
        )
        self.process: SpawnProcess = multiprocessing.get_context("spawn").Process(
            target=main, args=(self.config,)
        )
        self.sent: dict[str, list[tuple[int, int]]] = {name: [] for name in self.names}
        self._publishers: dict[str, FramePublisher] = {}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, timeout_s: float = 60.0) -> RecordReport:
        """Start the recorder and the publishers; returns its first words."""
        self.process.start()
        report = self.report(timeout_s)
        for name in self.names:
            publisher = FramePublisher(name, self.rings[name].path, (self.config.endpoint,), SIZE_PX)
            if not self.config.poses_endpoint:  # else it would wait for a runtime, too
                publisher.wait_for_room(0, self._stop)
            self._publishers[name] = publisher
        time.sleep(_JOIN_S if self.config.poses_endpoint else 0)
        return report

    def report(self, timeout_s: float = 10.0) -> RecordReport:
        """The next report."""
        assert self.reports.poll(timeout_s * 1e3), f"no report within {timeout_s:g} s"
        return unpack_report(self.reports.recv())

    def last_report(self) -> RecordReport:
        """That with which an ended recorder ended."""
        report = self.report()
        while self.reports.poll(100):
            report = unpack_report(self.reports.recv())
        return report

    def send(
        self, name: str, seq: int, *, t_ns: int | None = None, layout: str = "bgr24", wait: bool = True
    ) -> None:
        """Publish picture `seq` of a camera, taken now."""
        publisher = self._publishers[name]
        if wait:
            publisher.wait_for_room(seq, self._stop)
        if self._stop.is_set():
            return
        frame = Frame(name, seq, t_ns or time.monotonic_ns(), numbered(seq, self.names.index(name), layout))
        publisher.send(frame)
        self.sent[name].append((seq, frame.t_ns))

    def play(self, fps: float) -> None:
        """Send pictures of all cameras by the clock from now on."""
        for name in self.names:
            thread = threading.Thread(target=self._play, args=(name, fps), daemon=True)
            thread.start()
            self._threads.append(thread)

    def pause(self) -> None:
        """Send no more."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def end(self, timeout_s: float = 30.0) -> int | None:
        """Ask the recorder to end; its status."""
        self.process.terminate()
        self.process.join(timeout_s)
        return self.process.exitcode

    def _play(self, name: str, fps: float) -> None:
        start_s = time.monotonic()
        seq = 0
        while not self._stop.wait(max(start_s + seq / fps - time.monotonic(), 0)):
            self.send(name, seq, wait=False)
            seq += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        for publisher in self._publishers.values():
            publisher.close()
        self.reports.close()
        for ring in self.rings.values():
            ring.close()
