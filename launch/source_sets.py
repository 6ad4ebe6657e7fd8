"""Recordings of several cameras, read as fast as they can be, in sets of one instant."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace

from posecap.capture.frame import Frame, FrameSet
from posecap.capture.source import Playback, SourceInfo, open_source
from posecap.capture.source_config import SourceConfig
from posecap.capture.sync import FrameGrouper

_WAIT_PERIODS = 3
_END_NS = 1 << 62


def source_sets(
    sources: Mapping[str, SourceConfig], infos: Mapping[str, SourceInfo]
) -> Iterator[tuple[FrameSet, int]]:
    """Sets of all pictures, in order of time, and how many pictures of the longest recording have been read.

    Pictures stay valid. Cameras need not have one rate: a set is one period of the fastest.

    Raises:
        CaptureError: a recording that cannot be read.
    """
    period_ns = round(1e9 / max(info.fps for info in infos.values()))
    grouper = FrameGrouper(tuple(sources), period_ns, _WAIT_PERIODS * period_ns)
    done = dict.fromkeys(sources, 0)
    with ExitStack() as stack:
        streams: dict[str, Iterator[Frame]] = {}
        waiting: dict[str, Frame] = {}
        for camera, config in sources.items():
            playback = Playback(epoch_ns=0, pace="max")
            opened = stack.enter_context(open_source(config, camera, None, playback, threading.Event()))
            streams[camera] = opened.frames()
            _advance(camera, streams, waiting, done)
        while waiting:
            camera = min(waiting, key=lambda name: waiting[name].t_ns)
            frame = waiting.pop(camera)
            for ready in grouper.push(frame, frame.t_ns):
                yield ready, max(done.values())
            _advance(camera, streams, waiting, done)
            if camera not in waiting:
                grouper.lose(camera)
        for ready in grouper.poll(_END_NS):
            yield ready, max(done.values())


def _advance(
    camera: str, streams: dict[str, Iterator[Frame]], waiting: dict[str, Frame], done: dict[str, int]
) -> None:
    """The next picture of `camera`, copied, into `waiting`; nothing at the end of its recording."""
    frame = next(streams[camera], None)
    if frame is not None:
        waiting[camera] = replace(frame, pixels=frame.pixels.copy())
        done[camera] += 1
