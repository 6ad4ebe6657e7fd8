from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from posecap.calib.rig_file import load_rig, read_rig_file
from posecap.models.manifest import InputSpec, preset
from posecap.models.weights import present
from posecap.runtime.detect import PersonDetector, open_detector
from posecap.runtime.engine import EngineIO, Results
from posecap.runtime.errors import SettingsError
from posecap.runtime.settings import PipelineSettings

RIG = Path(__file__).parents[2] / "calib" / "rig.yaml"


@dataclass
class RtmDetEngine:
    """Answers with two people and a chair, in pixels of the 320 x 320 letterbox."""

    name: str = "fixed"
    device: str = "test"
    io: EngineIO = field(default_factory=lambda: EngineIO((320, 320), {}))

    def start(self, batch: NDArray[np.uint8], fill: object = None) -> Callable[[], Results]:
        return lambda: self.infer(batch)

    def infer(self, batch: NDArray[np.uint8]) -> Results:
        dets = [[10, 20, 60, 200, 0.5], [100, 40, 400, 180, 0.9], [5, 5, 50, 50, 0.95], [0, 0, 9, 9, 0.1]]
        return {
            "dets": np.array([dets], dtype=np.float32),
            "labels": np.array([[0, 0, 56, 0]], dtype=np.float32),
        }

    def close(self) -> None:
        pass


def test_rtmdet_boxes_in_pixels_of_the_picture() -> None:
    opened: list[InputSpec] = []

    def open_sized(spec: InputSpec) -> RtmDetEngine:
        opened.append(spec)
        return RtmDetEngine()

    detector = PersonDetector("rtmdet", preset("rtmdet-nano").input, open_sized)
    boxes = detector.boxes(np.zeros((480, 640, 3), dtype=np.uint8))
    np.testing.assert_allclose(boxes[:, 4], (0.9, 0.5), atol=1e-6)
    np.testing.assert_allclose(
        boxes[0, :4], (199.5, 79.5, 639.5, 359.5), atol=1e-4
    )  # cut at the picture's edge
    np.testing.assert_allclose(boxes[1, :4], (19.5, 39.5, 119.5, 399.5), atol=1e-4)
    detector.boxes(np.zeros((480, 640, 3), dtype=np.uint8))
    assert len(opened) == 1
    detector.close()


def test_a_joint_model_is_no_detector() -> None:
    with pytest.raises(
        SettingsError, match="detector 'blazepose-full' finds joints, not people: choose auto"
    ):
        open_detector(PipelineSettings(detector="blazepose-full"))


@cache
def rendered() -> tuple[list[NDArray[np.uint8]], list[NDArray[np.float64]]]:
    """A picture of each camera of the bundled rig, and the exact joints of its person there, pixels."""
    import av

    if not RIG.is_file():
        pytest.skip(f"no bundled rig at {RIG}")
    content, rig = read_rig_file(RIG), load_rig(RIG)
    assert content.truth is not None
    with np.load(RIG.parent / content.truth["file"], allow_pickle=False) as truth:
        xyz = truth["xyz"][0, 0].astype(np.float64)
    pictures = []
    for entry in content.cameras:
        assert entry.source is not None
        with av.open(str(RIG.parent / entry.source["file"])) as container:
            pictures.append(next(iter(container.decode(video=0))).to_ndarray(format="bgr24"))
    return pictures, [camera.project(xyz) for camera in rig.cameras]


@pytest.mark.parametrize("name", ["movenet-multipose", "blazepose-detector"])
def test_one_tight_box_around_a_rendered_person(name: str) -> None:
    if not present(name):
        pytest.skip(f"no weights here: python launch/fetch.py {name}")
    pictures, joints = rendered()
    detector = open_detector(PipelineSettings(detector=name, threads=1))
    for picture, pixels in zip(pictures, joints, strict=True):
        boxes = detector.boxes(picture)
        assert boxes.shape == (1, 5)
        low, high = np.nanmin(pixels, axis=0), np.nanmax(pixels, axis=0)
        size = float((high - low).max())
        assert (boxes[0, :2] < low + 0.08 * size).all()
        assert (boxes[0, 2:4] > high - 0.08 * size).all()
        middle = (boxes[0, :2] + boxes[0, 2:4]) / 2
        assert np.abs(middle - (low + high) / 2).max() < 0.2 * size
        assert (boxes[0, 2:4] - boxes[0, :2]).max() < 1.6 * size
    nothing = detector.boxes(np.full((480, 640, 3), 90, dtype=np.uint8))
    assert nothing.shape == (0, 5)
    detector.close()
