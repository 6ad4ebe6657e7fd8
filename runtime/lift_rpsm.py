"""Lift stage "rpsm": recursive pictorial structures (Qiu et al., ICCV 2019, section 4) on the running model's heatmaps.

The likeliest positions of hips, knees, ankles, shoulders, elbows, wrists and nose together, given the heatmaps of all
views and the lengths of the person's limbs. The root and the lengths are our own: the root is the middle of the
triangulated hips, the lengths are learnt from triangulated skeletons. Joints outside the tree (eyes, fingers, feet)
stay triangulated.
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posecap.calib.distortion import FISHEYE_COEFFICIENTS
from posecap.calib.rig import Rig
from posecap.models.heatmap_sampling import HeatmapViews, project, sample
from posecap.models.joints import JointSet, joint_map
from posecap.models.manifest import preset
from posecap.models.rpsm import CLEAN, Rpsm, RpsmSettings
from posecap.models.weights import split_model
from posecap.runtime.errors import SettingsError
from posecap.runtime.lift_stage import LiftEvidence, StandIns
from posecap.runtime.limb_lengths import BODY_13, LimbLengths
from posecap.runtime.pose import Heatmaps, Skeleton3D
from posecap.runtime.rays import Views
from posecap.runtime.settings import PipelineSettings

_FORGET_NS = 10_000_000_000
_SUPPORT = 0.1  # a view speaks for a joint where its heatmap has this much
_CELL_VARIANCE = 1 / 12  # px^2 of heatmap cells: what reading between cells adds
_HIPS = [BODY_13.index("left_hip"), BODY_13.index("right_hip")]


class RpsmStage:
    """Searches the heatmaps once for each person; needs two views that give some.

    Args:
        rig: the cameras, in the order of the views axis.
        joint_set: of the skeletons; has all joints of `BODY_13`.
        settings: sizes of the search.
    """

    reads_pictures = False

    def __init__(self, rig: Rig, joint_set: JointSet, settings: RpsmSettings = CLEAN) -> None:
        self.rig, self.joint_set, self.settings = rig, joint_set, settings
        self.search = Rpsm(settings, BODY_13).eval()
        self.stand_ins = StandIns("rpsm")
        self._views = Views(rig)
        self._places = np.array(joint_map(joint_set, BODY_13))
        self._lengths: dict[int, tuple[LimbLengths, int]] = {}
        focal = np.array([(camera.K[0, 0], camera.K[1, 1]) for camera in rig.cameras])
        center = np.array([camera.K[:2, 2] for camera in rig.cameras])
        self._cameras = tuple(
            torch.from_numpy(np.ascontiguousarray(part, dtype=np.float32))
            for part in (
                self._views.extrinsics,
                focal,
                center,
                np.stack([np.append(camera.distortion, np.zeros(5))[:5] for camera in rig.cameras]),
            )
        )

    def anew(self, rig: Rig) -> "RpsmStage":
        return RpsmStage(rig, self.joint_set, self.settings)

    def note(self) -> str:
        return self.stand_ins.note()

    def lifted(self, evidence: LiftEvidence, triangulated: tuple[Skeleton3D, ...]) -> tuple[Skeleton3D, ...]:
        now_ns = evidence.frame_set.t_ns
        self._lengths = {k: v for k, v in self._lengths.items() if now_ns - v[1] < _FORGET_NS}
        rows = [row for row, skeleton in enumerate(triangulated) if self._is_ready(evidence, row, skeleton)]
        answer = list(triangulated)
        if rows:
            for row, skeleton in zip(rows, self._searched(evidence, triangulated, rows), strict=True):
                answer[row] = skeleton
            self.stand_ins.lifted += len(rows)
        for skeleton in triangulated:  # the next frame set knows more; this one was judged by the past alone
            if skeleton.track >= 0:
                lengths, _ = self._lengths.get(skeleton.track, (LimbLengths(), 0))
                lengths.learn(skeleton.xyz[self._places], skeleton.covariance[self._places])
                self._lengths[skeleton.track] = lengths, now_ns
        return tuple(answer)

    def _is_ready(self, evidence: LiftEvidence, row: int, skeleton: Skeleton3D) -> bool:
        """Whether there is all that the search needs; counts why not."""
        known = self._lengths.get(skeleton.track)
        if known is None or not np.isfinite(known[0].mean_m).all():
            self.stand_ins.add("before their limbs were known")
        elif sum(of_view[row] is not None for of_view in evidence.people.heatmaps) < 2:
            self.stand_ins.add("with heatmaps of fewer than two views")
        elif not np.isfinite(skeleton.xyz[self._places[_HIPS]]).all():
            self.stand_ins.add("without hips")
        else:
            return True
        return False

    @torch.inference_mode()
    def _searched(
        self, evidence: LiftEvidence, triangulated: tuple[Skeleton3D, ...], rows: list[int]
    ) -> list[Skeleton3D]:
        maps = [[of_view[row] for of_view in evidence.people.heatmaps] for row in rows]
        heatmaps, cells_from_image = self._heatmaps(maps)
        extrinsics, focal, center, lens = (part.expand(len(rows), *part.shape) for part in self._cameras)
        known = [self._lengths[triangulated[row].track][0] for row in rows]
        root = np.stack([triangulated[row].xyz[self._places[_HIPS]].mean(axis=0) for row in rows])
        views = HeatmapViews(extrinsics, focal, center, lens, cells_from_image)
        xyz, _ = self.search(
            heatmaps,
            *views,
            torch.from_numpy(root.astype(np.float32)),
            torch.from_numpy(np.stack([one.mean_m for one in known]).astype(np.float32)),
            torch.from_numpy(np.stack([one.spread_m for one in known]).astype(np.float32)),
        )
        pixels, depth = project(xyz[:, :, None], views)
        support = torch.where(depth > 0, sample(heatmaps.nan_to_num(0.0), pixels), 0.0)[..., 0].numpy()
        cell_px = np.array(
            [[np.nan if one is None else _cell_px(one) for one in of_person] for of_person in maps]
        )
        return [
            self._skeleton(triangulated[row], evidence, row, xyz[k].double().numpy(), support[k], cell_px[k])
            for k, row in enumerate(rows)
        ]

    def _heatmaps(self, maps: list[list[Heatmaps | None]]) -> tuple[Tensor, Tensor]:
        """Probabilities (people, views, 13, h, w), NaN where a view gives none, and cell from image (..., 2, 3)."""
        first = next(one for of_person in maps for one in of_person if one is not None)
        shape = (len(maps), len(self.rig), len(BODY_13), *first.logits.shape[1:])
        logits = np.full(shape, np.nan, dtype=np.float32)
        affine = np.zeros((*shape[:2], 2, 3), dtype=np.float32)
        for person, of_person in enumerate(maps):
            for view, one in enumerate(of_person):
                if one is not None:
                    logits[person, view] = one.logits[self._places]
                    affine[person, view] = (_cell_from_image(one) @ _skewed(self.rig.cameras[view].K))[:2]
        return torch.sigmoid(torch.from_numpy(logits)), torch.from_numpy(affine)

    def _skeleton(
        self,
        plain: Skeleton3D,
        evidence: LiftEvidence,
        row: int,
        found: NDArray[np.float64],
        support: NDArray[np.float32],
        cell_px: NDArray[np.float64],
    ) -> Skeleton3D:
        """`plain` with the joints `found` (13, 3) that two views or more support, and what they are worth."""
        speaks = (support >= _SUPPORT) & np.isfinite(found[:, 0])  # (views, 13)
        variance = self._variance(evidence, row, cell_px)
        speaks &= np.isfinite(variance)
        count = speaks.sum(axis=0)
        good = count >= 2
        joints, found = self._places[good], found[good]
        speaks, variance = speaks[:, good], variance[:, good]

        local = self._views.in_cameras(found)  # (views, n, 3)
        R, depth = self._views.extrinsics[:, :, :3], local[..., 2, None, None]
        flat = local[..., :2, None] / depth
        slope = (
            R[:, None, :2] - flat * R[:, None, 2:]
        ) / depth  # (views, n, 2, 3), of the image point in the joint
        weight = np.where(speaks, 1.0 / variance, 0.0)
        covariance = np.linalg.inv(np.einsum("vn,vnij,vnik->njk", weight, slope, slope))
        off_px = self._views.misses(evidence.rays.xy[:, row, joints], found) / local[..., 2]
        off_px = np.where(speaks, off_px * self._views.focal_px[:, None], np.nan)
        read = np.isfinite(off_px)
        with np.errstate(invalid="ignore"):
            residual = np.sqrt(np.where(read, off_px**2, 0.0).sum(axis=0) / read.sum(axis=0))

        answer = replace(
            plain,
            xyz=plain.xyz.copy(),
            covariance=plain.covariance.copy(),
            views=plain.views.copy(),
            residual_px=plain.residual_px.copy(),
        )
        answer.xyz[joints], answer.covariance[joints] = found, covariance
        answer.views[joints], answer.residual_px[joints] = count[good], residual
        return answer

    def _variance(
        self, evidence: LiftEvidence, row: int, cell_px: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(views, 13) of a heatmap's word, normalised units squared: of the keypoint read there, or as others there."""
        variance = evidence.rays.variance[:, row, self._places]
        for of_view in variance:
            known = np.isfinite(of_view)
            of_view[~known] = np.median(of_view[known]) if known.any() else np.nan
        return variance + _CELL_VARIANCE * (cell_px / self._views.focal_px)[:, None] ** 2


