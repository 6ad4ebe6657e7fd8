"""Session folders with pictures that say their number, and the frame sets that a live runtime would have made."""

from pathlib import Path

import msgspec
import numpy as np
from clips import SIZE_PX, write_clip

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.capture.session_folder import (
    CAMERA_METADATA,
    FRAME_SET_CHANNEL,
    MCAP_FILE,
    PICTURE_CHANNEL,
    SESSION_METADATA,
    FrameSetRecord,
    PictureRecord,
    RecordedCamera,
    SessionInfo,
    to_metadata,
)
from posecap.capture.session_writer import SessionWriter

START_NS = 7_000_000_000_000
PERIOD_NS = 33_333_333
_K = np.array([[300.0, 0, 159.5], [0, 300, 119.5], [0, 0, 1]])
RIG = Rig(
    tuple(
        Camera(name=name, size_px=SIZE_PX, K=_K, distortion=np.zeros(5), cam_from_world=np.eye(4))
        for name in ("left", "right")
    )
)


def write_pictures(
    folder: Path, seqs: dict[str, list[int]], frame_sets: list[FrameSetRecord], *, in_video: int | None = None
) -> Path:
    """A session whose picture n of a camera has the number seqs[camera][n]; `in_video`: pictures in the files."""
    (folder / "video").mkdir(parents=True)
    with SessionWriter(folder / MCAP_FILE) as writer:
        writer.add_metadata(SESSION_METADATA, to_metadata(SessionInfo(rig=RIG.id, cameras=RIG.names)))
        for camera, numbers in seqs.items():
            file = f"video/{camera}.mkv"
            write_clip(folder / file, frames=in_video or len(numbers))
            kept = RecordedCamera(
                name=camera, size_px=SIZE_PX, file=file, codec="libx264", layout="i420", lossless=False
            )
            writer.add_metadata(CAMERA_METADATA + camera, to_metadata(kept))
            for index, seq in enumerate(numbers):
                picture = PictureRecord(seq, START_NS + index * PERIOD_NS, index)
                writer.write(PICTURE_CHANNEL + camera, msgspec.msgpack.encode(picture))
        for one in frame_sets:
            writer.write(FRAME_SET_CHANNEL, msgspec.msgpack.encode(one))
        writer.finish()
    return folder


def set_of(
    index: int, seqs: tuple[int | None, ...], at: int | None = None, **fields: object
) -> FrameSetRecord:
    """The record of one frame set, at period `at`."""
    t_ns = START_NS + (index if at is None else at) * PERIOD_NS
    return FrameSetRecord(index=index, t_ns=t_ns, seqs=seqs, **fields)  # type: ignore[arg-type]
