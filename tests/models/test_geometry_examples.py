"""Example inputs are scenes with an answer, so that a comparison of engines compares something."""

import pytest

torch = pytest.importorskip("torch")

from posecap.models.geometry_examples import pictorial_structure  # noqa: E402
from posecap.models.networks import network  # noqa: E402
from posecap.models.random_weights import randomise  # noqa: E402
from posecap.models.rpsm import Rpsm, exportable  # noqa: E402

torch.set_num_threads(1)


@pytest.mark.parametrize(("preset", "unit_m"), [("clean", 1.0), ("compat", 1e-3)])
def test_joints_meet_within_the_cube(preset, unit_m) -> None:
    torch.manual_seed(0)
    spec = network("dlt", preset)
    xyz = spec.module()(*spec.example_inputs(50)) * unit_m
    assert (xyz.abs() < 0.55).all()
    assert xyz.std() > 0.2


def test_limbs_have_their_lengths_and_any_length_up_to_the_longest_is_served() -> None:
    torch.manual_seed(0)
    spec = network("rpsm")
    module, free = exportable(), Rpsm()
    inputs = list(spec.example_inputs(1))
    xyz, evidence = module(*inputs)
    assert torch.equal(xyz, free(*inputs)[0])
    assert (evidence > 3.5).all()  # of 4 views
    limbs = (xyz[:, 1] - xyz[:, 0]).norm(dim=-1)
    assert (limbs - 0.18).abs().max() < 0.01
    for length in (0.02, 0.6):
        inputs[7] = torch.full_like(inputs[7], length)
        assert torch.equal(module(*inputs)[0], free(*inputs)[0])


def test_random_weights_make_networks_answer() -> None:
    torch.manual_seed(0)
    spec = network("pose-mobilenet-v2")
    module = spec.module().eval()
    x = spec.example_inputs(2)
    with torch.no_grad():
        fresh = module(*x).std()
        randomise(module, {})
        assert module(*x).std() > 100 * fresh
    assert len(pictorial_structure(network("rpsm"), 3)[0]) == 3
