"""What the recorder process is told, and what it says. Light: whoever starts it opens no codec."""

from typing import Any, Literal

import msgspec

from posecap.runtime.errors import WireError


class RecordConfig(msgspec.Struct, frozen=True, kw_only=True):
    """All that the recorder process has to know.

    Attributes:
        folder: of the session; exists and holds the rig file.
        rig: id of the calibration.
        cameras: in rig order.
        fps: nominal, where a camera does not say.
        endpoint: to bind; cameras connect to it.
        rings: file of the shared memory of each camera.
        report_endpoint: of whoever started this process.
        poses_endpoint: where the runtime publishes; "" = there is none, cameras only.
        server_key: public key file where that is encrypted; "" = it is not.
        settings: of the pipeline, kept with the recording.
        lossless, encoder, threads, buffer: as in `capture.camera_recorder.RecordingOptions`.
        patience_s: how long it may write, once it is told to end, what still waits.
        keep_free_bytes: recording stops when less is free on the disk; None = 2 %, at most 500 MB.
        nice: taken from its priority beside a runtime: where the processor is short, poses come first.
        sync_s: pause between two rounds of `capture.disk_sync.DiskSync`; 0 = none.
    """

    folder: str
    rig: str
    cameras: tuple[str, ...]
    fps: float
    endpoint: str = ""
    rings: dict[str, str] = {}
    report_endpoint: str = ""
    poses_endpoint: str = ""
    server_key: str = ""
    settings: dict[str, Any] = {}
    lossless: bool = False
    encoder: str = "auto"
    threads: int = 1
    buffer: int = 30
    patience_s: float = 30.0
    keep_free_bytes: int | None = None
    nice: int = 5
    sync_s: float = 0.25


class CameraReport(msgspec.Struct, frozen=True, array_like=True):
    """One camera of a recording.

    Attributes:
        written: pictures in the files.
        lost: pictures that were overwritten before they were written.
        missing: numbers that never came: not taken, or dropped by the camera.
        waiting: pictures that wait for the encoder.
        size_bytes: length of the video.
        codec: encoder; "" before the first picture.
    """

    written: int
    lost: int
    missing: int
    waiting: int
    size_bytes: int
    codec: str


class RecordReport(msgspec.Struct, frozen=True):
    """How a recording is, twice a second.

    Attributes:
        pid: of the recorder process.
        state: ready (nothing came yet) | recording | ended (properly; see note) | failed (see note).
        t_ns: when this was said, monotonic clock.
        cameras: by name.
        messages: poses and statistics written.
        size_bytes: of the whole session.
        left_bytes: that may still be written.
        note: why it ended, one sentence; "" where it was told to.
    """

    pid: int
    state: Literal["ready", "recording", "ended", "failed"]
    t_ns: int
    cameras: dict[str, CameraReport] = {}
    messages: int = 0
    size_bytes: int = 0
    left_bytes: int = 0
    note: str = ""


_decoder: "msgspec.msgpack.Decoder[RecordReport]" = msgspec.msgpack.Decoder(RecordReport)


def unpack_report(data: bytes) -> RecordReport:
    """The report in `data`; raises WireError."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError(
            f"report of the recorder cannot be read ({error}): start all of posecap anew"
        ) from error
