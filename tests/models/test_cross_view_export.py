from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the networks need PyTorch")
pytest.importorskip("onnxscript", reason="export needs onnxscript")
import numpy as np
import torch
from heatmap_scene import LIMBS_M, heatmap_scene
from torch import Tensor

from posecap.models.export_onnx import export
from posecap.models.joints import H36M_17, JointSet
from posecap.models.networks import network
from posecap.models.root_from_heatmaps import root_from_heatmaps
from posecap.models.rpsm import CLEAN, COMPAT, Rpsm, RpsmSettings
from posecap.models.verify_onnx import ENGINES, verify
from posecap.models.view_fusion import ViewFusion

torch.set_num_threads(1)
INPUTS = (
    "heatmaps", "cam_from_world", "focal_px", "center_px", "distortion", "heatmap_from_image", "root", "lengths",
    "spreads",
)  # fmt: skip
LEGS = [0, 1, 2, 4]  # of H36M-17; limbs 0, 1, 3
FEW = JointSet("legs-4/1", tuple(H36M_17.names[joint] for joint in LEGS), (-1, 0, 1, 0))


def rpsm_inputs(frames: int, joints: JointSet) -> tuple[Tensor, ...]:
    scene = heatmap_scene(frames, dtype=torch.float32)
    few = len(joints) == len(FEW)
    lengths_m = LIMBS_M[[0, 1, 3]] if few else LIMBS_M
    lengths = torch.from_numpy(lengths_m).float().expand(frames, -1).contiguous()
    heatmaps = scene.heatmaps[:, :, LEGS] if few else scene.heatmaps
    root = root_from_heatmaps(heatmaps[:, :, 0], scene.views)
    views = (part.contiguous() for part in scene.views)
    return (heatmaps, *views, root, lengths, torch.full_like(lengths, 0.01))


def engines() -> list[str]:
    return [engine for engine in ENGINES if find_spec(engine)]


def check_rpsm(path: Path, settings: RpsmSettings, joints: JointSet) -> None:
    """Export with two frames, compare with three."""
    inputs = rpsm_inputs(2, joints)
    module = Rpsm(settings, joints).eval()
    module.shell_sizes = module.shells(inputs[7], inputs[8])
    dynamic = [{0: "frames"} | ({1: "views"} if index < 6 else {}) for index in range(len(inputs))]
    export(
        module,
        inputs,
        path,
        outputs=("xyz", "evidence"),
        inputs=INPUTS,
        dynamic=dynamic,
        folded=False,
    )
    for verified in verify(path, module, rpsm_inputs(3, joints), engines=engines(), repeats=0):
        assert verified.difference < 1e-3, verified


@pytest.mark.slow
def test_rpsm_exports_with_any_number_of_frames_and_views(tmp_path: Path) -> None:
    check_rpsm(tmp_path / "rpsm.onnx", replace(CLEAN, bins=8, levels=1), FEW)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("settings", [CLEAN, COMPAT])
def test_all_levels_export(tmp_path: Path, settings: RpsmSettings) -> None:
    check_rpsm(tmp_path / "rpsm.onnx", settings, H36M_17)


def test_fusion_exports_with_any_batch(tmp_path: Path) -> None:
    layer = ViewFusion(3, 64).eval()
    export(layer, (torch.rand(2, 3, 5, 8, 8),), tmp_path / "fusion.onnx", outputs=["fused"])
    for verified in verify(
        tmp_path / "fusion.onnx", layer, (torch.rand(3, 3, 5, 8, 8),), engines=engines(), repeats=0
    ):
        assert verified.difference < 1e-5, verified


@pytest.mark.slow
def test_the_network_exports(tmp_path: Path) -> None:
    module = network("cross-view-mobilenet-v2").module(side_px=64).eval()
    export(module, (torch.rand(2, 4, 3, 64, 64),), tmp_path / "net.onnx", outputs=["single", "fused"])
    for verified in verify(
        tmp_path / "net.onnx", module, (torch.rand(3, 4, 3, 64, 64),), engines=engines(), repeats=0
    ):
        assert verified.difference < 1e-4, verified
        assert np.isnan(verified.ms_per_view)
