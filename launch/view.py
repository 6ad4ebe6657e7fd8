"""Live view of the poses: people in 3D, cameras by their state, numbers and camera pictures beside.

    python launch/view.py --endpoint tcp://127.0.0.1:5570 --cams calib/rig.yaml

Keys: space = pause, r = reset view, f = follow the next person (after the last: nobody), 1 = instant poses,
2 = refined poses, p = panel on and off. The mouse turns (left), moves (ctrl + left) and zooms (wheel).
"""

import os
import signal
import time
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig
from posecap.calib.rig_file import load_rig
from posecap.launch.view_display import missing_display
from posecap.launch.view_errors import WindowError
from posecap.runtime.client import DEFAULT_ENDPOINT
from posecap.runtime.errors import EndpointError
from posecap.runtime.messages import Stage

if TYPE_CHECKING:
    from posecap.launch.view_loop import ViewLoop

_FIRST_POSE_S = 20.0
_NICENESS = 5  # drawing gives way to the pipeline where they share cores


class ShownStage(Enum):
    """As `Stage`, for the command line."""

    instant = "instant"
    refined = "refined"


class ViewConfig(msgspec.Struct, frozen=True, kw_only=True):
    """All that the viewer's process has to know.

    Attributes:
        endpoint: of the poses.
        rig: rig file whose cameras are drawn; "" = none.
        stage: of the poses shown at first.
        size_px: (width, height) of the window.
        max_hz: pictures for each second, at most.
        server_key: file with the publisher's public CURVE key; "" = the stream is not encrypted.
        score_file: written by `view_score.write_score`, shown as the error; "" = not known.
        screenshot: PNG file written before the viewer ends by itself; "" = it runs until it is closed.
        after_s: seconds from the first pose to the screenshot; twenty more are waited for a first pose.
    """

    endpoint: str = DEFAULT_ENDPOINT
    rig: str = ""
    stage: Stage = "refined"
    size_px: tuple[int, int] = (1280, 720)
    max_hz: float = 60.0
    server_key: str = ""
    score_file: str = ""
    screenshot: str = ""
    after_s: float = 5.0


def main(config: ViewConfig) -> None:
    """Show poses until the window is closed, or SIGTERM or SIGINT comes.

    Raises:
        SystemExit: no display, no Open3D, an unusable rig file or endpoint; with the sentence to print.
    """
    if (why := missing_display()) is not None:
        raise SystemExit(f"viewer: {why}")
    try:
        rig = load_rig(Path(config.rig)) if config.rig else None
        _show(config, rig)
    except (CalibrationError, EndpointError, WindowError) as error:
        raise SystemExit(f"viewer: {error}") from error


def _show(config: ViewConfig, rig: Rig | None) -> None:
    try:
        from posecap.launch.view_window import Window
    except ImportError as error:
        raise SystemExit(
            f"viewer: Open3D cannot be loaded ({error}): pip install 'posecap[viewer]'"
        ) from error
    from posecap.launch.view_eye import framing
    from posecap.launch.view_loop import ViewLoop
    from posecap.launch.view_panel import WIDTH_PX
    from posecap.launch.view_stream import PoseStream

    os.nice(_NICENESS)
    view = framing(rig, config.size_px, config.size_px[0] - WIDTH_PX)
    key = Path(config.server_key) if config.server_key else None
    with (
        PoseStream(config.endpoint, key) as stream,
        Window(f"posecap  {config.endpoint}", config.size_px, view) as window,
    ):
        loop = ViewLoop(
            stream,
            window,
            view,
            rig=rig,
            stage=config.stage,
            max_hz=config.max_hz,
            score_file=Path(config.score_file) if config.score_file else None,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.stop())
        if config.screenshot:
            _screenshot(config, loop)
        else:
            loop.run()


def _screenshot(config: ViewConfig, loop: "ViewLoop") -> None:
    came = loop.run_until_pose(_FIRST_POSE_S)
    if came:
        loop.run(time.monotonic() + config.after_s)
    try:
        loop.save(Path(config.screenshot))
    except OSError as error:
        raise SystemExit(
            f"viewer: {config.screenshot} cannot be written ({error}): choose another path"
        ) from error
    if not came:
        raise SystemExit(
            f"viewer: no {config.stage} pose from {config.endpoint} within {_FIRST_POSE_S:g} s: "
            "is `python launch/live.py` running?"
        )


def command(
    *,
    endpoint: Annotated[str, typer.Option(help="where the poses are published")] = DEFAULT_ENDPOINT,
    cams: Annotated[str, typer.Option(help="rig file whose cameras are drawn", metavar="RIG.YAML")] = "",
    stage: Annotated[ShownStage, typer.Option(help="of the poses shown at first")] = ShownStage.refined,
    screenshot: Annotated[str, typer.Option(help="write this PNG, then end", metavar="PNG")] = "",
    after: Annotated[
        float, typer.Option(help="seconds from the first pose to the screenshot", min=0.0)
    ] = 5.0,
    size: Annotated[tuple[int, int], typer.Option(help="width and height of the window")] = (1280, 720),
    server_key: Annotated[str, typer.Option(help="public CURVE key of the publisher, if it encrypts")] = "",
) -> None:
    """Show live poses in 3D.

    Keys: space = pause, r = reset view, f = follow the next person (after the last one: nobody),
    1 = instant poses, 2 = refined poses, p = panel. Mouse: left = turn, ctrl + left = move, wheel = zoom.

    Example: python launch/view.py --endpoint tcp://127.0.0.1:5570 --cams calib/rig.yaml
    """
    main(
        ViewConfig(
            endpoint=endpoint,
            rig=cams,
            stage=stage.value,
            size_px=size,
            server_key=server_key,
            screenshot=screenshot,
            after_s=after,
        )
    )


if __name__ == "__main__":
    typer.run(command)
