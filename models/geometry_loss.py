"""Bones of one group keep their ratio: the geometry loss of Zhou et al. (ICCV 2017, equations 5 and 6)."""

import torch
from torch import Tensor

Group = tuple[tuple[tuple[int, int], float], ...]
"""Bones (joint, joint) of one group, each with the factor that makes the group's lengths equal."""

_SHIN = 1.0085885098415446
_FOREARM = 1.1375361376887123

MPII_GROUPS: tuple[Group, ...] = (
    (((0, 1), _SHIN), ((1, 2), 1.0), ((3, 4), 1.0), ((4, 5), _SHIN)),  # legs
    (((10, 11), _FOREARM), ((11, 12), 1.0), ((13, 14), 1.0), ((14, 15), _FOREARM)),  # arms
    (((2, 6), 1.0), ((3, 6), 1.0)),  # hips
    (((12, 8), 1.0), ((13, 8), 1.0)),  # shoulders
)
"""Groups of `mpii-16/1`; the factors are the ratios of average lengths in Human3.6M."""

WEIGHT = 0.01


def geometry_loss(
    depth: Tensor,
    xy: Tensor,
    visible: Tensor,
    has_depth: Tensor,
    groups: tuple[Group, ...] = MPII_GROUPS,
    *,
    weight: float = WEIGHT,
) -> Tensor:
    """`weight` times the mean over the batch of half the variance of weighted bone lengths, summed over groups.

    The gradient goes to `depth` alone. It is autograd's own: the mean length needs no care, because deviations from
    it sum to zero. A bone of length zero gets no gradient, for it has no direction.

    Args:
        depth: (N, joints), as a fraction of the crop's side.
        xy: (N, joints, 2) true places in the same unit. Those of invisible joints may be NaN.
        visible: (N, joints) a bone counts where both ends are over 0.5; a group without bones adds nothing.
        has_depth: (N,) samples whose depth is supervised (over 0) are left out, but count in the mean.
    """
    active = (has_depth <= 0).to(depth.dtype)  # (N,)
    total = depth.new_zeros(())
    for group in groups:
        first = torch.tensor([bone[0] for bone, _ in group], device=depth.device)
        second = torch.tensor([bone[1] for bone, _ in group], device=depth.device)
        factor = depth.new_tensor([factor for _, factor in group])
        counts = (visible[:, first] > 0.5) & (visible[:, second] > 0.5)  # (N, bones)
        plane = (xy[:, first] - xy[:, second]).detach().square().sum(-1)
        squared = plane + (depth[:, first] - depth[:, second]).square()
        known = counts & (squared > 0)
        length = factor * torch.where(known, torch.where(known, squared, 1.0).sqrt(), 0.0)
        counts = counts.to(depth.dtype)
        number = counts.sum(1).clamp(min=1)  # (N,)
        mean = (length * counts).sum(1) / number
        variance = (counts * (length - mean[:, None]).square()).sum(1) / number
        total = total + (active * variance).sum() / 2
    return weight * total / len(depth)
