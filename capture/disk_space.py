"""Whether a recording may go on: it ends before the disk is full, while everything on it can still be closed."""

import shutil
from pathlib import Path

_SHARE = 0.02
_MOST_BYTES = 500_000_000
_AHEAD = 4  # as much as this many turns between two questions have written at most


class DiskSpace:
    """Free space where `folder` is.

    Args:
        folder: of the recording.
        keep_free: bytes that a recording leaves free; None = 2 % of the disk, at most 500 MB.
    """

    def __init__(self, folder: Path, keep_free: int | None = None) -> None:
        self._folder = folder
        self._keep = self.default_margin(folder) if keep_free is None else keep_free
        self._written = self._most_written = 0

    @staticmethod
    def default_margin(folder: Path) -> int:
        """2 % of the disk that holds `folder`, at most 500 MB, in bytes."""
        return min(round(_SHARE * shutil.disk_usage(folder).total), _MOST_BYTES)

    @property
    def left(self) -> int:
        """Bytes that may still be written; 0 or less = stop now."""
        return shutil.disk_usage(self._folder).free - self._keep

    def shortage(self, written: int = 0) -> str:
        """Why the recording has to end, one sentence; "" while there is room. To be asked at regular times.

        Args:
            written: length of the recording so far. Where it grows fast, the end comes earlier: with room for four
                times what it grew at most between two questions, for what is still in the encoders and the index.
        """
        self._most_written = max(self._most_written, written - self._written)
        self._written = written
        ahead = _AHEAD * self._most_written
        if self.left > ahead:
            return ""
        return (
            f"less than {(self._keep + ahead) / 1e6:.1f} MB are free at {self._folder}: "
            "free some, record to another disk, or lower --keep-free"
        )
