"""Weakly supervised 2D + depth: the original's numbers, the defects that only `compat` keeps, files, exports."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from parity import compare, filled, parity  # noqa: E402

from posecap.models.checkpoints import load_checkpoint  # noqa: E402
from posecap.models.depth_decoding import DepthDecoding  # noqa: E402
from posecap.models.errors import CheckpointError, NetworkError  # noqa: E402
from posecap.models.export_onnx import export_network  # noqa: E402
from posecap.models.joints import H36M_17  # noqa: E402
from posecap.models.networks import network  # noqa: E402
from posecap.models.published_joints import MPII_16  # noqa: E402
from posecap.models.verify_onnx import verify  # noqa: E402
from posecap.models.weakly_supervised_losses import heatmap_loss  # noqa: E402


@torch.no_grad()
def test_the_maps_are_those_of_the_original() -> None:
    fixture = parity("weakly_supervised/resnet50")
    spec = network("weakly-supervised-50", "compat")
    module = filled(spec.module(), fixture)
    assert set(module.state_dict()) == fixture.keys
    assert sum(p.numel() for p in module.parameters()) == fixture.description["n_params"]
    hm, depth = module(torch.from_numpy(spec.picture.prepare(fixture["image_u8_bgr"])))
    compare("hm", hm, fixture, relative=1e-4)
    compare("depth", depth, fixture, relative=1e-4)
    clean = network("weakly-supervised-50").picture  # RGB and / 255
    other, _ = module(torch.from_numpy(clean.prepare(fixture["image_u8_bgr"])))
    with pytest.raises(AssertionError, match="hm: differs"):
        compare("hm", other, fixture, relative=1e-4)


def test_joints_are_read_as_the_original_does() -> None:
    fixture = parity("weakly_supervised/resnet50")
    hm, depth = torch.from_numpy(fixture["hm"]), torch.from_numpy(fixture["depth"])
    decoding = network("weakly-supervised-50", "compat").module().decoding
    compare("decoded_xy", decoding.xy(hm), fixture)
    compare("decoded_xyz", decoding.xyz(hm, depth), fixture, absolute=1e-4)
    with pytest.raises(AssertionError, match="decoded_xy: differs"):
        compare("decoded_xy", DepthDecoding(sub_pixel=False).xy(hm), fixture)


def peak(x: int, y: int) -> torch.Tensor:
    maps = torch.zeros(1, 16, 64, 64)
    maps[..., y, x] = 1.0
    maps[..., y, x + 1] = 0.5
    return maps


def test_what_the_y_bias_costs() -> None:
    """Cell (48, 10): the original's y is three quarters of a cell too large, three pixels."""
    assert DepthDecoding(y_bias=True, sub_pixel=False).xy(peak(48, 10))[0, 0].tolist() == [48, 10.75]
    assert DepthDecoding(sub_pixel=False).xy(peak(48, 10))[0, 0].tolist() == [48, 10]
    assert DepthDecoding().xy(peak(48, 10))[0, 0].tolist() == [48.25, 10]


def test_every_way_of_reading_does_its_own_and_no_other() -> None:
    """The bias and the step add up; the hourglass puts the step across into y."""
    both = DepthDecoding(y_bias=True, sub_pixel=True)
    assert both.xy(peak(48, 10))[0, 0].tolist() == [48.25, 10.75]
    assert DepthDecoding(exchanged_step=True).xy(peak(48, 10))[0, 0].tolist() == [48, 10.25]
    with pytest.raises(ValueError, match="exchanged_step without sub_pixel has no step to exchange: set"):
        DepthDecoding(sub_pixel=False, exchanged_step=True)
    depth, heatmaps = torch.zeros(1, 16), peak(32, 26)
    heatmaps[0, 6] = 0.0
    heatmaps[0, 6, 26, 40] = 1.0  # a pelvis without a step, in another column
    for decoding, step in (
        (both, [0.25, 0]),
        (DepthDecoding(sub_pixel=False), [0, 0]),
        (DepthDecoding(exchanged_step=True), [0, 0.25]),
    ):
        found = 64 * decoding.xyz(heatmaps, depth)[0, 0, :2]
        assert (found + torch.tensor([8.0, 0.0])).tolist() == step  # the y bias is not in here


