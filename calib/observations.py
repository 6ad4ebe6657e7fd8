"""Which camera saw which corner of which target where: what a bundle adjustment explains."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Corners that cameras saw.

    Attributes:
        camera: (n,) index.
        target: (n,) index.
        point_m: (n, 3) corner in the frame of its target, metres; 0 for a free point.
        xy: (n, 2) pixels, distorted.
    """

    camera: NDArray[np.int64]
    target: NDArray[np.int64]
    point_m: NDArray[np.float64]
    xy: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.camera)

    def only(self, chosen: NDArray[np.bool_]) -> "Observations":
        """Those chosen; cameras and targets keep their indices."""
        return Observations(self.camera[chosen], self.target[chosen], self.point_m[chosen], self.xy[chosen])
