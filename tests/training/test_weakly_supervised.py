"""Training with and without depth on drawn people, and 3DPW in its published layout."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posecap.models.heatmap_targets import gaussian_targets  # noqa: E402
from posecap.models.networks import network  # noqa: E402
from posecap.models.published_joints import MPII_16  # noqa: E402
from posecap.models.weakly_supervised_losses import gathered  # noqa: E402
from posecap.training.crop_augmentation import CropAugmentation  # noqa: E402
from posecap.training.errors import DatasetError  # noqa: E402
from posecap.training.threedpw import SMPL_OF_MPII, read_3dpw  # noqa: E402
from posecap.training.weakly_supervised import (  # noqa: E402
    DepthSample,
    augmented,
    collate,
    losses,
    train,
)
from posecap.training.weakly_supervised_stages import (  # noqa: E402
    HOURGLASS_STAGES,
    RESNET_STAGES,
    Stage,
    for_preset,
)

# x right, y down, z away from the camera, metres, pelvis at 0; order of mpii-16/1
STANDING = np.array(
    [
        [-0.10, 0.85, 0.1], [-0.11, 0.45, -0.1], [-0.12, 0.02, 0], [0.12, 0.02, 0], [0.11, 0.45, 0], [0.1, 0.85, 0.1],
        [0, 0, 0], [0, -0.45, 0.02], [0, -0.5, 0.02], [0, -0.75, 0], [-0.4, 0.0, -0.2], [-0.3, -0.2, 0],
        [-0.18, -0.42, 0], [0.18, -0.42, 0], [0.3, -0.2, 0.1], [0.4, 0, 0.2],
    ]
)  # fmt: skip


def drawn(xyz: np.ndarray, focal: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A stick figure whose colour tells depth, and the pixels of its joints."""
    picture = np.full((size, size, 3), 40, np.uint8)
    xy = xyz[:, :2] / xyz[:, 2:] * focal + (size - 1) / 2
    for parent, child in MPII_16.bones:
        shade = int(np.clip(160 + 200 * (xyz[[parent, child], 2].mean() - xyz[6, 2]), 0, 255))
        ends = [tuple(np.rint(xy[joint]).astype(int).tolist()) for joint in (parent, child)]
        cv2.line(picture, ends[0], ends[1], (shade, 255 - shade, 60 + 12 * child), max(1, size // 32))
    return picture, xy


class Drawn:
    """Eight stick figures of 64 px; those with an odd number have no depth."""

    def __init__(self, supervised: bool = True) -> None:
        rng = np.random.default_rng(1)
        self.samples = []
        for index in range(8):
            angle = rng.uniform(-0.5, 0.5)
            turn = np.array(
                [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
            )
            xyz = STANDING @ turn.T + [*rng.uniform(-0.2, 0.2, 2), 4.0]
            picture, xy = drawn(xyz, 110.0, 64)
            depth = (xyz[:, 2] - xyz[6, 2]) / (64 * 4.0 / 110.0)
            known = supervised and index % 2 == 0
            self.samples.append(DepthSample(picture, xy, depth if known else np.full(16, np.nan)))

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int, /) -> DepthSample:
        return self.samples[index]


@pytest.mark.parametrize(
    "stage",
    [
        Stage(epochs=6, batch=8),
        Stage(heatmap=0, depth=1, epochs=6, batch=8),
        Stage(heatmap=0, geometry=1, learning_rate=1e-4, epochs=8, batch=8),
    ],
    ids=["heatmap", "depth", "geometry"],
)
def test_each_loss_falls_when_it_acts_alone(stage: Stage) -> None:
    torch.manual_seed(0)
    spec = network("weakly-supervised-50")
    module = spec.module(layers=18)
    torch.nn.init.normal_(module.depth.bias, std=0.2)  # a person of zero depth has good bones already
    course = list(train(module, spec.picture, Drawn(), stage))
    assert len(course[0]) == 2  # the loss, and their sum
    assert course[-1]["total"] < 0.7 * course[0]["total"], course


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_three_stages_find_the_joints_and_their_depth() -> None:
    torch.manual_seed(0)
    spec, people = network("weakly-supervised-50"), Drawn()
    module = spec.module(layers=18)
    acts = [{"heatmap"}, {"heatmap", "depth"}, {"heatmap", "depth", "geometry"}]
    stages = for_preset(RESNET_STAGES, "clean")
    for stage, names, epochs in zip(stages, acts, (100, 60, 10), strict=True):
        short = replace(
            stage, epochs=epochs, drop_at=(), batch=8, sigma=1, augmentation=None
        )  # to learn by heart
        course = list(train(module, spec.picture, people, short))
        assert set(course[0]) == names | {"total"}
    batch = collate(people.samples, spec.picture)
    with torch.no_grad():
        hm, depth = module.eval()(batch.pictures)
    error = (module.decoding.xy(hm) - batch.cells).norm(dim=-1)
    assert float(error.median()) < 1  # cells of 4 px
    found = gathered(depth, batch.cells.long())
    away = (found - batch.depth)[::2].abs().mean()
    assert float(away) < 0.6 * float(batch.depth[::2].abs().mean())  # zero everywhere would give 1


def test_what_acts_on_whom() -> None:
    """2D samples get geometry and no depth loss, 3D samples the opposite, and depth alone moves."""
    batch = collate(Drawn().samples[:2], network("weakly-supervised-50").picture)
    hm = torch.zeros(2, 16, 16, 16, requires_grad=True)
    depth = (0.1 * torch.arange(16.0)).expand(2, 16).clone().requires_grad_()
    stage = Stage(heatmap=0, depth=1, geometry=1)
    parts = losses((hm, depth), batch, stage)
    (of_depth,) = torch.autograd.grad(parts["depth"], depth, retain_graph=True)
    assert of_depth[0].abs().sum() > 0
    assert of_depth[1].abs().sum() == 0
    (of_geometry,) = torch.autograd.grad(parts["geometry"], depth)
    assert of_geometry[0].abs().sum() == 0
    assert of_geometry[1].abs().sum() > 0
    exact = batch.depth.nan_to_num()
    assert float(losses((hm, exact), batch, stage)["depth"]) == 0
    flat = exact[:, :, None, None].expand(2, 16, 16, 16)  # a map is read at the joint
    assert float(losses((hm, flat), batch, stage)["depth"]) == 0


def maps_of(count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(5)
    maps = torch.rand(count, 16, 16, 16, generator=rng, requires_grad=True)
    return maps, torch.zeros(count, 16)


def test_nothing_is_asked_of_the_heatmap_of_an_unknown_joint() -> None:
    """A joint outside of the crop is known: its heatmap shall be empty."""
    (hm, depth), stage = maps_of(), Stage()
    batch = collate(Drawn(supervised=False).samples[:2], network("weakly-supervised-50").picture)
    target, _ = gaussian_targets(batch.cells, (16, 16), stage.sigma)
    published = (hm - target).square().mean()  # nothing is unknown
    torch.testing.assert_close(losses((hm, depth), batch, stage)["heatmap"], published)
    batch.cells[0, 3] = torch.nan
    batch.cells[0, 9] = torch.tensor([5.0, -40.0])
    target[0, 9] = 0
    loss = losses((hm, depth), batch, stage)["heatmap"]
    (gradient,) = torch.autograd.grad(loss, hm)
    moved = gradient.abs().sum((2, 3)) > 0
    assert moved.sum() == 31
    assert not moved[0, 3]
    expected = (hm - target).square().mean((2, 3)).flatten()
    torch.testing.assert_close(loss, expected[torch.arange(32) != 3].mean())
    torch.testing.assert_close(gradient[0, 9], 2 * hm.detach()[0, 9] / (31 * 16 * 16))  # towards an empty map
    batch.cells[:] = torch.nan
    nothing = losses((hm, depth), batch, stage)["heatmap"]
    assert float(nothing.detach()) == 0
    assert torch.autograd.grad(nothing, hm)[0].abs().max() == 0


def test_rates_fall_where_the_schedule_says() -> None:
    first = RESNET_STAGES[0]
    assert [first.rate(epoch) for epoch in (1, 89, 90, 120)] == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5])
    assert isinstance(HOURGLASS_STAGES[0].optimiser(torch.nn.Linear(1, 1)), torch.optim.RMSprop)


@pytest.mark.parametrize("stages", [RESNET_STAGES, HOURGLASS_STAGES])
def test_published_stages_train_towards_whole_cells_and_clean_ones_towards_the_joint(stages) -> None:
    batch = collate(Drawn().samples[:2], network("weakly-supervised-50").picture)
    for compat, clean in zip(stages, for_preset(stages, "clean"), strict=True):
        assert for_preset([compat], "compat") == (compat,)
        assert clean == replace(compat, whole_cells=False)
        for stage, cells in ((compat, batch.cells.trunc()), (clean, batch.cells)):
            y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
            away = torch.stack([x, y], -1) - cells[:, :, None, None]
            exact = torch.exp(-away.square().sum(-1) / (2 * stage.sigma**2)) * (
                away.abs().amax(-1) <= 3 * stage.sigma
            )
            assert (
                float(losses((exact, batch.depth), batch, replace(stage, depth=0, geometry=0))["heatmap"])
                < 1e-12
            )
    assert [stage.augmentation is not None for stage in RESNET_STAGES] == [True] * 3


class Watched(torch.nn.Module):
    """Keeps what it is given, and finds nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.height = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[torch.Tensor] = []

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.seen.append(pictures)
        maps = self.height.expand(len(pictures), 16, 16, 16)
        return maps, maps


def test_training_augments_and_repeats_itself() -> None:
    picture, people = network("weakly-supervised-50").picture, Drawn()
    seen = []
    for augmentation, seed in (
        (None, 0),
        (CropAugmentation(scale=0, turned=0, mirrored=1), 0),
        (CropAugmentation(), 0),
        (CropAugmentation(), 0),
    ):
        module = Watched()
        list(train(module, picture, people, Stage(epochs=2, batch=4, augmentation=augmentation), seed=seed))
        seen.append(torch.cat(module.seen))
    plain, mirrored, one, again = seen
    assert torch.equal(mirrored, plain.flip(-1))
    assert torch.equal(one, again)
    assert not torch.equal(one[:8].sort(0).values, one[8:].sort(0).values)  # other changes in the next epoch


def test_an_augmented_crop_is_cut_anew_where_its_picture_is_known() -> None:
    """Zoomed out: what was around the crop comes in, and is black where nobody knows it."""
    whole = np.full((200, 200, 3), 90, np.uint8)
    crop_from_whole = np.array([[1.0, 0, -60], [0, 1.0, -60]])
    sample = replace(Drawn().samples[0], picture_bgr=whole[60:124, 60:124])
    outwards = next(
        seed
        for seed in range(100)
        if CropAugmentation().draw(np.random.default_rng(seed), has_depth=True).scale == 1.25
    )
    alone = augmented(sample, CropAugmentation(), np.random.default_rng(outwards))
    assert alone.picture_bgr[[0, -1]].max() == 0
    known = replace(sample, whole_bgr=whole, crop_from_whole=crop_from_whole)
    anew = augmented(known, CropAugmentation(), np.random.default_rng(outwards))
    assert anew.picture_bgr.min() == 90
    np.testing.assert_array_equal(anew.xy_px, alone.xy_px)
    np.testing.assert_allclose(np.sort(anew.depth), np.sort(sample.depth / 1.25))
    back = np.linalg.inv(np.vstack([anew.crop_from_whole, [0, 0, 1]])) @ [31.5, 31.5, 1]
    np.testing.assert_allclose(back[:2], 91.5)  # around the same place of the picture
    with pytest.raises(DatasetError, match="give the 16 joints"):
        augmented(replace(sample, xy_px=sample.xy_px[:14]), CropAugmentation(), np.random.default_rng(0))


def test_wrong_samples_are_refused() -> None:
    picture = network("weakly-supervised-50").picture
    one, two = Drawn().samples[:2]
    small = DepthSample(one.picture_bgr[:32, :32], one.xy_px, one.depth)
    with pytest.raises(DatasetError, match=r"sizes \[\(32, 32\), \(64, 64\)\]: cut all to one size"):
        collate([two, small], picture)
    for shape in ((72, 72, 3), (64, 32, 3), (0, 0, 3), (64, 64), (64, 64, 1)):
        odd = DepthSample(np.zeros(shape, np.uint8), one.xy_px, one.depth)
        with pytest.raises(
            DatasetError, match=r"a crop has shape .*: cut squares of three channels whose side is a m"
        ):
            collate([odd, odd], picture)
    for xy, depth in (
        (one.xy_px[:14], one.depth[:14]),
        (one.xy_px, one.depth[:14]),
        (one.xy_px[:, :1], one.depth),
    ):
        with pytest.raises(
            DatasetError, match=r"a sample has places .*: give the 16 joints of mpii-16/1 as \(16, 2\)"
        ):
            collate([two, DepthSample(one.picture_bgr, xy, depth)], picture)
    with pytest.raises(
        DatasetError, match="network gives 14 joints for 1 crops, the samples have 16 for 1: build it"
    ):
        losses((torch.zeros(1, 14, 16, 16), torch.zeros(1, 14)), collate([one], picture), Stage())
    nowhere = DepthSample(one.picture_bgr, np.full((16, 2), np.nan), one.depth)
    with pytest.raises(DatasetError, match="a depth but no place in the picture: set its depth to NaN"):
        collate([nowhere], picture)
    nobody = Drawn()
    nobody.samples.clear()
    with pytest.raises(DatasetError, match="the data set has no sample"):
        next(train(torch.nn.Linear(1, 1), picture, nobody, Stage()))


def write_3dpw(root, count: int = 4) -> list[np.ndarray]:
    """`count` pictures of 200 px in the layout of 3DPW_train.json; the true joints, mpii-16/1."""
    images, annotations, truth = [], [], []
    (root / "imageFiles" / "downtown").mkdir(parents=True)
    for index in range(count):
        xyz = STANDING + np.array([0.1 * index, 0.0, 4.0])
        picture, xy = drawn(xyz, 300.0, 200)
        name = f"image_{index:05d}.jpg"
        cv2.imwrite(str(root / "imageFiles" / "downtown" / name), picture)
        smpl = np.tile(xyz[6], (24, 1))
        for mpii, of_smpl in enumerate(SMPL_OF_MPII):
            if of_smpl >= 0:
                smpl[of_smpl] = xyz[mpii]
        lens = {"focal": [300.0, 300.0], "princpt": [99.5, 99.5]}
        images.append(
            {"id": index, "sequence": "downtown", "file_name": name, "cam_param": lens, "width": 200}
        )
        low, high = xy.min(0), xy.max(0)
        box = [*low.tolist(), *(high - low).tolist()]
        annotations.append({"id": index, "image_id": index, "joint_cam": smpl.tolist(), "bbox": box})
        truth.append(xyz)
    annotations.append({**annotations[0], "joint_cam": (-smpl).tolist()})  # behind the camera: left out
    (root / "3DPW_train.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    return truth


def test_3dpw_gives_a_sample_for_every_person_and_trains(tmp_path) -> None:
    truth = write_3dpw(tmp_path)
    people = read_3dpw(tmp_path, side_px=64)
    assert len(people) == 4
    sample = people[2]
    assert sample.picture_bgr.shape == (64, 64, 3)
    assert np.isnan(sample.xy_px[MPII_16.index("head_top")]).all()
    known = np.array(SMPL_OF_MPII) >= 0
    back = truth[2][:, 2] - 4.0
    side_m = back[5] / sample.depth[5]  # one scale for all joints
    np.testing.assert_allclose(sample.depth[known] * side_m, back[known], atol=1e-9)
    ankle = np.rint(sample.xy_px[MPII_16.index("left_ankle")]).astype(int)
    assert (
        np.ptp(sample.picture_bgr[ankle[1] - 2 : ankle[1] + 3, ankle[0] - 2 : ankle[0] + 3]) > 60
    )  # drawn there
    torch.manual_seed(0)
    spec = network("weakly-supervised-50")
    course = list(train(spec.module(layers=18), spec.picture, people, Stage(depth=0.1, epochs=6, batch=4)))
    assert course[-1]["total"] < 0.8 * course[0]["total"]


def test_3dpw_that_is_not_there_is_said(tmp_path) -> None:
    with pytest.raises(DatasetError, match=r"no 3DPW_test.json in .*: put the COCO-style annotations"):
        read_3dpw(tmp_path, "test")
    write_3dpw(tmp_path, 1)
    (tmp_path / "imageFiles" / "downtown" / "image_00000.jpg").unlink()
    with pytest.raises(DatasetError, match=r"no picture at .*image_00000.jpg: extract"):
        read_3dpw(tmp_path)[0]
    (tmp_path / "3DPW_train.json").write_text('{"images": [], "annotations": 3}')
    with pytest.raises(DatasetError, match=r"Expected `array`, got `int`.*: is it the annotations of 3DPW"):
        read_3dpw(tmp_path)
