"""Mending a recording that was cut off, and saying what was lost."""

from pathlib import Path

from rich.console import Console

from posecap.capture.session_folder import open_session
from posecap.capture.session_repair import CameraRepair, repair


def repair_session(folder: Path, console: Console) -> None:
    """Write the session in `folder` anew where it needs that; prints one sentence for each thing that was lost.

    Raises:
        SessionError: not a session, still being recorded, or no room.
    """
    with console.status(f"reading {folder}"):
        session = open_session(folder)
        result = repair(folder)
    lines = []
    for name, one in result.cameras.items():
        lines.append(camera_line(name, one, session.info.start_ns))
    lines += [
        f"{name}: no picture reached the disk" for name in session.info.cameras if name not in session.cameras
    ]
    if result.cut_bytes:
        lines.append(f"session.mcap: {result.cut_bytes} bytes of an unfinished record dropped")
    if result.damaged_chunks:
        lines.append(
            f"session.mcap: {result.damaged_chunks} damaged chunks left out, half a second of messages each"
        )
    if result.was_whole:
        lines.append(f"{folder} is whole: nothing to repair")
    else:
        lines.append(
            f"{folder} is whole again with {result.messages} messages; what came in the last second before it was cut "
            "off may never have reached the disk"
        )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def camera_line(name: str, one: CameraRepair, start_ns: int) -> str:
    """What is left of a camera, one sentence."""
    if one.last_ns is None:
        left = "no picture is left"
    else:
        left = f"{one.pictures} pictures are left, the last at {(one.last_ns - start_ns) / 1e9:.2f} s"
    dropped = [
        f"{count} {what} dropped"
        for count, what in (
            (one.without_pixels, "capture times without pixels"),
            (one.without_record, "pictures without a capture time"),
        )
        if count
    ]
    return f"{name}: " + ", ".join([left, *dropped])