def test_each_compat_preset_reads_and_scores_as_its_own_program() -> None:
    resnet = network("weakly-supervised-50", "compat").module(layers=18)
    hourglass = network("weakly-supervised-hourglass", "compat").module(stacks=1, modules=1, depth_modules=1)
    assert resnet.decoding.xy(peak(48, 10))[0, 0].tolist() == [48, 10.75]
    assert hourglass.decoding.xy(peak(48, 10))[0, 0].tolist() == [
        48,
        11,
    ]  # the bias, and a step that went astray
    xyz = np.random.default_rng(3).normal(size=(16, 3))
    of_resnet, of_hourglass = resnet.bone_sum.scored_mm(xyz), hourglass.bone_sum.scored_mm(xyz)
    assert (of_resnet.shape, of_hourglass.shape) == ((17, 3), (16, 3))
    wrists = of_resnet[H36M_17.index("left_wrist")], of_hourglass[MPII_16.index("left_wrist")]
    np.testing.assert_allclose(wrists[1], wrists[0] * 4296.99233013 / 4000)
    for name in ("weakly-supervised-50", "weakly-supervised-hourglass"):
        clean = network(name)
        assert not {"bone_sum_mm", "scored_joints"} & set(clean.options)
    assert network("weakly-supervised-hourglass").module(stacks=1, modules=1).bone_sum is None


def test_depth_is_read_at_the_peak_and_counted_from_the_pelvis() -> None:
    depth = torch.zeros(1, 16, 64, 64)
    depth[0, 3, 10, 48] = 0.3
    depth[0, 6, 26, 32] = 0.1
    heatmaps = peak(48, 10)
    heatmaps[0, 6] = peak(32, 26)[0, 6]
    xyz = DepthDecoding(sub_pixel=False).xyz(heatmaps, depth)
    np.testing.assert_allclose(xyz[0, 3], [0.25, -0.25, 0.2], atol=1e-7)
    nothing = torch.full((1, 16, 64, 64), torch.nan)
    assert DepthDecoding().xyz(nothing, depth).isnan().all()


@pytest.mark.parametrize(("flip_shift", "off"), [(True, 0.25), (False, 0.75)])
def test_what_the_shift_of_the_mirror_is_worth(flip_shift: bool, off: float) -> None:
    """The mirror of pixel 4 c is 255 - 4 c: maps that are exact on both sides, and what comes back."""
    c = 20.0
    cell = torch.arange(64.0)
    exact, mirrored = (torch.exp(-((cell - centre) ** 2) / 8) for centre in (c, (255 - 4 * c) / 4))
    maps, of_mirror = (row.expand(1, 16, 64, 64) for row in (exact, mirrored))
    mean = DepthDecoding(flip_shift=flip_shift).mirrored_mean(maps, of_mirror)
    back = 2 * mean - maps
    found = (back[0, 0, 0] * cell).sum() / back[0, 0, 0].sum()
    assert abs(float(found) - c) == pytest.approx(off, abs=1e-4)
    numbered = torch.arange(16.0)[None, :, None, None].expand(1, 16, 4, 4)
    exchanged = (2 * DepthDecoding().mirrored_mean(numbered, numbered) - numbered)[0, :, 0, 0]
    assert exchanged[MPII_16.index("left_wrist")] == MPII_16.index("right_wrist")
    assert exchanged[MPII_16.index("pelvis")] == MPII_16.index("pelvis")


