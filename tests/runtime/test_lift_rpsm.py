"""RPSM as a lift stage: people whose joints are known, seen as the running models' heatmaps; needs PyTorch."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from onlooker import frame_set
from scene import STANDING, ring_rig

from posecap.calib.rig import Rig
from posecap.models.joints import COCO_17, HALPE_26, LIMB_JOINTS
from posecap.runtime.errors import SettingsError
from posecap.runtime.lift import Lifter
from posecap.runtime.lift_stage import LiftEvidence, Triangulated, open_lift_stage
from posecap.runtime.pose import Heatmaps, Keypoints2D, Skeleton3D
from posecap.runtime.settings import PipelineSettings

pytest.importorskip("torch")

from posecap.runtime.lift_rpsm import RpsmStage

_CELLS = 48
_SETS = 8
_LIMBS = [COCO_17.index(name) for name in LIMB_JOINTS]


def _evidence(rig: Rig, index: int, wrong: dict[int, int], absent: set[int] = frozenset()) -> LiftEvidence:  # type: ignore[assignment]
    """Somebody who stands; in view v joint wrong[v] is read 8 cells aside, its heatmap keeps a lower peak at the truth.

    Cells are 4 to 5 cm wide at the person, which is what limits the search.
    """
    xyz = STANDING
    xy = np.stack([camera.project(xyz) for camera in rig.cameras])[:, None]
    maps: list[tuple[Heatmaps | None, ...]] = []
    grid = np.arange(_CELLS)
    for view in range(len(rig)):
        true_px = xy[view, 0].copy()
        low, high = true_px.min(0), true_px.max(0)
        cell = 1.3 * (high - low).max() / _CELLS
        origin = (low + high) / 2 - cell * (_CELLS - 1) / 2
        at = (true_px - origin) / cell
        heat = np.exp(
            -0.5
            * ((grid[None, :, None] - at[:, 1, None, None]) ** 2 + (grid - at[:, 0, None, None]) ** 2)
            / 1.5**2
        )
        if view in wrong:
            joint = wrong[view]
            away = at[joint] + (8.0, 0.0)
            heat[joint] = 0.5 * heat[joint] + 0.9 * np.exp(
                -0.5 * ((grid[:, None] - away[1]) ** 2 + (grid - away[0]) ** 2) / 1.5**2
            )
            xy[view, 0, joint] = origin + cell * away
        p = np.clip(heat, 1e-4, 1 - 1e-4)
        affine = np.array([[cell, 0.0, origin[0]], [0.0, cell, origin[1]]])
        maps.append((None if view in absent else Heatmaps(np.log(p / (1 - p)).astype(np.float32), affine),))
    for view in absent:
        xy[view] = np.nan
    seen = np.isfinite(xy[..., 0])
    people = Keypoints2D(xy, seen * 0.9, np.where(seen, 4.0, np.inf), np.full(seen.shape[:2], 7), tuple(maps))
    missing = {rig.names[view] for view in absent}
    return LiftEvidence(frame_set(rig, index, missing), people, Lifter(rig, 0.12).views.rays(people))


def _triangulated(rig: Rig, evidence: LiftEvidence) -> tuple[Skeleton3D, ...]:
    return Lifter(rig, 0.12).lift(evidence.people, np.full((1, 17, 3), np.nan))


def _learnt(rig: Rig) -> RpsmStage:
    """A stage that has seen the person often enough."""
    stage = RpsmStage(rig, COCO_17)
    for index in range(_SETS):
        evidence = _evidence(rig, index, {})
        stage.lifted(evidence, _triangulated(rig, evidence))
    return stage


def _off_mm(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1e3 * np.linalg.norm(xyz - STANDING, axis=1)


def test_joints_of_ideal_heatmaps_are_found() -> None:
    rig = ring_rig(4)
    stage = _learnt(rig)
    evidence = _evidence(rig, _SETS, {})
    (plain,) = _triangulated(rig, evidence)
    (found,) = stage.lifted(evidence, (plain,))
    assert _off_mm(found.xyz)[_LIMBS].max() < 20.0
    assert _off_mm(found.xyz)[_LIMBS].mean() < 12.0
    assert (found.views[_LIMBS] == 4).all()
    eye = COCO_17.index("left_eye")
    assert (found.xyz[eye] == plain.xyz[eye]).all()  # not in the tree
    assert np.isfinite(found.covariance).all()
    assert (np.linalg.eigvalsh(found.covariance[_LIMBS]) > 0).all()
    assert found.track == 7


def test_it_triangulates_until_limbs_are_known_and_says_so() -> None:
    rig = ring_rig(4)
    stage = RpsmStage(rig, COCO_17)
    evidence = _evidence(rig, 0, {})
    plain = _triangulated(rig, evidence)
    assert stage.lifted(evidence, plain) == plain
    assert stage.note() == (
        "lift rpsm: 0 of 1 skeletons, the others are triangulated (1 before their limbs were known)"
    )
    assert stage.anew(rig).note() == ""


def test_a_limb_decides_where_two_of_three_views_are_wrong() -> None:
    """Triangulation can only believe pairs of views; the heatmaps still hold the lower, true peak."""
    rig = ring_rig(3)
    wrist = COCO_17.index("left_wrist")
    stage = _learnt(rig)
    evidence = _evidence(rig, _SETS, {0: wrist, 1: wrist})
    (plain,) = _triangulated(rig, evidence)
    (found,) = stage.lifted(evidence, (plain,))
    assert not _off_mm(plain.xyz)[wrist] < 40.0
    assert _off_mm(found.xyz)[wrist] < 25.0


def test_absent_cameras_say_nothing_until_only_one_is_left() -> None:
    rig = ring_rig(4)
    stage = _learnt(rig)
    evidence = _evidence(rig, _SETS, {}, {2})
    (found,) = stage.lifted(evidence, _triangulated(rig, evidence))
    assert _off_mm(found.xyz)[_LIMBS].max() < 25.0
    assert (found.views[_LIMBS] == 3).all()
    evidence = _evidence(rig, _SETS + 1, {}, {2})
    one = replace(evidence.people, heatmaps=((None,), (None,), (None,), evidence.people.heatmaps[3]))
    plain = _triangulated(rig, evidence)
    assert stage.lifted(LiftEvidence(evidence.frame_set, one, evidence.rays), plain) == plain
    assert "1 with heatmaps of fewer than two views" in stage.note()


def test_two_stages_answer_alike_in_every_bit() -> None:
    rig = ring_rig(4)
    evidence = _evidence(rig, _SETS, {})
    plain = _triangulated(rig, evidence)
    first, second = (_learnt(rig).lifted(evidence, plain)[0].xyz for _ in range(2))
    assert (first == second).all()


def test_models_without_heatmaps_or_joints_and_fisheyes_are_refused() -> None:
    rig = ring_rig(3)
    with pytest.raises(SettingsError, match=r"gives none: choose movenet-thunder"):
        open_lift_stage(rig, PipelineSettings(lift="rpsm", model="rtmpose-m"), HALPE_26)
    bent = Rig((replace(rig.cameras[0], distortion=np.zeros(4)), *rig.cameras[1:]))
    with pytest.raises(SettingsError, match=r"got cam00: use --lift dlt"):
        open_lift_stage(bent, PipelineSettings(lift="rpsm", model="movenet-thunder"), COCO_17)
    assert isinstance(open_lift_stage(rig, PipelineSettings(), COCO_17), Triangulated)
