"""Multi-view networks opened with the user's weights: how each of the three systems is asked and read."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from posecap.launch.demo_multiview import ViewsAnswer, ViewsInput, ViewsNetwork
from posecap.launch.demo_networks import DemoOptions, expect_weights, opened
from posecap.launch.errors import UsageError
from posecap.models.networks import NetworkSpec

if TYPE_CHECKING:
    from torch import nn

_WHOLE = "two_stage"
Read = Callable[[ViewsInput], ViewsAnswer]


def open_views(
    name: str,
    options: DemoOptions,
    people_m: NDArray[np.float64],
    views: int,
    say: Callable[[str], None],
) -> ViewsNetwork:
    """The network called `name` for people who were located at `people_m` (people, joints, 3) world metres.

    Raises:
        UsageError: no weights, or a network for another number of views.
        NetworkError, CheckpointError: torch is missing; weights that do not fit.
    """
    example = "a file of the original program, or one that posecap's training wrote"
    expect_weights(name, options, "--checkpoint", options.checkpoint, example)
    module, spec, used = opened(name, options.checkpoint, options.preset, say)
    fixed = spec.options.get("views")
    if isinstance(fixed, int) and fixed != views:
        raise UsageError(
            f"{name} ({spec.preset}) was trained for {fixed} views, the rig has {views} pictures at this instant: "
            "give a rig file with as many cameras"
        )
    return ViewsNetwork(
        spec, people_m, reader(spec, module), whole=spec.system == _WHOLE, checkpoints=(used,)
    )


def reader(spec: NetworkSpec, module: "nn.Module") -> Read:
    """The network from prepared views to joints.

    Raises:
        UsageError: a system that this demo does not know.
    """
    readers = {"two_stage": _two_stage, "canonical": _canonical, "cross_view": _cross_view}
    if spec.system not in readers:
        raise UsageError(f"{spec.name}: the demo does not know how to run {spec.system}: use its training")
    return readers[spec.system](spec, module)


def _two_stage(spec: NetworkSpec, module: "nn.Module") -> Read:
    """Joints in the room; the second stage's are the answer. The compat preset works in millimetres."""
    unit = 1e3 if spec.preset == "compat" else 1.0

    def read(given: ViewsInput) -> ViewsAnswer:
        import torch

        P = given.projections * np.array([1.0, 1.0, 1.0, unit])
        with torch.inference_mode():
            _, second = module(
                torch.from_numpy(given.pictures),
                torch.from_numpy(P).float(),
                torch.from_numpy(given.centre_m * unit).float(),
            )
        return ViewsAnswer(xyz_m=second.points[0].numpy() / unit)

    return read


def _canonical(spec: NetworkSpec, module: "nn.Module") -> Read:
    """Joints in the room and in every view."""

    def read(given: ViewsInput) -> ViewsAnswer:
        import torch

        from posecap.models.feature_transform import network_projections, picture_points

        side, units = spec.picture.size_px[0], spec.options["units"]
        P, inverse = network_projections(torch.from_numpy(given.projections), side, units, cells=side // 4)  # pyright: ignore[reportArgumentType]
        with torch.inference_mode():
            points, xyz = module(torch.from_numpy(given.pictures), P, inverse)
        xy = picture_points(points[0], side, units, cells=side // 4)  # pyright: ignore[reportArgumentType]
        metres = xyz[0].numpy() / (1e3 if "millimetres" in str(units) else 1.0)
        return ViewsAnswer(metres, xy.numpy(), map_px=(side, side))

    return read


def _cross_view(spec: NetworkSpec, module: "nn.Module") -> Read:
    """Joints in every view from the fused heatmaps; where their rays meet is the room's business."""

    def read(given: ViewsInput) -> ViewsAnswer:
        import torch

        from posecap.models.heatmap_argmax import heatmap_argmax

        with torch.inference_mode():
            _, fused = module(torch.from_numpy(given.pictures))
            cells, score = heatmap_argmax(fused[0], quarter_step=True)
        size = fused.shape[-1], fused.shape[-2]
        return ViewsAnswer(None, cells.numpy(), score.numpy(), size, corner=True)

    return read
