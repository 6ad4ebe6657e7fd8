"""The panel beside the scene: numbers, and each camera with its picture and state; drawn with OpenCV.

It is one picture on a textured square in front of the eye: 3 ms of processor time a drawn picture with a software
renderer, and no memory lost in 1,200 changes of the texture. The other ways were worse: text and pictures as
geometry cost more triangles, and pictures on the frusta are small, slanted, and mirrored from behind.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.launch.view_room import state_colour
from posecap.runtime.thumbnail_message import ThumbnailMessage

WIDTH_PX = 264
_PAD = 12
_ROW = 19
_GROUND = (24, 20, 17)  # BGR, as are all below
_CARD = (38, 32, 27)
_TEXT = (225, 221, 215)
_FAINT = (150, 142, 132)
_BAD = (60, 70, 240)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_KEYS = ("space pause   r reset   f follow", "1 instant   2 refined   p panel")


@dataclass(frozen=True, slots=True)
class Panel:
    """What is written.

    Attributes:
        title: first line.
        numbers: (name, value) one row each.
        warning: a sentence in red; "" = none.
        cameras: (name, state, note) in rig order.
    """

    title: str
    numbers: tuple[tuple[str, str], ...]
    warning: str = ""
    cameras: tuple[tuple[str, str, str], ...] = ()


@dataclass(slots=True)
class PanelPainter:
    """Paints panels; keeps decoded pictures."""

    _pictures: dict[str, tuple[bytes, NDArray[np.uint8]]] = field(default_factory=dict)

    def paint(
        self, panel: Panel, thumbnails: dict[str, ThumbnailMessage], height_px: int
    ) -> NDArray[np.uint8]:
        """(height_px, WIDTH_PX, 3) uint8 RGB."""
        canvas = np.full((height_px, WIDTH_PX, 3), _GROUND, dtype=np.uint8)
        _write(canvas, panel.title, _PAD, 26, _TEXT, scale=0.52)
        y = 50
        for name, value in panel.numbers:
            _write(canvas, name, _PAD, y, _FAINT)
            _write(canvas, value, _PAD + 84, y, _TEXT)
            y += _ROW
        for line in _wrapped(panel.warning, WIDTH_PX - 2 * _PAD):
            _write(canvas, line, _PAD, y, _BAD)
            y += _ROW - 3
        foot = height_px - 16 * len(_KEYS) - 4
        self._paint_cameras(canvas, panel.cameras, thumbnails, y - 6, foot - 14)
        for row, keys in enumerate(_KEYS):
            _write(canvas, keys, _PAD, foot + 4 + 16 * row, _FAINT, scale=0.36)
        return np.ascontiguousarray(canvas[..., ::-1])

    def _paint_cameras(
        self,
        canvas: NDArray[np.uint8],
        cameras: tuple[tuple[str, str, str], ...],
        thumbnails: dict[str, ThumbnailMessage],
        top: int,
        bottom: int,
    ) -> None:
        if not cameras:
            return
        columns, cell = _grid(len(cameras), WIDTH_PX - 2 * _PAD, bottom - top)
        for index, (name, state, note) in enumerate(cameras):
            x, y = _PAD + index % columns * cell[0], top + index // columns * cell[1]
            card = canvas[y : min(y + cell[1], bottom) - 6, x : x + cell[0] - 6]
            if card.shape[0] < 18:
                return
            card[:] = _CARD
            red, green, blue = state_colour(state)
            colour = (255 * blue, 255 * green, 255 * red)
            cv2.circle(card, (9, 9), 4, colour, -1, cv2.LINE_AA)
            _write(card, name, 18, 13, _TEXT, scale=0.38)
            text = note if state == "live" else state
            width = cv2.getTextSize(text, _FONT, 0.36, 1)[0][0]
            _write(
                card, text, card.shape[1] - width - 5, 13, colour if state != "live" else _FAINT, scale=0.36
            )
            picture = self._picture(thumbnails.get(name))
            if picture is not None:
                _inset(card[18:], picture)

    def _picture(self, thumbnail: ThumbnailMessage | None) -> NDArray[np.uint8] | None:
        """BGR; None where there is none or it cannot be decoded."""
        if thumbnail is None:
            return None
        name = thumbnail.header.camera
        if name in self._pictures and self._pictures[name][0] is thumbnail.jpeg:
            return self._pictures[name][1]
        picture = cv2.imdecode(np.frombuffer(thumbnail.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            return None
        self._pictures[name] = (thumbnail.jpeg, picture.astype(np.uint8))
        return self._pictures[name][1]


def _grid(count: int, width: int, height: int) -> tuple[int, tuple[int, int]]:
    """Columns and (width, height) of a cell, so that `count` square pictures are as large as can be."""
    best = (1, (width, 40))
    area = 0
    for columns in range(1, 5):
        rows = -(-count // columns)
        cell = (width // columns, min(height // rows, width // columns + 18))
        if min(cell) ** 2 > area:
            best, area = (columns, cell), min(cell) ** 2
    return best


def _inset(card: NDArray[np.uint8], picture: NDArray[np.uint8]) -> None:
    """Put the whole of `picture` into the middle of `card`."""
    height, width = card.shape[:2]
    scale = min((width - 4) / picture.shape[1], (height - 4) / picture.shape[0])
    size = (int(picture.shape[1] * scale), int(picture.shape[0] * scale))
    if min(size) < 4:
        return
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    card[y : y + size[1], x : x + size[0]] = small


def _write(
    canvas: NDArray[np.uint8], text: str, x: int, y: int, colour: tuple[float, ...], *, scale: float = 0.42
) -> None:
    plain = text.encode("ascii", "replace").decode()  # OpenCV's strokes know no more
    cv2.putText(canvas, plain, (x, y), _FONT, scale, colour, 1, cv2.LINE_AA)


def _wrapped(text: str, width_px: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and cv2.getTextSize(longer, _FONT, 0.42, 1)[0][0] <= width_px:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines[:6]
