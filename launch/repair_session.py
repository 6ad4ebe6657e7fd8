"""Mending a recording that was cut off, and saying what was lost."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from posecap.capture.session_folder import open_session
from posecap.capture.session_repair import repair


def repair_session(folder: Path, console: Console) -> None:
    """Write the session in `folder` anew where it needs that; prints what is left of each camera.

    Raises:
        SessionError: not a session, or no room.
    """
    with console.status(f"reading {folder}"):
        session = open_session(folder)
        result = repair(folder)
    if result.was_whole:
        console.print(f"{folder} is whole: nothing to repair", markup=False, soft_wrap=True)
        return
    table = Table(
        "camera", "pictures", "until, s", "records without pixels", "pictures without record", box=None
    )
    for name, one in result.cameras.items():
        until = "" if one.last_ns is None else f"{(one.last_ns - session.info.start_ns) / 1e9:.2f}"
        table.add_row(name, str(one.pictures), until, str(one.without_pixels), str(one.without_record))
    console.print(table)
    damaged = f", {result.damaged_chunks} damaged chunks left out" if result.damaged_chunks else ""
    console.print(
        f"{folder} is whole again: {result.messages} messages; {result.cut_bytes} bytes of an unfinished record "
        f"dropped{damaged}. What came in the last half second before it was cut off never reached the disk.",
        markup=False,
        soft_wrap=True,
    )
