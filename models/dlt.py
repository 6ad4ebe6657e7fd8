"""Differentiable triangulation: the direct linear transform solved by shifted inverse iteration.

Remelli et al., CVPR 2020 ("Lightweight Multi-View 3D Pose Estimation through Camera-Disentangled Representation"),
section 3.3. Nothing here needs a singular value decomposition, so it exports, and its gradient is that of a
few multiplications.

The start decides whether the gradient is of use. A start that is nearly orthogonal to the answer is turned to it by
the ratio of the eigenvalues alone: two steps then stop on the way, and their gradient is hundreds of times that of
the answer. In metres the world's origin is never such a start. In millimetres the answer (x, y, z, 1) is a thousand
times longer than its last part, and the original's start, alike in all four parts, is orthogonal to it wherever
x + y + z is near -1: one heatmap pixel of noise gives a Jacobian of 41 mm/px as a rule and 13,000 at worst of
10,000 scenes, against 70 in metres. float64 does not help.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

START = (0.0, 0.0, 0.0, 1.0)
"""The world's origin. In metres it is never near the orthogonal complement of the answer (x, y, z, 1)."""

_ROUNDING = 0.1  # of a last digit: no pivot is known better
_Rows = list[list[Tensor]]


class Triangulation(nn.Module):
    """`triangulate` as a module, to be exported."""

    def __init__(self, shift: float = 1e-3, iterations: int = 3, start: Sequence[float] = START) -> None:
        super().__init__()
        self.shift, self.iterations, self.start = shift, iterations, start

    def forward(self, points: Tensor, projections: Tensor) -> Tensor:
        """World points (N, joints, 3) of points (N, views, joints, 2) and projections (N, views, 3, 4)."""
        return triangulate(
            points, projections, shift=self.shift, iterations=self.iterations, start=self.start
        )


def triangulate(
    points: Tensor,
    projections: Tensor,
    weights: Tensor | None = None,
    *,
    shift: float = 1e-3,
    iterations: int = 3,
    start: Sequence[float] = START,
) -> Tensor:
    """World points (..., joints, 3) that many views see at `points`, in the world's unit of `projections`.

    NaN where fewer than two views count, or where the answer lies at infinity.

    Args:
        points: (..., views, joints, 2), in the pixel unit of `projections`; a view that does not know a joint has NaN.
        projections: (..., views, 3, 4) from homogeneous world points to homogeneous pixels.
        weights: (..., views, joints) factors of the equations, 0 leaves a view out; 1 without.
        shift: B = A^T A + shift I is what is inverted. Positive keeps B definite; the original has -0.001.
        iterations: three give the singular vector to a hundredth of a millimetre (metres, 2 views), two to 0.2 mm.
        start: of the iteration; the original draws a new one from N(0.5, 0.5) at each call.
    """
    if points.dtype in (torch.float16, torch.bfloat16):  # a product of two such numbers has no digits left
        points = points.float()
    projections = projections.to(points.dtype)
    known = ~torch.isnan(points).any(-1)  # (..., views, joints)
    factors = known.to(points.dtype) if weights is None else weights.to(points.dtype) * known
    points = torch.where(known[..., None], points, torch.zeros_like(points))
    A = equations(points, projections) * factors[..., None, None]  # (..., views, joints, 2, 4)
    A = A.transpose(-4, -3).flatten(-3, -2)  # (..., joints, 2 views, 4)
    x = smallest_vector(A.transpose(-1, -2) @ A, shift=shift, iterations=iterations, start=start)
    w = x[..., 3:]
    solved = ((factors != 0).sum(-2) >= 2)[..., None] & (w.abs() > 1e-9)
    safe = torch.where(
        solved, w, torch.ones_like(w)
    )  # a division by zero has no gradient, even where it is not used
    return torch.where(solved, x[..., :3] / safe, torch.full_like(x[..., :3], float("nan")))


def equations(points: Tensor, projections: Tensor) -> Tensor:
    """The rows u P3 - P1 and v P3 - P2, (..., joints, 2, 4), of points (..., joints, 2) and projections (..., 3, 4)."""
    return points[..., None] * projections[..., None, 2:, :] - projections[..., None, :2, :]


def smallest_vector(
    gram: Tensor, *, shift: float = 1e-3, iterations: int = 3, start: Sequence[float] = START
) -> Tensor:
    """Unit eigenvector (..., 4), of either sign, of the eigenvalue of `gram` (..., 4, 4) that is nearest to -shift.

    Each step multiplies the component along eigenvector i by 1 / (eigenvalue i + shift) and normalises.
    """
    factors, pivots = _ldl(gram, shift)
    x = [torch.full_like(gram[..., 0, 0], value) for value in start]
    for _ in range(iterations):
        x = _solved(factors, pivots, x)
        # to one size first: squares of millimetres divided by a small pivot leave the range of float32
        largest = torch.stack([value.abs() for value in x]).amax(0).clamp_min(1e-30)
        x = [value / largest for value in x]
        length = (x[0] * x[0] + x[1] * x[1] + x[2] * x[2] + x[3] * x[3]).sqrt()
        x = [value / length for value in x]
    return torch.stack(x, -1)


def _ldl(gram: Tensor, shift: float) -> tuple[_Rows, list[Tensor]]:
    """L (below the diagonal) and D of gram + shift I = L D L^T: plain arithmetic that every engine has."""
    L: _Rows = [[] for _ in range(4)]
    D: list[Tensor] = []
    for row in range(4):
        LD: list[Tensor] = []  # L[row][k] D[k]
        for column in range(row):
            rest = gram[..., row, column]
            for k in range(column):
                rest = rest - LD[k] * L[column][k]
            LD.append(rest)
            L[row].append(rest / D[column])
        pivot = gram[..., row, row] + shift
        for k in range(row):
            pivot = pivot - LD[k] * L[row][k]
        # in float32 and millimetres the last pivot of points without noise cancels to nothing, and the shift with it
        least = _ROUNDING * torch.finfo(gram.dtype).eps * gram[..., row, row].abs()
        D.append(torch.where(pivot.abs() < least, least, pivot))
    return L, D


def _solved(L: _Rows, D: list[Tensor], right: list[Tensor]) -> list[Tensor]:
    """x of L D L^T x = right."""
    y = list(right)
    for row in range(4):
        for k in range(row):
            y[row] = y[row] - L[row][k] * y[k]
    x = [value / pivot for value, pivot in zip(y, D, strict=True)]
    for row in reversed(range(4)):
        for k in range(row + 1, 4):
            x[row] = x[row] - L[k][row] * x[k]
    return x
