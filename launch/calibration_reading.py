"""Boards in recordings or before live cameras: everything looked through, or shown until enough was seen."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from posecap.calib.board import Board
from posecap.launch.board_sightings import BoardSightings
from posecap.launch.calibration_cameras import CalibrationCameras
from posecap.launch.errors import UsageError
from posecap.launch.source_sets import source_sets


def read_boards(
    board: Board, cameras: CalibrationCameras, console: Console, *, every: int | None = None
) -> BoardSightings:
    """What all cameras saw of the board in their recordings.

    Args:
        board: what is looked for.
        cameras: with recordings as sources.
        console: for the progress.
        every: n-th set of pictures is looked at; None = about five a second.

    Raises:
        UsageError: nobody saw the board.
        CaptureError: a recording that cannot be read.
    """
    fps = max(info.fps for info in cameras.infos.values())
    step = every or max(round(fps / 5), 1)
    total = max(info.n_frames or 0 for info in cameras.infos.values())
    seen = BoardSightings(board, cameras.sizes())
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[found]}"),
        TimeRemainingColumn(),
    )
    begin_s = time.monotonic()
    with seen, Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("looking for the board", total=total, found="")
        for frames, done in source_sets(cameras.sources, cameras.infos):
            if frames.index % step == 0:
                seen.look(frames.frames, frames.t_ns)
            found = ", ".join(f"{name} {seen.count(name)}" for name in cameras.names)
            bar.update(task, completed=done, found=found)
    if not any(seen.count(name) for name in cameras.names):
        looked = sum(seen.looked.values())
        raise UsageError(
            f"no camera saw the board in {looked} pictures: check --board (kind, squares, dictionary), light and "
            "sharpness, or look at more pictures with --every 1"
        )
    found = ", ".join(f"{name} {seen.count(name)} of {seen.looked[name]}" for name in cameras.names)
    seconds = time.monotonic() - begin_s
    console.print(f"pictures with the board: {found} ({seconds:.1f} s)", markup=False, soft_wrap=True)
    return seen
