"""What multi-view networks say, as joints in the world with what they are worth."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posecap.calib.rig import Rig
from posecap.models.feature_transform import network_projections
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
    """Joints of people in the network's joint set; arrays as of `Skeleton3D` with people first."""

    xyz: NDArray[np.float64]
    covariance: NDArray[np.float64]
    views: NDArray[np.int64]
    residual_px: NDArray[np.float64]


@torch.inference_mode()
def found_joints(
    rig: Rig, module: nn.Module, spec: NetworkSpec, given: NetworkInput, gross_m: float
) -> FoundJoints:
    """The joints that `module` finds, (people, joints, 3) metres in the world; NaN where it finds none."""
    pictures = torch.from_numpy(given.pictures)
    projections = torch.from_numpy(given.projections.copy())
    if spec.system == "cross_view":
        return _from_heatmaps(rig, module(pictures)[1], given, gross_m)
    if spec.system == "canonical":
        units = module.settings.units  # pyright: ignore[reportAttributeAccessIssue]
        side = spec.picture.size_px[0]
        P, inverse = network_projections(projections, side, units, cells=side // _CELL_PX)  # pyright: ignore[reportArgumentType]
        xyz = module(pictures, P, inverse)[1]
        return _plain(xyz / (_MM if units == "millimetres, pixels" else 1.0), len(rig))
    millimetres = module.settings.half_size > _MM / 10  # pyright: ignore[reportAttributeAccessIssue,reportOperatorIssue]
    scale = _MM if millimetres else 1.0
    projections[..., 3] *= scale
    root = torch.from_numpy(given.root) * scale
    _, second = module(pictures, projections.float(), root.float())
    return _plain(second.points / scale, len(rig))


def _from_heatmaps(rig: Rig, heatmaps: Tensor, given: NetworkInput, gross_m: float) -> FoundJoints:
    """Peaks (people, views, joints) triangulated as any other 2D joints are; cell c is at pixel 4 c of the crop."""
    cell, peak = heatmap_peak(heatmaps.float())
    picture = cell.double().numpy() * _CELL_PX
    affine = given.image_from_picture
    xy = np.einsum("pvij,pvnj->vpni", affine[..., :2], picture) + affine.swapaxes(0, 1)[:, :, None, :, 2]
    score = peak.double().numpy().swapaxes(0, 1)
    seen = score >= _LEAST_PEAK
    cell_px = _CELL_PX * np.sqrt(np.abs(np.linalg.det(affine[..., :2]))).T[..., None]  # (views, people, 1)
    people = Keypoints2D(
        xy=np.where(seen[..., None], xy, np.nan),
        score=np.where(seen, score, 0.0),
        variance=np.where(seen, (_SIGMA_CELLS * cell_px) ** 2, np.inf),
        track=np.zeros(seen.shape[:2], dtype=np.int64),
        heatmaps=((None,) * seen.shape[1],) * len(rig),
    )
    lifted = Lifter(rig, gross_m).lift(people, np.full((*seen.shape[1:], 3), np.nan))
    return FoundJoints(
        np.stack([one.xyz for one in lifted]),
        np.stack([one.covariance for one in lifted]),
        np.stack([one.views for one in lifted]),
        np.stack([one.residual_px for one in lifted]),
    )


def _plain(xyz: Tensor, views: int) -> FoundJoints:
    """Joints that the network gives in the world at once, without a word on how sure they are."""
    found = xyz.double().numpy()
    known = np.isfinite(found[..., 0])
    return FoundJoints(
        found,
        np.where(known[..., None, None], _SIGMA_M**2 * np.eye(3), np.nan),
        np.where(known, views, 0),
        np.full(found.shape[:2], np.nan),
    )
