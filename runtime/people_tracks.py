"""Following people in recordings, each camera for itself: no calibration is needed, a calibration can be made of it.

A person is followed by the joints that were seen in the picture before; the detector looks when nobody is followed and
every `detect_every` pictures. Crops are upright as the trunk is, or as the picture is.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.joint_tracks import PeopleTracks
from posecap.capture.errors import CaptureError
from posecap.capture.frame import Frame
from posecap.capture.source import Playback, open_source, source_info
from posecap.capture.source_config import SourceConfig
from posecap.runtime.detect import PersonDetector, open_detector
from posecap.runtime.errors import SettingsError
from posecap.runtime.estimate2d import PoseEstimator, open_estimator
from posecap.runtime.look import explains
from posecap.runtime.pose import Keypoints2D, Region
from posecap.runtime.regions import region_of_pixels, square_of_box
from posecap.runtime.repeated_looks import looked
from posecap.runtime.settings import PipelineSettings

_LOST_AFTER = 5  # pictures without joints
_LEAST_SCORE = 0.3  # of a joint that says where the person is
_SAME_SHARE = 0.15  # of the height of a person: two tracks nearer than this follow one


class TrackingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How people are followed.

    Attributes:
        max_people: rows of a view; more people are not followed.
        detect_every: pictures between two looks of the detector for others while somebody is followed.
        frames: pictures of each camera that are read; 0 = all.
        looks: at each person in each picture, 1 to 4: as it is, mirrored, and both again from a little farther away.
            Their mean is kept: a network does not err alike in mirrored pictures.
    """

    max_people: int = 1
    detect_every: int = 15
    frames: int = 0
    looks: Annotated[int, msgspec.Meta(ge=1, le=4)] = 2


Progress = Callable[[int, int], None]
"""Told (frames done, frames in all)."""


def track_people(
    sources: dict[str, SourceConfig],
    pipeline: PipelineSettings | None = None,
    settings: TrackingSettings | None = None,
    progress: Progress | None = None,
) -> PeopleTracks:
    """People in the recordings `sources`, by camera name.

    Raises:
        CaptureError: a recording that cannot be read, or a source that is no recording.
        SettingsError: a source is missing.
        ModelError, WeightsError, EngineError: the networks cannot be had or run.
    """
    pipeline, settings = pipeline or PipelineSettings(), settings or TrackingSettings()
    if not sources:
        raise SettingsError("no recordings to find people in: give the sources of at least two cameras")
    with ExitStack() as stack:
        estimator = open_estimator(pipeline)
        stack.callback(estimator.close)
        detector = open_detector(pipeline)
        stack.callback(detector.close)
        return follow_people(sources, estimator, detector, settings, progress)


def follow_people(
    sources: dict[str, SourceConfig],
    estimator: PoseEstimator,
    detector: PersonDetector,
    settings: TrackingSettings,
    progress: Progress | None = None,
) -> PeopleTracks:
    """As `track_people`, with networks that are open."""
    frames = _frames(sources, settings.frames)
    followed = [_Follower(view, estimator, detector, settings) for view in range(len(sources))]
    times: list[list[int]] = [[] for _ in sources]
    rows: list[Keypoints2D] = []
    for index, pictures in enumerate(_pictures(sources, frames)):
        regions = [
            region for one, picture in zip(followed, pictures, strict=True) for region in one.regions(picture)
        ]
        seen = looked(estimator, index, pictures, regions, settings.looks)
        rows.append(_in_rows(seen, followed, settings.max_people))
        for stamps, picture in zip(times, pictures, strict=True):
            if picture is not None:
                stamps.append(picture.t_ns)
        if progress is not None:
            progress(index + 1, frames)
    joint_set = estimator.joint_set
    return PeopleTracks(
        cameras=tuple(sources),
        t_ns=np.stack([_filled(stamps, len(rows)) for stamps in times]),
        xy=np.stack([row.xy for row in rows], axis=2),
        score=np.stack([row.score for row in rows], axis=2),
        variance=np.stack([row.variance for row in rows], axis=2),
        joint_set=joint_set.name,
        joints=joint_set.names,
    )


