"""Canonical fusion: the numbers of the original network, its Keras files, and what the clean preset does otherwise."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from parity import compare, filled, keras_names, parity  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from posecap.models.canonical_fusion import CanonicalFusion, CanonicalSettings, ViewNorm  # noqa: E402
from posecap.models.canonical_keys import our_key  # noqa: E402
from posecap.models.checkpoints import load_checkpoint  # noqa: E402
from posecap.models.errors import CheckpointError, NetworkError  # noqa: E402
from posecap.models.networks import NetworkSpec, network  # noqa: E402

BLOCKS_152 = (3, 8, 36, 3)


def small(**changes: object) -> CanonicalFusion:
    """ResNet-18 under 64 x 64 pictures, with heads that see something."""
    torch.manual_seed(0)
    module = CanonicalFusion(CanonicalSettings(layers=18, joints=3, side_px=64, **changes))  # pyright: ignore
    for part in (module.reduce, module.fuse, module.expand, module.decoder, module.final_layer):
        for layer in part.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(layer.weight)
    return module.eval()


def small_inputs(batch: int = 2, views: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    from posecap.models.canonical_fusion import ring

    torch.manual_seed(1)
    P, inverse = ring(batch, views, 64, "metres, -1 to 1")
    return torch.rand(batch, views, 3, 64, 64), P, inverse


@pytest.fixture(scope="module")
def original() -> tuple:
    """The network with the fixture's weights, its spec, the fixture and the inputs."""
    fixture = parity("canonical/views4")
    spec = network("canonical-fusion", "compat")
    names = keras_names(fixture)
    module = filled(spec.module(), fixture, lambda key: our_key(names[key]))
    pictures = torch.from_numpy(spec.picture.prepare(fixture["image_u8_bgr"])).transpose(0, 1)
    P, inverse = (torch.from_numpy(fixture[name])[None] for name in ("P", "Pinv"))
    return module, spec, fixture, pictures, P, inverse


@torch.no_grad()
def test_the_numbers_of_the_original(original: tuple) -> None:
    module, _, fixture, pictures, P, inverse = original
    features = module.encode(pictures)
    compare("encoder_view0", features[:, 0, ::4].permute(0, 2, 3, 1), fixture, relative=1e-4)
    heatmaps = module.decode(module.fused(features, inverse), P)
    compare("heatmaps", heatmaps[0, :, :, ::4, ::4].permute(0, 2, 3, 1), fixture, absolute=2e-5)
    compare("heatmaps_sum", heatmaps[0].double().sum((-1, -2)), fixture, absolute=2e-5 * 64)
    compare("kpts", module.soft_argmax(heatmaps), fixture, absolute=5e-3)
    # views have their own norms and their own weights: they cannot exchange their places
    order = [1, 0, 2, 3]
    swapped = module.decode(module.fused(features[:, order], inverse[:, order]), P[:, order])[:, order]
    with pytest.raises(AssertionError, match="kpts"):
        compare("kpts", module.soft_argmax(swapped), fixture, absolute=5e-3)


@torch.no_grad()
def test_pictures_without_the_original_range_are_something_else(original: tuple) -> None:
    module, _, fixture, pictures, *_ = original
    features = module.encode(pictures[:, :1] / 255)
    with pytest.raises(AssertionError, match="encoder_view0"):
        compare("encoder_view0", features[:, 0, ::4].permute(0, 2, 3, 1), fixture, relative=1e-4)


@pytest.mark.parametrize("preset", ["compat", "clean"])
def test_every_norm_keeps_as_keras_does(preset: str) -> None:
    """Keras' 0.99 is what it keeps of the running statistics; PyTorch's 0.1 would forget ten times as fast."""
    with torch.device("meta"):
        module = network("canonical-fusion", preset).module()  # pyright: ignore[reportArgumentType]
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {0.01}
    assert {norm.eps for norm in module.encoder.modules() if isinstance(norm, nn.BatchNorm2d)} == {1.001e-5}  # pyright: ignore
    assert len(norms) == 155 + 3 + 2 + (8 if preset == "compat" else 2)


