"""Whether a recording may go on: it ends before the disk is full, while everything on it can still be closed."""

import shutil
from pathlib import Path

_SHARE = 0.02
_MOST_BYTES = 500_000_000


class DiskSpace:
    """Free space where `folder` is.

    Args:
        folder: of the recording.
        keep_free: bytes that a recording leaves free; None = 2 % of the disk, at most 500 MB.
    """

    def __init__(self, folder: Path, keep_free: int | None = None) -> None:
        self._folder = folder
        self._keep = self.default_margin(folder) if keep_free is None else keep_free

    @staticmethod
    def default_margin(folder: Path) -> int:
        """2 % of the disk that holds `folder`, at most 500 MB, in bytes."""
        return min(round(_SHARE * shutil.disk_usage(folder).total), _MOST_BYTES)

    @property
    def left(self) -> int:
        """Bytes that may still be written; 0 or less = stop now."""
        return shutil.disk_usage(self._folder).free - self._keep

    def shortage(self) -> str:
        """Why the recording has to end, one sentence; "" while there is room."""
        if self.left > 0:
            return ""
        return (
            f"less than {self._keep / 1e6:.0f} MB are free at {self._folder}: "
            "free some, record to another disk, or lower --keep-free"
        )
