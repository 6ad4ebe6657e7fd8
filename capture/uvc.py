"""Webcams and capture cards on this host, by OpenCV: the newest picture, stamped by the driver if it can."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from posecap.capture.clock import ClockReading
from posecap.capture.errors import CaptureError, SourceLost
from posecap.capture.frame import Frame
from posecap.capture.source import SourceCounters
from posecap.capture.source_config import Uvc

_OLDEST_STAMP_NS = 500_000_000
_FAILED_READS = 5


class UvcSource:
    """One opened device.

    The driver's timestamp of a picture (Video4Linux, monotonic clock) is used where it is plausible: not
    after the picture's arrival, and less than half a second before. Else the capture time is the arrival less
    half a period. Drivers stamp the start of the exposure or of the transfer: `exposure_ms` moves it to mid-
    exposure.
    """

    live = True

    def __init__(
        self, config: Uvc, camera: str, size_px: tuple[int, int] | None, first_seq: int, stop: Event
    ) -> None:
        """Open the device and ask for the calibrated size.

        Raises:
            SourceLost: no such device, or another program uses it.
            CaptureError: it gives pictures of another size.
        """
        self._camera, self._device, self._stop, self._seq = camera, config.device, stop, first_seq
        self.counters = SourceCounters()
        self._exposure_ns = round((config.exposure_ms or 0) * 1e6)
        self._driver_stamps = 0
        self._capture = _open(config)
        if not self._capture.isOpened():
            raise SourceLost(
                f"camera {camera!r}: device {config.device!r} cannot be opened: plug it in, or end the "
                "program "
                f"that uses it; this host has {', '.join(devices()) or 'no video devices'}"
            )
        if size_px is not None:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size_px[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size_px[1])
        self._capture.set(cv2.CAP_PROP_FPS, config.fps)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest picture, not the oldest
        width = round(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = round(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if size_px is not None and (width, height) != tuple(size_px):
            self.close()
            raise CaptureError(
                f"camera {camera!r}: device {config.device!r} gives {width} x {height} px, calibrated were "
                f"{size_px[0]} x {size_px[1]}: choose a mode it has and calibrate again"
            )
        self.size_px = (width, height)
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.period_ns = round(1e9 / (fps if fps > 1 else config.fps))

    @property
    def clock(self) -> ClockReading:
        """Whether the driver's stamps are used."""
        if self._driver_stamps:
            return ClockReading("driver timestamps, this host's clock", uncertainty_ns=self.period_ns // 4)
        return ClockReading("arrival less half a period", uncertainty_ns=self.period_ns // 2)

    @property
    def note(self) -> str:
        """What is known of the exposure."""
        if self._exposure_ns:
            return f"exposure {self._exposure_ns / 1e6:g} ms, as configured"
        return "exposure unknown: give exposure_ms and switch automatic exposure off"

    def frames(self) -> Iterator[Frame]:
        """Pictures as they come; raises SourceLost when the device gives none."""
        failed = 0
        while not self._stop.is_set():
            if not self._capture.grab():
                failed += 1
                if failed >= _FAILED_READS:
                    raise SourceLost(
                        f"camera {self._camera!r}: device {self._device!r} gives no pictures: is it "
                        "unplugged?"
                    )
                continue
            arrival_ns = time.monotonic_ns()
            failed = 0
            t_ns = self._capture_time(arrival_ns)
            whole, image = self._capture.retrieve()
            seq, self._seq = self._seq, self._seq + 1
            if not whole or image is None or (image.shape[1], image.shape[0]) != self.size_px:
                self.counters.dropped += 1
                continue
            self.counters.made += 1
            self.counters.make_ns += time.monotonic_ns() - arrival_ns
            yield Frame(self._camera, seq, t_ns, np.asarray(image, np.uint8))

    def close(self) -> None:
        """Give the device back."""
        self._capture.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _capture_time(self, arrival_ns: int) -> int:
        stamp_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        if 0 <= arrival_ns - stamp_ns < _OLDEST_STAMP_NS:
            self._driver_stamps += 1
            return stamp_ns + self._exposure_ns // 2
        return arrival_ns - self.period_ns // 2


def devices() -> list[str]:
    """Paths of the video devices of this host (Linux); [] elsewhere."""
    return sorted(str(path) for path in Path("/dev").glob("video*"))


def _open(config: Uvc) -> cv2.VideoCapture:
    """The device; on Linux by Video4Linux, whose timestamps are of the monotonic clock."""
    api = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
    device = config.device
    if isinstance(device, str) and device.isdigit():
        device = int(device)
    if isinstance(device, str) and sys.platform.startswith("linux"):
        device = str(Path(device).resolve())  # /dev/v4l/by-id/... is a link
    capture = cv2.VideoCapture(device, api)
    if capture.isOpened() and config.fourcc:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*config.fourcc.ljust(4)))
    return capture