def test_only_clean_takes_away_the_colour_that_the_trunk_learnt_without() -> None:
    """Keras' ResNet wants pictures without the mean of ImageNet, in BGR; the original gives them as they are."""
    picture = np.full((2, 2, 3), (104, 117, 124), np.uint8)
    clean, compat = (network("canonical-fusion", preset).picture for preset in ("clean", "compat"))  # pyright: ignore
    expected = np.array([104 - 103.939, 117 - 116.779, 124 - 123.68])
    np.testing.assert_allclose(clean.prepare(picture)[:, 1, 0], expected, atol=1e-5)
    np.testing.assert_array_equal(compat.prepare(picture)[:, 1, 0], [104, 117, 124])
    assert compat.channels == clean.channels == "bgr"
    assert (compat.divisor, compat.std) == (clean.divisor, clean.std) == (1.0, (1.0, 1.0, 1.0))


@torch.no_grad()
def test_the_sign_of_the_shift_changes_points_and_nothing_else() -> None:
    inputs = small_inputs()
    xy, xyz = small(shift=1e-3, iterations=1)(*inputs)
    other_xy, other_xyz = small(shift=-1e-3, iterations=1)(*inputs)
    assert torch.equal(xy, other_xy)
    assert ((xyz - other_xyz).norm(dim=-1) / xyz.norm(dim=-1)).min() > 2e-5
    presets = [network("canonical-fusion", preset).options["shift"] for preset in ("compat", "clean")]  # pyright: ignore
    assert presets == [-1e-3, 1e-3]


def test_kernel_1_sees_one_cell_in_64_and_kernel_4_all() -> None:
    """What the original's heatmaps hold beside every eighth cell is three constants for each joint."""
    inputs = small_inputs()
    with torch.no_grad():
        heatmaps = {}
        for kernel in (1, 4):
            module = small(decoder_kernel=kernel)
            features = module.encode(inputs[0])
            heatmaps[kernel] = module.decode(module.fused(features, inputs[2]), inputs[1])
    assert heatmaps[1].shape == heatmaps[4].shape == (2, 4, 3, 16, 16)
    for step in (1, 2, 4):  # what the last, the second and the first of the three convolutions leave empty
        grid = heatmaps[1][..., ::step, ::step]
        assert (grid[..., 1::2, :] - grid[..., 1:2, :1]).abs().max() < 1e-6
        assert (grid[..., :, 1::2] - grid[..., 1:2, :1]).abs().max() < 1e-6
        assert heatmaps[4][..., 1::step, ::step].std((-1, -2)).min() > 1e-4
    assert heatmaps[1][..., ::8, ::8].std((-1, -2)).min() > 1e-4


