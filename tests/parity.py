"""Numbers of the original networks (parity fixtures beside the repository) against ours.

fixture = parity("posenet/j18")                     # skips the test where the fixtures are absent
module = filled(spec.module().eval(), fixture)      # weights by the deterministic rule, strictly
compare("feature_mean", ours, fixture, relative=1e-4)
"""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "parity"


@dataclass(frozen=True, slots=True, eq=False)
class Fixture:
    """One network's inputs and outputs: the parsed description, and the arrays by name."""

    name: str
    description: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def __getitem__(self, array: str) -> np.ndarray:
        return self.arrays[array]

    @property
    def keys(self) -> set[str]:
        """Keys of all tensors."""
        return {record["key"] for record in self.description["tensors"]}


def parity(name: str) -> Fixture:
    """The fixture called `name` ("posenet/j18"); skips the test where the folder is absent."""
    if not FOLDER.is_dir():
        pytest.skip(f"parity fixtures are not at {FOLDER}")
    description = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return Fixture(name, description, {key: file[key] for key in file.files})


@cache
def weights_rule() -> ModuleType:
    """The rule that makes every weight and picture from its name, loaded from where the fixtures are."""
    spec = importlib.util.spec_from_file_location("parity_weights_rule", FOLDER / "weights_rule.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def filled(
    module: "nn.Module", fixture: Fixture, key_map: Callable[[str], str | None] | None = None
) -> "nn.Module":
    """`module` in evaluation mode with the fixture's weights; every tensor of both sides must have its partner.

    Args:
        key_map: from the fixture's keys to ours; without it they are the same. The map of a Keras network goes
            from Keras' names, so pass one that goes from the neutral keys, or use `keras_names`.
    """
    import torch

    state = {}
    for record, array in weights_rule().fixture_tensors(fixture.description):
        ours = record["key"] if key_map is None else key_map(record["key"])
        assert ours is not None, f"{record['key']} has no partner"
        assert ours not in state, f"{ours} has two partners"
        state[ours] = torch.from_numpy(array.copy())
    wanted = {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
    if not any(key.endswith("num_batches_tracked") for key in state):  # Keras counts no batches
        state |= {
            key: torch.zeros((), dtype=torch.long) for key in wanted if key.endswith("num_batches_tracked")
        }
    given = {key: tuple(tensor.shape) for key, tensor in state.items()}
    only_ours = sorted(wanted.keys() - given.keys())
    only_theirs = sorted(given.keys() - wanted.keys())
    assert not only_ours, f"no partner for ours: {only_ours[:10]}"
    assert not only_theirs, f"no partner for the fixture's: {only_theirs[:10]}"
    other_shape = [(key, given[key], wanted[key]) for key in wanted if given[key] != wanted[key]]
    assert not other_shape, f"other shapes: {other_shape[:10]}"
    module.load_state_dict(state, strict=True, assign=True)
    return module.eval()


def keras_names(fixture: Fixture) -> dict[str, str]:
    """From neutral keys to names in the Keras file ("conv1_conv/kernel:0")."""
    return {record["key"]: record["keras_name"] for record in fixture.description["tensors"]}


def compare(name: str, ours: Any, fixture: Fixture, *, absolute: float = 0.0, relative: float = 0.0) -> float:
    """Largest difference between `ours` and the fixture's array `name`; fails beyond the tolerance or on NaN.

    `relative` is a fraction of the array's largest value, as the fixtures give it; the tolerance is the sum of both.
    """
    array = ours.detach().cpu().numpy() if hasattr(ours, "detach") else np.asarray(ours)
    truth = fixture[name]
    assert array.shape == truth.shape, f"{name}: shape {array.shape}, expected {truth.shape}"
    difference = float(np.abs(array.astype(np.float64) - truth.astype(np.float64)).max())
    tolerance = absolute + relative * float(np.abs(truth).max())
    assert difference <= tolerance, f"{name}: differs by {difference:.3g}, allowed is {tolerance:.3g}"
    return difference
