"""Text in the room: letters of a few strokes that face the eye. (The legacy Visualizer has no labels.)"""

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from posecap.launch.view_eye import Eye
from posecap.launch.view_shapes import Shapes, bars

# strokes as chains of points on a grid of 2 x 4, (0, 0) bottom left: "xy xy xy;xy xy"
_STROKES = {
    "0": "00 20 24 04 00", "1": "03 14 10", "2": "04 24 22 02 00 20", "3": "04 24 20 00;02 22",
    "4": "04 02 22;24 20",
    "5": "24 04 02 22 20 00", "6": "24 04 00 20 22 02", "7": "04 24 10", "8": "00 20 24 04 00;02 22",
    "9": "22 02 04 24 20 00", "A": "00 03 14 23 20;02 22", "B": "00 04 14 23 12 21 10 00;02 12",
    "C": "24 04 00 20", "D": "00 04 14 23 21 10 00", "E": "24 04 00 20;02 12", "F": "24 04 00;02 12",
    "G": "24 04 00 20 22 12", "H": "04 00;24 20;02 22", "I": "14 10", "J": "24 20 00 01",
    "K": "04 00;24 02 20",
    "L": "04 00 20", "M": "00 04 12 24 20", "N": "00 04 20 24", "O": "00 20 24 04 00", "P": "00 04 24 22 02",
    "Q": "10 00 04 24 21 10;11 20", "R": "00 04 24 22 02;12 20", "S": "24 04 02 22 20 00", "T": "04 24;14 10",
    "U": "04 00 20 24", "V": "04 10 24", "W": "04 00 12 20 24", "X": "04 20;24 00", "Y": "04 12 24;12 10",
    "Z": "04 24 00 20", "-": "02 22", "_": "00 20", ".": "10 11", ":": "11 12;13 14", "/": "00 24",
}  # fmt: skip
_ADVANCE = 3.0  # cells from one letter to the next
_STROKE = 0.17  # width of a stroke, of the height of a letter
_CHAINS = {
    letter: [[(int(point[0]), int(point[1])) for point in chain.split()] for chain in text.split(";")]
    for letter, text in _STROKES.items()
}


@lru_cache(maxsize=512)
def strokes(text: str) -> NDArray[np.float64]:
    """(n, 2, 2) ends of strokes: letters 1 high, centred on x = 0, standing on y = 0; unknown ones blank.

    Strokes reach half their width beyond their ends, so that corners close.
    """
    left = -(_ADVANCE * len(text) - 1) / 2
    pairs = [
        [(left + _ADVANCE * place + x0, y0), (left + _ADVANCE * place + x1, y1)]
        for place, letter in enumerate(text.upper())
        for chain in _CHAINS.get(letter, [])
        for (x0, y0), (x1, y1) in pairwise(chain)
    ]
    ends = np.array(pairs, dtype=np.float64).reshape(-1, 2, 2) / 4
    line = ends[:, 1] - ends[:, 0]
    beyond = line * (_STROKE / 2 / np.linalg.norm(line, axis=1, keepdims=True))
    ends = ends + np.stack([-beyond, beyond], axis=1)
    ends.setflags(write=False)
    return ends


def labels(
    texts: list[str],
    feet: NDArray[np.float64],
    colours: NDArray,
    eye: Eye,
    *,
    height_m: float,
    height_px: float,
) -> Shapes:
    """Texts that stand on the points `feet` (n, 3), metres; NaN ones are left out.

    A letter is `height_m` high, and never lower than `height_px` on the screen.
    """
    flat = [
        strokes(text) if known else _NO_STROKES
        for text, known in zip(texts, np.isfinite(feet.sum(axis=1)), strict=True)
    ]
    owner = np.repeat(np.arange(len(flat)), [len(one) for one in flat])
    right, down, forward = eye.right_down_forward
    depth = np.maximum((feet - eye.centre) @ forward, 0.1)
    height = np.maximum(height_m, height_px * depth / eye.focal_px)[owner]
    ends = np.concatenate([_NO_STROKES, *flat]) * height[:, None, None] @ np.stack([right, -down])
    ends = feet[owner, None] + ends
    return bars(ends[:, 0], ends[:, 1], _STROKE * height, colours[owner], eye)


_NO_STROKES = np.zeros((0, 2, 2))
