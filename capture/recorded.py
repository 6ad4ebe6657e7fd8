"""One camera of a recorded session as a `Recording`: its pictures at the times at which they were taken."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posecap.capture.errors import CaptureError
from posecap.capture.session_folder import RecordedSession, open_session
from posecap.capture.video_file import VideoRecording

_NS = 1_000_000_000


class RecordedCameraFile:
    """The video of `camera` at `path` in its session folder, gaps included.

    All cameras of a session start at one instant, its first picture, and have one duration. Of a session that was cut
    off, the pictures count of which both the record and the pixels are there.

    Attributes:
        times_ns: time of each picture since the first picture of the session, strictly ascending.
        duration_ns: of the session, one period after its last picture.
        size_px: (width, height).
        fps: 1 / the median time between two pictures.

    Raises:
        CaptureError: no such session or camera, no pictures, or pictures of another size than `size_px`.
    """

    def __init__(self, path: Path, camera: str, *, size_px: tuple[int, int] | None = None) -> None:
        session = open_session(path.parent.parent)
        self._index, t_ns = _ascending(session, path, camera)
        first_ns, last_ns, period_ns = _span(session)
        self._video = VideoRecording(path, camera, size_px=size_px)
        there = int(np.searchsorted(self._index, len(self._video.times_ns)))
        if not there:
            self.close()
            raise CaptureError(
                f"camera {camera!r}: {path} was cut off before its first picture: leave it out"
            )
        self.times_ns: Sequence[int] = (t_ns[:there] - first_ns).tolist()
        self.duration_ns = last_ns - first_ns + period_ns
        self.size_px = self._video.size_px
        self.fps = _NS / period_ns

    def pixels(self, index: int) -> NDArray[np.uint8] | None:
        """Those of picture `index`, BGR or I420 (`capture.pixels`), valid until the next call; None if damaged."""
        return self._video.pixels(int(self._index[index]))

    def close(self) -> None:
        """Close the file."""
        self._video.close()


def _ascending(
    session: RecordedSession, path: Path, camera: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(pictures,) places in the video and capture times, without pictures that are not newer than all before."""
    name = next((name for name in session.cameras if session.video(name).name == path.name), None)
    if name is None or not len(session.pictures[name]):
        raise CaptureError(
            f"camera {camera!r}: {session.path} has no pictures of {path.name}: "
            "leave the camera out of the rig file, or record again"
        )
    pictures = session.pictures[name]
    newest = np.maximum.accumulate(pictures.t_ns)
    kept = np.concatenate([[True], pictures.t_ns[1:] > newest[:-1]])
    return pictures.index[kept], pictures.t_ns[kept]


def _span(session: RecordedSession) -> tuple[int, int, int]:
    """First and last capture time of the session, and the median period, ns."""
    tables = [one.t_ns for one in session.pictures.values() if len(one)]
    gaps = np.concatenate([np.diff(t_ns) for t_ns in tables])
    gaps = gaps[gaps > 0]
    period_ns = round(float(np.median(gaps))) if len(gaps) else _NS // 30
    return int(min(t_ns.min() for t_ns in tables)), int(max(t_ns.max() for t_ns in tables)), period_ns


__all__ = ["RecordedCameraFile"]
