"""Multi-view networks as lift stages: real ones with fresh weights, small crops; needs PyTorch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onlooker import Onlooker, frame_set
from scene import STANDING, in_true_order, observe, ring_rig

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch
from torch import nn

from posecap.calib.rig import Rig
from posecap.capture.frame import Frame, FrameSet
from posecap.models.checkpoints import save_checkpoint
from posecap.models.heatmap_sampling import heatmap_from_image
from posecap.models.joints import COCO_17, joint_map
from posecap.models.networks import NetworkSpec, PresetName, network
from posecap.models.published_joints import PUBLISHED_SETS
from posecap.runtime.errors import SettingsError
from posecap.runtime.lift import Lifter
from posecap.runtime.lift_network import NetworkStage
from posecap.runtime.lift_stage import LiftEvidence, open_lift_stage
from posecap.runtime.pinhole_views import PinholeViews
from posecap.runtime.pipeline import Pipeline
from posecap.runtime.pose import Skeleton3D
from posecap.runtime.settings import PipelineSettings
from posecap.runtime.trained_rig import rig_record

_SIDE = 64
_SMALL: dict[str, tuple[str, dict[str, int]]] = {
    "cross_view": ("cross-view-mobilenet-v2", {"views": 3, "side_px": _SIDE}),
    "canonical": ("canonical-fusion", {"layers": 50, "side_px": _SIDE}),
}


def _spec(lift: str) -> NetworkSpec:
    name, options = _SMALL[lift]
    spec = network(name)
    return replace(
        spec, options={**spec.options, **options}, picture=replace(spec.picture, size_px=(_SIDE, _SIDE))
    )


def _weights(lift: str, folder: Path, rig: Rig | None) -> tuple[Path, NetworkSpec]:
    torch.manual_seed(0)
    spec = _spec(lift)
    path = folder / "weights.pth"
    save_checkpoint(path, spec.module(), spec, rig=None if rig is None else rig_record(rig))
    return path, spec


def _pictures(rig: Rig, index: int = 0, missing: str = "") -> FrameSet:
    """Noise in the rig's size."""
    noise = np.random.default_rng(index).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    t_ns = 10**9 + index * 33_333_333
    frames = tuple(None if name == missing else Frame(name, index, t_ns, noise) for name in rig.names)
    return FrameSet(index, t_ns, frames)


def _evidence(rig: Rig, frames: FrameSet) -> tuple[LiftEvidence, tuple[Skeleton3D, ...]]:
    """Two people, triangulated without noise."""
    people = np.stack([STANDING, STANDING + np.array([0.9, 0.4, 0.0])])
    scene = observe(rig, people, np.random.default_rng(0), noise_px=0.01)
    keypoints = in_true_order(scene)
    lifter = Lifter(rig, 0.12)
    plain = lifter.lift(keypoints, np.full((2, 17, 3), np.nan))
    return LiftEvidence(frames, keypoints, lifter.views.rays(keypoints)), plain


@pytest.mark.parametrize("lift", _SMALL)
def test_a_network_of_this_rig_gives_its_joints_and_no_others(lift: str, tmp_path: Path) -> None:
    rig = ring_rig(3)
    path, spec = _weights(lift, tmp_path, rig)
    settings = PipelineSettings(lift=lift, lift_weights=str(path))  # type: ignore[arg-type]
    stage = open_lift_stage(rig, settings, COCO_17)
    evidence, plain = _evidence(rig, _pictures(rig))
    found = stage.lifted(evidence, plain)
    known = np.array(joint_map(PUBLISHED_SETS[spec.joints], COCO_17)) >= 0
    assert len(found) == 2
    for one, before in zip(found, plain, strict=True):
        assert one.xyz.shape == (17, 3)
        assert (one.xyz[~known] == before.xyz[~known]).all()
        assert np.isfinite(one.covariance[np.isfinite(one.xyz[:, 0])]).all()
    if lift == "canonical":  # always answers, with fresh weights anything
        assert all(
            (one.xyz[known] != before.xyz[known]).any() for one, before in zip(found, plain, strict=True)
        )
    assert stage.note() == ""


def test_without_a_camera_it_is_triangulated_and_counted(tmp_path: Path) -> None:
    rig = ring_rig(3)
    path, _ = _weights("canonical", tmp_path, rig)
    stage = open_lift_stage(rig, PipelineSettings(lift="canonical", lift_weights=str(path)), COCO_17)
    evidence, plain = _evidence(rig, _pictures(rig, missing="cam01"))
    assert stage.lifted(evidence, plain) == plain
    assert stage.note() == (
        "lift canonical: 0 of 2 skeletons, the others are triangulated (2 with a camera missing)"
    )


