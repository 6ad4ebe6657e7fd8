"""Poses for other programs: OSC, avatars (VMC), Lab Streaming Layer, browsers (WebSocket)."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    _found = ".".join(map(str, sys.version_info[:3]))
    sys.exit("posecap needs Python 3.11 or newer, this is " + _found + ": install a newer Python")

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from posecap.launch.bridge_forward import Origin, forward
from posecap.launch.errors import user_errors
from posecap.runtime.client import DEFAULT_ENDPOINT

_EXAMPLES = """
Pass the poses of a running live.py on to other programs, until Ctrl-C.

    python launch/bridge.py osc --port 9000                       an address for each joint

    python launch/bridge.py vmc --host 192.168.1.20               bones for an avatar

    python launch/bridge.py lsl --people 2                        Lab Streaming Layer

    python launch/bridge.py websocket                             JSON at ws://127.0.0.1:8765

    python launch/bridge.py osc --connect tcp://capture-pc:5570 --server-key capture.key
"""


class BridgedStage(Enum):
    """As `Stage`, for the command line."""

    instant = "instant"
    refined = "refined"


class Up(Enum):
    """Axis that points up."""

    z = "z"
    y = "y"


Connect = Annotated[str, typer.Option(help="Where poses are published.")]
StageOption = Annotated[BridgedStage, typer.Option("--stage", help="Smoothed, or each frame set for itself.")]
ServerKey = Annotated[Path | None, typer.Option(help="Public CURVE key of the publisher.")]
Duration = Annotated[float | None, typer.Option(min=0.0, help="Seconds after which to end.")]
Host = Annotated[str, typer.Option(help="Who receives.")]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=_EXAMPLES,
    no_args_is_help=True,
)


@app.command()
def osc(
    *,
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(help="UDP port that the receiver listens at.")] = 9000,
    prefix: Annotated[str, typer.Option(help="Before every address.")] = "/posecap",
    up: Annotated[Up, typer.Option(help="z = axes of the world; y = (y, z, x) of them.")] = Up.z,
    connect: Connect = DEFAULT_ENDPOINT,
    stage: StageOption = BridgedStage.refined,
    server_key: ServerKey = None,
    duration: Duration = None,
) -> None:
    """Open Sound Control: PREFIX/person/ID/JOINT x y z sigma, metres."""
    with user_errors():
        from posecap.launch.bridge_osc import OscBridge

        bridge = OscBridge(host, port, prefix=prefix, up=up.value)
        forward(bridge, Origin(connect, stage.value, server_key, duration))


@app.command()
def vmc(
    *,
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(help="UDP port that the avatar's program listens at.")] = 39539,
    person: Annotated[int | None, typer.Option(help="Id; otherwise the lowest in view.")] = None,
    connect: Connect = DEFAULT_ENDPOINT,
    stage: StageOption = BridgedStage.refined,
    server_key: ServerKey = None,
    duration: Duration = None,
) -> None:
    """Virtual Motion Capture protocol: bone rotations of one person."""
    with user_errors():
        from posecap.launch.bridge_vmc import VmcBridge

        forward(VmcBridge(host, port, person), Origin(connect, stage.value, server_key, duration))


@app.command()
def lsl(
    *,
    name: Annotated[str, typer.Option(help="Of the streams, before the number.")] = "posecap",
    people: Annotated[int, typer.Option(help="Streams, one for each person.")] = 1,
    network: Annotated[bool, typer.Option("--network", help="Announce beyond this host.")] = False,
    connect: Connect = DEFAULT_ENDPOINT,
    stage: StageOption = BridgedStage.refined,
    server_key: ServerKey = None,
    duration: Duration = None,
) -> None:
    """Lab Streaming Layer: a stream for each person."""
    with user_errors():
        from posecap.launch.bridge_lsl import LslBridge

        forward(LslBridge(name, people, network=network), Origin(connect, stage.value, server_key, duration))


@app.command()
def websocket(
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 = every host may read.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="To listen at.")] = 8765,
    queue: Annotated[int, typer.Option(min=1, max=1000, help="Poses that wait for a slow client.")] = 4,
    origin: Annotated[
        list[str] | None, typer.Option(help="Web site that may read, besides pages of this host.")
    ] = None,
    connect: Connect = DEFAULT_ENDPOINT,
    stage: StageOption = BridgedStage.refined,
    server_key: ServerKey = None,
    duration: Duration = None,
) -> None:
    """WebSocket server: JSON as subscribe.py prints it."""
    with user_errors():
        from posecap.launch.bridge_websocket import WebsocketBridge

        bridge = WebsocketBridge(host, port, queue=queue, origins=tuple(origin or ()))
        forward(bridge, Origin(connect, stage.value, server_key, duration))


if __name__ == "__main__":
    app()
