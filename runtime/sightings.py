"""What all views saw of people in the last seconds, kept so that one camera can be solved again from the others."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from posecap.calib.errors import CalibrationError
from posecap.calib.people_resection import Resection, resolve_camera
from posecap.calib.rig import Rig
from posecap.calib.triangulate import triangulate
from posecap.runtime.pose import Keypoints2D
from posecap.runtime.rays import Views
from posecap.runtime.strays import Strays

_EVERY_NS = 100_000_000
_MOST = 300  # half a minute
_MOST_SIGMA_M = 0.03  # of a joint that the others see


class Sightings:
    """Ten frame sets a second, half a minute back."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, NDArray[np.float64], NDArray[np.float64]]] = deque(maxlen=_MOST)

    def add(self, people: Keypoints2D, seen: Keypoints2D, strays: Strays, t_ns: int) -> None:
        """Keep `people` (associated), with the strays of `seen`, where the last were long enough ago."""
        if people.xy.shape[1] == 0 or (self._kept and t_ns - self._kept[-1][0] < _EVERY_NS):
            return
        xy, variance = people.xy.copy(), people.variance.copy()
        xy[strays.view, strays.person] = seen.xy[strays.view, strays.row]
        variance[strays.view, strays.person] = seen.variance[strays.view, strays.row]
        self._kept.append((t_ns, xy, variance))

    @property
    def newest_ns(self) -> int:
        """Capture time of the last; 0 where there is none."""
        return self._kept[-1][0] if self._kept else 0

    def seconds(self, view: int, since_ns: int) -> float:
        """For how long `view` has seen anybody since `since_ns`."""
        seen = sum(bool(np.isfinite(xy[view]).any()) for t_ns, xy, _ in self._kept if t_ns >= since_ns)
        return seen * _EVERY_NS / 1e9

    def resolved(self, rig: Rig, name: str, doubted: tuple[str, ...], since_ns: int) -> Resection:
        """Camera `name` of `rig` from joints that the views not in `doubted` saw since `since_ns`.

        Raises:
            CalibrationError: too little was seen, or the pose that fits best is no better than the present one.
        """
        chosen = [(xy, variance) for t_ns, xy, variance in self._kept if t_ns >= since_ns]
        views, view = len(rig), rig.index(name)
        if not chosen:
            raise CalibrationError(f"nobody was seen with camera {name!r}: walk where it and two others look")
        xy = np.concatenate([xy.reshape(views, -1, 2) for xy, _ in chosen], axis=1)
        variance = np.concatenate([one.reshape(views, -1) for _, one in chosen], axis=1)
        numbers = Views(rig)
        rays = numbers.undistorted(xy)
        apart = variance / numbers.focal_px[:, None] ** 2
        apart[[rig.index(one) for one in {name, *doubted}]] = np.inf
        others = triangulate(rays, apart, numbers.extrinsics)
        with np.errstate(invalid="ignore"):
            spread = np.trace(others.covariance, axis1=1, axis2=2) / 3
            xyz = np.where((spread < _MOST_SIGMA_M**2)[:, None], others.xyz, np.nan)
        depth = np.maximum(rig.cameras[view].in_camera(xyz)[:, 2], 0.1)
        known = np.where(np.isfinite(spread), spread, 0.0) * (numbers.focal_px[view] / depth) ** 2
        whole = variance[view] + np.where(np.isfinite(known), known, 0.0)
        found = resolve_camera(rig, name, xyz, xy[view], whole)
        if not found.median_px < found.given_px:
            raise CalibrationError(
                f"camera {name!r} fits as it is, {found.given_px:.1f} px, and no pose fits better than "
                f"{found.median_px:.1f} px: nothing was changed"
            )
        return found
