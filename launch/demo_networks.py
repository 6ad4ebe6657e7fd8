"""Published networks opened with the user's weights, as systems that a demo can run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from posecap.launch.demo_detector import open_boxes
from posecap.launch.demo_person import DemoSystem
from posecap.launch.demo_readers import cells_reader, forward, voxels_reader
from posecap.launch.demo_single import CropNetwork
from posecap.launch.errors import UsageError
from posecap.models.errors import NetworkError
from posecap.models.networks import NetworkSpec, PresetName, Value, network
from posecap.models.published_joints import PUBLISHED_SETS

if TYPE_CHECKING:
    from torch import nn

_FEET_MM = 300.0  # nobody is nearer than that


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the user says of a network.

    Attributes:
        checkpoint: trained weights.
        root_checkpoint: trained weights of RootNet, for 3DMPPE.
        root_depth_mm: distance of everybody, instead of RootNet.
        preset: compat or clean; None = what the checkpoint records.
        network: options in place of its table's.
        untrained: run with random weights where no file is given.
        boxes: of people, LEFT,TOP,RIGHT,BOTTOM; none = the detector finds them.
        detector: which one.
        most_people: that are read in one picture.
        flip: crops are read mirrored, too.
    """

    checkpoint: Path | None = None
    root_checkpoint: Path | None = None
    root_depth_mm: float | None = None
    preset: PresetName | None = None
    network: Mapping[str, Value] = field(default_factory=dict)
    untrained: bool = False
    boxes: tuple[str, ...] = ()
    detector: str = "auto"
    most_people: int = 10
    flip: bool = False


def expect_weights(name: str, options: DemoOptions, option: str, file: Path | None, example: str) -> None:
    """Refuse a network without trained weights, unless the user wants it so.

    Raises:
        UsageError: no file, and not `untrained`.
    """
    if file is None and not options.untrained:
        raise UsageError(
            f"{name} has no trained weights, and posecap ships none: give {option} FILE ({example}), or add "
            "--untrained to run it with random ones"
        )


def open_single(name: str, options: DemoOptions, say: Callable[[str], None]) -> DemoSystem:
    """A network that reads one crop of one person.

    Raises:
        UsageError: no weights.
        NetworkError, CheckpointError: torch is missing; weights that do not fit.
    """
    example = "model_best.pth.tar of the original program, or a file that posecap's training wrote"
    expect_weights(name, options, "--checkpoint", options.checkpoint, example)
    module, spec, used = opened(name, options.checkpoint, options.preset, say, options.network)
    boxes = open_boxes(options.boxes, options.detector, say)
    return CropNetwork(
        spec,
        boxes.boxes,
        cells_reader(spec, module, options.flip),
        checkpoints=(used,),
        most_people=options.most_people,
        closes=boxes,
        depth="depth" in spec.outputs,
    )


def open_mppe(name: str, options: DemoOptions, say: Callable[[str], None]) -> DemoSystem:
    """PoseNet behind RootNet, or at a distance that the user gives.

    Raises:
        UsageError: no weights, or a distance that is none.
        NetworkError, CheckpointError: torch is missing; weights that do not fit.
    """
    example = "snapshot_24.pth.tar of the original program, or a file that posecap's training wrote"
    expect_weights(name, options, "--checkpoint", options.checkpoint, example)
    depth = options.root_depth_mm
    if depth is None:
        example = "its snapshot_18.pth.tar, or --root-depth MILLIMETRES instead of RootNet"
        expect_weights("rootnet", options, "--root-checkpoint", options.root_checkpoint, example)
    elif options.root_checkpoint is not None:
        raise UsageError("--root-depth and --root-checkpoint say the same thing: keep one")
    elif not _FEET_MM <= depth < 1e6:
        raise UsageError(f"--root-depth {depth:g} is no distance: give it in millimetres")
    pose, spec, used = opened(name, options.checkpoint, options.preset, say, options.network)
    from posecap.launch.demo_mppe import AbsolutePeople

    checkpoints: tuple[str | None, ...] = (used,)
    root_spec = spec
    if depth is not None:
        root = float(depth)
    else:
        module, root_spec, root_used = opened("rootnet", options.root_checkpoint, options.preset, say)
        checkpoints = (used, root_used)
        root = forward(module)
    boxes = open_boxes(options.boxes, options.detector, say)
    return AbsolutePeople(
        PUBLISHED_SETS[spec.joints],
        boxes.boxes,
        voxels_reader(spec, pose, options.flip),
        root,
        (spec.picture, root_spec.picture),
        preset=spec.preset,
        checkpoints=checkpoints,
        most_people=options.most_people,
        closes=boxes,
    )


def opened(
    name: str,
    checkpoint: Path | None,
    preset: PresetName | None,
    say: Callable[[str], None],
    options: Mapping[str, Value] | None = None,
) -> "tuple[nn.Module, NetworkSpec, str | None]":
    """Network, entry and the name of its file, None where its weights are random (the same ones each time).

    Raises:
        NetworkError, CheckpointError: as `open_network`.
    """
    network(name, preset or "clean")
    try:
        import torch
    except ImportError as error:
        raise NetworkError(f"network {name!r} needs PyTorch: pip install 'posecap[networks]'") from error
    from posecap.models.checkpoints import open_network

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module, spec, loaded = open_network(name, checkpoint, preset, **(options or {}))
    known = PUBLISHED_SETS.get(spec.joints)
    if known is not None and spec.options.get("joints", len(known)) != len(known):
        raise NetworkError(
            f"{name} has {spec.options['joints']} joints, {known.name} has {len(known)}: leave out joints"
        )
    if loaded is None:
        say(f"{name}: random weights, what it finds means nothing")
        return module, spec, None
    say(f"{loaded.table()}, preset {spec.preset}")
    return module, spec, str(checkpoint)
