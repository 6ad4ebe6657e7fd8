"""The program as a user starts it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from posecap.launch.options import network_options

ROOT = Path(__file__).parents[2]


def export_model(*arguments: str, timeout: int = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "launch" / "export_model.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


def test_list_names_every_network_and_needs_no_torch() -> None:
    done = export_model("--list")
    assert done.returncode == 0, done.stderr
    assert re.search(r"pose-resnet-152 +single view", done.stdout)
    assert "320 x 320" in done.stdout
    assert re.search(r"rpsm +geometry +heatmaps", done.stdout)


@pytest.mark.slow
def test_triangulation_becomes_a_file_for_any_number_of_views(tmp_path) -> None:
    pytest.importorskip("onnxscript", reason="export needs onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    done = export_model("dlt", "--onnx", "--out", str(tmp_path / "dlt.onnx"), "--repeats", "1")
    assert done.returncode == 0, done.stderr
    assert "free sizes: batch, views" in done.stdout
    session = onnxruntime.InferenceSession(str(tmp_path / "dlt.onnx"), providers=["CPUExecutionProvider"])
    assert [one.shape for one in session.get_inputs()] == [
        ["batch", "views", 14, 2],
        ["batch", "views", 3, 4],
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no network named: see --list, or take --all"),
        (("resnet", "--onnx"), "no network 'resnet', there are "),
        (
            ("pose-resnet-50", "--out", "/tmp"),
            "--out /tmp is a folder: name a file, such as /tmp/pose-resnet-50.onnx",
        ),
        (
            ("pose-resnet-50", "--onnx", "--preset", "old"),
            "--preset 'old' is unknown, there are compat, clean: check the spelling",
        ),
        (
            ("pose-resnet-50", "--set", "layers"),
            "--set 'layers' is no assignment: write KEY=VALUE, such as side_px=320",
        ),
        (("pose-resnet-50", "--all"), "--all takes no name, --out, --checkpoint or --set"),
    ],
)
def test_a_wrong_request_ends_with_one_sentence(arguments, message) -> None:
    done = export_model(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_options_are_numbers_names_and_lists() -> None:
    given = network_options(["side_px=320", "weights=fixed", "sub_pixel=false", "start=[0, 0.5]"])
    assert given == {"side_px": 320, "weights": "fixed", "sub_pixel": False, "start": (0, 0.5)}


@pytest.mark.slow
def test_original_weights_become_a_file_that_engines_read(tmp_path) -> None:
    torch = pytest.importorskip("torch", reason="the networks need PyTorch")
    from posecap.models.networks import network

    weights, onnx = tmp_path / "model_best.pth.tar", tmp_path / "pose.onnx"
    torch.save(network("pose-mobilenet-v2").module().state_dict(), weights)
    done = export_model(
        "pose-mobilenet-v2", "--checkpoint", str(weights), "--onnx", "--out", str(onnx), "--batch", "1",
        "--repeats", "1",
        timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "model_best.pth.tar (state dict): 326 tensors loaded, 0 not" in done.stdout
    assert "pose-mobilenet-v2 (compat): 5.23 M parameters, " in done.stdout
    assert "free sizes: batch" in done.stdout
    assert onnx.stat().st_size > 20_000_000
    assert not done.stderr
