"""The frame sets of a recorded session, as the pipeline was given them."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.capture.frame import Frame, FrameSet
from posecap.capture.session_folder import FrameSetRecord, Pictures, RecordedSession
from posecap.capture.sync import FrameGrouper
from posecap.capture.video_file import VideoRecording
from posecap.runtime.errors import RuntimeFault

_WAIT_PERIODS = 3


@dataclass(frozen=True, slots=True)
class RecordedSet:
    """One frame set.

    Attributes:
        frame_set: its pictures; None where a camera missed the set, or where its picture was lost in recording.
        record: what the recording says of it.
        lost: cameras whose picture the live pipeline had and the recording has not.
    """

    frame_set: FrameSet
    record: FrameSetRecord
    lost: tuple[str, ...]


class RecordedSets:
    """Frame sets of `session`, in the order in which the pipeline processed them.

    Where only cameras were recorded there are none: pictures then are grouped by their capture times, as a live
    runtime on a machine that is fast enough would have done.

    Args:
        session: opened recording.
        rig: its cameras, in the order of the frames.
        whole: group all pictures likewise, also those that the live runtime had no time for.

    Raises:
        RuntimeFault: no pictures at all.
        CaptureError: a video that is missing or damaged.
    """

    def __init__(self, session: RecordedSession, rig: Rig, *, whole: bool = False) -> None:
        self.session, self.rig = session, rig
        if not any(len(pictures) for pictures in session.pictures.values()):
            raise RuntimeFault(f"{session.path} holds no pictures: record again")
        self.records: tuple[FrameSetRecord, ...] = (not whole and session.frame_sets) or _grouped(
            session, rig
        )
        self._places = {
            camera: _PicturePlaces(session.pictures[camera])
            for camera in rig.names
            if camera in session.pictures and len(session.pictures[camera])
        }
        self._videos: dict[str, VideoRecording] = {}
        try:
            for camera in self._places:
                size_px = rig.cameras[rig.names.index(camera)].size_px
                self._videos[camera] = VideoRecording(session.video(camera), camera, size_px=size_px)
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[RecordedSet]:
        """Read one set in advance, each camera in a thread of its own."""
        with ExitStack() as threads:
            readers = [threads.enter_context(ThreadPoolExecutor(1)) for _ in self.rig.names]
            asked: deque[tuple[FrameSetRecord, list[Future[Frame | None]]]] = deque()
            for record in self.records:
                asked.append(
                    (record, [one.submit(self._frame, record, view) for view, one in enumerate(readers)])
                )
                if len(asked) > 1:
                    yield self._set(*asked.popleft())
            while asked:
                yield self._set(*asked.popleft())

    def _frame(self, record: FrameSetRecord, view: int) -> Frame | None:
        camera, seq = self.rig.names[view], record.seqs[view]
        places = self._places.get(camera)
        found = None if seq is None or places is None else places.nearest(seq, record.t_ns)
        if found is None or seq is None:
            return None
        t_ns, index = found
        video = self._videos[camera]
        pixels = video.pixels(index) if index < len(video.times_ns) else None
        return None if pixels is None else Frame(camera, seq, t_ns, pixels.copy())

    def _set(self, record: FrameSetRecord, asked: "list[Future[Frame | None]]") -> RecordedSet:
        frames = [one.result() for one in asked]
        lost = tuple(
            camera
            for camera, seq, frame in zip(self.rig.names, record.seqs, frames, strict=True)
            if seq is not None and frame is None
        )
        return RecordedSet(FrameSet(record.index, record.t_ns, tuple(frames)), record, lost)

    def close(self) -> None:
        """Close the videos."""
        for video in self._videos.values():
            video.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _PicturePlaces:
    """Where in the video the pictures of one camera are; a camera that was started again may count anew."""

    def __init__(self, pictures: Pictures) -> None:
        self._order = np.argsort(pictures.seq, kind="stable")
        self._seq: NDArray[np.int64] = pictures.seq[self._order]
        self._pictures = pictures

    def nearest(self, seq: int, t_ns: int) -> tuple[int, int] | None:
        """Capture time and place of picture `seq`, of several that nearest to `t_ns`; None = it was lost."""
        first, last = np.searchsorted(self._seq, [seq, seq + 1])
        if first == last:
            return None
        rows = self._order[first:last]
        row = rows[np.argmin(np.abs(self._pictures.t_ns[rows] - t_ns))]
        return int(self._pictures.t_ns[row]), int(self._pictures.index[row])


def _grouped(session: RecordedSession, rig: Rig) -> tuple[FrameSetRecord, ...]:
    """Frame sets by capture time; every picture arrives when it was taken."""
    times = [pictures.t_ns for pictures in session.pictures.values() if len(pictures) > 1]
    gaps = np.concatenate([np.diff(t_ns) for t_ns in times]) if times else np.array([])
    gaps = gaps[gaps > 0]
    period_ns = round(float(np.median(gaps))) if len(gaps) else 1_000_000_000 // 30
    grouper = FrameGrouper(rig.names, period_ns, _WAIT_PERIODS * period_ns)
    nothing = np.empty((0, 0, 0), dtype=np.uint8)
    frames = [
        Frame(camera, int(seq), int(t_ns), nothing)
        for camera, pictures in session.pictures.items()
        if camera in rig.names
        for seq, t_ns in zip(pictures.seq, pictures.t_ns, strict=True)
    ]
    sets: list[FrameSet] = []
    for frame in sorted(frames, key=lambda one: (one.t_ns, one.camera)):
        sets.extend(grouper.poll(frame.t_ns))
        sets.extend(grouper.push(frame, frame.t_ns))
    if frames:
        sets.extend(grouper.poll(max(frame.t_ns for frame in frames) + 2 * _WAIT_PERIODS * period_ns))
    return tuple(
        FrameSetRecord(
            index=one.index,
            t_ns=one.t_ns,
            seqs=tuple(None if frame is None else frame.seq for frame in one.frames),
        )
        for one in sets
    )