def open_rpsm(rig: Rig, settings: PipelineSettings, joint_set: JointSet) -> RpsmStage:
    """The stage for `rig`.

    Raises:
        SettingsError: a model without heatmaps, a joint set without the body's joints, or a fisheye lens.
    """
    name, _ = split_model(settings.model)
    if preset(name).decoder == "simcc":
        raise SettingsError(
            f"lift 'rpsm' reads heatmaps and model {name!r} gives none: choose movenet-thunder or blazepose-full"
        )
    missing = [joint for joint in BODY_13.names if joint not in joint_set.names]
    if missing:
        raise SettingsError(
            f"lift 'rpsm' needs joints that {joint_set.name} has not ({', '.join(missing)}): leave out --joints"
        )
    fisheye = [camera.name for camera in rig.cameras if len(camera.distortion) == FISHEYE_COEFFICIENTS]
    if fisheye:
        raise SettingsError(
            f"lift 'rpsm' projects through lenses without fisheye, got {', '.join(fisheye)}: use --lift dlt"
        )
    return RpsmStage(rig, joint_set)


def _cell_px(maps: Heatmaps) -> float:
    """Edge of a cell, full-image px."""
    return float(np.sqrt(abs(np.linalg.det(maps.image_from_cell[:, :2]))))


def _cell_from_image(maps: Heatmaps) -> NDArray[np.float64]:
    """(3, 3) homogeneous affine from full-image px to cells."""
    return np.linalg.inv(np.vstack([maps.image_from_cell, [0.0, 0.0, 1.0]]))


def _skewed(K: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) from pixels of the camera without skew, which is all that the search knows, to those with it."""
    lean = K[0, 1] / K[1, 1]
    return np.array([[1.0, lean, -lean * K[1, 2]], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
