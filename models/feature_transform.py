"""Feature transform layers: features of a view as vectors in space, moved by the view's camera.

Remelli et al., CVPR 2020, section 3.2, after Worrall et al., ICCV 2017. Channels are taken three at a time as
homogeneous pixels; the pseudo-inverse of the camera's matrix makes them homogeneous points of the world, a form that
does not depend on the camera, and the matrix of any view makes them pixels of that view.
"""

from typing import Literal

import torch
from torch import Tensor

Units = Literal["metres, -1 to 1", "millimetres, pixels"]
"""Of the world and of heatmaps. The second is the original's, with factors up to 1e5 in its matrices."""


def to_world(features: Tensor, world_from_view: Tensor) -> Tensor:
    """(..., 4 n, h, w) of features (..., 3 n, h, w) of one view; channel 3 n + row becomes 4 n + coordinate.

    Args:
        world_from_view: (..., 4, 3) as `inverse_projections` gives it.
    """
    return _moved(features, world_from_view)


def to_view(features: Tensor, view_from_world: Tensor) -> Tensor:
    """(..., 3 n, h, w), what a view sees of features (..., 4 n, h, w) of the world.

    Args:
        view_from_world: (..., 3, 4).
    """
    return _moved(features, view_from_world)


def _moved(features: Tensor, matrix: Tensor) -> Tensor:
    columns = matrix.shape[-1]
    vectors = features.unflatten(-3, (-1, columns))  # (..., n, columns, h, w)
    moved = matrix[..., None, :, :] @ vectors.flatten(-2)  # (..., n, rows, h w)
    return moved.unflatten(-1, features.shape[-2:]).flatten(-4, -3)


def network_projections(
    projections: Tensor, side_px: int, units: Units, *, cells: int | None = None
) -> tuple[Tensor, Tensor]:
    """(view_from_world, world_from_view), float32 (..., 3, 4) and (..., 4, 3), as the network wants them.

    The second is the Moore-Penrose inverse, computed in float64: there is none in ONNX, and in millimetres none in
    float32. Both are inputs of the network.

    Args:
        projections: (..., 3, 4) K [R | t] from the world in metres to pixels of the network's picture.
        side_px: of the picture, which is square.
        units: of the result.
        cells: along one side of the heatmap; None = a quarter of the picture's pixels, as of every network here.
    """
    P = projections.double()
    heatmap = _heatmap_from_picture(side_px, cells, units).to(P.device)
    if units == "metres, -1 to 1":
        P = heatmap @ P
        P = P / torch.linalg.vector_norm(
            P[..., 2:, :3], dim=-1, keepdim=True
        )  # depth in metres, whatever K's scale
    else:
        P = heatmap @ P * P.new_tensor([1.0, 1.0, 1.0, 1000.0])  # t in millimetres
    return P.float(), inverse_projections(P).float()


def inverse_projections(projections: Tensor) -> Tensor:
    """Moore-Penrose inverses (..., 4, 3), float64, of projections (..., 3, 4)."""
    return torch.linalg.pinv(projections.double())


def heatmap_points(points_px: Tensor, side_px: int, units: Units, *, cells: int | None = None) -> Tensor:
    """Pixels (..., 2) of the network's picture in the units of its heatmaps, the targets that fit its projections.

    The original trains on `points_px / 4` instead, 0.375 cells beside what its projections say.
    """
    A = _heatmap_from_picture(side_px, cells, units).to(points_px)
    return points_px * A[[0, 1], [0, 1]] + A[:2, 2]


def picture_points(points: Tensor, side_px: int, units: Units, *, cells: int | None = None) -> Tensor:
    """The way back: pixels (..., 2) of the picture; (0, 0) is the centre of its top-left pixel."""
    A = _heatmap_from_picture(side_px, cells, units).to(points)
    return (points - A[:2, 2]) / A[[0, 1], [0, 1]]


def _heatmap_from_picture(side_px: int, cells: int | None, units: Units) -> Tensor:
    """(3, 3) float64. Both forms know that (0, 0) is the centre of a pixel or a cell."""
    if units == "metres, -1 to 1":
        scale, shift = 2.0 / side_px, 1.0 / side_px - 1.0
    else:
        scale = (side_px // 4 if cells is None else cells) / side_px
        shift = scale / 2 - 0.5  # -0.375 for 256 to 64
    return torch.tensor([[scale, 0, shift], [0, scale, shift], [0, 0, 1]], dtype=torch.float64)
