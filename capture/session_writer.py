"""Writing `session.mcap`: what was flushed half a second ago survives whatever happens to the process."""

import fcntl
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from mcap.writer import CompressionType, Writer

from posecap.capture.errors import SessionError

FLUSH_S = 0.5
_CHUNK_BYTES = 1 << 20


class SessionWriter:
    """Appends messages and metadata to a new MCAP file; usable from several threads.

    A chunk is finished and given to the operating system when it has grown to `chunk_bytes`, and at each `flush`. The
    caller flushes every `FLUSH_S`.

    The file is locked (`flock`) until it is closed or its process is gone: a repair keeps its hands off it.

    After an error of the disk (full, unplugged) nothing more is written: `failed` says why, and every call returns at
    once. What was written before stays readable.

    Args:
        path: of the file; must not exist.
        chunk_bytes: of a chunk, uncompressed.

    Raises:
        SessionError: the file exists or cannot be made.
    """

    def __init__(self, path: Path, chunk_bytes: int = _CHUNK_BYTES) -> None:
        self.path = path
        self.failed: OSError | None = None
        self.messages = 0
        self._lock = threading.Lock()
        self._channels: dict[str, int] = {}
        try:
            self._stream = path.open("xb")
        except OSError as error:
            raise SessionError(
                f"cannot write {path} ({error.strerror}): give another folder with --out, or free this one"
            ) from error
        with suppress(OSError):  # a file system without locks
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._writer = Writer(self._stream, chunk_size=chunk_bytes, compression=CompressionType.ZSTD)
        self._guarded(lambda: self._writer.start(library="posecap"))
        self.flush()

    def write(self, channel: str, data: bytes, log_ns: int | None = None) -> None:
        """Append one message to `channel`; `log_ns` is the monotonic clock's now where it is not given."""
        at_ns = time.monotonic_ns() if log_ns is None else log_ns
        self._guarded(lambda: self._append(channel, data, at_ns))

    def add_metadata(self, name: str, values: dict[str, str]) -> None:
        """Append a metadata record."""
        self._guarded(lambda: self._writer.add_metadata(name, values))

    def flush(self) -> None:
        """Finish the chunk and hand it to the operating system: it survives the end of this process."""
        self._guarded(self._writer.flush)

    def finish(self) -> None:
        """Write index and footer, to the disk itself, and close the file."""
        self._guarded(self._writer.finish)
        self._guarded(self._stream.flush)
        self._guarded(lambda: os.fsync(self._stream.fileno()))
        self.close()

    def close(self) -> None:
        """Let go of the file as it is."""
        with self._lock:
            try:
                self._stream.close()
            except OSError as error:
                self.failed = self.failed or error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, channel: str, data: bytes, log_ns: int) -> None:
        number = self._channels.get(channel)
        if number is None:
            number = self._channels[channel] = self._writer.register_channel(channel, "msgpack", 0)
        self._writer.add_message(number, log_ns, data, log_ns, self.messages & 0xFFFFFFFF)
        self.messages += 1

    def _guarded(self, action: Callable[[], None]) -> None:
        with self._lock:
            if self.failed is not None:
                return
            try:
                action()
            except OSError as error:
                self.failed = error