def test_other_rigs_and_weights_are_refused_with_the_remedy(tmp_path: Path) -> None:
    rig = ring_rig(3)
    path, _ = _weights("canonical", tmp_path, rig)

    def opened(rig: Rig, **settings: object) -> object:
        values = {"lift": "canonical", "lift_weights": str(path), **settings}
        return open_lift_stage(rig, PipelineSettings(**values), COCO_17)  # type: ignore[arg-type]

    with pytest.raises(SettingsError, match=r"needs weights .* --lift-weights FILE, or use --lift dlt"):
        opened(rig, lift_weights="")
    with pytest.raises(SettingsError, match=r"was trained for 3 cameras, the rig has 4: use --lift dlt"):
        opened(ring_rig(4))
    with pytest.raises(SettingsError, match=r"camera \d stands 0\.\d\d m .* from cam0\d"):
        opened(ring_rig(3, radius_m=4.9))
    with pytest.raises(SettingsError, match=r"holds 'canonical-fusion', lift 'cross_view' runs cross-view-"):
        opened(rig, lift="cross_view")
    assert isinstance(opened(ring_rig(4), lift_any_rig=True), NetworkStage)  # this network takes any number
    path, _ = _weights("canonical", tmp_path, None)
    with pytest.raises(SettingsError, match=r"does not say for which rig .* lift_any_rig=true"):
        opened(rig)


def test_fusion_of_three_views_never_takes_four(tmp_path: Path) -> None:
    path, _ = _weights("cross_view", tmp_path, None)
    settings = PipelineSettings(lift="cross_view", lift_weights=str(path), lift_any_rig=True)
    with pytest.raises(SettingsError, match=r"takes 3 views, the rig has 4: use --lift dlt"):
        open_lift_stage(ring_rig(4), settings, COCO_17)


@pytest.mark.parametrize("preset", ["clean", "compat"])
def test_the_two_stage_network_answers_in_metres_around_the_chest(preset: PresetName) -> None:
    """With fresh weights all voxels are about alike, so joints fall near the middle of the box."""
    rig = ring_rig(3)
    torch.manual_seed(0)
    spec = network("two-stage-vgg", preset)
    spec = replace(spec, picture=replace(spec.picture, size_px=(_SIDE, _SIDE)))
    stage = NetworkStage(rig, COCO_17, spec.module(voxels=8).eval(), spec, 0.12)
    evidence, plain = _evidence(rig, _pictures(rig))
    found = stage.lifted(evidence, plain)
    chest = np.array([0.0, 0.0, 1.30])
    knee = COCO_17.index("left_knee")
    assert np.linalg.norm(found[0].xyz[knee] - chest) < 1.6 * np.sqrt(3)
    apart = found[1].xyz[knee] - found[0].xyz[knee] - (0.9, 0.4, 0.0)
    assert np.linalg.norm(apart) < 1.6
    assert found[0].xyz[knee, 0] != plain[0].xyz[knee, 0]
    assert found[0].views[knee] == 3


class _Draws(nn.Module):
    """In place of a trained network: heatmaps of a person who stands, at the places of Cross View Fusion's targets."""

    def __init__(self, rig: Rig, spec: NetworkSpec) -> None:
        super().__init__()
        self.rig, self.joints = rig, PUBLISHED_SETS[spec.joints]

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        where = np.array(joint_map(COCO_17, self.joints))
        root, side = STANDING[[11, 12]].mean(axis=0), pictures.shape[-1] // 4
        maps = np.zeros((len(pictures), len(self.rig), len(where), side, side))
        cells = np.arange(side)
        for view, camera in enumerate(self.rig.cameras):
            edge_px = 2.0 * camera.focal_px / camera.in_camera(root)[2]
            place = heatmap_from_image(
                torch.from_numpy(camera.project(root) + np.array([0.0, 0.05 * edge_px])),
                torch.tensor(edge_px, dtype=torch.float64),
                side,
            ).numpy()
            x, y = (camera.project(STANDING)[where[where >= 0]] @ place[:, :2].T + place[:, 2]).T
            maps[0, view, where >= 0] = np.exp(
                -0.5
                * ((cells[None, :, None] - y[:, None, None]) ** 2 + (cells - x[:, None, None]) ** 2)
                / 1.5**2
            )
        return torch.from_numpy(maps), torch.from_numpy(maps)


def test_heatmaps_where_targets_are_give_the_joints_back() -> None:
    """Crops, cells and lenses agree all the way: what is drawn where joints are, comes back in millimetres."""
    rig = ring_rig(3)
    spec = _spec("cross_view")
    straight = PinholeViews(rig).rig  # pictures reach a network without distortion
    stage = NetworkStage(rig, COCO_17, _Draws(straight, spec), spec, 0.12)
    evidence, plain = _evidence(rig, _pictures(rig))
    (found,) = stage.lifted(evidence, plain[:1])
    known = np.array(joint_map(PUBLISHED_SETS[spec.joints], COCO_17)) >= 0
    assert known.sum() >= 12
    assert np.linalg.norm(found.xyz - STANDING, axis=1)[known].max() < 0.001  # a cell is 12 cm wide
    assert (found.views[known] == 3).all()


def test_the_pipeline_runs_with_a_network_and_starts_anew(tmp_path: Path) -> None:
    rig = ring_rig(3)
    path, _ = _weights("canonical", tmp_path, rig)
    settings = PipelineSettings(lift="canonical", lift_weights=str(path))
    onlooker = Onlooker(rig)
    onlooker.people = STANDING[None]
    stage = open_lift_stage(rig, settings, COCO_17)
    pipeline = Pipeline(rig, settings, onlooker, onlooker, stage)  # type: ignore[arg-type]
    for index in range(3):
        pipeline.step(frame_set(rig, index, {"cam01"} if index else set()))
    assert "with a camera missing" in pipeline.lift_stage.note()
    assert pipeline.anew().lift_stage.note() == ""
