"""The weakly supervised task on 3DPW, of its pickles: the published stages lower their losses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dataset_takes import SOLO

torch = pytest.importorskip("torch")

from posecap.models.networks import network  # noqa: E402
from posecap.training.crop_augmentation import CropAugmentation  # noqa: E402
from posecap.training.errors import DatasetError  # noqa: E402
from posecap.training.synthetic_take import take_of  # noqa: E402
from posecap.training.threedpw import ThreeDPW, read_3dpw  # noqa: E402
from posecap.training.weakly_supervised import DepthSample, augmented, train  # noqa: E402
from posecap.training.weakly_supervised_stages import RESNET_STAGES, Stage, for_preset  # noqa: E402
from posecap.training.write_threedpw import write_threedpw  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("3dpw")
    write_threedpw([take_of(SOLO)], root, frames=8, every=12)
    return root


class Few(torch.nn.Module):
    """Two convolutions in place of the network: heatmaps and depths of a quarter of the crop."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 32, 13, 4, 6), torch.nn.ReLU(), torch.nn.Conv2d(32, 32, 5, 1, 2)
        )

    def forward(self, pictures):
        hm, depth = self.layers(pictures).split(16, 1)
        return hm, depth


class WithoutDepth:
    """Every other sample has no depth, as those of a 2D data set that is mixed in."""

    def __init__(self, samples: ThreeDPW) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int, /) -> DepthSample:
        sample = self.samples[index]
        return sample if index % 2 else replace(sample, depth=np.full(16, np.nan))


@pytest.mark.parametrize(("number", "places"), [(0, "smpl"), (1, "smpl"), (2, "smpl"), (2, "coco")])
def test_every_stage_lowers_its_losses(folder, number: int, places) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    stage = for_preset(RESNET_STAGES, "clean")[number]
    short = replace(stage, epochs=6, batch=8, augmentation=None, drop_at=(), learning_rate=1e-3)
    samples = WithoutDepth(read_3dpw(folder, side_px=64, places=places))
    done: list[float] = []
    picture = network("weakly-supervised-50").picture
    course = list(train(Few(), picture, samples, short, on_step=done.append))
    assert done == sorted(done)
    assert (len(done), done[-1]) == (6, 6.0)
    acting = {part for part in ("heatmap", "depth", "geometry") if getattr(short, part)}
    assert set(course[0]) == acting | {"total"}
    assert all(course[0][part] > 0 for part in acting)
    assert course[-1]["total"] < 0.8 * course[0]["total"], course


def test_an_augmented_crop_is_cut_from_the_whole_picture(folder) -> None:
    samples = read_3dpw(folder, side_px=128)
    augmentation, plain = CropAugmentation(), samples[0]
    changed = augmented(plain, augmentation, np.random.default_rng(4))
    assert not np.allclose(changed.picture_bgr, plain.picture_bgr)
    assert changed.crop_from_whole is not None
    assert (np.isnan(changed.xy_px) == np.isnan(plain.xy_px)).all()
    assert (changed.picture_bgr.reshape(-1, 3).max(1) > 0).mean() > 0.95  # nothing black beside the old crop


@pytest.mark.parametrize(
    ("split", "sequence", "message"),
    [("foo", "a_00", "no split 'foo' of 3DPW"), ("train", "../../evil", "expected the plain name")],
)
def test_nothing_is_written_that_no_reader_takes(split, sequence, message, tmp_path) -> None:
    with pytest.raises(DatasetError, match=message):
        write_threedpw([take_of(SOLO)], tmp_path / "out", split, sequence, frames=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_network_learns_all_three_stages(folder) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    samples, spec = read_3dpw(folder, side_px=64), network("weakly-supervised-50")
    module = spec.module(layers=18)
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for stage, epochs in zip(for_preset(RESNET_STAGES, "clean"), (20, 20, 5), strict=True):
        short: Stage = replace(stage, epochs=epochs, batch=8, augmentation=None, drop_at=())
        for last in train(module, spec.picture, samples, short):
            first = first or last
    assert last["heatmap"] < 0.3 * first["heatmap"]
