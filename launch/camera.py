"""One camera of this host, published for another host that runs `live.py`."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    _found = ".".join(map(str, sys.version_info[:3]))
    sys.exit("posecap needs Python 3.11 or newer, this is " + _found + ": install a newer Python")

import logging
import time
from pathlib import Path
from typing import Annotated

import typer

from posecap.calib.errors import CalibrationError
from posecap.calib.rig_file import read_rig_file
from posecap.capture.camera_process import EXIT_CONFIG, CameraConfig, run_camera
from posecap.capture.errors import CaptureError
from posecap.capture.jpeg_publisher import JpegPublisher
from posecap.capture.source_config import Remote, source_config

_EXAMPLES = """
Publish one camera of this host for another host.

On the host with the camera:

    python launch/camera.py --cams rig.yaml --camera cam02 --publish tcp://0.0.0.0:5601

In the rig file of the host that runs live.py:

    source: {type: remote, endpoint: "tcp://camera-host:5601"}

Encrypted: make a pair of keys once, add the secret one here, copy cam02.key to the other host and name it
there (server_key: cam02.key).

    python launch/camera.py --new-key cam02

    python launch/camera.py --cams rig.yaml --camera cam02 --secret-key cam02.key_secret
"""

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command(help=_EXAMPLES)
def publish_camera(
    *,
    cams: Annotated[Path | None, typer.Option(help="Rig file that holds the camera.")] = None,
    camera: Annotated[str, typer.Option(help="Name of the camera in the rig file.")] = "",
    publish: Annotated[str, typer.Option(help="Where receivers connect; the default is this host only.")] = (
        "tcp://127.0.0.1:5601"
    ),
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of the JPEG.")] = 90,
    secret_key: Annotated[Path | None, typer.Option(help="CURVE key file that ends in .key_secret.")] = None,
    new_key: Annotated[str | None, typer.Option(help="Write NAME.key and NAME.key_secret, then end.")] = None,
    loop: Annotated[bool, typer.Option(help="Start a recording again at its end.")] = True,
    speed: Annotated[float, typer.Option(min=0.01, help="Of a recording.")] = 1.0,
) -> None:
    """Publish until Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if new_key is not None:
        _write_keys(Path(new_key))
        return
    if cams is None or not camera:
        raise typer.BadParameter("give --cams RIG.YAML and --camera NAME (see --help for examples)")
    try:
        config = _camera_config(cams, camera, publish, loop=loop, speed=speed)
        with JpegPublisher(camera, publish, quality=quality, secret_key=secret_key) as publisher:
            print(f"camera {camera} on {publisher.endpoint}; Ctrl-C ends it")
            run_camera(config, publisher, ignore_interrupt=False)
    except (CaptureError, CalibrationError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(EXIT_CONFIG) from error


def _camera_config(cams: Path, name: str, endpoint: str, *, loop: bool, speed: float) -> CameraConfig:
    entries = {entry.name: entry for entry in read_rig_file(cams).cameras}
    if name not in entries:
        raise CalibrationError(
            f"no camera {name!r} in {cams}, there are {', '.join(entries)}: check --camera"
        )
    source = source_config(entries[name], cams.resolve().parent)
    if isinstance(source, Remote):
        raise CaptureError(
            f"camera {name!r} is itself remote ({source.endpoint}): publish it from the host it is plugged "
            "into"
        )
    return CameraConfig(
        camera=name,
        size_px=entries[name].size_px,
        source=source,
        endpoint=endpoint,
        ring="",
        epoch_ns=time.monotonic_ns(),
        loop=loop,
        speed=speed,
    )


def _write_keys(path: Path) -> None:
    import zmq.auth

    public, secret = zmq.auth.create_certificates(path.parent, path.name)
    Path(secret).chmod(0o600)
    print(f"{secret}: keep it on this host (--secret-key)")
    print(f"{public}: copy it to the receiving host (server_key)")


if __name__ == "__main__":
    app()
