"""Solve one camera of a running session again, from people whom the others see. `--help` has examples."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "posecap needs Python 3.11 or newer, this is %d.%d: install a newer Python"  # noqa: UP031
        % sys.version_info[:2]
    )

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress

from posecap.calib.rig_file import read_rig_file, write_rig_file
from posecap.launch.errors import LaunchError, UsageError, user_errors
from posecap.runtime.control import ControlReply, ResolveCamera, ask

_EXAMPLES = """Solve one camera of a running session again, while somebody walks where it and two others look.

\b
examples:
  python launch/recalibrate.py cam02                        until the session ends
  python launch/recalibrate.py cam02 --save rig.yaml        and for ever; the old file is kept as rig.yaml.before
"""
_ANSWER_S = 20.0
_AGAIN_S = 0.3

app = typer.Typer(add_completion=False)


@app.command(help=_EXAMPLES)
def recalibrate(
    camera: Annotated[str, typer.Argument(help="Name of the camera, as in the rig file.")],
    seconds: Annotated[float, typer.Option(help="How long somebody has to be seen by it.")] = 8.0,
    timeout: Annotated[float, typer.Option(help="Give up after so many seconds.")] = 120.0,
    save: Annotated[Path | None, typer.Option(help="Rig file of the session, to be updated.")] = None,
    connect: Annotated[str, typer.Option(help="Socket of the session; default: the one that runs.")] = "",
) -> None:
    """Ask until it is done."""
    with user_errors():
        if not 0 < seconds <= 30:
            raise UsageError(f"--seconds is {seconds:g}, expected more than 0 and at most 30: correct it")
        if save is not None:
            read_rig_file(save).rig()
        reply = _until_done(connect or _only_session(), ResolveCamera(camera, seconds), timeout)
        console = Console(highlight=False)
        console.print(
            f"{camera}: joints of the others are {reply.median_px:.1f} px away, {reply.given_px:.1f} px before; "
            f"its pose is known to {np.degrees(reply.turn_sigma_rad):.2f} degrees and "
            f"{1e3 * reply.position_sigma_m:.0f} mm; rig {reply.rig_before} -> {reply.rig}",
            soft_wrap=True,
        )
        if save is not None:
            _save(save, camera, reply)
            console.print(f"{save} updated", soft_wrap=True)


def _until_done(endpoint: str, request: ResolveCamera, timeout_s: float) -> ControlReply:
    until_s = time.monotonic() + timeout_s
    with Progress(transient=True) as progress:
        task = progress.add_task(f"walk where {request.camera} and two others look", total=request.seconds)
        while time.monotonic() < until_s:
            reply = ask(endpoint, request, _ANSWER_S)
            progress.update(task, completed=reply.have_s)
            if reply.state == "done":
                return reply
            if reply.state == "refused":
                raise UsageError(reply.reason)
            time.sleep(_AGAIN_S)
    raise LaunchError(
        f"{request.camera} did not see people for {request.seconds:g} s within {timeout_s:g} s: walk there"
    )


def _only_session() -> str:
    """The control socket of the session of this user that runs; UsageError where there are none or several."""
    bases = {os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir(), tempfile.gettempdir(), "/tmp"}
    found = sorted({str(path) for base in bases for path in Path(base).glob("posecap-*/control")})
    if not found:
        raise UsageError("no session is running here: start one with `python launch/live.py --cams rig.yaml`")
    if len(found) > 1:
        raise UsageError(f"{len(found)} sessions are running: choose one with --connect ipc://{found[0]}")
    return f"ipc://{found[0]}"


def _save(path: Path, camera: str, reply: ControlReply) -> None:
    content = read_rig_file(path)
    if content.rig().id != reply.rig_before:
        raise UsageError(
            f"{path} is rig {content.rig().id}, the session ran {reply.rig_before}: give --save the file of its --cams"
        )
    write_rig_file(path.with_name(path.name + ".before"), content)
    for entry in content.cameras:
        if entry.name == camera:
            entry.cam_from_world = reply.cam_from_world
    write_rig_file(path, content)


if __name__ == "__main__":
    app()
