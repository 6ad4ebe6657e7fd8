"""A ring of pictures in shared memory: one writer (the camera process), any readers, no locks.

The picture numbered `seq` lives in slot `seq % slots`, guarded by a sequence word (a seqlock): odd while the
picture is being written, `2 seq + 2` when it is whole. A reader works on the slot in place and asks
`intact(seq)` afterwards. The file belongs to whoever created it, not to the camera: a camera that is killed
leaves nothing behind, and its successor attaches to the same file. The protocol is written out in
capture/README.md.
"""

import fcntl
import math
import mmap
import os
import secrets
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

import numpy as np
from numpy.typing import NDArray

from posecap.capture.errors import CaptureError
from posecap.capture.pixels import Layout, layout_of, shape_of

PREFIX = "posecap-"
_MAGIC = b"posecap\0"
_VERSION = 2
_HEADER = struct.Struct("<8sIIIII")  # magic, version, slots, width, height, bytes for each pixel
# In units of 8 bytes: each on a cache line of its own.
_RELEASED_WORD, _LAST_WORD, _RECORDED_WORD, _FIRST_SLOT_WORD = 8, 16, 24, 32
_WORDS_APART = 8
_MAX_SLOTS = 256
_CHANNELS = 3  # a slot has room for BGR; I420 needs half of it