@torch.no_grad()
def test_clean_takes_any_number_of_views_in_any_order() -> None:
    module = small()
    pictures, P, inverse = small_inputs(views=5)
    for views in (1, 2, 5):
        xy, xyz = module(pictures[:, :views], P[:, :views], inverse[:, :views])
        assert xy.shape == (2, views, 3, 2)
        assert xyz.shape == (2, 3, 3)
        assert xyz.isnan().all() if views == 1 else xyz.isfinite().all()
    order = [3, 0, 4, 1, 2]
    moved_xy, moved_xyz = module(pictures[:, order], P[:, order], inverse[:, order])
    torch.testing.assert_close(moved_xy, xy[:, order], atol=1e-5, rtol=0)
    torch.testing.assert_close(moved_xyz, xyz, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("views", [2, 3])
@torch.no_grad()
def test_concatenation_has_weights_for_its_views(views: int) -> None:
    module = small(fusion="concatenate", view_norms="each", views=views)
    xy, _ = module(*small_inputs(views=views))
    assert xy.shape == (2, views, 3, 2)
    with pytest.raises(NetworkError, match=f"got {views + 1} views, the network has weights for {views}: "):
        module(*small_inputs(views=views + 1))


@torch.no_grad()
def test_a_view_has_its_own_norm_only_in_the_original() -> None:
    x = torch.rand(2, 2, 3, 4, 4).expand(-1, -1, -1, -1, -1).clone()
    x[:, 1] = x[:, 0]
    for views, same in ((1, True), (2, False)):
        norm = ViewNorm(3, views).eval()
        norm.norms[-1].running_mean += 1.0 if views == 2 else 0.0  # pyright: ignore[reportOperatorIssue]
        y = norm(x)
        assert torch.equal(y[:, 0], y[:, 1]) == same


@torch.no_grad()
def test_units_move_the_heatmap_coordinates() -> None:
    heatmaps = torch.zeros(1, 1, 3, 16, 16)
    heatmaps[..., 5, 12] = 1.0
    np.testing.assert_allclose(small().soft_argmax(heatmaps)[0, 0, 0], [2 * 12.5 / 16 - 1, 2 * 5.5 / 16 - 1])
    original = small(units="millimetres, pixels")
    np.testing.assert_allclose(original.soft_argmax(heatmaps)[0, 0, 0], [12, 5])


def keras_layers() -> Iterator[tuple[str, tuple[int, ...]]]:
    """(weight, Keras' shape) of the original, written down from Keras' ResNet-152 and the description."""

    def convolution(
        name: str, kernel: int, inputs: int, outputs: int
    ) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{name}/kernel:0", (kernel, kernel, inputs, outputs)
        yield f"{name}/bias:0", (outputs if "transpose" not in name else inputs,)

    def norm(name: str, channels: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        for weight in ("gamma", "beta", "moving_mean", "moving_variance"):
            yield f"{name}/{weight}:0", (channels,)

    yield from convolution("conv1_conv", 7, 3, 64)
    yield from norm("conv1_bn", 64)
    channels = 64
    for stage, blocks in enumerate(BLOCKS_152):
        width = 64 * 2**stage
        for block in range(blocks):
            name = f"conv{stage + 2}_block{block + 1}"
            if block == 0:
                yield from convolution(f"{name}_0_conv", 1, channels, 4 * width)
                yield from norm(f"{name}_0_bn", 4 * width)
            for place, kernel, before, after in (
                (1, 1, channels, width),
                (2, 3, width, width),
                (3, 1, width, 4 * width),
            ):
                yield from convolution(f"{name}_{place}_conv", kernel, before, after)
                yield from norm(f"{name}_{place}_bn", after)
            channels = 4 * width
    for index, suffix in enumerate(("", "_1", "_2")):
        yield from convolution(f"conv2d_transpose{suffix}", 1, 256, 2048 if index == 0 else 256)
        yield from norm(f"batch_normalization{suffix}", 256)
    yield from convolution("conv2d", 1, 256, 14)
    yield from convolution("shared_2048_to_300", 1, 2048, 300)
    yield from convolution("conv2d_1", 1, 1600, 400)
    yield from convolution("conv2d_2", 1, 400, 400)
    yield from convolution("shared_300_to_2048", 1, 300, 2048)
    for index in range(3, 13):
        yield from norm(f"batch_normalization_{index}", 300 if index < 7 else 400 if index < 9 else 2048)


def write_keras(path: Path) -> dict[str, float]:
    """A whole Keras model; each weight is filled with its own number, so that the file stays small."""
    h5py = pytest.importorskip("h5py")
    values = {}
    with h5py.File(path, "w") as file:
        file.create_dataset("optimizer_weights/Adam/iter:0", data=7501)
        layers: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
        for name, shape in keras_layers():
            layer = name.split("/")[0]
            own = (
                layer.startswith(("conv2d", "shared")) or layer.removeprefix("batch_normalization_").isdigit()
            )
            inner = layer in ("conv2d", "conv2d_transpose") or "transpose" in layer
            layers.setdefault(layer if own and not inner else "model", []).append((name, shape))
        for layer, weights in layers.items():
            group = file.create_group(f"model_weights/{layer}")
            group.attrs["weight_names"] = [name.encode() for name, _ in weights]
            for name, shape in weights:
                values[name] = 1.0 + len(values)
                group.create_dataset(name, shape, "f4", fillvalue=values[name])
    return values


@pytest.fixture(scope="module")
def compat() -> tuple[nn.Module, NetworkSpec]:
    spec = network("canonical-fusion", "compat")
    with torch.device("meta"):
        module = spec.module()
    return module.to_empty(device="cpu"), spec


def test_the_map_has_a_partner_for_all_998_tensors(compat: tuple[nn.Module, NetworkSpec]) -> None:
    ours = {
        key: tuple(tensor.shape)
        for key, tensor in compat[0].state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    theirs = {}
    for name, shape in keras_layers():
        turned = (shape[3], shape[2], shape[0], shape[1]) if len(shape) == 4 else shape
        theirs[our_key(name)] = turned
    assert theirs == ours
    assert len(theirs) == 998
    assert sum(int(np.prod(shape)) for shape in ours.values()) == 61_106_458
    assert our_key("dense/kernel:0") == "dense/kernel:0"


def test_the_names_are_those_of_the_original() -> None:
    records = parity("canonical/views4").description["tensors"]
    assert dict(keras_layers()) == {record["keras_name"]: tuple(record["keras_shape"]) for record in records}


def test_keras_files_load_with_no_key_left_over(
    compat: tuple[nn.Module, NetworkSpec], tmp_path: Path
) -> None:
    module, spec = compat
    path = tmp_path / "canonical_fusion_ep7500.h5"
    values = write_keras(path)
    loaded = load_checkpoint(path, module, spec)
    assert (loaded.layout, loaded.count, loaded.misfits) == ("keras", 998, ())
    state = module.state_dict()
    for name, value in values.items():
        assert (state[our_key(name)] == value).all(), name


def numbered(views: int) -> list[str]:
    """The BatchNorms in the order in which the program makes them."""
    before, fused = 3 + views, 5 + views
    layers = [f"decoder.{3 * n + 1}" for n in range(3)] + [f"reduce_norm.norms.{n}" for n in range(views)]
    layers += ["fuse.1", "fuse.4"] + [f"expand_norm.norms.{n}" for n in range(views)]
    assert (layers.index("fuse.1"), layers.index("expand_norm.norms.0")) == (before, fused)
    return layers


@pytest.mark.parametrize("views", [1, 2, 3, 4, 6])
def test_names_of_files_for_any_number_of_views(views: int) -> None:
    layers = numbered(views)
    keys = [f"batch_normalization{f'_{n}' if n else ''}/gamma:0" for n in range(len(layers))]
    names = our_key.of_file([*keys, "conv2d_1/kernel:0", "conv1_bn/gamma:0"])
    assert names.views == views
    assert [names(key) for key in keys] == [f"{layer}.weight" for layer in layers]
    assert names("conv2d_1/kernel:0") == "fuse.0.weight"
    assert our_key.of_file(["encoder.bn1.weight"]) == our_key


@pytest.mark.parametrize("numbers", [range(12), range(5), [*range(12), 13], range(1, 14)])
def test_norms_of_no_number_of_views_are_refused(numbers: range) -> None:
    keys = [f"batch_normalization{f'_{n}' if n else ''}/gamma:0" for n in numbers]
    with pytest.raises(
        CheckpointError, match=f"has {len(keys)} numbered BatchNorms, expected .* 5 and 2 for each view: save"
    ):
        our_key.of_file(keys)


def test_a_file_for_three_views_loads(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    module, path = small(fusion="concatenate", view_norms="each", views=3), tmp_path / "three.h5"
    with h5py.File(path, "w") as file:
        for number, layer in enumerate(numbered(3)):
            name = f"batch_normalization{f'_{number}' if number else ''}"
            group = file.create_group(f"model_weights/{name}")
            group.attrs["weight_names"] = [f"{name}/gamma:0".encode()]
            group.create_dataset(
                f"{name}/gamma:0", module.get_submodule(layer).weight.shape, "f4", fillvalue=number
            )  # pyright: ignore
    load_checkpoint(path, module, key_map=our_key, partial=True)
    for number, layer in enumerate(numbered(3)):
        assert (module.get_submodule(layer).weight == number).all(), layer  # pyright: ignore


def test_kernels_are_turned_as_keras_applies_them(tmp_path: Path) -> None:
    """Transposed convolutions are (row, column, out, in) in Keras and (in, out, row, column) here."""
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(4, 4, 2, 3)).astype(np.float32)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        group = file.create_group("layer")
        group.attrs["weight_names"] = [b"t/kernel:0"]
        group["t/kernel:0"] = kernel
    layer = nn.ConvTranspose2d(3, 2, 4, bias=False)
    load_checkpoint(tmp_path / "x.h5", layer, key_map=lambda _: "weight")
    one = torch.zeros(1, 3, 1, 1)
    one[0, 1] = 1.0
    np.testing.assert_array_equal(layer(one)[0].detach().permute(1, 2, 0), kernel[..., 1])


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("fusion", "norms"), list(product(("mean", "concatenate"), ("shared", "each")))[::3])
def test_engines_agree(fusion: str, norms: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    from posecap.models.export_onnx import export
    from posecap.models.verify_onnx import verify

    torch.set_num_threads(1)
    module, path = small(fusion=fusion, view_norms=norms), tmp_path / "canonical.onnx"
    with torch.no_grad():
        module.final_layer.weight *= 100  # peaks, so that joints are far from the middle
    free = fusion == "mean"
    axes = {0: "batch", 1: "views"} if free else {0: "batch"}
    export(module, small_inputs(), path, outputs=("keypoints", "points"), dynamic=[axes] * 3)
    for batch, views in ((1, 3), (3, 5)) if free else ((1, 4), (3, 4)):
        for verified in verify(path, module, small_inputs(batch, views), repeats=0):
            assert verified.difference < 1e-4, verified
