from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch
from parity import Fixture, compare, filled, parity
from torch import Tensor

from posecap.models.checkpoints import load_checkpoint
from posecap.models.errors import CheckpointError, NetworkError
from posecap.models.export_onnx import export
from posecap.models.networks import network
from posecap.models.published_joints import TWO_STAGE_17
from posecap.models.two_stage import Stage, TwoStageNet, TwoStageSettings, example, two_stage
from posecap.models.two_stage_losses import LossSettings, two_stage_losses
from posecap.models.verify_onnx import verify
from posecap.models.view_enhancement import enhance_views

torch.set_num_threads(1)

COMPAT = network("two-stage-vgg", "compat")


@pytest.fixture(scope="module")
def published() -> tuple[Fixture, TwoStageNet]:
    """The fixture, and the network in `compat` with its weights; 16 voxels."""
    fixture = parity("two_stage/s96_v16")
    module = filled(COMPAT.module(voxels=16), fixture)
    assert isinstance(module, TwoStageNet)
    return fixture, module


def inputs(fixture: Fixture) -> tuple[Tensor, Tensor, Tensor]:
    pictures = COMPAT.picture.prepare(fixture["image_u8_rgb"][..., ::-1])
    return (
        torch.from_numpy(pictures),
        torch.from_numpy(fixture["proj"]),
        torch.from_numpy(fixture["body_center"]),
    )


@pytest.fixture(scope="module")
def features(published) -> Tensor:
    """(2, 4, 32, 24, 24) of the fixture's pictures."""
    with torch.inference_mode():
        return published[1].backbone(inputs(published[0])[0].flatten(0, 1)).unflatten(0, (2, 4))


@pytest.fixture(scope="module")
def stages(published, features) -> tuple[Stage, Stage]:
    _, projections, centre = inputs(published[0])
    with torch.inference_mode():
        return published[1].volume_net(features, projections, centre)


def test_features_and_volumes_are_those_of_the_original(published, features) -> None:
    fixture, module = published
    _, projections, centre = inputs(fixture)
    compare("feat2d", features.flatten(0, 1), fixture, relative=1e-4)
    volumes = module.volume_net.unprojected(features, projections, centre - 1600, centre + 1600)
    compare("vol_proj", volumes[..., ::4, ::4, ::4], fixture, relative=1e-4)
    enhanced = enhance_views(volumes, "sequential")
    compare("vol_enhanced", enhanced[..., ::4, ::4, ::4], fixture, relative=1e-4)


def test_both_stages_are_those_of_the_original(published, stages) -> None:
    fixture, _ = published
    first, second = stages
    compare("vmin", torch.stack([first.lower, second.lower], 1), fixture, absolute=1e-2)
    compare("vmax", torch.stack([first.upper, second.upper], 1), fixture, absolute=1e-2)
    compare("hm1", first.heatmaps, fixture, relative=1e-4)
    compare("out1", first.joints, fixture, absolute=1e-4)
    compare("hm2", second.heatmaps[..., ::2, ::2, ::2], fixture, relative=1e-4)
    tolerance = 1e-4 * float(np.abs(fixture["hm2"]).max()) * 16**3
    compare("hm2_sum", second.heatmaps.double().sum((2, 3, 4)), fixture, absolute=tolerance)
    compare("out2", second.joints, fixture, absolute=1e-4)


def test_losses_through_the_network_are_those_of_the_original(published, stages) -> None:
    fixture, _ = published
    lower, upper = torch.from_numpy(fixture["loss_vmin"]), torch.from_numpy(fixture["loss_vmax"])
    boxed = [stage._replace(lower=lower[:, i], upper=upper[:, i]) for i, stage in enumerate(stages)]
    points = torch.from_numpy(fixture["loss_gt"])
    for drop in ("batch", "sample"):  # the fixture's joints are all inside
        losses = two_stage_losses(boxed, points, LossSettings(drop))
        for ours, name in zip(losses, ("l1", "vce", "ang", "len"), strict=True):
            assert float(ours) == pytest.approx(float(fixture[f"loss_{name}"]), rel=1e-4), (drop, name)


