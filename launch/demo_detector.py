"""Where people are in the user's pictures: the person detector, or boxes that the user gives."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from posecap.launch.errors import UsageError
from posecap.launch.model_files import with_weights
from posecap.runtime.detect import PersonDetector, open_detector
from posecap.runtime.settings import PipelineSettings


class GivenBoxes:
    """The user's boxes, the same in every picture."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Read LEFT,TOP,RIGHT,BOTTOM; UsageError where one is not that."""
        self._boxes = np.array([_box(text) for text in texts])

    def boxes(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(n, 5) as `PersonDetector.boxes`, with score 1.

        Raises:
            UsageError: a box of which nothing lies in the picture.
        """
        height, width = image.shape[:2]
        for left, top, right, bottom, _ in self._boxes:
            if right < 0 or bottom < 0 or left > width - 1 or top > height - 1:
                raise UsageError(
                    f"--box {left:g},{top:g},{right:g},{bottom:g} lies outside the picture of {width} x {height} px: "
                    "give pixels of the picture"
                )
        return self._boxes

    def close(self) -> None:
        """Nothing to free."""


def open_boxes(
    given: Sequence[str], detector: str, say: Callable[[str], None]
) -> PersonDetector | GivenBoxes:
    """The boxes `given`; without any, the person detector, fetched where it is not here.

    Raises:
        UsageError: a box that is none.
        ModelError, WeightsError: the detector cannot be had.
    """
    if given:
        return GivenBoxes(given)
    return open_detector(with_weights(PipelineSettings(detector=detector), say))


def _box(text: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 4 or not np.isfinite(values).all() or values[2] <= values[0] or values[3] <= values[1]:
        raise UsageError(
            f"--box {text!r} is no box: write LEFT,TOP,RIGHT,BOTTOM in pixels, such as 310,80,520,600"
        )
    return [*values, 1.0]
