"""Network cameras, by PyAV: media over tcp, the stream's own timestamps, SourceLost when it stops."""

import contextlib
import time
from collections.abc import Iterator
from threading import Event
from types import TracebackType
from typing import Self

import av
import av.error
from av.codec.context import Flags

from posecap.capture.clock import ArrivalClock, ClockReading
from posecap.capture.decoded_picture import PixelReader
from posecap.capture.errors import CaptureError, SourceLost
from posecap.capture.frame import Frame
from posecap.capture.pixels import size_of
from posecap.capture.source import SourceCounters
from posecap.capture.source_config import Rtsp

_OPEN_TIMEOUT_S, _READ_TIMEOUT_S = 5.0, 2.0
_STALE_NS = 500_000_000


class RtspSource:
    """One connection to a network camera; the camera process opens the next when this one is lost.

    A capture time is the stream's timestamp, mapped to this host by `ArrivalClock`. When decoding cannot keep
    up, pictures older than half a second are decoded (later ones need them) but neither converted nor
    delivered.
    """

    live = True
    note = "exposure unknown: capture times are the camera's timestamps"

    def __init__(
        self, config: Rtsp, camera: str, size_px: tuple[int, int] | None, first_seq: int, stop: Event
    ) -> None:
        """Connect.

        Raises:
            SourceLost: nothing answers, or it has no video.
        """
        self._camera, self._url, self._stop = camera, _without_password(config.url), stop
        self._expected_size_px, self._seq = size_px, first_seq
        self.size_px = size_px or (0, 0)
        self.period_ns = round(1e9 / config.fps)
        self.counters = SourceCounters()
        self._clock = ArrivalClock(round(config.latency_ms * 1e6))
        options = {"rtsp_transport": config.transport, "fflags": "nobuffer", "analyzeduration": "500000"}
        try:
            self._container = av.open(config.url, options=options, timeout=(_OPEN_TIMEOUT_S, _READ_TIMEOUT_S))
        except (av.error.FFmpegError, OSError) as error:
            raise SourceLost(
                f"camera {camera!r}: {self._url} cannot be opened ({_reason(error)}): "
                "check its address, its power and its password"
            ) from error
        if not self._container.streams.video:
            self._container.close()
            raise SourceLost(f"camera {camera!r}: {self._url} sends no video: check the path of the stream")
        self._stream = self._container.streams.video[0]
        self._packets = self._container.demux(self._stream)
        self._stream.codec_context.thread_count = 1
        self._stream.codec_context.flags |= Flags.low_delay

    @property
    def clock(self) -> ClockReading:
        """The stream's clock as of the last picture."""
        return self._clock.reading

    def frames(self) -> Iterator[Frame]:
        """Pictures as they come.

        Raises:
            SourceLost: the stream ended or was silent for two seconds.
            CaptureError: the pictures have another size than calibrated.
        """
        reader = PixelReader()
        arrivals: dict[int, int] = {}
        while not self._stop.is_set():
            packet = self._next_packet()
            arrival_ns = time.monotonic_ns()
            if packet.pts is not None:
                arrivals[packet.pts] = arrival_ns
            try:
                decoded = self._stream.decode(packet)
            except av.error.InvalidDataError:  # a damaged packet, or one before the first keyframe
                self.counters.dropped += 1
                continue
            for picture in decoded:
                if picture.pts is None or picture.time_base is None:
                    self.counters.dropped += 1
                    continue
                stream_ns = round(picture.pts * picture.time_base * 1_000_000_000)
                t_ns = self._clock.host_ns(stream_ns, arrivals.pop(picture.pts, arrival_ns))
                arrivals = {pts: when for pts, when in arrivals.items() if pts > picture.pts}
                self._seq += 1
                if time.monotonic_ns() - t_ns > _STALE_NS:
                    self.counters.dropped += 1
                    continue
                pixels = reader.pixels(picture)
                self._check_size(size_of(pixels))
                self.counters.made += 1
                self.counters.make_ns += time.monotonic_ns() - arrival_ns
                yield Frame(self._camera, self._seq - 1, t_ns, pixels)

    def close(self) -> None:
        """Disconnect."""
        with contextlib.suppress(av.error.FFmpegError):
            self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next_packet(self) -> av.Packet:
        try:
            packet = next(self._packets)
        except (av.error.FFmpegError, OSError, StopIteration) as error:
            raise SourceLost(
                f"camera {self._camera!r}: {self._url} has stopped ({_reason(error)}): connecting again"
            ) from error
        if not packet.size:
            raise SourceLost(f"camera {self._camera!r}: {self._url} has ended the stream: connecting again")
        return packet

    def _check_size(self, found: tuple[int, int]) -> None:
        expected = self._expected_size_px
        if expected is not None and found != tuple(expected):
            raise CaptureError(
                f"camera {self._camera!r}: {self._url} sends {found[0]} x {found[1]} px, calibrated were "
                f"{expected[0]} x {expected[1]}: set the camera to that size or calibrate again"
            )
        self.size_px = found


def _without_password(url: str) -> str:
    """The address as it may be shown."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
