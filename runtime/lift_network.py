"""Lift stages "cross_view", "canonical" and "two_stage": trained multi-view networks on crops of all views.

A network is run once for all people of a frame set, on pictures without distortion. It looks at the square of two
metres around the middle of each person's triangulated hips; the two-stage network at whole pictures, and in a box
around the chest, as it was trained.
Joints that a network does not give stay triangulated.
When a camera has no picture the whole frame set stays triangulated: the networks were trained with all views.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from posecap.calib.rig import Rig
from posecap.models.checkpoint_files import Stored, read_checkpoint
from posecap.models.checkpoints import open_network
from posecap.models.joints import JointSet, joint_map
from posecap.models.networks import NetworkSpec, names
from posecap.models.published_joints import PUBLISHED_SETS
from posecap.runtime.errors import SettingsError
from posecap.runtime.lift_stage import LiftEvidence, StandIns
from posecap.runtime.network_input import network_input, network_root
from posecap.runtime.network_output import FoundJoints, found_joints
from posecap.runtime.pinhole_views import PinholeViews
from posecap.runtime.pose import Skeleton3D
from posecap.runtime.settings import PipelineSettings
from posecap.runtime.trained_rig import difference


class NetworkStage:
    """One network for one rig.

    Args:
        rig: the cameras, in the order of the network's views.
        joint_set: of the skeletons.
        module: in evaluation mode.
        spec: of the network.
        gross_m: of the triangulation of its 2D joints, where it gives those.
    """

    reads_pictures = True

    def __init__(
        self, rig: Rig, joint_set: JointSet, module: nn.Module, spec: NetworkSpec, gross_m: float
    ) -> None:
        self.rig, self.joint_set, self.module, self.spec, self.gross_m = rig, joint_set, module, spec, gross_m
        self.stand_ins = StandIns(spec.system)
        self._from_network = np.array(joint_map(PUBLISHED_SETS[spec.joints], joint_set))
        self._pinholes = PinholeViews(rig)

    def anew(self, rig: Rig) -> "NetworkStage":
        return NetworkStage(rig, self.joint_set, self.module, self.spec, self.gross_m)

    def note(self) -> str:
        return self.stand_ins.note()

    def lifted(self, evidence: LiftEvidence, triangulated: tuple[Skeleton3D, ...]) -> tuple[Skeleton3D, ...]:
        if any(frame is None for frame in evidence.frame_set.frames):
            self.stand_ins.add("with a camera missing", len(triangulated))
            return triangulated
        answer = list(triangulated)
        xyz = np.array([one.xyz for one in triangulated]).reshape(-1, len(self.joint_set), 3)
        roots = network_root(self.spec, self.joint_set, xyz)
        rows = np.flatnonzero(np.isfinite(roots).all(axis=1))
        if len(rows) < len(triangulated):
            self.stand_ins.add("without hips or shoulders", len(triangulated) - len(rows))
        if not len(rows):
            return triangulated
        rig, frame_set = self._pinholes.rig, self._pinholes.straight(evidence.frame_set)
        given = network_input(rig, frame_set, self.spec, roots[rows])
        found = found_joints(rig, self.module, self.spec, given, self.gross_m)
        for k, row in enumerate(rows):
            answer[row] = self._skeleton(triangulated[row], found, k)
        self.stand_ins.lifted += len(rows)
        return tuple(answer)

    def _skeleton(self, plain: Skeleton3D, found: FoundJoints, person: int) -> Skeleton3D:
        """`plain` with the joints that the network knows."""
        xyz = np.where((self._from_network >= 0)[:, None], found.xyz[person, self._from_network], np.nan)
        take = np.isfinite(xyz[:, 0])
        own = self._from_network
        return replace(
            plain,
            xyz=np.where(take[:, None], xyz, plain.xyz),
            covariance=np.where(take[:, None, None], found.covariance[person, own], plain.covariance),
            views=np.where(take, found.views[person, own], plain.views),
            residual_px=np.where(take, found.residual_px[person, own], plain.residual_px),
        )


def open_network_stage(rig: Rig, settings: PipelineSettings, joint_set: JointSet) -> NetworkStage:
    """The stage with the weights at `settings.lift_weights`.

    Raises:
        SettingsError: no weights, weights of another system or of another rig, or that do not say of which rig.
        CheckpointError: they cannot be read or do not fit.
    """
    lift, path = settings.lift, Path(settings.lift_weights)
    if not settings.lift_weights:
        raise SettingsError(
            f"lift {lift!r} needs weights that were trained for this rig: give them with --lift-weights FILE, "
            "or use --lift dlt"
        )
    stored = read_checkpoint(path)
    known = names(lift)
    name = stored.name or settings.lift_network or known[0]
    if name not in known:
        raise SettingsError(
            f"{path}: holds {name!r}, lift {lift!r} runs {', '.join(known)}: use other weights"
        )
    _expect_rig(rig, stored, path, settings.lift_any_rig)
    module, spec, _ = open_network(name, path)
    if spec.options.get("views", len(rig)) != len(rig):
        raise SettingsError(
            f"{path}: takes {spec.options['views']} views, the rig has {len(rig)}: "
            "use --lift dlt, or weights that were trained for this rig"
        )
    return NetworkStage(rig, joint_set, module, spec, settings.gross_m)


def _expect_rig(rig: Rig, stored: Stored, path: Path, any_rig: bool) -> None:
    if any_rig:
        return
    if stored.rig is None:
        raise SettingsError(
            f"{path}: does not say for which rig it was trained: add --set lift_any_rig=true if it was this one"
        )
    why = difference(rig, stored.rig)
    if why:
        raise SettingsError(f"{path}: {why}: use --lift dlt, or weights that were trained for this rig")
