"""The thread that puts a recording on the disk itself: a power cut costs little more than a killed process then."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from threading import Event, Thread

_PAUSE_S = 0.25

_log = logging.getLogger(__name__)


class DiskSync(Thread):
    """Asks the operating system again and again to put `files` on the disk; by itself it may wait half a minute.

    The writers of the files never wait for it. A file that does not exist yet is left out; its folder is synced too,
    so that its name is there.

    Args:
        files: of the recording, also those that come later.
        pause_s: between two rounds; 0 or less = never sync, for disks that stall.

    Attributes:
        rounds: how many were finished.
        failed: why the disk did not take a file; None while it does.
    """

    def __init__(self, files: Iterable[Path], pause_s: float = _PAUSE_S) -> None:
        super().__init__(name="disk sync", daemon=True)
        self.rounds = 0
        self.failed: OSError | None = None
        self._files, self._pause_s = tuple(files), pause_s
        self._named: set[Path] = set()
        self._over = Event()

    def run(self) -> None:
        while self._pause_s > 0 and not self._over.wait(self._pause_s):
            for file in self._files:
                try:
                    self._sync(file)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    if self.failed is None:
                        _log.error("event=sync_failed file=%s reason=%s", file, error)
                    self.failed = self.failed or error
            self.rounds += 1

    def finish(self) -> None:
        """Once more, and end; returns when all is on the disk."""
        self._over.set()
        if self.is_alive():
            self.join()
        for file in self._files:
            try:
                self._sync(file)
            except FileNotFoundError:
                continue
            except OSError as error:
                self.failed = self.failed or error

    def _sync(self, file: Path) -> None:
        _sync_path(file, os.O_RDWR)
        if file not in self._named:
            _sync_path(file.parent, os.O_RDONLY)
            self._named.add(file)


def sync_file(file: Path) -> None:
    """Put `file` and its name on the disk now; raises OSError."""
    _sync_path(file, os.O_RDWR)
    _sync_path(file.parent, os.O_RDONLY)


def _sync_path(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
