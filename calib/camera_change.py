"""A camera after a step of an adjustment, and how far it may go from what it was."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from posecap.calib.bundle_options import BundleOptions
from posecap.calib.camera import Camera
from posecap.calib.lens_derivatives import parameter_names
from posecap.calib.rotation import rotation_of

_GROUP = {
    "fx": "focal",
    "fy": "focal",
    "cx": "centre",
    "cy": "centre",
    "p1": "tangential",
    "p2": "tangential",
}


def may_change(camera: Camera, options: BundleOptions) -> list[bool]:
    """(9,) whether each intrinsic of the camera may change."""
    return [_GROUP.get(name, name) in options.free for name in parameter_names(camera)[6:]]


def intrinsics_of_camera(camera: Camera) -> NDArray[np.float64]:
    """(9,) fx fy cx cy and the lens; a fisheye's last is 0."""
    K, lens = camera.K, camera.distortion
    return np.concatenate([[K[0, 0], K[1, 1], K[0, 2], K[1, 2]], lens, np.zeros(5 - len(lens))])


def pull_of(camera: Camera, options: BundleOptions) -> NDArray[np.float64]:
    """(9,) one over the standard deviations that hold a camera's intrinsics; 0 = nothing holds it but the pictures."""
    width = camera.size_px[0]
    deviation = {
        "fx": options.focal_share * camera.K[0, 0],
        "fy": options.focal_share * camera.K[1, 1],
        "cx": options.centre_share * width,
        "cy": options.centre_share * width,
    }
    deviation |= {"p1": options.tangential, "p2": options.tangential, "": np.inf}
    return np.array([1 / deviation.get(name, options.radial) for name in parameter_names(camera)[6:]])


def changed(camera: Camera, change: NDArray[np.float64]) -> Camera:
    if not change.any():
        return camera
    pose, K = camera.cam_from_world.copy(), camera.K.copy()
    pose[:3, :3] = orthonormal(rotation_of(change[:3]) @ pose[:3, :3])
    pose[:3, 3] += change[3:6]
    K[0, 0] *= np.exp(np.clip(change[6] / K[0, 0], -0.5, 0.5))  # stays above 0
    K[1, 1] *= np.exp(np.clip(change[7] / K[1, 1], -0.5, 0.5))
    K[:2, 2] += change[8:10]
    lens = camera.distortion + change[10 : 10 + len(camera.distortion)]
    return replace(camera, cam_from_world=pose, K=K, distortion=lens)


def orthonormal(R: NDArray[np.float64]) -> NDArray[np.float64]:
    u, _, vt = np.linalg.svd(R)
    return u @ vt
