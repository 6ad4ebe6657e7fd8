"""What a pictorial structure thinks of limbs and of evidence: Cross View Fusion's hard terms, and soft ones.

A term set says how evidence becomes the energy of a bin, how well two bins fit a limb's length, and how energies
are joined. Both sets only add or multiply and take maxima, so one solver serves them.
"""

from typing import Protocol

import torch
from torch import Tensor

# in spacings; between the centres of two cells a distance is known to 0.4 (one standard deviation), at most 1.7
_TOP = 0.75
_SLOPE = 0.3


class LimbTerms(Protocol):
    """The algebra of one max-product solver; larger energies are better.

    Attributes:
        nothing: energy of a bin that does not exist.
    """

    nothing: float

    def unary(self, evidence: Tensor) -> Tensor:
        """Energies (...) of bins from values of heatmaps summed over the views."""
        ...

    def potential(self, distance: Tensor, length: Tensor, spread: Tensor, spacing: float) -> Tensor:
        """How well `distance` fits a limb; `spacing` is that of the bins."""
        ...

    def reach(self, spread: float, spacing: float) -> float:
        """Largest difference to the limb's length at which a pair of bins is better than none."""
        ...

    def joined(self, energy: Tensor, message: Tensor) -> Tensor:
        """Energies with what a child, or a potential, says about them."""
        ...

    def without_limb(self, energy: Tensor) -> Tensor:
        """What a parent hears, (...), if no bin of the child (..., bins) fits the limb's length."""
        ...


class HardTerms:
    """The original's: evidence is the sum, a limb fits within a tolerance or not at all, energies are multiplied.

    If nothing fits, all energies are 0 and the first bin wins.
    """

    nothing = 0.0

    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance

    def unary(self, evidence: Tensor) -> Tensor:
        return evidence

    def potential(self, distance: Tensor, length: Tensor, spread: Tensor, spacing: float) -> Tensor:
        return ((distance - length).abs() <= self.tolerance).to(distance.dtype)

    def reach(self, spread: float, spacing: float) -> float:
        return self.tolerance

    def joined(self, energy: Tensor, message: Tensor) -> Tensor:
        return energy * message

    def without_limb(self, energy: Tensor) -> Tensor:
        return torch.zeros_like(energy[..., 0])


class SoftTerms:
    """Logarithms of evidence, and a truncated Gaussian with a flat top about the limb's length; energies are added.

    The top is as wide as bins can be wrong about a distance: a Gaussian without it, even one of the width that the
    spacing demands, pulls coarse bins away from the evidence (21 mm mean error in place of 6 on ideal heatmaps), and
    later levels cannot return. The Gaussian ends at `truncation` standard deviations, so that a wrong length costs a
    fixed amount and never makes a pose impossible.

    Args:
        floor: evidence that a bin has anyway; keeps the logarithm finite. 1 is the peak of one view's heatmap.
        truncation: standard deviations.
    """

    nothing = float("-inf")

    def __init__(self, floor: float, truncation: float) -> None:
        self.floor = floor
        self.truncation = truncation

    def unary(self, evidence: Tensor) -> Tensor:
        return torch.log(evidence.clamp(min=0.0) + self.floor)

    def potential(self, distance: Tensor, length: Tensor, spread: Tensor, spacing: float) -> Tensor:
        variance = spread * spread + (_SLOPE * spacing) ** 2
        away = ((distance - length).abs() - _TOP * spacing).clamp(min=0.0) ** 2 / variance
        return -0.5 * away.clamp(max=self.truncation**2)

    def reach(self, spread: float, spacing: float) -> float:
        return _TOP * spacing + self.truncation * (spread * spread + (_SLOPE * spacing) ** 2) ** 0.5

    def joined(self, energy: Tensor, message: Tensor) -> Tensor:
        return energy + message

    def without_limb(self, energy: Tensor) -> Tensor:
        return energy.amax(-1) - 0.5 * self.truncation**2
