"""Boards found in pictures of several cameras, kept with all that guides the user and feeds the solvers."""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from posecap.calib.board import Board, Sighting
from posecap.calib.board_motion import at_common_times
from posecap.calib.board_view import BoardView, board_view, is_new, most_different
from posecap.calib.coverage import Coverage, CoverageOptions, coverage_of
from posecap.calib.shared_views import shared_views
from posecap.capture.frame import Frame
from posecap.capture.pixels import planes_of


class BoardSightings:
    """Where every camera saw the board so far.

    Args:
        board: what is looked for.
        sizes: (width, height) of each camera's pictures, by name.
        options: what is enough for a lens.

    Attributes:
        looked: pictures of each camera that were looked at.
    """

    def __init__(
        self, board: Board, sizes: Mapping[str, tuple[int, int]], options: CoverageOptions | None = None
    ) -> None:
        self.board, self.sizes, self.options = board, dict(sizes), options or CoverageOptions()
        self.looked = dict.fromkeys(sizes, 0)
        self._seen: dict[str, list[tuple[Sighting, int]]] = {camera: [] for camera in sizes}
        self._different: dict[str, list[BoardView]] = {camera: [] for camera in sizes}
        self._at_once: list[Sighting] = []
        self._workers = ThreadPoolExecutor(max_workers=min(len(self.sizes), os.cpu_count() or 1))

    def look(self, frames: Iterable[Frame | None], t_ns: int) -> int:
        """Look for the board in the pictures of the instant `t_ns`; in how many it was."""
        shown = [frame for frame in frames if frame is not None]
        found = [one for one in self._workers.map(self._detect, shown) if one is not None]
        for frame in shown:
            self.looked[frame.camera] += 1
        for sighting in found:
            self.add(sighting, t_ns)
        return len(found)

    def add(self, sighting: Sighting, t_ns: int) -> None:
        """Keep a sighting with its own time; `t_ns` is the instant that it belongs to."""
        view = board_view(self.board, sighting, self.sizes[sighting.camera])
        if view is None:
            return
        self._seen[sighting.camera].append((sighting, t_ns))
        self._at_once.append(Sighting(sighting.camera, t_ns, sighting.ids, sighting.xy))
        if is_new(view, self._different[sighting.camera]):
            self._different[sighting.camera].append(view)

    def count(self, camera: str) -> int:
        """Pictures of a camera that show the board."""
        return len(self._seen[camera])

    def coverage(self, camera: str) -> Coverage:
        """What a camera has seen, of views that differ."""
        return coverage_of(camera, self.sizes[camera], self._different[camera], self.options)

    def shared(self) -> NDArray[np.int64]:
        """(cameras, cameras) instants that both saw."""
        return shared_views(self._at_once, tuple(self.sizes))

    def for_lens(self, camera: str, most: int = 120) -> list[Sighting]:
        """The sightings of one camera that differ most, with their own times."""
        sightings = [sighting for sighting, _ in self._seen[camera]]
        views = [board_view(self.board, one, self.sizes[camera]) for one in sightings]
        return [view.sighting for view in most_different([v for v in views if v is not None], most)]

    def for_rig(self) -> list[Sighting]:
        """All sightings, moved to the instants that they belong to, in order of time."""
        moved = [
            sighting
            for seen in self._seen.values()
            for sighting in at_common_times([one for one, _ in seen], [t_ns for _, t_ns in seen])
        ]
        return sorted(moved, key=lambda sighting: sighting.t_ns)

    def close(self) -> None:
        """End the threads."""
        self._workers.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _detect(self, frame: Frame) -> Sighting | None:
        pixels = frame.pixels
        grey = planes_of(pixels)[0] if pixels.ndim == 2 else pixels
        return self.board.detect(np.asarray(grey), frame.camera, frame.t_ns)