def test_one_depth_for_each_joint_is_read_as_a_flat_map_is() -> None:
    heatmaps, depths = torch.rand(2, 16, 64, 64), torch.rand(2, 16)
    flat = depths[..., None, None].expand_as(heatmaps)
    decoding = DepthDecoding()
    assert torch.equal(decoding.xyz(heatmaps, depths), decoding.xyz(heatmaps, flat))
    with pytest.raises(
        ValueError, match=r"depths \(2, 15\) for heatmaps \(2, 16, 64, 64\): give .*, \(2, 16\)"
    ):
        decoding.xyz(heatmaps, depths[:, :15])


def test_the_mirror_only_exchanges_the_sides_of_depths() -> None:
    """Exchanged by name; maps that are flat in space say the same."""
    decoding, names = DepthDecoding(), MPII_16.names
    found, of_mirror = torch.zeros(1, 16), torch.arange(16.0)[None]
    back = 2 * decoding.mirrored_mean(found, of_mirror)[0]
    swap = {"left": "right", "right": "left"}
    for joint, name in enumerate(names):
        side, _, rest = name.partition("_")
        assert back[joint] == names.index(f"{swap[side]}_{rest}" if side in swap else name)
    maps = (one[..., None, None].expand(1, 16, 8, 8) for one in (found, of_mirror))
    assert torch.equal(decoding.mirrored_mean(*maps)[..., 0, 0], back[None] / 2)
    with pytest.raises(
        ValueError, match=r"mean of \(1, 16\) and of the mirror's \(16,\): give two times maps"
    ):
        decoding.mirrored_mean(found, of_mirror[0])
    with pytest.raises(ValueError, match=r"mean of \(1, 16, 8\).*or two times depths \(N, 16\)"):
        decoding.mirrored_mean(torch.zeros(1, 16, 8), torch.zeros(1, 16, 8))
    with pytest.raises(ValueError, match=r"mean of \(1, 14\)"):
        decoding.mirrored_mean(torch.zeros(1, 14), torch.zeros(1, 14))


def test_the_heatmap_loss_has_the_right_gradient_and_leaves_the_unknown_alone() -> None:
    rng = torch.Generator().manual_seed(4)
    maps = torch.rand(2, 3, 4, 5, dtype=torch.float64, generator=rng, requires_grad=True)
    target = torch.rand(2, 3, 4, 5, dtype=torch.float64, generator=rng)
    known = torch.tensor([[True, False, True], [False, False, True]])
    assert torch.autograd.gradcheck(lambda m: heatmap_loss(m, target, known), maps)
    everything = torch.ones(2, 3, dtype=torch.bool)
    torch.testing.assert_close(heatmap_loss(maps, target, everything), heatmap_loss(maps, target))
    target[0, 1] = torch.nan
    torch.testing.assert_close(heatmap_loss(maps, target, known), (maps - target)[known].square().mean())


def test_files_of_the_original_load_with_no_key_left_over(tmp_path) -> None:
    spec = network("weakly-supervised-50", "compat")
    there = spec.module().state_dict()
    path = tmp_path / "fusion_3d_var.pth"
    torch.save({"epoch": 60, "state_dict": there, "optimizer": {"state": {}, "param_groups": []}}, path)
    module = spec.module()
    loaded = load_checkpoint(path, module, spec)
    assert (loaded.epoch, loaded.misfits) == (60, ())
    assert all(torch.equal(value, there[key]) for key, value in module.state_dict().items())
    with pytest.raises(CheckpointError, match="compat"):
        load_checkpoint(path, module, network("weakly-supervised-50"))


