"""One calibrated camera: a value. Metres; pixels with (0, 0) at the centre of the top-left one."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posecap.calib.distortion import BROWN_COEFFICIENTS, FISHEYE_COEFFICIENTS, distort, undistort
from posecap.calib.errors import CalibrationError

_RIGID_TOLERANCE = 1e-3
_MOST = 1e12  # squares of it are numbers, too


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole camera with lens distortion.

    Attributes:
        name: how the rig, the streams and the messages call it: at most 64 printable characters, no slash.
        size_px: (width, height) of the pictures that `K` belongs to.
        K: (3, 3) intrinsics, pixels.
        distortion: 5 values k1 k2 p1 p2 k3 (Brown, OpenCV order) or 4 values k1..k4 (OpenCV fisheye).
        cam_from_world: (4, 4) rigid transform, metres; camera x right, y down, z forward; world +Z up.

    Raises:
        CalibrationError: the name, a shape or a value is wrong, or `cam_from_world` is not a rigid motion.
    """

    name: str
    size_px: tuple[int, int]
    K: NDArray[np.float64]
    distortion: NDArray[np.float64]
    cam_from_world: NDArray[np.float64]

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        _check_name(self.name)
        set_(self, "size_px", _size(self.size_px, self.name))
        set_(self, "K", _read_only(self.K, (3, 3), f"camera {self.name!r}: K"))
        set_(
            self,
            "cam_from_world",
            _read_only(self.cam_from_world, (4, 4), f"camera {self.name!r}: cam_from_world"),
        )
        count = np.size(self.distortion)
        if count not in (FISHEYE_COEFFICIENTS, BROWN_COEFFICIENTS):
            raise CalibrationError(
                f"camera {self.name!r}: distortion has {count} values, expected 5 (k1 k2 p1 p2 k3) or 4 (fisheye): "
                "fill missing ones with 0"
            )
        set_(self, "distortion", _read_only(self.distortion, (count,), f"camera {self.name!r}: distortion"))
        self._check_values()

    def _check_values(self) -> None:
        if not (self.K[0, 0] > 0 and self.K[1, 1] > 0):
            raise CalibrationError(
                f"camera {self.name!r}: focal lengths are {self.K[0, 0]:g} and {self.K[1, 1]:g} px, expected above 0: "
                "check the order of K"
            )
        if self.K[1, 0] != 0 or tuple(self.K[2]) != (0, 0, 1):
            raise CalibrationError(
                f"camera {self.name!r}: K is not [[fx, s, cx], [0, fy, cy], [0, 0, 1]]: is it transposed?"
            )
        R = self.R
        if (
            np.abs(R @ R.T - np.eye(3)).max() > _RIGID_TOLERANCE
            or abs(np.linalg.det(R) - 1) > _RIGID_TOLERANCE
        ):
            raise CalibrationError(
                f"camera {self.name!r}: cam_from_world is not rigid (det {np.linalg.det(R):.4f}, expected 1): "
                "re-export the extrinsics"
            )
        if np.abs(self.cam_from_world[3] - (0, 0, 0, 1)).max() > 0:
            raise CalibrationError(
                f"camera {self.name!r}: the last row of cam_from_world is not 0 0 0 1: is it transposed?"
            )

    @property
    def R(self) -> NDArray[np.float64]:
        """(3, 3) rotation of the world into the camera."""
        return self.cam_from_world[:3, :3]

    @property
    def t(self) -> NDArray[np.float64]:
        """(3,) translation of the world into the camera, metres."""
        return self.cam_from_world[:3, 3]

    @property
    def centre(self) -> NDArray[np.float64]:
        """(3,) optical centre in the world, metres."""
        return -self.R.T @ self.t

    @property
    def focal_px(self) -> float:
        """Mean focal length, pixels."""
        return float(self.K[0, 0] + self.K[1, 1]) / 2

    def in_camera(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """World points (..., 3) in the camera's frame (..., 3), metres."""
        return np.asarray(points, dtype=np.float64) @ self.R.T + self.t

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels (..., 2), distorted, of world points (..., 3) in metres, inside the picture or not.

        NaN for NaN, for points behind the camera and for points so far aside that the lens model has turned back
        (`posecap.calib.distortion.lens_limit`), which a polynomial alone would draw into the picture.
        """
        local = self.in_camera(points)
        depth = np.where(local[..., 2:] > 1e-6, local[..., 2:], np.nan)
        return self.pixels(distort(local[..., :2] / depth, self.distortion))

    def pixels(self, normalised: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels (..., 2) of distorted normalised image points (..., 2)."""
        return normalised @ self.K[:2, :2].T + self.K[:2, 2]

    def undistorted(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Normalised image points (..., 2), free of distortion, of pixels (..., 2); NaN where no point is drawn."""
        centred = np.asarray(pixels, dtype=np.float64) - self.K[:2, 2]
        y = centred[..., 1] / self.K[1, 1]
        x = (centred[..., 0] - self.K[0, 1] * y) / self.K[0, 0]
        return undistort(np.stack([x, y], axis=-1), self.distortion)

    def cropped(self, x_px: int, y_px: int, size_px: tuple[int, int]) -> "Camera":
        """The camera of the window of `size_px` whose top-left pixel is (x_px, y_px)."""
        K = self.K.copy()
        K[:2, 2] -= (x_px, y_px)
        return replace(self, K=K, size_px=size_px)

    def scaled(self, size_px: tuple[int, int]) -> "Camera":
        """The camera of the whole picture resized to `size_px`: c' = (c + 0.5) s - 0.5 about pixel centres."""
        scale = np.array(size_px, dtype=np.float64) / self.size_px
        K = self.K.copy()
        K[:2] *= scale[:, None]
        K[:2, 2] = (self.K[:2, 2] + 0.5) * scale - 0.5
        return replace(self, K=K, size_px=size_px)


def _check_name(name: str) -> None:
    """Names are parts of topics, file names and tables."""
    if not (name.strip() and len(name) <= 64 and name.isprintable()) or set(name) & set("/\\"):
        raise CalibrationError(
            f"camera name {name!r}: expected 1 to 64 printable characters without a slash: rename the camera"
        )


def _size(size_px: tuple[int, int], name: str) -> tuple[int, int]:
    size = np.asarray(size_px)
    numbers = size.shape == (2,) and size.dtype.kind in "iuf" and bool(np.isfinite(size).all())
    if not numbers or not (size >= 1).all() or (size % 1).any():
        raise CalibrationError(
            f"camera {name!r}: size_px is {size_px}, expected [width, height] in whole pixels above 0"
        )
    return int(size[0]), int(size[1])


def _read_only(value: ArrayLike, shape: tuple[int, ...], what: str) -> NDArray[np.float64]:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise CalibrationError(
            f"{what} is no array of numbers of shape {shape}: re-export the calibration"
        ) from error
    if array.shape != shape:
        raise CalibrationError(f"{what} has shape {array.shape}, expected {shape}: re-export the calibration")
    if not np.isfinite(array).all():
        raise CalibrationError(f"{what} contains NaN or infinity: re-export the calibration")
    if np.abs(array).max(initial=0) > _MOST:
        raise CalibrationError(f"{what} contains numbers above {_MOST:g}: re-export the calibration")
    array.setflags(write=False)
    return array
