"""The session folder that a recording goes into, and what its recorder is told."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from posecap.calib.rig_file import RIG_FILE_VERSION, RigFile, write_rig_file
from posecap.capture.disk_space import DiskSpace
from posecap.capture.session_folder import MCAP_FILE, RIG_FILE, VIDEO_FOLDER
from posecap.launch.errors import UsageError
from posecap.runtime.record_config import RecordConfig, RecordReport


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOptions:
    """How the user wants it recorded.

    Attributes:
        folder: of the session; made here, must not hold another one.
        lossless: keep every bit of the pictures.
        encoder: "auto" or a name, see `capture.video_writer.VideoWriter`.
        threads: of the software encoder, for each camera.
        buffer: copies of pictures that may wait for the encoder, for each camera.
        keep_free_mb: recording stops when less is free on the disk; None = 2 %, at most 500 MB.
        patience_s: how long the recorder may write at the end what still waits.
    """

    folder: Path
    lossless: bool = False
    encoder: str = "auto"
    threads: int = 1
    buffer: int = 30
    keep_free_mb: float | None = None
    patience_s: float = 30.0


@contextmanager
def session_folder(options: RecordOptions | None, content: RigFile) -> Iterator[None]:
    """`make_session_folder`, for as long as the session; removed where no picture came into it. None = no recording."""
    if options is not None:
        make_session_folder(options, content)
    try:
        yield
    finally:
        if options is not None:
            remove_if_empty(options.folder)


def make_session_folder(options: RecordOptions, content: RigFile) -> None:
    """Make the folder with its rig file: the cameras of `content`, each with its video of this session as source.

    Raises:
        UsageError: it holds a session already, cannot be made, or its disk is full already.
        RigFileError: the rig file cannot be written.
    """
    folder = options.folder
    if (folder / MCAP_FILE).exists() or (folder / RIG_FILE).exists():
        raise UsageError(f"{folder} holds a recording already: give another folder, or remove it")
    try:
        (folder / VIDEO_FOLDER).mkdir(parents=True, exist_ok=True)
        stale = next((folder / VIDEO_FOLDER).iterdir(), None)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be made ({error.strerror}): choose a folder that can be written"
        ) from error
    if stale is not None:
        raise UsageError(f"{stale.parent} is not empty: give another folder, or remove it")
    if shortage := DiskSpace(folder, _keep_free_bytes(options)).shortage():
        _remove_empty(folder)
        raise UsageError(f"nothing can be recorded: {shortage}")
    cameras = [
        msgspec.structs.replace(
            entry, source={"type": "recorded", "file": f"{VIDEO_FOLDER}/{entry.name}.mkv"}
        )
        for entry in content.cameras
    ]
    write_rig_file(
        folder / RIG_FILE,
        msgspec.structs.replace(content, posecap_rig=RIG_FILE_VERSION, cameras=cameras, truth=None),
    )


def record_config(
    options: RecordOptions, content: RigFile, fps: float, settings: Mapping[str, Any] | None = None
) -> RecordConfig:
    """What the recorder is told, without endpoints and rings."""
    return RecordConfig(
        folder=str(options.folder.resolve()),
        rig=content.rig().id,
        cameras=tuple(entry.name for entry in content.cameras),
        fps=fps,
        settings=dict(settings or {}),
        lossless=options.lossless,
        encoder=options.encoder,
        threads=options.threads,
        buffer=options.buffer,
        patience_s=options.patience_s,
        keep_free_bytes=_keep_free_bytes(options),
    )


def remove_if_empty(folder: Path) -> None:
    """Remove a session folder that no picture came into, so that the same command can be tried again."""
    if any((folder / VIDEO_FOLDER).glob("*")):
        return
    for file in (folder / MCAP_FILE, folder / RIG_FILE):
        file.unlink(missing_ok=True)
    _remove_empty(folder)


def recorded_line(folder: Path, report: RecordReport | None, ended: str | None = None) -> str:
    """What a recording became, one sentence for the end of a session.

    Args:
        folder: of the session.
        report: what the recorder said last.
        ended: why it ended before it was told to; None = it did not.
    """
    early = f"; it ended early: {ended}" if ended else ""
    if report is None or not report.cameras:
        return f"nothing was recorded in {folder}{early}"
    written = sum(one.written for one in report.cameras.values())
    lost = sum(one.lost for one in report.cameras.values())
    poses = f", {report.messages} messages of the runtime" if report.messages else ""
    cut = "" if report.state == "ended" else f"; it was cut off: python launch/record.py --repair {folder}"
    return (
        f"recorded in {folder}: {written} pictures{poses}, {report.size_bytes / 1e6:.1f} MB, "
        f"{lost} pictures lost{early}{cut}"
    )


def _keep_free_bytes(options: RecordOptions) -> int | None:
    return None if options.keep_free_mb is None else round(options.keep_free_mb * 1e6)


def _remove_empty(folder: Path) -> None:
    for empty in (folder / VIDEO_FOLDER, folder):
        with suppress(OSError):  # it holds something of the user's
            empty.rmdir()
