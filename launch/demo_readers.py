"""Networks from arrays to joints, of the crop alone or also of its mirror image."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from posecap.launch.demo_single import Cells
from posecap.models.networks import NetworkSpec
from posecap.models.published_joints import PUBLISHED_SETS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from posecap.models.depth_decoding import DepthDecoding


def forward(module: "nn.Module") -> Callable[..., NDArray[np.floating]]:
    """The network from arrays to the array that it gives."""

    def run(*inputs: NDArray[np.float32]) -> NDArray[np.floating]:
        import torch

        with torch.inference_mode():
            return module(*(torch.from_numpy(one) for one in inputs)).numpy()

    return run


def voxels_reader(
    spec: NetworkSpec, module: "nn.Module", flip: bool
) -> Callable[[NDArray[np.float32]], NDArray[np.floating]]:
    """PoseNet; with `flip` the mean of crop and mirrored crop, as it was scored."""
    if not flip:
        return forward(module)

    def read(x: NDArray[np.float32]) -> NDArray[np.floating]:
        import torch

        from posecap.models.posenet import mirrored_mean

        mirrored = PUBLISHED_SETS[spec.joints].mirrored
        pairs = [(joint, other) for joint, other in enumerate(mirrored) if joint < other]
        crops = torch.from_numpy(x)
        with torch.inference_mode():
            found, of_mirror = module(crops), module(crops.flip(-1))
            return mirrored_mean(found, of_mirror, pairs, spec.preset == "clean").numpy()

    return read


def cells_reader(
    spec: NetworkSpec, module: "nn.Module", flip: bool
) -> Callable[[NDArray[np.float32]], Cells]:
    """The network and the highest cells of its heatmaps; with the depth there, where it tells depth.

    With `flip` maps are the mean of the crop's and the mirrored crop's.
    """

    def read(x: NDArray[np.float32]) -> Cells:
        import torch

        from posecap.models.depth_decoding import DepthDecoding
        from posecap.models.heatmap_argmax import heatmap_argmax

        decoding = cast(
            "DepthDecoding",
            getattr(module, "decoding", None) or DepthDecoding(flip_shift=spec.preset == "clean"),
        )
        crops = torch.from_numpy(x)
        with torch.inference_mode():
            outputs = _last(spec, module(crops))
            if flip:
                order = PUBLISHED_SETS[spec.joints].mirrored
                of_mirror = _last(spec, module(crops.flip(-1)))
                pairs = zip(outputs, of_mirror, strict=True)
                outputs = tuple(decoding.mirrored_mean(found, mirror, order) for found, mirror in pairs)
            maps = outputs[0]
            size = maps.shape[-1], maps.shape[-2]
            xy, score = heatmap_argmax(maps, quarter_step=True)
            if len(outputs) == 1:
                return Cells(xy.numpy(), score.numpy(), size)
            xyz = decoding.xyz(maps, outputs[1])
            return Cells(decoding.xy(maps).numpy(), score.numpy(), size, xyz=xyz.float().numpy())

    return read


def _last(spec: NetworkSpec, outputs: "Tensor | tuple[Tensor, ...]") -> "tuple[Tensor, ...]":
    """Heatmaps of the last stack, and depths where there are any."""
    if not isinstance(outputs, tuple):
        return (outputs,)
    return tuple(outputs[-2:]) if "depth" in spec.outputs else tuple(outputs[-1:])