def test_the_whole_network_is_its_parts(published, stages) -> None:
    fixture, module = published
    with torch.inference_mode():
        whole = module(*(tensor[:1] for tensor in inputs(fixture)))
    for ours, parts in zip(whole, stages, strict=True):
        for a, b in zip(ours, parts, strict=True):
            torch.testing.assert_close(a, b[:1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("quirk", "array"),
    [
        ({"update": "simultaneous"}, "hm1"),
        ({"edge": "border"}, "vol_proj"),
        ({"half_pixel": True}, "vol_proj"),
        ({"aggregation": "sum"}, "hm1"),
    ],
)
def test_each_quirk_is_noticed(published, features, quirk: dict[str, Any], array: str) -> None:
    fixture, module = published
    _, projections, centre = inputs(fixture)
    other = two_stage(**{**COMPAT.options, "voxels": 16, **quirk}).eval()
    other.load_state_dict(module.state_dict())
    with torch.inference_mode():
        if array == "hm1":
            ours = other.volume_net(features, projections, centre)[0].heatmaps
        else:
            volumes = other.volume_net.unprojected(features, projections, centre - 1600, centre + 1600)
            ours = volumes[..., ::4, ::4, ::4]
    with pytest.raises(AssertionError, match=f"{array}: differs by"):
        compare(array, ours, fixture, relative=1e-4)


def test_swapped_channels_are_noticed(published) -> None:
    fixture, module = published
    pictures = inputs(fixture)[0].flip(2)
    with torch.inference_mode():
        ours = module.backbone(pictures.flatten(0, 1))
    with pytest.raises(AssertionError, match="feat2d: differs by"):
        compare("feat2d", ours, fixture, relative=1e-4)


def test_the_presets_differ_where_the_table_says() -> None:
    clean = network("two-stage-vgg")
    assert TwoStageSettings(**COMPAT.options) == TwoStageSettings(  # pyright: ignore[reportArgumentType]
        half_size=1600.0, update="sequential", edge="original", half_pixel=False, mask_behind=False
    )
    assert TwoStageSettings(**clean.options) == TwoStageSettings()  # pyright: ignore[reportArgumentType]
    black = np.zeros((400, 400, 3), np.uint8)
    white = np.full((400, 400, 3), (255, 0, 0), np.uint8)  # blue
    for spec, high, blue in ((COMPAT, 0.5, 2), (clean, 255 / 256 - 0.5, 0)):
        assert np.all(spec.picture.prepare(black) == -0.5)
        assert spec.picture.prepare(white)[:, 0, 0].argmax() == blue
        assert spec.picture.prepare(white).max() == pytest.approx(high)
        assert spec.joints == TWO_STAGE_17.name
        assert spec.options["joints"] == len(TWO_STAGE_17.names)


def small(**options: Any) -> TwoStageNet:
    torch.manual_seed(0)
    module = two_stage(voxels=8, **options).eval()
    for layer in module.modules():  # maps that are not flat, so that there are peaks
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
    return module


def scene(views: int, batch: int = 1, side: int = 32) -> tuple[Tensor, Tensor, Tensor]:
    """Noise and the cameras of `example`, four or fewer."""
    torch.manual_seed(1)
    pictures = torch.rand(batch, 4, 3, side, side) - 0.5
    _, projections, centre = example(network("two-stage-vgg"), batch)
    projections = projections * torch.tensor([side / 400, side / 400, 1])[:, None]
    return pictures[:, :views], projections[:, :views], centre


def test_metres_and_millimetres_are_the_same() -> None:
    pictures, projections, centre = scene(3)
    metres = small()
    millimetres = small(half_size=1600.0)
    millimetres.load_state_dict(metres.state_dict())
    scaled = projections * torch.tensor([1, 1, 1, 1000.0])
    with torch.inference_mode():
        ours, theirs = metres(pictures, projections, centre)[1], millimetres(pictures, scaled, centre)[1]
    torch.testing.assert_close(ours.joints, theirs.joints, rtol=0, atol=1e-4)
    torch.testing.assert_close(ours.points * 1000, theirs.points, rtol=0, atol=0.1)


def test_the_clean_network_does_not_care_for_the_order_of_views_and_takes_any_number() -> None:
    clean = small()
    compat = small(update="sequential")
    compat.load_state_dict(clean.state_dict())
    pictures, projections, centre = scene(4)
    turned = pictures.flip(1), projections.flip(1), centre
    with torch.inference_mode():
        torch.testing.assert_close(
            clean(pictures, projections, centre)[0].heatmaps, clean(*turned)[0].heatmaps, rtol=0, atol=1e-4
        )
        a, b = compat(pictures, projections, centre)[0].heatmaps, compat(*turned)[0].heatmaps
        assert float((a - b).abs().max()) > 1e-2
        for views in (1, 2):
            assert clean(pictures[:, :views], projections[:, :views], centre)[1].points.shape == (1, 17, 3)


def test_points_are_the_joints_in_their_box_and_the_second_box_lies_in_the_first() -> None:
    with torch.inference_mode():
        first, second = small(joints=3)(*scene(2, batch=2))
    for stage in (first, second):
        expected = stage.lower[:, None] + (stage.joints + 1) / 2 * (stage.upper - stage.lower)[:, None]
        torch.testing.assert_close(stage.points, expected, rtol=0, atol=1e-5)
    assert torch.all(second.lower >= first.lower - 1e-6)
    assert torch.all(second.upper <= first.upper + 1e-6)
    assert first.heatmaps.shape == (2, 3, 4, 4, 4)
    assert second.heatmaps.shape == (2, 3, 8, 8, 8)


def test_only_the_vgg_part_is_frozen() -> None:
    module = two_stage()
    assert sum(p.numel() for p in module.parameters()) == 12_454_558
    trained = [name for name, p in module.named_parameters() if p.requires_grad]
    assert round(sum(p.numel() for p in module.parameters() if p.requires_grad) / 1e6, 2) == 5.11
    assert "backbone.conv_200x200.weight" in trained
    assert not any(
        name.startswith(("backbone.model1_2", "backbone.model3", "backbone.model4")) for name in trained
    )
    assert all(p.requires_grad for p in two_stage(freeze_vgg=False).parameters())


def test_a_file_in_the_original_layout_loads_with_no_key_left(tmp_path: Path) -> None:
    source, target = COMPAT.module(voxels=8), COMPAT.module(voxels=8)
    path = tmp_path / "checkpoint_ep14_itir_99.pkl"
    state = {f"module.{key}": value for key, value in source.state_dict().items()}
    assert len(state) == 286
    torch.save(state, path)
    assert load_checkpoint(path, target, COMPAT).misfits == ()
    for key, value in target.state_dict().items():
        assert torch.equal(value, state[f"module.{key}"])
    torch.save({**state, "module.backbone.surplus": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="surplus"):
        load_checkpoint(path, target, COMPAT)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"voxels": 20}, "20 voxels an axis, expected a multiple of 8: use 32"),
        ({"half_size": 0.0}, "half size 0.0 is not positive: use 1.6 for metres"),
        ({"update": "random"}, "update 'random' is unknown: choose sequential or simultaneous"),
        ({"edge": "mirror"}, "edge 'mirror' is unknown: choose original or border or zero"),
        ({"aggregation": "max"}, "aggregation 'max' is unknown: choose avg or sum"),
    ],
)
def test_impossible_settings_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        two_stage(**options)


@pytest.mark.slow
@pytest.mark.timeout(600)  # a minute of exporting where nobody else computes
def test_engines_agree_with_pytorch_at_any_batch_and_number_of_views(tmp_path: Path) -> None:
    module, path = small(), tmp_path / "clean.onnx"
    spec = network("two-stage-vgg")
    free = [dict(enumerate(axes)) for axes in spec.inputs.values()]
    export(module, scene(3, batch=2), path, outputs=spec.outputs, dynamic=free)
    for batch, views in ((1, 4), (3, 2)):
        for verified in verify(path, module, scene(views, batch), views=views, repeats=0):
            assert verified.difference < 1e-4, verified


@pytest.mark.slow
@pytest.mark.timeout(600)  # a minute of exporting where nobody else computes
def test_the_published_arithmetic_exports_with_a_fixed_number_of_views(published, tmp_path: Path) -> None:
    fixture, module = published
    path = tmp_path / "compat.onnx"
    export(module, inputs(fixture), path, outputs=COMPAT.outputs)
    for verified in verify(path, module, inputs(fixture), views=4, repeats=0):
        assert verified.difference < 1e-4, verified
