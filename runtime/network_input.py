"""What a multi-view network is shown of people: crops of all views, and the cameras of these crops."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posecap.calib.camera import Camera
from posecap.calib.rig import Rig
from posecap.capture.frame import FrameSet
from posecap.models.joints import JointSet
from posecap.models.networks import NetworkSpec
from posecap.runtime.network_crop import cut_out

_BELOW_M = 0.1
_HALF_M = 1.0  # of the square around the root, as in the networks' training on Human3.6M


@dataclass(frozen=True, slots=True, eq=False)
class NetworkInput:
    """People in all views.

    Attributes:
        pictures: (people, views, 3, height, width) float32, as the network wants them.
        image_from_picture: (people, views, 2, 3) affine, to full-image px.
        projections: (people, views, 3, 4) from world metres to px of `pictures`.
        root: (people, 3) metres.
    """

    pictures: NDArray[np.float32]
    image_from_picture: NDArray[np.float64]
    projections: NDArray[np.float64]
    root: NDArray[np.float64]

    def in_image(self, picture_px: NDArray[np.floating]) -> NDArray[np.float64]:
        """Full-image px of px (people, views, n, 2) of `pictures`."""
        A = self.image_from_picture
        return np.einsum("pvij,pvnj->pvni", A[..., :2], picture_px) + A[:, :, None, :, 2]


def network_root(spec: NetworkSpec, joint_set: JointSet, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 3) what the network's place in the world is centred on, of joints (..., joints, 3); NaN = unknown.

    The hips; for the two-stage network a place in the chest, the middle of belly and neck.
    """
    hips = xyz[..., [joint_set.index("left_hip"), joint_set.index("right_hip")], :].mean(axis=-2)
    if spec.system != "two_stage":
        return hips
    shoulders = [joint_set.index("left_shoulder"), joint_set.index("right_shoulder")]
    return 0.25 * hips + 0.75 * xyz[..., shoulders, :].mean(axis=-2)


def network_input(
    rig: Rig, frame_set: FrameSet, spec: NetworkSpec, root: NDArray[np.float64]
) -> NetworkInput:
    """Crops around `root` (people, 3), or whole pictures for the two-stage network.

    No frame may be missing, and no camera have distortion (`PinholeViews`): networks see pinhole cameras.
    """
    width, height = spec.picture.size_px
    shape = (len(root), len(rig))
    pictures = np.empty((*shape, height, width, 3), dtype=np.uint8)
    affine = np.empty((*shape, 2, 3))
    projections = np.empty((*shape, 3, 4))
    images = [frame.image for frame in frame_set.frames if frame is not None]
    for person, view in np.ndindex(*shape):
        camera = rig.cameras[view]
        affine[person, view] = _place(spec, camera, root[person])
        pictures[person, view] = cut_out(images[view], affine[person, view], (width, height), spec.preset)
        picture_from_image = np.linalg.inv(np.vstack([affine[person, view], [0.0, 0.0, 1.0]]))
        projections[person, view] = picture_from_image @ camera.K @ camera.cam_from_world[:3]
    return NetworkInput(spec.picture.prepare(pictures), affine, projections, root)


def _place(spec: NetworkSpec, camera: Camera, root: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3) affine from picture to full-image px."""
    size_px = spec.picture.size_px
    if spec.system == "two_stage":
        return _squeezed(camera, size_px) if spec.preset == "compat" else _fitted(camera, size_px)
    return (_around_below if spec.system == "cross_view" else _around)(camera, root, size_px)


def _squeezed(camera: Camera, size_px: tuple[int, int]) -> NDArray[np.float64]:
    """The whole picture, each axis with a scale of its own."""
    scale = np.array(camera.size_px) / size_px
    return np.column_stack([np.diag(scale), 0.5 * scale - 0.5])


def _fitted(camera: Camera, size_px: tuple[int, int]) -> NDArray[np.float64]:
    """The whole picture in its own shape, black above and below or to both sides."""
    image, picture = np.array(camera.size_px, np.float64), np.array(size_px, np.float64)
    return _placed(float((image / picture).max()), (image - 1) / 2, (picture - 1) / 2)


def _around(camera: Camera, root: NDArray[np.float64], size_px: tuple[int, int]) -> NDArray[np.float64]:
    """A square of two metres at the depth of `root`, which is its middle."""
    scale = _scale(camera, root, size_px)
    return _placed(scale, _middle(camera, root), (np.array(size_px, dtype=np.float64) - 1) / 2)


def _around_below(camera: Camera, root: NDArray[np.float64], size_px: tuple[int, int]) -> NDArray[np.float64]:
    """Cross View Fusion's square: 0.9 m above `root` to 1.1 m below, its middle on pixel side / 2."""
    scale = _scale(camera, root, size_px)
    below = scale * size_px[1] * _BELOW_M / (2 * _HALF_M)
    return _placed(
        scale, _middle(camera, root) + np.array([0.0, below]), np.array(size_px, dtype=np.float64) / 2
    )


def _scale(camera: Camera, root: NDArray[np.float64], size_px: tuple[int, int]) -> float:
    """Full-image px in a pixel of the crop."""
    depth = max(float(camera.in_camera(root)[2]), 0.1)
    return 2 * _HALF_M * camera.focal_px / depth / size_px[1]


def _middle(camera: Camera, root: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2,) full-image px; for somebody behind the camera some place where nothing is seen."""
    return np.nan_to_num(camera.project(root))


def _placed(scale: float, middle: NDArray[np.float64], middle_px: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([scale * np.eye(2), middle - scale * middle_px])
