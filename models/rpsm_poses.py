"""RPSM as users call it: root and limb lengths are our own estimates, or the truth under the name `oracle`."""

from dataclasses import dataclass

import torch
from torch import Tensor

from posecap.models.errors import ModelError
from posecap.models.heatmap_sampling import HeatmapViews
from posecap.models.joints import H36M_17, JointSet
from posecap.models.limb_lengths import LimbLengths
from posecap.models.root_from_heatmaps import root_from_heatmaps
from posecap.models.rpsm import CLEAN, Rpsm, RpsmSettings


@dataclass(frozen=True, slots=True, eq=False)
class RpsmPoses:
    """Poses of one person.

    Attributes:
        xyz: (frames, joints, 3), world; NaN = unknown.
        evidence: (frames, joints), heatmap values of all views there, summed.
        root: (frames, 3), centre of the first cube.
        oracle: which inputs were the truth of these frames: "root", "lengths", both or none.
    """

    xyz: Tensor
    evidence: Tensor
    root: Tensor
    oracle: tuple[str, ...]

    @property
    def label(self) -> str:
        """How to call the result in a table: "RPSM", or "RPSM, oracle root and lengths"."""
        return "RPSM" if not self.oracle else f"RPSM, oracle {' and '.join(self.oracle)}"


class RpsmSolver:
    """Poses from heatmaps, by batches of frames that fit into memory.

    Args:
        lengths: the prior; a prior of origin "oracle" labels all results.
        settings: see `RpsmSettings`.
        joints: the tree; the heatmaps have its joints in its order.
        frames_at_once: 8 is fastest on a processor; an accelerator wants more, at about 40 MB a frame (float64).
        device, dtype: where and how exactly to compute.
    """

    def __init__(
        self,
        lengths: LimbLengths,
        settings: RpsmSettings = CLEAN,
        joints: JointSet = H36M_17,
        *,
        frames_at_once: int = 8,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        if lengths.joints != joints.name:
            raise ModelError(
                f"limb lengths of {lengths.joints} for {joints.name}: estimate them for that joint set"
            )
        self.lengths = lengths
        self.settings = settings
        self.joints = joints
        self.frames_at_once = frames_at_once
        self.device = torch.device(device)
        self.dtype = dtype
        self.rpsm = Rpsm(settings, joints).to(self.device)

    @torch.inference_mode()
    def solve(
        self,
        heatmaps: Tensor,
        views: HeatmapViews,
        *,
        oracle_root: Tensor | None = None,
        oracle_lengths: Tensor | None = None,
    ) -> RpsmPoses:
        """Poses in heatmaps (frames, views, joints, height, width); NaN = absent view.

        Frames without a root (fewer than two peaks of that joint) are NaN.

        Args:
            oracle_root: (frames, 3), the true root instead of the triangulated one. Labels the result.
            oracle_lengths: (frames, limbs), the true lengths of each frame instead of the prior. Labels the result.

        Raises:
            ModelError: shapes that do not belong together; clean terms (not `settings.hard`) and nothing fits in any
                frame.
        """
        frames = self._expect_shapes(heatmaps, views)
        xyz, evidence, roots = [], [], []
        for start in range(0, frames, self.frames_at_once):
            chunk = slice(start, start + self.frames_at_once)
            maps = self._on_device(heatmaps[chunk])
            seen_from = HeatmapViews(*(self._on_device(part[chunk]) for part in views))
            if oracle_root is None:
                grid = self.settings.grid_m
                root = root_from_heatmaps(maps[:, :, self.rpsm.tree.root], seen_from, robust_m=grid / 20)
            else:
                root = self._on_device(oracle_root[chunk])
            lengths, spreads = self._limbs(None if oracle_lengths is None else oracle_lengths[chunk])
            found, seen = self.rpsm(maps, *seen_from, torch.nan_to_num(root), lengths, spreads)
            known = root.isfinite().all(-1)
            xyz.append(torch.where(known[:, None, None], found, torch.nan))
            evidence.append(torch.where(known[:, None], seen, 0.0))
            roots.append(root)
        oracle = ["root"] if oracle_root is not None else []
        oracle += ["lengths"] if oracle_lengths is not None or self.lengths.origin == "oracle" else []
        poses = RpsmPoses(torch.cat(xyz), torch.cat(evidence), torch.cat(roots), tuple(oracle))
        if not self.settings.hard and bool(poses.xyz.isnan().all()):
            raise ModelError(
                f"no pose fits in any of {frames} frames: check cameras, crops and that heatmaps peak near 1"
            )
        return poses

    def _limbs(self, oracle: Tensor | None) -> tuple[Tensor, Tensor]:
        spreads = self._on_device(torch.from_numpy(self.lengths.spread_m))[None]
        if oracle is None:
            return self._on_device(torch.from_numpy(self.lengths.length_m))[None], spreads
        lengths = self._on_device(oracle)
        return lengths, spreads.expand_as(lengths)

    def _on_device(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device, self.dtype)

    def _expect_shapes(self, heatmaps: Tensor, views: HeatmapViews) -> int:
        count = len(self.joints)
        if heatmaps.ndim != 5 or heatmaps.shape[0] == 0 or heatmaps.shape[2] != count:
            raise ModelError(
                f"heatmaps of shape {tuple(heatmaps.shape)}, expected (frames, views, {count}, height, width): "
                f"give one map for each joint of {self.joints.name}"
            )
        for name, part in zip(views._fields, views, strict=True):
            if part.shape[:2] != heatmaps.shape[:2]:
                raise ModelError(
                    f"{name} of shape {tuple(part.shape)} for heatmaps of {heatmaps.shape[0]} frames and "
                    f"{heatmaps.shape[1]} views: give one camera for each heatmap"
                )
        return heatmaps.shape[0]
