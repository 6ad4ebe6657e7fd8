"""The seam between triangulation and what may go on from it; needs no PyTorch."""

import subprocess
import sys

import numpy as np
import pytest
from onlooker import Onlooker, frame_set, pipeline_of
from scene import STANDING, ring_rig

from posecap.models.joints import COCO_17
from posecap.runtime.errors import SettingsError
from posecap.runtime.lift_stage import LiftEvidence, StandIns, Triangulated, open_lift_stage
from posecap.runtime.pipeline import Pipeline
from posecap.runtime.pose import Skeleton3D
from posecap.runtime.settings import PipelineSettings, with_overrides

_UP = np.array([0.0, 0.0, 0.1])


class _Raises:
    """Lifts everybody by 10 cm, twenty times the error of triangulation here."""

    reads_pictures = False

    def __init__(self) -> None:
        self.rows: list[int] = []

    def lifted(self, evidence: LiftEvidence, triangulated: tuple[Skeleton3D, ...]) -> tuple[Skeleton3D, ...]:
        self.rows.append(evidence.people.xy.shape[1])
        return tuple(
            Skeleton3D(one.track, one.xyz + _UP, one.covariance, one.views, one.residual_px)
            for one in triangulated
        )

    def note(self) -> str:
        return ""

    def anew(self, rig: object) -> "_Raises":
        return _Raises()


def test_what_the_stage_answers_is_stage_1_and_is_refined() -> None:
    rig = ring_rig(3)
    onlooker, stage = Onlooker(rig), _Raises()
    onlooker.people = STANDING[None]
    pipeline = Pipeline(rig, PipelineSettings(), onlooker, onlooker, stage)  # type: ignore[arg-type]
    for index in range(8):
        result = pipeline.step(frame_set(rig, index))
    (one,) = result.instant.skeletons
    assert np.abs(one.xyz - STANDING - _UP).max() < 0.05
    assert result.refined is not None
    (refined,) = result.refined.skeletons
    assert np.abs(refined.xyz - STANDING - _UP).max() < 0.05
    assert stage.rows[-1] == 1
    assert pipeline.anew().lift_stage is not stage


def test_dlt_adds_nothing_in_any_bit() -> None:
    rig = ring_rig(4)
    answers = []
    for settings in ({}, {"lift": "dlt"}):
        pipeline, onlooker = pipeline_of(rig, **settings)  # type: ignore[arg-type]
        onlooker.people = STANDING[None]
        assert isinstance(pipeline.lift_stage, Triangulated)
        steps = [pipeline.step(frame_set(rig, k)).instant.skeletons for k in range(12)]
        answers.append([one.xyz for skeletons in steps for one in skeletons])
    assert len(answers[0]) == len(answers[1]) > 6
    assert all((a == b).all() for a, b in zip(*answers, strict=True))
    (one,) = pipeline.step(frame_set(rig, 12)).instant.skeletons
    evidence = LiftEvidence(frame_set(rig, 12), None, None)  # type: ignore[arg-type]
    assert pipeline.lift_stage.lifted(evidence, (one,))[0] is one
    assert pipeline.lift_stage.note() == ""


def test_dlt_imports_no_torch() -> None:
    program = (
        "import sys; from posecap.runtime.pipeline import open_lift_stage as o; "
        "from posecap.runtime.settings import PipelineSettings as S; o(None, S(), None); "
        "print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_without_torch_the_others_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SettingsError, match=r"'rpsm' needs PyTorch: pip install 'posecap\[networks\]'"):
        open_lift_stage(ring_rig(3), PipelineSettings(lift="rpsm"), COCO_17)


def test_an_unknown_lift_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"'learnt'.*lift"):
        with_overrides(PipelineSettings(), ["lift=learnt"])


def test_stand_ins_are_counted_by_reason() -> None:
    counted = StandIns("rpsm")
    counted.lifted = 5
    assert counted.note() == ""
    counted.add("without hips")
    counted.add("with a camera missing", 2)
    counted.add("without hips")
    assert counted.note() == (
        "lift rpsm: 5 of 9 skeletons, the others are triangulated (2 without hips, 2 with a camera missing)"
    )