def hourglass_keys() -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of the original: two stacks, two residuals a place, 256 features, 16 joints."""
    shapes: dict[str, tuple[int, ...]] = {}

    def convolution(name: str, inputs: int, outputs: int, kernel: int = 1) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs, kernel, kernel)
        shapes[f"{name}.bias"] = (outputs,)

    def norm(name: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (channels,)

    def residual(name: str, inputs: int, outputs: int) -> None:
        half = outputs // 2
        norm(f"{name}.bn", inputs)
        convolution(f"{name}.conv1", inputs, half)
        norm(f"{name}.bn1", half)
        convolution(f"{name}.conv2", half, half, 3)
        norm(f"{name}.bn2", half)
        convolution(f"{name}.conv3", half, outputs)
        if inputs != outputs:
            convolution(f"{name}.conv4", inputs, outputs)

    def hourglass(name: str, depth: int) -> None:
        for place in ("up1_", "low1_", "low3_", *(["low2_"] if depth == 1 else [])):
            for index in range(2):
                residual(f"{name}.{place}.{index}", 256, 256)
        if depth > 1:
            hourglass(f"{name}.low2", depth - 1)

    convolution("conv1_", 3, 64, 7)
    norm("bn1", 64)
    for name, inputs, outputs in (("r1", 64, 128), ("r4", 128, 128), ("r5", 128, 256)):
        residual(name, inputs, outputs)
    for stack in range(2):
        hourglass(f"hourglass.{stack}", 4)
        convolution(f"lin_.{stack}.0", 256, 256)
        norm(f"lin_.{stack}.1", 256)
        convolution(f"tmpOut.{stack}", 256, 16)
        convolution(f"ll_.{stack}", 256, 256)
        convolution(f"tmpOut_.{stack}", 16, 256)
    for index in range(4):
        residual(f"Residual.{index}", 256, 256)
    for index in range(8):
        residual(f"reg_.{index}", 256, 256)
    shapes["reg.weight"], shapes["reg.bias"] = (16, 4096), (16,)
    return shapes


def test_files_of_the_original_hourglasses_load_with_no_key_left_over(tmp_path) -> None:
    generator = torch.Generator().manual_seed(1)
    there = {key: torch.rand(shape, generator=generator) for key, shape in hourglass_keys().items()}
    torch.save({"epoch": 10, "state_dict": there, "optimizer": {}}, tmp_path / "model_10.pth")
    spec = network("weakly-supervised-hourglass", "compat")
    module = spec.module()
    assert load_checkpoint(tmp_path / "model_10.pth", module, spec).misfits == ()
    ours = module.state_dict()
    inner = "hourglasses.1.inner.inner.inner"
    for theirs, own in (
        ("Residual.3.bn.weight", "residuals.1.1.bn1.weight"),
        ("reg_.5.conv3.bias", "depth_steps.2.1.conv3.bias"),
        ("hourglass.1.low2.low2.low2.low2_.0.bn2.weight", f"{inner}.inner.0.bn3.weight"),
        ("hourglass.1.low2.low2.low2.low3_.1.conv2.weight", f"{inner}.after.1.conv2.weight"),
        ("r5.conv4.weight", "stem.2.skip.weight"),
    ):
        assert torch.equal(there[theirs], ours[own])


@torch.no_grad()
def test_hourglasses_have_the_size_of_the_paper_and_any_batch() -> None:
    module = network("weakly-supervised-hourglass").module().eval()
    assert sum(p.numel() for p in module.parameters()) == 14_429_104
    first, second, depth = module(torch.rand(2, 3, 256, 256))
    assert first.shape == second.shape == (2, 16, 64, 64)
    assert depth.shape == (2, 16)
    with pytest.raises(NetworkError, match="crops of 100 px: give a multiple of 64"):
        network("weakly-supervised-hourglass").module(size_px=100)


@pytest.mark.slow
@pytest.mark.timeout(600)  # half a minute alone, minutes beside other work
@pytest.mark.parametrize("name", ["weakly-supervised-50", "weakly-supervised-hourglass"])
def test_exports_agree_with_pytorch(name: str, tmp_path) -> None:
    spec = network(name)
    torch.manual_seed(0)
    module = spec.module().eval()
    path = export_network(spec, module, tmp_path / "network.onnx")
    for batch in (1, 3):
        for verified in verify(path, module, spec.example_inputs(batch), repeats=0):
            assert verified.difference < 1e-4, verified