class _Follower:
    """The people of one view: where each row was seen last."""

    def __init__(
        self, view: int, estimator: PoseEstimator, detector: PersonDetector, settings: TrackingSettings
    ) -> None:
        self.view, self.detector, self.settings = view, detector, settings
        self.joint_set = estimator.joint_set
        self.rows_asked: list[int] = []
        self._last: dict[int, NDArray[np.float64]] = {}  # row -> (joints, 2) px
        self._missed: dict[int, int] = {}
        self._turn = 0

    def regions(self, picture: Frame | None) -> list[Region]:
        """Where to look in `picture`; `rows_asked` says for which rows."""
        self.rows_asked = []
        if picture is None:
            return []
        regions: list[Region] = []
        for row, pixels in sorted(self._last.items()):
            if self._missed[row] > _LOST_AFTER:
                continue
            region = region_of_pixels(self.view, pixels, self.joint_set, picture.size_px, row)
            if region is not None:
                regions.append(region)
                self.rows_asked.append(row)
        due = not regions or (self._turn % self.settings.detect_every == 0)
        self._turn += 1
        free = self.settings.max_people - len(regions)
        if due and free > 0:
            known = list(regions)
            for box in self.detector.boxes(picture.image):
                if free and not any(explains(region, box) for region in known):
                    regions.append(square_of_box(self.view, box))
                    self.rows_asked.append(self._row_for((box[:2] + box[2:4]) / 2))
                    free -= 1
        return regions

    def saw(self, row: int, pixels: NDArray[np.float64], score: NDArray[np.float64]) -> bool:
        """Whether `pixels` (joints, 2) show somebody whom no earlier row follows; remembered if so."""
        sure = np.where(score[:, None] >= _LEAST_SCORE, pixels, np.nan)
        known = np.isfinite(sure[:, 0])
        same = [other for other in self._last if other < row and self._missed[other] == 0]
        if known.sum() < 6 or any(_one_person(sure, self._last[other]) for other in same):
            self._missed[row] = self._missed.get(row, 0) + 1
            return False
        self._last[row], self._missed[row] = sure, 0
        return True

    def _row_for(self, centre: NDArray[np.float64]) -> int:
        """A row that was never used, else that of the lost person who was nearest."""
        taken = set(self.rows_asked)
        fresh = [row for row in range(self.settings.max_people) if row not in self._last and row not in taken]
        if fresh:
            return fresh[0]
        lost = [row for row in self._last if row not in taken]
        return min(lost, key=lambda row: float(np.linalg.norm(np.nanmean(self._last[row], axis=0) - centre)))


def _one_person(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    apart = np.linalg.norm(a - b, axis=1)
    if not np.isfinite(apart).any():
        return False
    height = np.nanmax(a[:, 1]) - np.nanmin(a[:, 1])
    return bool(np.nanmedian(apart) < _SAME_SHARE * height)


def _in_rows(seen: Keypoints2D, followed: Sequence[_Follower], people: int) -> Keypoints2D:
    """`seen`, with the k-th region of a view moved to the row that asked for it."""
    views, _, joints = seen.score.shape
    xy = np.full((views, people, joints, 2), np.nan)
    score = np.zeros((views, people, joints))
    variance = np.full((views, people, joints), np.inf)
    for one in followed:
        for k, row in enumerate(one.rows_asked):
            if one.saw(row, seen.xy[one.view, k], seen.score[one.view, k]):
                xy[one.view, row] = seen.xy[one.view, k]
                score[one.view, row] = seen.score[one.view, k]
                variance[one.view, row] = seen.variance[one.view, k]
    track = np.full((views, people), -1, dtype=np.int64)
    return Keypoints2D(xy, score, variance, track, tuple((None,) * people for _ in range(views)))


def _frames(sources: dict[str, SourceConfig], wanted: int) -> int:
    """How many pictures the longest recording gives; raises CaptureError for a live camera."""
    counts = []
    for camera, config in sources.items():
        info = source_info(config, camera)
        if info.live or info.n_frames is None:
            raise CaptureError(f"camera {camera!r} is live: record it first, people are found in recordings")
        counts.append(info.n_frames)
    return min(max(counts), wanted) if wanted else max(counts)


def _pictures(sources: dict[str, SourceConfig], frames: int) -> Iterator[tuple[Frame | None, ...]]:
    """The k-th picture of every camera, None where its recording is over; valid until the next."""
    stop = threading.Event()
    with ExitStack() as stack:
        streams = [
            stack.enter_context(
                open_source(config, camera, None, Playback(epoch_ns=0, pace="max"), stop)
            ).frames()
            for camera, config in sources.items()
        ]
        for _ in range(frames):
            yield tuple(next(stream, None) for stream in streams)


def _filled(stamps: list[int], frames: int) -> NDArray[np.int64]:
    """`stamps` prolonged to `frames` with their own median period."""
    period = int(np.median(np.diff(stamps))) if len(stamps) > 1 else 1
    start = stamps[-1] if stamps else 0
    missing = frames - len(stamps)
    return np.array([*stamps, *(start + period * (k + 1) for k in range(missing))], dtype=np.int64)
