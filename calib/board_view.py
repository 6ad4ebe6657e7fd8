"""How a picture shows a board: where, how large, how much tilted; and which pictures differ most from each other.

No lens is needed: the homography from the board to the picture says enough to guide somebody who holds the board.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from posecap.calib.board import Board, Sighting

_LEAST_CORNERS = 6
_FLAT = 0.02  # corners narrower than this share of their length lie on a line
_TILT_DEG = 45.0  # counts as much as the whole width of the picture when views are compared
_LARGER = 2.0  # so does a board that is this much larger


@dataclass(frozen=True, slots=True, eq=False)
class BoardView:
    """A board in one picture.

    Attributes:
        sighting: what was seen.
        centre: (2,) middle of the board, also where it is hidden, as shares of the picture's width and height.
        size: side of a square as large as the board appears, over that of one as large as the picture.
        tilt_deg: (2,) how much the board is turned away sideways (about an upright axis) and up or down, at least 0.
            From the foreshortening at the middle of the board; exact in the middle of a picture of a long lens.
    """

    sighting: Sighting
    centre: NDArray[np.float64]
    size: float
    tilt_deg: NDArray[np.float64]

    @property
    def features(self) -> NDArray[np.float64]:
        """(5,) numbers whose distance says how different two views are; 1 is very different."""
        return np.array([*self.centre, *(self.tilt_deg / _TILT_DEG), np.log(self.size) / np.log(_LARGER)])


def board_view(board: Board, sighting: Sighting, size_px: tuple[int, int]) -> BoardView | None:
    """How the picture of `size_px` (width, height) shows the board; None below six corners, or all on a line."""
    points = board.points_m[sighting.ids, :2]
    if len(points) < _LEAST_CORNERS:
        return None
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    if spread[1] < _FLAT * spread[0]:
        return None
    H, _ = cv2.findHomography(points, sighting.xy)
    if H is None:
        return None
    width, height = board.size_m
    u, v, w = H @ (width / 2, height / 2, 1.0)
    if abs(w) < 1e-9:
        return None
    centre = np.array([u, v]) / w
    jacobian = (H[:2, :2] - np.outer(centre, H[2, :2])) / w  # px for each metre on the board
    along, scale, _ = np.linalg.svd(jacobian)
    if not scale[1] > 0:
        return None
    tilt_deg = np.degrees(np.arccos(np.clip(scale[1] / scale[0], 0, 1)))
    return BoardView(
        sighting=sighting,
        centre=(centre + 0.5) / size_px,
        size=float(np.sqrt(scale[0] * scale[1] * width * height / (size_px[0] * size_px[1]))),
        tilt_deg=tilt_deg * np.abs(along[:, 1]),
    )


def most_different(views: Sequence[BoardView], count: int) -> list[BoardView]:
    """At most `count` of the views, each as different from those before as can be, then in their old order.

    The first is the one with most corners. Farthest point sampling: Gonzalez 1985.
    """
    if len(views) <= count:
        return list(views)
    features = np.stack([view.features for view in views])
    chosen = [max(range(len(views)), key=lambda index: len(views[index].sighting.ids))]
    distance = np.linalg.norm(features - features[chosen[0]], axis=1)
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(features - features[chosen[-1]], axis=1))
    return [views[index] for index in sorted(chosen)]


def is_new(view: BoardView, before: Sequence[BoardView], least: float = 0.08) -> bool:
    """Whether `view` differs from all of `before` by `least` (1 = very different): worth keeping while one records."""
    return all(np.linalg.norm(view.features - other.features) >= least for other in before)
