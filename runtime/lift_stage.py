"""What may take the place of plain triangulation in stage 1, and how the pipeline talks to it.

Triangulation (`lift.py`) always runs first: it is fast, needs no training and takes any rig. A lift stage gets its
skeletons and the evidence, and answers with better ones, or with the same where it cannot do its work.
"""

from dataclasses import dataclass
from typing import Protocol

from posecap.calib.rig import Rig
from posecap.capture.frame import FrameSet
from posecap.models.joints import JointSet
from posecap.runtime.errors import SettingsError
from posecap.runtime.pose import Keypoints2D, Skeleton3D
from posecap.runtime.rays import Rays
from posecap.runtime.settings import PipelineSettings


@dataclass(frozen=True, slots=True, eq=False)
class LiftEvidence:
    """What stage 1 knows of one frame set.

    Attributes:
        frame_set: the pictures; None for cameras that missed it.
        people: associated keypoints with their heatmaps, row p = person p in every view.
        rays: the same without the lens; views that take left for right are corrected here.
    """

    frame_set: FrameSet
    people: Keypoints2D
    rays: Rays


class LiftStage(Protocol):
    """From evidence and triangulated skeletons to the skeletons of stage 1.

    Attributes:
        reads_pictures: they must stay as they are until `lifted` has returned.
    """

    @property
    def reads_pictures(self) -> bool: ...

    def lifted(self, evidence: LiftEvidence, triangulated: tuple[Skeleton3D, ...]) -> tuple[Skeleton3D, ...]:
        """One skeleton for each of `triangulated`, in that order; the same one where the stage cannot do its work."""
        ...

    def note(self) -> str:
        """For people: how often triangulation had to stand in, and why; "" where it never had to."""
        ...

    def anew(self, rig: Rig) -> "LiftStage":
        """The same stage for `rig`, nobody known yet."""
        ...


class Triangulated:
    """Nothing on top of triangulation: the direct linear transform, weighted and robust."""

    reads_pictures = False

    def lifted(self, evidence: LiftEvidence, triangulated: tuple[Skeleton3D, ...]) -> tuple[Skeleton3D, ...]:
        return triangulated

    def note(self) -> str:
        return ""

    def anew(self, rig: Rig) -> "Triangulated":
        return self


def open_lift_stage(rig: Rig, settings: PipelineSettings, joint_set: JointSet) -> LiftStage:
    """The stage that `settings.lift` asks for. Only here, and only where it is needed, PyTorch is imported.

    Raises:
        SettingsError: PyTorch is missing, or rig or model do not fit the stage.
    """
    if settings.lift == "dlt":
        return Triangulated()
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise SettingsError(
            f"lift {settings.lift!r} needs PyTorch: pip install 'posecap[networks]', or use --lift dlt"
        ) from error
    if settings.lift == "rpsm":
        from posecap.runtime.lift_rpsm import open_rpsm

        return open_rpsm(rig, settings, joint_set)
    from posecap.runtime.lift_network import open_network_stage

    return open_network_stage(rig, settings, joint_set)


class StandIns:
    """Counts how often triangulation stood in for a lift stage, by reason."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lifted = 0
        self.reasons: dict[str, int] = {}

    def add(self, reason: str, people: int = 1) -> None:
        """Count `people` skeletons that stayed triangulated because of `reason`."""
        self.reasons[reason] = self.reasons.get(reason, 0) + people

    def note(self) -> str:
        """One line; "" where every skeleton was lifted."""
        if not self.reasons:
            return ""
        all_of_them = self.lifted + sum(self.reasons.values())
        why = ", ".join(f"{count} {reason}" for reason, count in self.reasons.items())
        return (
            f"lift {self.name}: {self.lifted} of {all_of_them} skeletons, the others are triangulated ({why})"
        )
