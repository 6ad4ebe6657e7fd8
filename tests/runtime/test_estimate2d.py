"""Geometry with an engine that sees a dot; accuracy with real networks, where they are here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from posecap.calib.rig_file import load_rig, read_rig_file
from posecap.capture.frame import Frame, FrameSet
from posecap.models.decode_blazepose import decode_landmarks
from posecap.models.joints import BLAZEPOSE_33, COCO_17, LIMB_JOINTS, JointSet
from posecap.models.weights import present
from posecap.runtime.engine import EngineIO, Fill, Results
from posecap.runtime.errors import SettingsError
from posecap.runtime.estimate2d import PoseEstimator, open_estimator
from posecap.runtime.pose import Region
from posecap.runtime.regions import region_of_skeleton
from posecap.runtime.settings import PipelineSettings

RIG = Path(__file__).parents[2] / "calib" / "rig.yaml"


@dataclass
class DotEngine:
    """Says that all joints are at the brightest place of a crop, and the hips in its middle."""

    name: str = "dot"
    device: str = "test"
    io: EngineIO = field(default_factory=lambda: EngineIO((256, 256), {}))
    person: float = 1.0
    circle: tuple[float, float] = (128.0, 78.0)  # asks for a crop of 2.5 x 50 pixels around its middle
    batches: list[int] = field(default_factory=list)

    def start(self, batch: NDArray[np.uint8], fill: Fill | None = None) -> Callable[[], Results]:
        for k in range(len(batch)):
            assert fill is not None
            fill(k)
        return lambda: self.infer(batch)

    def infer(self, batch: NDArray[np.uint8]) -> Results:
        self.batches.append(len(batch))
        rows = np.zeros((len(batch), 39, 5), dtype=np.float32)
        rows[..., 3:] = 10.0
        for k, picture in enumerate(batch):
            weight = picture[..., 0].astype(np.float64)
            total = max(weight.sum(), 1.0)
            rows[k, :33, 0] = (weight.sum(axis=0) * (np.arange(256) + 0.5)).sum() / total
            rows[k, :33, 1] = (weight.sum(axis=1) * (np.arange(256) + 0.5)).sum() / total
        rows[:, 33, :2] = 128.0
        rows[:, 34, :2] = self.circle
        return {
            "Identity": rows.reshape(len(batch), 195),
            "Identity_1": np.full((len(batch), 1), self.person, dtype=np.float32),
            "Identity_3": np.full((len(batch), 64, 64, 39), -9.0, dtype=np.float32),
        }

    def close(self) -> None:
        pass


def dot_frame(camera: str, at: tuple[float, float]) -> Frame:
    x, y = np.arange(640), np.arange(480)
    blob = np.exp(-0.5 * (((x - at[0]) ** 2)[None] + ((y - at[1]) ** 2)[:, None]) / 25)
    image = np.repeat((255 * blob).round().astype(np.uint8)[..., None], 3, axis=2)
    image.setflags(write=False)
    return Frame(camera, 0, 0, image)


DOTS = ((300.0, 200.0), (351.5, 222.2), (280.25, 260.75))
FRAMES = FrameSet(0, 0, tuple(dot_frame(f"cam{k}", at) for k, at in enumerate(DOTS)))


def estimator(engine: DotEngine, joint_set: JointSet = BLAZEPOSE_33) -> PoseEstimator:
    return PoseEstimator(engine, decode_landmarks, BLAZEPOSE_33, joint_set, 0.5)


@pytest.mark.parametrize("track", [7, -1])
def test_joints_are_where_the_picture_has_them(track: int) -> None:
    regions = [Region(view, (310, 220), 300 + 20 * view, 0.3 * view, track) for view in range(3)]
    seen = estimator(DotEngine()).estimate(FRAMES, regions)
    assert seen.xy.shape == (3, 1, 33, 2)
    for view, at in enumerate(DOTS):
        np.testing.assert_allclose(seen.xy[view, 0], np.tile(at, (33, 1)), atol=0.1)
        assert seen.track[view, 0] == track


def test_heatmap_cells_lie_where_the_joints_do() -> None:
    region = Region(0, (310, 220), 320, 0.5, 3)
    seen = estimator(DotEngine()).estimate(FRAMES, [region])
    maps = seen.heatmaps[0][0]
    assert maps is not None
    assert maps.logits.shape == (33, 64, 64)
    middle = maps.image_from_cell @ (32, 32, 1)  # cell 32 stands for the middle of 256 pixels
    np.testing.assert_allclose(middle, region.centre_px, atol=1e-9)
    np.testing.assert_allclose(np.sqrt(np.linalg.det(maps.image_from_cell[:, :2])), 320 / 64)


def test_only_detected_regions_are_looked_at_again() -> None:
    engine = DotEngine()
    regions = [Region(0, (310, 220), 300, 0.0, 4), Region(1, (330, 220), 300), Region(1, (350, 220), 300)]
    seen = estimator(engine).estimate(FRAMES, regions)
    assert engine.batches == [3, 2]
    np.testing.assert_array_equal(seen.track, [[4, -1], [-1, -1], [-1, -1]])
    np.testing.assert_allclose(seen.xy[1, 1, 0], DOTS[1], atol=0.1)
    assert np.isnan(seen.xy[0, 1]).all()
    assert np.isinf(seen.variance[0, 1]).all()
    assert (seen.score[0, 1] == 0).all()
    assert seen.heatmaps[0][1] is None


def test_a_region_without_a_person_is_an_empty_row() -> None:
    engine = DotEngine(person=0.3)
    seen = estimator(engine).estimate(
        FRAMES, [Region(2, (310, 220), 300, 0.0, 5), Region(0, (310, 220), 300)]
    )
    assert engine.batches == [2]
    assert np.isnan(seen.xy).all()
    assert (seen.track == -1).all()


def test_a_camera_that_missed_leaves_its_row_empty() -> None:
    frames = FrameSet(0, 0, (FRAMES.frames[0], None, FRAMES.frames[2]))
    regions = [Region(view, (310, 220), 300, 0.0, 1) for view in range(3)]
    seen = estimator(DotEngine()).estimate(frames, regions)
    assert np.isfinite(seen.xy[0]).all()
    assert np.isnan(seen.xy[1]).all()
    assert np.isfinite(seen.xy[2]).all()
    assert estimator(DotEngine()).estimate(frames, []).xy.shape == (3, 0, 33, 2)


def test_other_joints_are_matched_by_name() -> None:
    few = JointSet("few/1", ("left_wrist", "belly", "nose"), (-1, -1, -1))
    seen = estimator(DotEngine(), few).estimate(FRAMES, [Region(0, (310, 220), 300, 0.0, 1)])
    assert np.isfinite(seen.xy[0, 0, [0, 2]]).all()
    assert np.isnan(seen.xy[0, 0, 1]).all()
    assert np.isinf(seen.variance[0, 0, 1])
    maps = seen.heatmaps[0][0]
    assert maps is not None
    assert maps.logits.shape == (3, 64, 64)
    assert (maps.logits[1] < -20).all()


def test_settings_that_do_not_fit() -> None:
    with pytest.raises(SettingsError, match="model 'movenet-multipose' finds people, not joints"):
        open_estimator(PipelineSettings(model="movenet-multipose"))
    with pytest.raises(SettingsError, match="joints 'coco' is no joint set, there are coco-17/1"):
        open_estimator(PipelineSettings(joints="coco"))


# ------------------------------------------------------------- real networks, rendered people


@cache
def rendered(frame: int) -> tuple[FrameSet, NDArray[np.float64], JointSet]:
    """Pictures of the bundled rig, and the exact joints of its person, world metres."""
    import av

    if not RIG.is_file():
        pytest.skip(f"no bundled rig at {RIG}")
    content = read_rig_file(RIG)
    assert content.truth is not None
    with np.load(RIG.parent / content.truth["file"], allow_pickle=False) as truth:
        names = tuple(str(name) for name in truth["joints"])
        xyz = truth["xyz"][frame, 0].astype(np.float64)
    frames = []
    for entry in content.cameras:
        assert entry.source is not None
        with av.open(str(RIG.parent / entry.source["file"])) as container:
            for index, picture in enumerate(container.decode(video=0)):
                if index == frame:
                    frames.append(Frame(entry.name, index, 0, picture.to_ndarray(format="bgr24")))
                    break
    return FrameSet(frame, 0, tuple(frames)), xyz, JointSet("truth/1", names, (-1,) * len(names))


def real(model: str, **settings: object) -> PoseEstimator:
    if not present(model):
        pytest.skip(f"no weights here: python launch/fetch.py {model}")
    return open_estimator(PipelineSettings(model=model, threads=1, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("model", ["blazepose-full", "movenet-lightning"])
def test_real_network_finds_the_joints_of_a_rendered_person(model: str) -> None:
    frames, xyz, truth = rendered(0)
    network = real(model)
    rig = load_rig(RIG)
    regions = [region_of_skeleton(camera, view, xyz, truth, 1) for view, camera in enumerate(rig.cameras)]
    looked = [region for region in regions if region is not None]
    assert len(looked) == len(rig)
    seen = network.estimate(frames, looked)
    own = [network.joint_set.index(name) for name in LIMB_JOINTS]
    exact = np.stack(
        [camera.project(xyz[[truth.index(name) for name in LIMB_JOINTS]]) for camera in rig.cameras]
    )
    side = np.array([region.side_px for region in looked])
    off = np.linalg.norm(seen.xy[:, 0, own] - exact, axis=2) / side[:, None]
    assert np.median(off) < 0.02
    assert np.quantile(off, 0.9) < 0.06
    network.close()


def test_real_batch_is_its_parts() -> None:
    frames, xyz, truth = rendered(30)
    network = real("blazepose-full", joints=COCO_17.name)
    cameras = load_rig(RIG).cameras
    regions = [region_of_skeleton(camera, view, xyz, truth, 1) for view, camera in enumerate(cameras)]
    looked = [region for region in regions if region is not None]
    whole = network.estimate(frames, looked)
    assert whole.xy.shape[2] == 17
    for region in looked:
        part = network.estimate(frames, [region])
        np.testing.assert_array_equal(whole.xy[region.view], part.xy[region.view])
        np.testing.assert_array_equal(whole.score[region.view], part.score[region.view])
    network.close()
