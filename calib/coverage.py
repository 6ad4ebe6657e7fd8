"""Which parts of its picture, which distances and which tilts a camera has seen of a board, and what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.board_view import BoardView

_PLACES = (
    ("top left", "top", "top right"),
    ("left", "middle", "right"),
    ("bottom left", "bottom", "bottom right"),
)


class CoverageOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a lens has been seen from enough sides.

    Attributes:
        columns, rows: cells that the picture is divided into.
        cell_corners: that make a cell covered.
        share: of the cells that must be covered.
        views: different pictures.
        tilt_deg: to which the board must have been turned sideways in one picture, and up or down in another.
        size: that the board must have had in a picture, as a share of the picture's side.
    """

    columns: int = 6
    rows: int = 4
    cell_corners: int = 4
    share: float = 0.7
    views: int = 12
    tilt_deg: float = 18.0
    size: float = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """What one camera has seen.

    Attributes:
        camera: its name.
        size_px: (width, height) of its pictures.
        views: pictures with a board.
        cells: (rows, columns) corners seen in each part of the picture, top left first.
        largest: size of the board in the picture that shows it largest, see `BoardView.size`; 0 without views.
        tilts_deg: (2,) largest tilt sideways, and up or down; 0 without views.
        options: what is enough.
    """

    camera: str
    size_px: tuple[int, int]
    views: int
    cells: NDArray[np.int64]
    largest: float
    tilts_deg: NDArray[np.float64]
    options: CoverageOptions

    @property
    def covered(self) -> NDArray[np.bool_]:
        """(rows, columns) whether enough corners were seen there."""
        return self.cells >= self.options.cell_corners

    @property
    def share(self) -> float:
        """Of the cells that are covered, 0..1."""
        return float(self.covered.mean())

    @property
    def missing(self) -> tuple[str, ...]:
        """What to do, the most useful first, one sentence each without a full stop; empty = enough was seen."""
        if not self.views:
            return (f"show the board to {self.camera}",)
        wanted, said = self.options, []
        if self.share < wanted.share:
            said.append(f"hold the board nearer to the {self._emptiest()} of {self.camera}")
        if self.largest < wanted.size:
            said.append(
                f"hold the board nearer to {self.camera}, so that it is {100 * wanted.size:.0f} % as wide as the "
                f"picture (so far {100 * self.largest:.0f} %)"
            )
        for tilt, way in zip(self.tilts_deg, ("to the left and right", "up and down"), strict=True):
            if tilt < wanted.tilt_deg:
                said.append(
                    f"turn the board {way} in front of {self.camera}, by {wanted.tilt_deg:.0f} degrees or more "
                    f"(so far {tilt:.0f})"
                )
        if self.views < wanted.views:
            said.append(
                f"show the board to {self.camera} in {wanted.views - self.views} more ways "
                f"(so far {self.views} of {wanted.views})"
            )
        return tuple(said)

    def _emptiest(self) -> str:
        """The ninth of the picture with the largest share of empty cells; the middle last, it is easy."""
        empty = np.zeros((3, 3))
        total = np.zeros((3, 3))
        rows, columns = self.cells.shape
        for row, column in np.ndindex(rows, columns):
            place = min(int(3 * (row + 0.5) / rows), 2), min(int(3 * (column + 0.5) / columns), 2)
            empty[place] += not self.covered[row, column]
            total[place] += 1
        share = empty / np.maximum(total, 1)
        share[1, 1] -= 1e-6
        row, column = np.unravel_index(int(share.argmax()), share.shape)
        return _PLACES[row][column]


def coverage_of(
    camera: str, size_px: tuple[int, int], views: Sequence[BoardView], options: CoverageOptions | None = None
) -> Coverage:
    """What `camera`, with pictures of `size_px` (width, height), has seen in `views`."""
    options = options or CoverageOptions()
    cells = np.zeros((options.rows, options.columns), dtype=np.int64)
    for view in views:
        place = (view.sighting.xy + 0.5) / size_px * (options.columns, options.rows)
        column, row = np.floor(place).astype(np.int64).T
        inside = (column >= 0) & (column < options.columns) & (row >= 0) & (row < options.rows)
        np.add.at(cells, (row[inside], column[inside]), 1)
    return Coverage(
        camera=camera,
        size_px=size_px,
        views=len(views),
        cells=cells,
        largest=max((view.size for view in views), default=0.0),
        tilts_deg=np.max([view.tilt_deg for view in views], axis=0) if views else np.zeros(2),
        options=options,
    )
