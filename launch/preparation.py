"""Everything that can be checked before a process is started: rig, sources, settings, truth, port."""

import errno
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints
from urllib.parse import urlsplit

import msgspec
import numpy as np

from posecap.calib.plausibility import spacing_of
from posecap.calib.rig import Rig
from posecap.calib.rig_file import RigFile
from posecap.capture.camera_process import CameraConfig
from posecap.capture.source_config import ImageFolder, SourceConfig, VideoFile
from posecap.launch.camera_preparation import prepare_cameras
from posecap.launch.errors import UsageError
from posecap.launch.recording import RecordOptions
from posecap.launch.truth import Truth, load_truth
from posecap.launch.viewer_choice import Viewer
from posecap.models.joints import JOINT_SETS
from posecap.runtime.errors import EndpointError
from posecap.runtime.messages import Stage
from posecap.runtime.runtime_config import RuntimeConfig
from posecap.runtime.settings import PipelineSettings, with_overrides

_WAIT_PERIODS = 3
_LEAST_SPACING_M = 0.001
_PATIENT_NS = 10_000_000_000  # pace "max": cameras wait for the runtime, not for the clock

ENGINES = get_args(get_type_hints(PipelineSettings)["engine"])
LIFTS = get_args(get_type_hints(PipelineSettings)["lift"])


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """What the user asked of `live.py`; None = not said."""

    cams: Path
    viewer: Viewer = "auto"
    duration_s: float | None = None
    model: str | None = None
    engine: str | None = None
    joints: str | None = None
    lift: str | None = None
    lift_weights: Path | None = None
    stage: Stage = "refined"
    overrides: tuple[str, ...] = ()
    speed: float = 1.0
    loop: bool = True
    pace: Literal["clock", "max"] = "clock"
    bind: str = "tcp://127.0.0.1:5570"
    summary: Path | None = None
    truth: Path | None = None
    view2d: bool = False
    curve_key: Path | None = None
    record: RecordOptions | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A session that can be started.

    Attributes:
        rig: the cameras.
        content: of the rig file.
        sources: what each plays, in rig order.
        fps: nominal, seconds of the scene.
        media_s: length of one round of the recordings; None where a camera is live.
        settings: of the pipeline.
        truth: exact joints, None where there are none.
        cameras, runtime: configurations, without endpoints, rings and epoch.
    """

    rig: Rig
    content: RigFile
    sources: tuple[SourceConfig, ...]
    fps: float
    media_s: float | None
    settings: PipelineSettings
    truth: Truth | None
    cameras: tuple[CameraConfig, ...]
    runtime: RuntimeConfig


def prepare(options: LiveOptions) -> Prepared:
    """The checked session that `options` ask for; weights are not looked at here.

    Raises:
        CalibrationError, CaptureError, SettingsError, UsageError, EndpointError: each names what is wrong.
    """
    found = prepare_cameras(options.cams, speed=options.speed, loop=options.loop, pace=options.pace)
    rig, media_s = found.rig, found.media_s
    if len(rig) < 2:
        raise UsageError(
            f"{options.cams} has one camera ({rig.names[0]}), 3D needs at least two that see the same place: "
            "add a camera"
        )
    if spacing_of(np.stack([camera.centre for camera in rig.cameras])) < _LEAST_SPACING_M:
        raise UsageError(
            f"all cameras of {options.cams} are in one place, 3D needs to know where they are: "
            "run `python launch/calibrate.py extrinsics` or `people`"
        )
    settings = _settings(options, recorded=media_s is not None)
    truth = _truth(options, found.content, options.cams.resolve().parent, found.sources)
    check_free(options.bind)
    _check_writable(options.summary)
    if options.curve_key is not None and not options.curve_key.is_file():
        raise UsageError(
            f"no key file at {options.curve_key}: make a pair with `python launch/camera.py --new-key NAME`"
        )
    period_ns = round(1e9 / found.fps / found.speed)
    return Prepared(
        rig=rig,
        content=found.content,
        sources=tuple(found.sources),
        fps=found.fps,
        media_s=media_s,
        settings=settings,
        truth=truth,
        cameras=found.configs,
        runtime=RuntimeConfig(
            rig=rig,
            settings=settings,
            period_ns=period_ns,
            wait_ns=_PATIENT_NS if options.pace == "max" else _WAIT_PERIODS * period_ns,
            frames_endpoint="",
            rings={},
            publish_endpoint=options.bind,
            health_endpoint="",
            curve_key=str(options.curve_key or ""),
            overlays=options.view2d,
            frame_sets=options.record is not None,
            waiting=0 if options.pace == "max" else 1,
        ),
    )


def check_free(endpoint: str) -> None:
    """EndpointError where `endpoint` is malformed or somebody listens there already."""
    parts = urlsplit(endpoint)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if parts.scheme == "ipc" and parts.path:
        return
    if parts.scheme != "tcp" or not host or port is None:
        raise EndpointError(f"--bind {endpoint!r} is not an address: write it as tcp://127.0.0.1:5570")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            "0.0.0.0" if host == "*" else host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise EndpointError(
                f"port {port} is in use: end the program that listens there (another posecap?), "
                f"or choose another port with --bind tcp://{host}:PORT"
            ) from error
        raise EndpointError(
            f"cannot publish at {endpoint} ({error.strerror}): choose an address of this host with --bind"
        ) from error


def _check_writable(path: Path | None) -> None:
    """UsageError where the summary cannot be written; better known now than after the session."""
    if path is not None and not (
        path.parent.is_dir() and os.access(path.parent, os.W_OK) and not path.is_dir()
    ):
        raise UsageError(f"--summary {path} cannot be written: choose a file in a folder that exists")


def _settings(options: LiveOptions, *, recorded: bool) -> PipelineSettings:
    chosen: dict[str, Any] = {}
    if options.model is not None:
        chosen["model"] = options.model
    if options.joints is not None:
        if options.joints not in JOINT_SETS:
            raise UsageError(
                f"no joint set {options.joints!r}, there are {', '.join(JOINT_SETS)}: check the spelling"
            )
        chosen["joints"] = options.joints
    if options.engine is not None:
        if options.engine not in ENGINES:
            raise UsageError(
                f"no engine {options.engine!r}, there are {', '.join(ENGINES)}: check the spelling"
            )
        chosen["engine"] = options.engine
    chosen.update(_lift(options))
    if recorded:
        chosen["time_scale"] = options.speed
    settings = msgspec.structs.replace(PipelineSettings(), **chosen)
    return with_overrides(settings, list(options.overrides))


def _lift(options: LiveOptions) -> dict[str, Any]:
    if options.lift is None:
        if options.lift_weights is not None:
            raise UsageError("--lift-weights without --lift: name the network's system with --lift")
        return {}
    if options.lift not in LIFTS:
        raise UsageError(f"no lift {options.lift!r}, there are {', '.join(LIFTS)}: check the spelling")
    if options.lift in ("dlt", "rpsm") and options.lift_weights is not None:
        raise UsageError(f"--lift {options.lift} has no weights: leave out --lift-weights")
    weights = options.lift_weights
    if options.lift not in ("dlt", "rpsm"):
        if weights is None:
            raise UsageError(
                f"--lift {options.lift} needs weights that were trained for this rig: add --lift-weights FILE"
            )
        if not weights.is_file():
            raise UsageError(f"--lift-weights {weights} is no file: check the path")
    return {"lift": options.lift, "lift_weights": "" if weights is None else str(weights.resolve())}


def _truth(options: LiveOptions, content: RigFile, folder: Path, sources: list[SourceConfig]) -> Truth | None:
    """That of --truth, else that of the rig file; frame 0 is the first picture that the sources play."""
    path = options.truth
    if path is None and content.truth is not None:
        if not isinstance(content.truth.get("file"), str):
            raise UsageError(
                f"{options.cams}: truth has no file: write `truth: {{file: truth.npz}}` or remove it"
            )
        path = folder / content.truth["file"]
    if path is None:
        return None
    first = {source.first_frame for source in sources if isinstance(source, VideoFile | ImageFolder)}
    if len(first) != 1:
        raise UsageError(
            f"{path} cannot be compared: its cameras start at pictures {sorted(first) or 'unknown (live)'}; "
            "give all of them the same first_frame, or leave out the truth"
        )
    return load_truth(path, first.pop())
