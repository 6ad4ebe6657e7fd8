"""NPZ files: the arrays of a take as they are."""

from pathlib import Path

import numpy as np

from posecap.runtime.pose_take import PoseTake
from posecap.runtime.take_metadata import metadata_of

ARRAYS = ("t_ns", "ids", "xyz", "covariance", "residual_px", "views", "index", "recorded")


def write_npz(take: PoseTake, path: Path) -> None:
    """All arrays of `PoseTake` under their names, `joints` as text, and the metadata as one text each; NaN = unknown.

    Not compressed: measured numbers hardly shrink, and it would take longer than everything else.
    `numpy.load(path, allow_pickle=False)` reads it.
    """
    arrays = {name: getattr(take, name) for name in ARRAYS}
    texts = {name: np.array(text) for name, text in metadata_of(take).items()}
    with path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **(texts | arrays | {"joints": np.array(take.joints)}))
