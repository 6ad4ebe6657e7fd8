"""The live pipeline's own joint networks on single pictures: they come with trained weights."""

from collections.abc import Callable

import numpy as np

from posecap.capture.frame import Frame, FrameSet
from posecap.launch.demo_person import DemoPerson, DemoPicture
from posecap.launch.demo_person import Frame as Axes
from posecap.launch.model_files import with_weights
from posecap.models.manifest import preset
from posecap.models.weights import weights_path
from posecap.runtime.detect import open_detector
from posecap.runtime.estimate2d import open_estimator
from posecap.runtime.regions import square_of_box
from posecap.runtime.settings import PipelineSettings


class LiveModel:
    """Joints in the picture of everybody whom the detector finds. Implements `DemoSystem`.

    Raises:
        ModelError, WeightsError: no such model, or its weights cannot be had.
        EngineError: the backend cannot run it.
    """

    def __init__(self, name: str, most_people: int, say: Callable[[str], None]) -> None:
        settings = with_weights(PipelineSettings(model=name), say)
        self.detector = open_detector(settings)
        self.estimator = open_estimator(settings)
        self.joint_set = self.estimator.joint_set
        self.frame: Axes = ""
        self.preset = ""
        self.checkpoints: tuple[str | None, ...] = (weights_path(name).name,)
        self.most_people = most_people
        self.about = preset(name).about

    def people(self, pictures: list[DemoPicture]) -> list[DemoPerson]:
        """Everybody in the picture, best box first."""
        image = pictures[0].image
        boxes = self.detector.boxes(image)[: self.most_people]
        regions = [square_of_box(0, box) for box in boxes]
        frame_set = FrameSet(0, 0, (Frame(pictures[0].name, 0, 0, image),))
        found = self.estimator.estimate(frame_set, regions)
        return [
            DemoPerson(found.xy[:, row], found.score[:, row], boxes[row : row + 1, :4])
            for row in range(found.xy.shape[1])
            if np.isfinite(found.xy[0, row]).any()
        ]

    def close(self) -> None:
        """Free the engines."""
        self.detector.close()
        self.estimator.close()
