from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
import torch
from parity import Fixture, compare, filled, parity

from posecap.models.checkpoints import load_checkpoint
from posecap.models.cross_view import CrossView
from posecap.models.errors import CheckpointError, NetworkError
from posecap.models.networks import names, network
from posecap.models.view_fusion import ViewFusion

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def published() -> tuple[Fixture, CrossView]:
    """The fixture, and the network in `compat` with its weights; crops of 64 px."""
    fixture = parity("cross_view/r50_fusion_img64_hm16")
    spec = network("cross-view-resnet-50", "compat")
    with torch.device("meta"):
        module = spec.module(side_px=64)
    filled(module, fixture, spec.key_map())
    assert isinstance(module, CrossView)
    return fixture, module


def answers(
    published: tuple[Fixture, CrossView], preset: str = "compat"
) -> tuple[torch.Tensor, torch.Tensor]:
    fixture, module = published
    x = network("cross-view-resnet-50", preset).picture.prepare(fixture["image_u8_bgr"])  # pyright: ignore[reportArgumentType]
    with torch.inference_mode():
        single, fused = module(torch.from_numpy(x)[None])
    return single[0], fused[0]


def test_heatmaps_are_those_of_the_original(published) -> None:
    fixture, _ = published
    single, fused = answers(published)
    compare("single", single, fixture, relative=1e-4)
    compare("fused", fused, fixture, relative=1e-4)
    for name, maps in (("single", single), ("fused", fused)):
        tolerance = 1e-4 * np.abs(fixture[name]).max() * 256
        compare(f"{name}_sum", maps.double().sum((-1, -2)), fixture, absolute=float(tolerance))


def test_swapped_channels_are_noticed(published) -> None:
    with pytest.raises(AssertionError, match="fused: differs by"):
        compare("fused", answers(published, "clean")[1], published[0], relative=1e-4)


def test_another_order_of_the_matrices_is_noticed(published) -> None:
    fixture, module = published
    x = torch.from_numpy(fixture["single"])[None]
    with torch.inference_mode():
        compare("fused", module.aggre_layer(x)[0], fixture, relative=1e-4)
        turned = module.aggre_layer(x.flip(1)).flip(1)
    with pytest.raises(AssertionError, match="fused: differs by"):
        compare("fused", turned[0], fixture, relative=1e-4)


@pytest.mark.parametrize("views", [2, 3, 4, 5])
def test_equal_views_that_agree_stay_as_they_are_only_with_normalised_weights(views: int) -> None:
    x = torch.rand(2, 1, 3, 4, 5).expand(-1, views, -1, -1, -1)
    for weights, total in (("normalised", 1.0), ("fixed", 0.4 + 0.2 * (views - 1))):
        layer = ViewFusion(views, 20, weights)  # pyright: ignore[reportArgumentType]
        for warp in layer.aggre:
            torch.nn.init.eye_(warp.weight)  # pyright: ignore[reportArgumentType]
        torch.testing.assert_close(layer(x), total * x)


def test_an_absent_view_says_nothing_and_is_told() -> None:
    layer = ViewFusion(3, 20)
    for warp in layer.aggre:
        torch.nn.init.eye_(warp.weight)  # pyright: ignore[reportArgumentType]
    x = torch.rand(1, 1, 2, 4, 5).repeat(1, 3, 1, 1, 1)
    expected = x.clone()
    x[:, 1] = torch.nan
    torch.testing.assert_close(layer(x, torch.tensor([[True, False, True]])), expected)


def test_a_picture_that_is_not_there_leaves_the_gradient_of_the_backbone_whole() -> None:
    torch.manual_seed(0)
    module = network("cross-view-mobilenet-v2").module(side_px=32, views=2).eval()
    pictures = torch.rand(1, 2, 3, 32, 32)
    pictures[:, 1] = torch.nan
    _, fused = module(pictures, torch.tensor([[True, False]]))
    fused.square().sum().backward()
    assert all(one.grad is None or torch.isfinite(one.grad).all() for one in module.parameters())
    assert any(one.grad is not None and one.grad.any() for one in module.resnet.parameters())


def test_the_presets_differ_in_weights_and_channels() -> None:
    for name in names("cross_view"):
        compat, clean = network(name, "compat"), network(name)
        assert (compat.picture.channels, compat.options["weights"]) == ("bgr", "fixed")
        assert (clean.picture.channels, clean.options["weights"]) == ("rgb", "normalised")
        assert compat.picture.size_px == (compat.options["side_px"],) * 2


@pytest.mark.parametrize("name", names("cross_view"))
def test_every_backbone_gives_maps_of_a_quarter(name: str) -> None:
    spec = network(name)
    with torch.device("meta"):
        single, fused = spec.module()(*spec.example_inputs(1))
    side = spec.picture.size_px[0] // 4
    assert single.shape == fused.shape == (1, 4, 20, side, side)


def test_a_file_in_the_original_layout_loads_with_no_key_left(tmp_path: Path) -> None:
    spec = network("cross-view-mobilenet-v2", "compat")
    torch.manual_seed(0)
    source, target = spec.module(side_px=32, views=3), spec.module(side_px=32, views=3)
    keys = set(source.state_dict())
    assert {"resnet.mobilenetv2.features.0.0.weight", "aggre_layer.aggre.5.weight"} <= keys
    path = tmp_path / "checkpoint.pth.tar"
    torch.save({"epoch": 3, "model": "multiview", "state_dict": source.state_dict(), "perf": 0.5}, path)
    assert load_checkpoint(path, target, spec).misfits == ()
    x = torch.rand(1, 3, 3, 32, 32)
    source.eval(), target.eval()
    with torch.inference_mode():
        torch.testing.assert_close(source(x), target(x), rtol=0, atol=0)
    with pytest.raises(CheckpointError, match="aggre"):
        load_checkpoint(path, spec.module(side_px=32, views=4), spec)


def test_heatmaps_of_another_rig_are_refused() -> None:
    with pytest.raises(NetworkError, match="built for 3 views of 20 cells, got heatmaps"):
        ViewFusion(3, 20)(torch.zeros(1, 4, 2, 4, 5))
    with pytest.raises(NetworkError, match="fusion of 1 view: give 2 or more"):
        ViewFusion(1, 20)
    with pytest.raises(NetworkError, match="no backbone 'vgg': choose"):
        CrossView("vgg")  # pyright: ignore[reportArgumentType]