class Ring:
    """Pictures of one camera, BGR or I420 (`posecap.capture.pixels`), shared between processes."""

    def __init__(self, path: Path, file: int, *, owner: bool) -> None:
        self.path = path
        self._file = file
        self._owner = owner
        self._memory = mmap.mmap(file, 0)
        _, _, self.slots, width, height, _ = _HEADER.unpack_from(self._memory)
        self.size_px: tuple[int, int] = (width, height)
        self._words = memoryview(self._memory)[: _data_offset(self.slots)].cast("Q")
        slots = np.frombuffer(self._memory, np.uint8, offset=_data_offset(self.slots))
        stride = _slot_bytes(self.size_px)
        self._writable: dict[Layout, list[NDArray[np.uint8]]] = {}
        self._readable: dict[Layout, list[NDArray[np.uint8]]] = {}
        for layout in get_args(Layout):
            shape = shape_of(self.size_px, layout)
            starts = range(0, self.slots * stride, stride)
            views = [slots[start : start + math.prod(shape)].reshape(shape) for start in starts]
            self._writable[layout] = views
            self._readable[layout] = [view.view() for view in views]
            for view in self._readable[layout]:
                view.flags.writeable = False

    @classmethod
    def create(
        cls, size_px: tuple[int, int], slots: int = 8, *, name: str = "", folder: Path | None = None
    ) -> Self:
        """A new ring for pictures of `size_px` (width, height); the creator's `close` removes the file.

        Raises:
            CaptureError: the sizes make no sense, or the shared memory of this machine is too small.
        """
        width, height = size_px
        if not (2 <= slots <= _MAX_SLOTS and 0 < width <= 1 << 15 and 0 < height <= 1 << 15):
            raise CaptureError(
                f"ring {name!r}: {slots} slots of {width} x {height} px, expected 2 to {_MAX_SLOTS} slots of "
                "pictures below 32768 px"
            )
        folder = folder or shared_memory_folder()
        path = folder / f"{PREFIX}{name + '-' if name else ''}{secrets.token_hex(6)}.ring"
        size = _data_offset(slots) + slots * _slot_bytes(size_px)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)  # held while the owner lives: see sweep_stale_rings
            _reserve(file, size)
            os.pwrite(file, _HEADER.pack(_MAGIC, _VERSION, slots, width, height, _CHANNELS), 0)
            return cls(path, file, owner=True)
        except OSError as error:
            path.unlink()
            os.close(file)
            raise CaptureError(
                f"ring {name!r}: {folder} has no room for {size / 1e6:.0f} MB ({error.strerror}): use fewer "
                "slots, "
                "or give the container more shared memory (docker run --shm-size=1g)"
            ) from error

    @classmethod
    def attach(cls, path: Path, size_px: tuple[int, int] | None = None) -> Self:
        """The ring that another process created; `size_px` is compared where it is given.

        Raises:
            CaptureError: no such file, not a ring, another version, or another picture size.
        """
        try:
            file = os.open(path, os.O_RDWR)
        except OSError as error:
            raise CaptureError(
                f"ring {path} cannot be opened ({error.strerror}): has its owner, the supervisor, ended?"
            ) from error
        try:
            _check_header(path, os.pread(file, _HEADER.size, 0), os.fstat(file).st_size, size_px)
            return cls(path, file, owner=False)
        except CaptureError:
            os.close(file)
            raise

    @contextmanager
    def writing(self, seq: int, layout: Layout = "bgr24") -> Iterator[NDArray[np.uint8]]:
        """The slot of picture `seq`, to be filled; whole for readers after the block."""
        slot = seq % self.slots
        word = _FIRST_SLOT_WORD + slot * _WORDS_APART
        self._words[word] = 2 * seq + 1
        yield self._writable[layout][slot]
        self._words[word] = 2 * seq + 2
        self._words[_LAST_WORD] = seq + 1

    def write(self, seq: int, pixels: NDArray[np.uint8]) -> None:
        """Copy `pixels` into the slot of picture `seq`: the only copy on this host."""
        with self.writing(seq, layout_of(pixels)) as slot:
            np.copyto(slot, pixels)

    def read(self, seq: int, layout: Layout = "bgr24") -> NDArray[np.uint8] | None:
        """Read-only view of picture `seq`, laid out as its descriptor says; None where it is gone or never came."""
        return self._readable[layout][seq % self.slots] if self.intact(seq) else None

    def intact(self, seq: int) -> bool:
        """Whether the slot of picture `seq` still holds that picture, whole."""
        return self._words[_FIRST_SLOT_WORD + seq % self.slots * _WORDS_APART] == 2 * seq + 2

    @property
    def last_seq(self) -> int:
        """Number of the picture written last, -1 = none; a restarted camera counts on from here."""
        return self._words[_LAST_WORD] - 1

    @property
    def released_seq(self) -> int:
        """Number up to which the consumer needs pictures no more; -1 before the first release."""
        return self._words[_RELEASED_WORD] - 1

    def release(self, seq: int) -> None:
        """Tell the writer that pictures up to `seq` are no longer needed (pace "max" waits for it)."""
        if seq >= self._words[_RELEASED_WORD]:
            self._words[_RELEASED_WORD] = seq + 1

    def join_recorder(self) -> None:
        """From the next picture on the writer waits for a second reader, too; the past counts as recorded."""
        self._words[_RECORDED_WORD] = self.last_seq + 2

    def leave_recorder(self) -> None:
        """The second reader is gone: nobody waits for it. Its supervisor says so for one that was killed."""
        self._words[_RECORDED_WORD] = 0

    def record(self, seq: int) -> None:
        """Tell the writer that the second reader has pictures up to `seq`."""
        if self._words[_RECORDED_WORD] and seq + 2 > self._words[_RECORDED_WORD]:
            self._words[_RECORDED_WORD] = seq + 2

    @property
    def readers(self) -> int:
        """How many the writer waits for with pace "max": whoever uses the pictures, and a recorder beside it."""
        return 2 if self._words[_RECORDED_WORD] else 1

    def has_room(self, seq: int) -> bool:
        """Whether writing picture `seq` overwrites nothing that a reader has not released."""
        recorded = self._words[_RECORDED_WORD]
        return seq - self.slots <= self.released_seq and (not recorded or seq - self.slots <= recorded - 2)

    def close(self) -> None:
        """Let go of the file; the owner also removes it. Views that are still in use stay readable."""
        if self._file < 0:
            return
        if self._owner:
            self.path.unlink(missing_ok=True)
        os.close(self._file)
        self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def shared_memory_folder() -> Path:
    """Where rings live: memory where the system has a folder for it, else the folder for temporary files."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


def sweep_stale_rings(folder: Path | None = None) -> list[Path]:
    """Remove the rings whose owner was killed, whose lock nobody holds; returns what was removed."""
    removed = []
    for path in (folder or shared_memory_folder()).glob(f"{PREFIX}*.ring"):
        try:
            file = os.open(path, os.O_RDWR)
        except OSError:  # another user's, or gone in the meantime
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
            removed.append(path)
        except BlockingIOError:
            pass
        finally:
            os.close(file)
    return removed


def _check_header(path: Path, header: bytes, size: int, size_px: tuple[int, int] | None) -> None:
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        raise CaptureError(f"{path} is not a posecap ring: give the path that Ring.create returned")
    _, version, slots, width, height, channels = _HEADER.unpack(header)
    if version != _VERSION:
        raise CaptureError(
            f"ring {path} has version {version}, expected {_VERSION}: run both programs from the same posecap"
        )
    expected = _data_offset(slots) + slots * _slot_bytes((width, height))
    if not 2 <= slots <= _MAX_SLOTS or channels != _CHANNELS or size != expected:
        raise CaptureError(
            f"ring {path} has {size} bytes, expected {expected}: it is damaged, create it again"
        )
    if size_px is not None and size_px != (width, height):
        raise CaptureError(
            f"ring {path} holds pictures of {width} x {height} px, expected {size_px[0]} x {size_px[1]}: "
            "create it with the size of the calibration"
        )


def _reserve(file: int, size: int) -> None:
    """Claim the memory now: a full /dev/shm is an error here and would be a SIGBUS at the first write."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.ftruncate(file, size)


def _slot_bytes(size_px: tuple[int, int]) -> int:
    """Bytes from one slot to the next: the picture, rounded up to whole pages."""
    return -(-size_px[0] * size_px[1] * _CHANNELS // mmap.PAGESIZE) * mmap.PAGESIZE


def _data_offset(slots: int) -> int:
    return -(-8 * (_FIRST_SLOT_WORD + slots * _WORDS_APART) // mmap.PAGESIZE) * mmap.PAGESIZE
