"""The training command as a user starts it, on 3DPW as it is downloaded."""

from pathlib import Path

import pytest
from dataset_takes import SOLO
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="the networks need PyTorch")

from posecap.models.checkpoints import open_network  # noqa: E402
from posecap.training.synthetic_take import take_of  # noqa: E402
from posecap.training.train_weakly_supervised import app, training_data  # noqa: E402
from posecap.training.write_threedpw import write_threedpw  # noqa: E402


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to train on: give --mpii, --threedpw, or both"),
        (
            ("--mpii", "{none}"),
            "stages 2 and 3 learn depth, and MPII has none: give --threedpw, or --stages 1",
        ),
        (("--mpii", "{none}", "--stages", "1"), "no train.json in "),
        (("--threedpw", "{none}"), "no 3DPW_train.json in "),
        (("--threedpw", "{none}", "--stages", "4"), "--stages '4' are unknown: give some of 1,2,3"),
        (("--threedpw", "{none}", "--network", "resnet"), "--network 'resnet' is unknown, there are weakly-"),
        (("--threedpw", "{none}", "--preset", "old"), "has no preset 'old': choose compat or clean"),
        (("--threedpw", "{none}", "--side-px", "100"), "--side-px 100 does not fit weakly-supervised-50"),
    ],
)
def test_a_wrong_request_ends_with_one_sentence(arguments, message, tmp_path) -> None:
    wanted = [text.format(none=tmp_path) for text in arguments]
    done = CliRunner().invoke(app, [*wanted, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("3dpw")
    for split in ("train", "validation"):
        write_threedpw([take_of(SOLO)], root, split, frames=4, every=12)
    return root


def test_stages_take_the_data_sets_that_they_need(folder, tmp_path) -> None:
    (tmp_path / "annot").mkdir()
    person = '{"image": "a.jpg", "center": [50, 50], "scale": 1.0, "joints": %s, "joints_vis": %s}'
    (tmp_path / "annot" / "train.json").write_text(f"[{person % ([[9, 9]] * 16, [1] * 16)}]")
    assert len(training_data(1, tmp_path, folder, 64)) == 1
    assert len(training_data(1, None, folder, 64)) == 4
    assert len(training_data(2, tmp_path, folder, 64)) == 5


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_stages_are_trained_saved_and_scored(folder, tmp_path) -> None:
    arguments = ["--threedpw", str(folder), "--epochs", "2", "--batch", "4", "--side-px", "64"]
    done = CliRunner().invoke(app, [*arguments, "--stages", "2,3", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "stage3, epoch 2 of 2: heatmap" in done.stdout
    assert "over 15 joints in 4 pictures" in done.stdout
    module, spec, loaded = open_network("weakly-supervised-50", tmp_path / "stage3.pth")
    assert (spec.preset, loaded.epoch, loaded.misfits) == ("clean", 2, ())
    assert spec.picture.size_px == (64, 64)  # it was trained on those
    again = ["--checkpoint", str(tmp_path / "stage3.pth"), "--stages", "3", "--epochs", "1", "--out"]
    done = CliRunner().invoke(app, [*arguments[:2], *arguments[4:], *again, str(tmp_path / "more")])
    assert done.exit_code == 0, done.output
    more, *_ = open_network("weakly-supervised-50", tmp_path / "more" / "stage3.pth")
    pairs = zip(module.state_dict().values(), more.state_dict().values(), strict=True)
    assert any(not torch.equal(one, other) for one, other in pairs)
