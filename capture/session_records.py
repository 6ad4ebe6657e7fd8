"""The records of an MCAP file up to its last whole one: a recorder that was killed leaves no index and no end.

Layout of MCAP: 8 bytes of magic, then records of (opcode uint8, length uint64, content), mcap.dev/spec.
"""

import logging
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from posecap.capture.errors import SessionError

MAGIC = b"\x89MCAP0\r\n"
_RECORD = struct.Struct("<BQ")
_FOOTER = 2
_MAX_RECORD_BYTES = 1 << 28

_log = logging.getLogger(__name__)
_parts_decoder = msgspec.msgpack.Decoder(tuple[bytes, bytes])


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """One message: its channel, when it was recorded (host's monotonic clock), and its bytes."""

    channel: str
    log_ns: int
    data: bytes

    def parts(self) -> list[bytes]:
        """[topic, header, payload] as on the wire; not for `frame/` and `frame_set`.

        Raises:
            SessionError: the message does not have these parts.
        """
        try:
            header, payload = _parts_decoder.decode(self.data)
        except msgspec.DecodeError as error:
            raise SessionError(
                f"a message of channel {self.channel!r} is damaged ({error}): record again"
            ) from error
        return [self.channel.encode(), header, payload]


@dataclass(frozen=True, slots=True)
class RecordedMetadata:
    """One metadata record."""

    name: str
    values: dict[str, str]


class SessionRecords:
    """Messages and metadata of the MCAP file at `path`, in order, each time it is iterated.

    A damaged chunk is left out and counted; the records after it are given.

    Attributes:
        complete: the file was closed properly.
        whole_bytes: length of the file without a record that was cut off.
        damaged: chunks that the last iteration left out.

    Raises:
        SessionError: no such file, or not an MCAP file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        try:
            with path.open("rb") as stream:
                self.whole_bytes, self.complete = _measure(stream, path)
        except OSError as error:
            raise SessionError(
                f"cannot read {path} ({error.strerror}): give the folder of a recorded session"
            ) from error

    def __iter__(self) -> Iterator[RecordedMessage | RecordedMetadata]:
        from mcap.records import Channel, Message, Metadata

        self.damaged = 0
        channels: dict[int, str] = {}
        for record in self._records():
            if isinstance(record, Message):
                if record.channel_id not in channels:  # declared in a chunk that is damaged
                    channels = self._declared_channels()
                yield RecordedMessage(channels.get(record.channel_id, ""), record.log_time, record.data)
            elif isinstance(record, Channel):
                channels[record.id] = record.topic
            elif isinstance(record, Metadata):
                yield RecordedMetadata(record.name, record.metadata)

    def _declared_channels(self) -> dict[int, str]:
        """Names of the channels, also those that only the summary at the end declares."""
        damaged = self.damaged
        names = {record.id: record.topic for record in self._records() if hasattr(record, "topic")}
        self.damaged = damaged
        return names

    def _records(self) -> Iterator[Any]:
        """All records, those of chunks one by one."""
        from mcap.records import Chunk
        from mcap.stream_reader import StreamReader, breakup_chunk

        if self.whole_bytes <= len(MAGIC):
            return
        with self.path.open("rb") as stream:
            records = StreamReader(stream, emit_chunks=True, record_size_limit=_MAX_RECORD_BYTES).records
            while stream.tell() < self.whole_bytes:
                record = next(records)
                if not isinstance(record, Chunk):
                    yield record
                    continue
                try:
                    inner = breakup_chunk(record, validate_crc=True)
                except _chunk_errors() as error:
                    self.damaged += 1
                    _log.warning("event=damaged_chunk file=%s reason=%s", self.path, error)
                    continue
                yield from inner


def _measure(stream: BinaryIO, path: Path) -> tuple[int, bool]:
    """Where the last whole record ends, and whether it is the footer with the closing magic behind it."""
    size = os.fstat(stream.fileno()).st_size
    magic = stream.read(len(MAGIC))
    if not MAGIC.startswith(magic):
        raise SessionError(f"{path} is not an MCAP file: give the folder of a recorded session")
    end, opcode = len(magic), 0
    while len(head := stream.read(_RECORD.size)) == _RECORD.size:
        next_opcode, length = _RECORD.unpack(head)
        if opcode == _FOOTER or next_opcode == 0 or length > _MAX_RECORD_BYTES:
            break
        if end + _RECORD.size + length > size:
            break
        opcode, end = next_opcode, end + _RECORD.size + length
        stream.seek(end)
    stream.seek(end)
    return end, opcode == _FOOTER and stream.read(len(MAGIC)) == MAGIC


def _chunk_errors() -> tuple[type[Exception], ...]:
    """What a chunk with wrong bytes raises: lengths, checksum, decompression."""
    from mcap.exceptions import McapError
    from zstandard import ZstdError

    return McapError, ZstdError, ValueError, struct.error


__all__ = ["MAGIC", "RecordedMessage", "RecordedMetadata", "SessionRecords"]
