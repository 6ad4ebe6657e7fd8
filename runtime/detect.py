"""People in one picture, as boxes. Slow next to the joint network, so it runs now and then."""

import logging
import math
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.models.decode_blazepose import decode_boxes
from posecap.models.decode_movenet import decode_people
from posecap.models.errors import WeightsError
from posecap.models.manifest import InputSpec, preset
from posecap.models.weights import fetchable, present, presets, split_model, weights_path
from posecap.runtime.engine import Engine, EngineName, open_engine
from posecap.runtime.errors import SettingsError
from posecap.runtime.preprocess import letterbox, moved
from posecap.runtime.settings import PipelineSettings

_log = logging.getLogger(__name__)

_PREFERRED = ("movenet-multipose", "blazepose-detector")
_LONG_SIDE_PX = 256
_MULTIPLE_PX = 32
_LEAST_SCORE = {"movenet-multipose": 0.15, "blazepose-detector": 0.5, "rtmdet": 0.3}
_LEAST_JOINT_SCORE = 0.2
_RTMDET_GREY = 114

OpenSized = Callable[[InputSpec], Engine]


class PersonDetector:
    """A detector network with its decoder. One network for each size of picture is compiled when first
    needed.

    Args:
        decoder: as in the manifest.
        spec: how pictures enter the network.
        open_sized: loads the network for an input size.
    """

    def __init__(self, decoder: str, spec: InputSpec, open_sized: OpenSized) -> None:
        self.decoder = decoder
        self.spec = spec
        self._open_sized = open_sized
        self._engines: dict[tuple[int, int], Engine] = {}

    def boxes(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """People in a (height, width, 3) BGR picture, best first: (n, 5) x0, y0, x1, y1 in pixels, score."""
        if self.decoder == "movenet-multipose":
            return self._multipose(image)
        if self.decoder == "rtmdet":
            return self._rtmdet(image)
        return self._blazepose(image)

    def close(self) -> None:
        """Free the engines."""
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()

    def _multipose(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The box that the network regresses, widened to the joints that it is sure of."""
        scale = _LONG_SIDE_PX / max(image.shape[:2])
        height, width = (
            max(math.ceil(side * scale / _MULTIPLE_PX), 1) * _MULTIPLE_PX for side in image.shape[:2]
        )
        picture, affine = letterbox(image, (width, height), centred=False)
        boxes, joints = decode_people(self._engine(width, height).infer(picture[None]))
        sure = joints[..., 2:] > _LEAST_JOINT_SCORE
        low = np.where(sure, joints[..., :2], np.inf).min(axis=1, initial=np.inf)
        high = np.where(sure, joints[..., :2], -np.inf).max(axis=1, initial=-np.inf)
        corners = np.concatenate([np.minimum(boxes[:, :2], low), np.maximum(boxes[:, 2:4], high)], axis=1)
        return self._in_image(corners, boxes[:, 4], affine, image)

    def _blazepose(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The square around the circle of the whole body that the network gives."""
        picture, affine = letterbox(image, (self.spec.width, self.spec.height), centred=True)
        people = decode_boxes(self._engine(self.spec.width, self.spec.height).infer(picture[None]))
        radius = np.linalg.norm(people[:, 2:4] - people[:, :2], axis=1)[:, None]
        corners = np.concatenate([people[:, :2] - radius, people[:, :2] + radius], axis=1)
        return self._in_image(corners, people[:, 4], affine, image)

    def _rtmdet(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        size_px = self.spec.width, self.spec.height
        picture, affine = letterbox(image, size_px, centred=False, fill=_RTMDET_GREY)
        outputs = self._engine(*size_px).infer(picture[None])
        person = outputs["labels"][0] == 0
        found = outputs["dets"][0][person].astype(np.float64)
        return self._in_image(found[:, :4], found[:, 4], affine, image)

    def _in_image(
        self,
        corners: NDArray[np.float64],
        score: NDArray[np.float64],
        affine: NDArray[np.float64],
        image: NDArray[np.uint8],
    ) -> NDArray[np.float64]:
        """Corners (n, 4), letterbox pixels from its corner, as boxes in the picture; the likely ones."""
        keep = score >= _LEAST_SCORE[self.decoder]
        points = moved(affine, corners[keep].reshape(-1, 2, 2) - 0.5)
        height, width = image.shape[:2]
        points = np.clip(points, -0.5, (width - 0.5, height - 0.5)).reshape(-1, 4)
        boxes = np.column_stack([points, score[keep]])
        return boxes[np.argsort(-boxes[:, 4], kind="stable")]

    def _engine(self, width: int, height: int) -> Engine:
        if (width, height) not in self._engines:
            spec = msgspec.structs.replace(self.spec, width=width, height=height)
            self._engines[width, height] = self._open_sized(spec)
        return self._engines[width, height]


def open_detector(settings: PipelineSettings) -> PersonDetector:
    """The detector that `settings` ask for; "auto" takes MoveNet multipose, else what pip alone can fetch.

    Raises:
        ModelError, WeightsError: no such detector, or its weights cannot be had.
        SettingsError: a joint model where a detector is needed.
        EngineError: the backend cannot run it.
    """
    model = _automatic() if settings.detector == "auto" else settings.detector
    name, _ = split_model(model)
    entry = preset(name)
    if entry.role != "detector":
        raise SettingsError(
            f"detector {name!r} finds joints, not people: choose auto, {', '.join(presets('detector'))}"
        )
    path = weights_path(model)

    def open_sized(spec: InputSpec) -> Engine:
        return open_engine(path, spec, entry.outputs, engine=engine, threads=settings.threads, at_once=1)

    engine: EngineName = "openvino" if path.suffix == ".tflite" else settings.engine
    return PersonDetector(entry.decoder, entry.input, open_sized)


def _automatic() -> str:
    """The best detector whose weights are here or can be fetched."""
    for name in _PREFERRED:
        if present(name):
            return name
        if not fetchable(name):
            continue
        try:
            weights_path(name)
        except WeightsError as error:
            _log.warning("detector unavailable model=%s reason=%r", name, str(error))
            continue
        return name
    return _PREFERRED[-1]
