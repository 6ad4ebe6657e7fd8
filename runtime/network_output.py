"""What multi-view networks say, as joints in the world and in every view, with what they are worth."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posecap.calib.rig import Rig
from posecap.models.feature_transform import network_projections, picture_points
from posecap.models.heatmap_argmax import heatmap_argmax
from posecap.models.heatmap_peak import heatmap_peak
from posecap.models.networks import NetworkSpec
from posecap.runtime.lift import Lifter
from posecap.runtime.network_input import NetworkInput
from posecap.runtime.pose import Keypoints2D

_CELL_PX = 4  # of the picture along a cell of the heatmaps
_LEAST_PEAK = 0.1
_SIGMA_CELLS = 0.5  # of a peak
_SIGMA_M = 0.03  # of joints that come without 2D: what the published systems reach, at best
_MM = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class FoundJoints:
    """Joints of people in the network's joint set, NaN where it finds none.

    Attributes:
        xyz: (people, joints, 3) metres in the world; with `covariance`, `views` and `residual_px` as of `Skeleton3D`.
        xy: (people, views, joints, 2) px of the full pictures; NaN for networks that give joints in the world only.
        score: (people, views, joints) height of the heatmaps' peaks; NaN for networks that give none.
    """

    xyz: NDArray[np.float64]
    covariance: NDArray[np.float64]
    views: NDArray[np.int64]
    residual_px: NDArray[np.float64]
    xy: NDArray[np.float64]
    score: NDArray[np.float64]


@torch.inference_mode()
def found_joints(
    rig: Rig, module: nn.Module, spec: NetworkSpec, given: NetworkInput, gross_m: float
) -> FoundJoints:
    """The joints that `module` finds, from cameras without distortion.

    Args:
        gross_m: for the triangulation of joints that come in 2D, see `Lifter`.
    """
    pictures = torch.from_numpy(given.pictures)
    projections = torch.from_numpy(given.projections.copy())
    if spec.system == "cross_view":
        return _from_heatmaps(rig, module(pictures)[1].float(), spec, given, gross_m)
    if spec.system == "canonical":
        units = module.settings.units  # pyright: ignore[reportAttributeAccessIssue]
        side = spec.picture.size_px[0]
        P, inverse = network_projections(projections, side, units, cells=side // _CELL_PX)  # pyright: ignore[reportArgumentType]
        points, xyz = module(pictures, P, inverse)
        picture = picture_points(points.double(), side, units, cells=side // _CELL_PX)  # pyright: ignore[reportArgumentType]
        xy = given.in_image(picture.numpy())
        return _plain(xyz / (_MM if units == "millimetres, pixels" else 1.0), xy)
    millimetres = module.settings.half_size > _MM / 10  # pyright: ignore[reportAttributeAccessIssue,reportOperatorIssue]
    scale = _MM if millimetres else 1.0
    projections[..., 3] *= scale
    root = torch.from_numpy(given.root) * scale
    _, second = module(pictures, projections.float(), root.float())
    people, joints = second.points.shape[:2]
    return _plain(second.points / scale, np.full((people, len(rig), joints, 2), np.nan))


def _from_heatmaps(
    rig: Rig, heatmaps: Tensor, spec: NetworkSpec, given: NetworkInput, gross_m: float
) -> FoundJoints:
    """Peaks (people, views, joints) triangulated as any other 2D joints are."""
    cell, peak = heatmap_argmax(heatmaps) if spec.preset == "compat" else heatmap_peak(heatmaps)
    xy = given.in_image(cell.double().numpy() * _CELL_PX)  # targets are drawn at pixel / 4
    score = peak.double().numpy()
    seen = score >= _LEAST_PEAK
    cell_px = _CELL_PX * np.sqrt(np.abs(np.linalg.det(given.image_from_picture[..., :2])))  # (people, views)
    variance = np.where(seen, (_SIGMA_CELLS * cell_px[..., None]) ** 2, np.inf)
    people = Keypoints2D(
        xy=np.where(seen[..., None], xy, np.nan).swapaxes(0, 1),
        score=np.where(seen, score, 0.0).swapaxes(0, 1),
        variance=variance.swapaxes(0, 1),
        track=np.zeros((len(rig), len(xy)), dtype=np.int64),
        heatmaps=((None,) * len(xy),) * len(rig),
    )
    lifted = Lifter(rig, gross_m).lift(people, np.full((len(xy), score.shape[2], 3), np.nan))
    return FoundJoints(
        np.stack([one.xyz for one in lifted]),
        np.stack([one.covariance for one in lifted]),
        np.stack([one.views for one in lifted]),
        np.stack([one.residual_px for one in lifted]),
        xy,
        score,
    )


def _plain(xyz: Tensor, xy: NDArray[np.float64]) -> FoundJoints:
    """Joints that the network gives in the world at once, without a word on how sure they are."""
    found = xyz.double().numpy()
    known = np.isfinite(found[..., 0])
    return FoundJoints(
        found,
        np.where(known[..., None, None], _SIGMA_M**2 * np.eye(3), np.nan),
        np.where(known, xy.shape[1], 0),
        np.full(found.shape[:2], np.nan),
        xy,
        np.full(xy.shape[:3], np.nan),
    )
