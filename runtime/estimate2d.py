"""Joints in regions: one engine call over views x people, then one decoder over the whole batch."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from posecap.capture.frame import FrameSet
from posecap.models.crop_poses import CropPoses
from posecap.models.decode_blazepose import decode_landmarks
from posecap.models.decode_movenet import decode_single
from posecap.models.decode_simcc import decode_simcc
from posecap.models.joints import JOINT_SETS, JointSet, joint_map
from posecap.models.manifest import preset
from posecap.models.weights import presets, split_model, weights_path
from posecap.runtime.engine import Engine, open_engine
from posecap.runtime.errors import SettingsError
from posecap.runtime.pose import Heatmaps, Keypoints2D, Region
from posecap.runtime.preprocess import crop, image_from_crop, moved
from posecap.runtime.settings import PipelineSettings

_LEAST_PERSON = 0.5
_LEAST_SIDE_PX = 8.0  # of a crop that the network asks for
_EMPTY_LOGIT = -30.0  # a heatmap that shows nothing

Decode = Callable[[dict[str, NDArray[np.float32]]], CropPoses]
_DECODERS: dict[str, Decode] = {
    "blazepose": decode_landmarks,
    "movenet": decode_single,
    "simcc": decode_simcc,
}


class PoseEstimator:
    """A joint network with its decoder.

    Args:
        engine: runs the network.
        decode: reads its outputs.
        own: joints that the decoder gives.
        joint_set: joints to publish, matched by name; those the network does not know are NaN.
        least_person: regions less likely to show a person give an empty row; 0 = the network cannot tell.
    """

    def __init__(
        self, engine: Engine, decode: Decode, own: JointSet, joint_set: JointSet, least_person: float
    ) -> None:
        self.engine = engine
        self.decode = decode
        self.joint_set = joint_set
        self.least_person = least_person
        self._from_own = np.array(joint_map(own, joint_set))

    def estimate(self, frame_set: FrameSet, regions: Sequence[Region]) -> Keypoints2D:
        """Joints of the k-th region of each view in row k.

        Regions of cameras that missed the frame set, and regions without a person, leave an empty row: NaN, score
        0, infinite variance, track -1. A network that says where it would rather look gets a second look at
        regions that a detector found.
        """
        return self.start(frame_set, regions)()

    def start(self, frame_set: FrameSet, regions: Sequence[Region]) -> Callable[[], Keypoints2D]:
        """Cut out the regions and set the network to work; what is returned waits for it and gives `estimate`.

        The pictures must stay until then.
        """
        rows = _rows(frame_set, regions)
        result = _Rows(len(frame_set.frames), max(rows, default=-1) + 1, len(self.joint_set))
        looked = [
            (region, (region.view, row))
            for region, row in zip(regions, rows, strict=True)
            if frame_set.frames[region.view] is not None
        ]
        if not looked:
            return result.keypoints
        pending = self._look(frame_set, [region for region, _ in looked])

        def finish() -> Keypoints2D:
            poses = pending()
            again = self._worth_a_second_look([region for region, _ in looked], poses)
            for k, (region, place) in enumerate(looked):
                if k not in again:
                    self._put(result, place, region, poses, k)
            if again:
                finer = self._look(frame_set, list(again.values()))()
                for position, (k, region) in enumerate(again.items()):
                    self._put(result, looked[k][1], region, finer, position)
            return result.keypoints()

        return finish

    def close(self) -> None:
        """Free the engine."""
        self.engine.close()

    def _look(self, frame_set: FrameSet, regions: Sequence[Region]) -> Callable[[], CropPoses]:
        """Begin with `regions`; what is returned waits for the network and decodes its poses."""
        width, height = self.engine.io.size_px
        batch = np.empty((len(regions), height, width, 3), dtype=np.uint8)

        def fill(k: int) -> None:
            frame = frame_set.frames[regions[k].view]
            assert frame is not None
            crop(frame.pixels, image_from_crop(regions[k], (width, height)), batch[k])

        pending = self.engine.start(batch, fill)
        return lambda: self.decode(pending())

    def _worth_a_second_look(self, regions: Sequence[Region], poses: CropPoses) -> dict[int, Region]:
        """Where the network would rather have looked, for those of `regions` that a detector found."""
        if poses.next_region is None:
            return {}
        size_px = self.engine.io.size_px
        return {
            k: _moved_region(region, poses.next_region[k], size_px)
            for k, region in enumerate(regions)
            if region.track < 0
            and poses.person[k] >= self.least_person
            and poses.next_region[k, 2] > _LEAST_SIDE_PX
        }

    def _put(self, result: "_Rows", place: tuple[int, int], region: Region, poses: CropPoses, k: int) -> None:
        """Pose `k` of a batch to `place` = (view, row), in full-image pixels, joints as published."""
        if poses.person[k] < self.least_person:
            return
        affine = image_from_crop(region, self.engine.io.size_px)
        scale2 = abs(float(np.linalg.det(affine[:, :2])))
        known = self._from_own >= 0
        own = self._from_own[known]
        result.xy[place][known] = moved(affine, poses.xy[k, own])
        result.score[place][known] = poses.score[k, own]
        result.variance[place][known] = scale2 * poses.variance[k, own]
        result.track[place] = region.track
        if poses.logits is not None:
            logits = poses.logits[k]
            if not np.array_equal(self._from_own, np.arange(len(logits))):
                logits = np.where(known[:, None, None], logits[self._from_own], np.float32(_EMPTY_LOGIT))
            linear = affine[:, :2] @ poses.crop_from_cell[:, :2]
            origin = moved(affine, poses.crop_from_cell[:, 2])
            result.heatmaps[place[0]][place[1]] = Heatmaps(logits, np.column_stack([linear, origin]))


class _Rows:
    """The arrays of Keypoints2D while they are being filled."""

    def __init__(self, views: int, people: int, joints: int) -> None:
        self.xy = np.full((views, people, joints, 2), np.nan)
        self.score = np.zeros((views, people, joints))
        self.variance = np.full((views, people, joints), np.inf)
        self.track = np.full((views, people), -1, dtype=np.int64)
        self.heatmaps: list[list[Heatmaps | None]] = [[None] * people for _ in range(views)]

    def keypoints(self) -> Keypoints2D:
        """The filled arrays, read-only."""
        for array in (self.xy, self.score, self.variance, self.track):
            array.setflags(write=False)
        maps = tuple(tuple(row) for row in self.heatmaps)
        return Keypoints2D(self.xy, self.score, self.variance, self.track, maps)


def open_estimator(settings: PipelineSettings) -> PoseEstimator:
    """The estimator that `settings` ask for, its weights fetched when they are not there yet.

    Raises:
        ModelError, WeightsError: no such model, or its weights cannot be had.
        SettingsError: a detector where a pose model is needed, or an unknown joint set.
        EngineError: the backend cannot run it.
    """
    name, _ = split_model(settings.model)
    entry = preset(name)
    if entry.role != "pose":
        raise SettingsError(
            f"model {name!r} finds people, not joints: choose one of {', '.join(presets('pose'))}"
        )
    own = JOINT_SETS[entry.joints]
    published = _published(settings.joints, own)
    engine = open_engine(
        weights_path(settings.model),
        entry.input,
        entry.outputs,
        engine=settings.engine,
        precision=settings.precision,
        threads=settings.threads,
    )
    least_person = _LEAST_PERSON if entry.decoder == "blazepose" else 0.0
    return PoseEstimator(engine, _DECODERS[entry.decoder], own, published, least_person)


def _published(name: str, own: JointSet) -> JointSet:
    if name and name not in JOINT_SETS:
        raise SettingsError(
            f"joints {name!r} is no joint set, there are {', '.join(JOINT_SETS)}: check the spelling"
        )
    return JOINT_SETS[name] if name else own


def _rows(frame_set: FrameSet, regions: Sequence[Region]) -> list[int]:
    """For each region how many regions of its view come before it."""
    count = [0] * len(frame_set.frames)
    rows = []
    for region in regions:
        rows.append(count[region.view])
        count[region.view] += 1
    return rows


def _moved_region(region: Region, wanted: NDArray[np.float64], size_px: tuple[int, int]) -> Region:
    """The region that the network asked for in crop pixels, in full-image pixels."""
    affine = image_from_crop(region, size_px)
    centre = moved(affine, wanted[:2])
    scale = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    return Region(
        region.view,
        (float(centre[0]), float(centre[1])),
        float(wanted[2]) * scale,
        region.roll_rad + float(wanted[3]),
        region.track,
    )
