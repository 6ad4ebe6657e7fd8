"""The recursive pictorial structure model of Qiu et al. (ICCV 2019): 3D joints of one person from heatmaps.

A cube about the root is divided into bins. Each bin has the evidence of all heatmaps at its projections, and limbs say
how far apart joints are; the best bins of all joints together are found exactly (`max_product.py`). Then every joint
gets a small cube of its own about its bin, and so on, halved at each level. One batched implementation serves
processors and accelerators.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from posecap.models.bin_grid import BinGrid
from posecap.models.heatmap_sampling import HeatmapViews, project, sample
from posecap.models.joints import H36M_17, JointSet
from posecap.models.limb_terms import HardTerms, LimbTerms, SoftTerms
from posecap.models.max_product import LimbTree, best_of_few, best_on_grid


@dataclass(frozen=True, slots=True)
class RpsmSettings:
    """Sizes of the search and the switches of the presets.

    Lengths are metres because posecap's worlds are; with cameras in another unit give them in that.

    Attributes:
        grid_m: edge of the first cube. All joints must be inside, half an edge around the root.
        bins: of the first cube along each axis. With 8 the peaks of heatmaps fall between the bins.
        levels: refinements after it, 2 x 2 x 2 bins each.
        hard: limbs fit within `tolerance_m` or not at all, and energies are multiplied; otherwise a truncated Gaussian
            and logarithms.
        tolerance_m: for hard limbs.
        floor: evidence that every bin has anyway, for soft limbs; 1 is the peak of one view's heatmap.
        truncation: standard deviations at which a soft limb stops caring.
        least_evidence: a joint with less evidence from all views together at its final place is unknown (NaN).
        one_focal: both image axes share the mean focal length, as in the original.
        sees_behind: points behind a camera are looked up in its picture, as in the original.
    """

    grid_m: float = 2.0
    bins: int = 16
    levels: int = 10
    hard: bool = False
    tolerance_m: float = 0.150
    floor: float = 0.01
    truncation: float = 3.0
    least_evidence: float = 0.1
    one_focal: bool = False
    sees_behind: bool = False


CLEAN = RpsmSettings()
COMPAT = RpsmSettings(hard=True, least_evidence=float("-inf"), one_focal=True, sees_behind=True)
"""The original program's numbers: if nothing fits, it silently answers with the first bin, a corner of the cube."""


class Rpsm(nn.Module):
    """Joints (frames, joints, 3) of one person in every frame.

    Args:
        settings: `CLEAN`, `COMPAT` or your own.
        joints: the tree; its root is the centre of the first cube.
    """

    def __init__(self, settings: RpsmSettings = CLEAN, joints: JointSet = H36M_17) -> None:
        super().__init__()
        self.settings = settings
        self.tree = LimbTree(joints.parents)
        self.terms: LimbTerms = (
            HardTerms(settings.tolerance_m)
            if settings.hard
            else SoftTerms(settings.floor, settings.truncation)
        )
        self.grid = BinGrid(settings.bins, settings.grid_m)
        self.corners = BinGrid(2, 1.0)
        self.shell_sizes: tuple[int, ...] | None = None

    def forward(
        self,
        heatmaps: Tensor,
        cam_from_world: Tensor,
        focal_px: Tensor,
        center_px: Tensor,
        distortion: Tensor,
        heatmap_from_image: Tensor,
        root: Tensor,
        lengths: Tensor,
        spreads: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Joints (frames, joints, 3) in the world, and their evidence (frames, joints): all views' heatmaps summed.

        All inputs have one floating type and device. Joints with too little evidence are NaN.

        Args:
            heatmaps: (frames, views, joints, height, width); views that are absent are NaN and say nothing.
            cam_from_world, focal_px, center_px, distortion, heatmap_from_image: see `HeatmapViews`.
            root: (frames, 3), where the first cube is centred.
            lengths: (frames or 1, limbs), in the order of `JointSet.bones`.
            spreads: (frames or 1, limbs), standard deviations of the lengths; hard limbs ignore them.
        """
        views = HeatmapViews(cam_from_world, focal_px, center_px, distortion, heatmap_from_image)
        heatmaps = torch.nan_to_num(heatmaps, nan=0.0)
        shells = self.shell_sizes or self.shells(lengths, spreads)

        centers = root[:, None] + self.grid.centers.to(root)  # (frames, bins^3, 3)
        evidence = self.evidence(heatmaps, views, centers[:, None])  # (frames, joints, bins^3)
        states = best_on_grid(
            self.tree, self.terms, self.grid, self.terms.unary(evidence), lengths, spreads, shells
        )
        xyz, found = _chosen(centers[:, None], states), _chosen(evidence[..., None], states)[..., 0]

        edge = self.settings.grid_m / self.settings.bins
        for _ in range(self.settings.levels):
            bins = xyz[:, :, None] + self.corners.centers.to(root) * edge  # (frames, joints, 8, 3)
            evidence = self.evidence(heatmaps, views, bins)  # (frames, joints, 8)
            states = best_of_few(
                self.tree, self.terms, bins, self.terms.unary(evidence), lengths, spreads, edge
            )
            xyz, found = _chosen(bins, states), _chosen(evidence[..., None], states)[..., 0]
            edge /= 2.0
        return torch.where((found >= self.settings.least_evidence)[..., None], xyz, torch.nan), found

    def evidence(self, heatmaps: Tensor, views: HeatmapViews, bins: Tensor) -> Tensor:
        """Sum (frames, joints, n) over the views of each joint's heatmap at the bins (frames, joints or 1, n, 3)."""
        pixels, depth = project(bins, views, one_focal=self.settings.one_focal)
        values = sample(heatmaps, pixels)  # (frames, views, joints, n)
        return (values if self.settings.sees_behind else torch.where(depth > 0, values, 0.0)).sum(1)

    def shells(self, lengths: Tensor, spreads: Tensor) -> tuple[int, ...]:
        """For each limb, how many steps in the first grid fit lengths and spreads (n, limbs).

        Reads the values, which waits for an accelerator and has no ONNX form: set `shell_sizes` before an export. A
        file then serves these lengths and all that are shorter.
        """
        lengths, spreads = lengths.detach().cpu(), spreads.detach().cpu()
        spacing = self.grid.spacing
        reaches = [self.terms.reach(spread, spacing) for spread in spreads.amax(0).tolist()]
        away = self.grid.distance.cpu()
        return tuple(
            max(1, int(((away - length[:, None]).abs() <= reach + 1e-9 * spacing).sum(-1).amax()))
            for length, reach in zip(lengths.to(away).unbind(1), reaches, strict=True)
        )


def exportable(longest_m: float = 0.6, widest_m: float = 0.05, **options: object) -> Rpsm:
    """RPSM of H36M-17 with `RpsmSettings(**options)` for all limbs up to `longest_m` with spreads up to `widest_m`."""
    module = Rpsm(RpsmSettings(**options))  # pyright: ignore[reportArgumentType]
    lengths = torch.linspace(0.0, longest_m, 200)[:, None].expand(-1, len(H36M_17.bones))
    module.shell_sizes = module.shells(lengths, torch.full_like(lengths, widest_m))
    return module


def _chosen(values: Tensor, states: Tensor) -> Tensor:
    """(frames, joints, k) of values (frames, joints or 1, n, k) at `states` (frames, joints)."""
    values = values.expand(-1, states.shape[1], -1, -1)
    index = states[..., None, None].expand(-1, -1, 1, values.shape[-1])
    return values.gather(2, index)[:, :, 0]
