"""H.264 clips that decode without delay: no pictures are reordered."""

from pathlib import Path
from types import TracebackType
from typing import cast

import av
import av.video.stream
import numpy as np
from numpy.typing import NDArray

_OPTIONS = {"preset": "slow", "g": "60", "bf": "0"}


class Clip:
    """Writes the pictures of one camera."""

    def __init__(self, path: Path, size_px: tuple[int, int], fps: int, crf: int) -> None:
        self._file = av.open(str(path), "w", options={"movflags": "+faststart"})
        stream = self._file.add_stream("libx264", rate=fps, options=_OPTIONS | {"crf": str(crf)})
        self._stream = cast(av.video.stream.VideoStream, stream)
        self._stream.width, self._stream.height = size_px
        self._stream.pix_fmt = "yuv420p"

    def __enter__(self) -> "Clip":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.mux(self._stream.encode())
        self._file.close()

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Append one (height, width, 3) RGB picture."""
        self._file.mux(self._stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))


def with_sensor_noise(
    picture: NDArray[np.uint8], sigma: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The picture as a sensor would give it: independent Gaussian noise of `sigma` grey levels in every value."""
    noise = rng.normal(0.0, sigma, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
