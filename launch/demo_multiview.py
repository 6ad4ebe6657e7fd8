"""Published networks that look at one person from several calibrated cameras at once, as the live lift stages do."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.capture.frame import Frame as CameraFrame
from posecap.capture.frame import FrameSet
from posecap.launch.demo_networks import DemoOptions, expect_weights, opened
from posecap.launch.demo_person import DemoPerson, DemoPicture, Frame
from posecap.launch.errors import UsageError
from posecap.models.joints import JointSet
from posecap.models.networks import NetworkSpec
from posecap.models.published_joints import PUBLISHED_SETS
from posecap.runtime.network_input import network_input, network_root
from posecap.runtime.settings import PipelineSettings
from posecap.runtime.trained_rig import difference

if TYPE_CHECKING:
    from torch import nn


class ViewsNetwork:
    """Implements `DemoSystem`: everybody at one instant of a rig.

    Args:
        rig: of the pictures, without distortion.
        spec: of the network.
        module: in evaluation mode.
        roots_m: (people, 3) where everybody is, see `network_root`.
        checkpoints: of the network.
    """

    frame: Frame = "world"

    def __init__(
        self,
        rig: Rig,
        spec: NetworkSpec,
        module: "nn.Module",
        roots_m: NDArray[np.float64],
        *,
        checkpoints: tuple[str | None, ...],
    ) -> None:
        self.rig, self.spec, self.module, self.roots_m = rig, spec, module, roots_m
        self.joint_set: JointSet = PUBLISHED_SETS[spec.joints]
        self.preset: str = spec.preset
        self.checkpoints = checkpoints

    def people(self, pictures: list[DemoPicture]) -> list[DemoPerson]:
        """Everybody who was located, one after the other: a network of four views is large enough."""
        frames = tuple(CameraFrame(one.name, 0, 0, one.image) for one in pictures)
        frame_set = FrameSet(0, 0, frames)
        return [self._person(frame_set, root) for root in self.roots_m]

    def close(self) -> None:
        """Nothing to free."""

    def _person(self, frame_set: FrameSet, root: NDArray[np.float64]) -> DemoPerson:
        from posecap.runtime.network_output import found_joints

        given = network_input(self.rig, frame_set, self.spec, root[None])
        found = found_joints(self.rig, self.module, self.spec, given, PipelineSettings().gross_m)
        xyz = found.xyz[0]
        seen_from_world = np.stack([camera.project(xyz) for camera in self.rig.cameras])
        xy = np.where(np.isfinite(found.xy[0]), found.xy[0], seen_from_world)
        boxes = np.full((len(self.rig), 4), np.nan)
        if self.spec.system != "two_stage":
            width, height = self.spec.picture.size_px
            corners = np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]])
            boxes = given.in_image(np.tile(corners, (1, len(self.rig), 1, 1)))[0].reshape(-1, 4)
        return DemoPerson(xy, found.score[0], boxes, 1e3 * xyz)


def open_views(
    name: str,
    options: DemoOptions,
    rig: Rig,
    located: tuple[JointSet, NDArray[np.float64]],
    say: Callable[[str], None],
) -> ViewsNetwork:
    """The network called `name` for people who were located: a joint set and (people, joints, 3) world metres.

    Those whose hips or shoulders are unknown are left out.

    Raises:
        UsageError: no weights, or weights for another number of views or for another rig.
        NetworkError, CheckpointError: torch is missing; weights that do not fit.
    """
    example = "a file of the original program, or one that posecap's training wrote"
    expect_weights(name, options, "--checkpoint", options.checkpoint, example)
    module, spec, used = opened(name, options.checkpoint, options.preset, say, options.network)
    fixed = spec.options.get("views")
    if isinstance(fixed, int) and fixed != len(rig):
        raise UsageError(
            f"{name} ({spec.preset}) was trained for {fixed} views, the rig has {len(rig)} pictures at this instant: "
            "give a rig file with as many cameras"
        )
    if options.checkpoint is not None:
        from posecap.models.checkpoint_files import read_checkpoint  # needs torch

        record = read_checkpoint(options.checkpoint).rig
        why = "" if record is None else difference(rig, record)
        if why:
            raise UsageError(f"{options.checkpoint}: {why}: give weights that were trained for this rig")
        if record is None:
            say(f"{options.checkpoint} does not say for which rig it was trained")
    roots = network_root(spec, *located)
    return ViewsNetwork(rig, spec, module, roots[np.isfinite(roots).all(axis=1)], checkpoints=(used,))
