"""Which systems a demo can run, and what opens each."""

from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from posecap.launch.demo_networks import DemoOptions, open_mppe, open_single
from posecap.launch.demo_person import DemoSystem
from posecap.launch.errors import UsageError
from posecap.models.networks import names, network
from posecap.models.weights import presets


def networks() -> list[str]:
    """Published networks that look at pictures."""
    return [name for name in names() if "pictures" in network(name).inputs]


def takes_views(name: str) -> bool:
    """Whether the system called `name` looks at several calibrated cameras together."""
    return name in networks() and network(name).picture.views > 1


def single_opener(name: str, options: DemoOptions) -> Callable[[Callable[[str], None]], DemoSystem]:
    """What opens the system of single pictures called `name`; nothing is opened yet.

    Raises:
        UsageError: no name, or one that a demo cannot run alone.
        NetworkError: no such network.
    """
    if not name:
        raise UsageError("no system named: see --list")
    if name in presets("pose"):
        _expect_no_network(name, options)
        from posecap.launch.demo_live import LiveModel

        return lambda say: LiveModel(name, options.most_people, say)
    if name in presets("detector"):
        raise UsageError(f"{name} finds people, not joints: choose a system of --list")
    if name not in networks():
        known = ", ".join([*presets("pose"), *networks()])
        raise UsageError(f"no system {name!r}, there are {known}: check the spelling")
    if name == "rootnet":
        raise UsageError(
            "rootnet finds roots only: run posenet-18 or posenet-21, and give its weights as --root-checkpoint"
        )
    spec = network(name)
    if spec.system == "mppe":
        return lambda say: open_mppe(name, options, say)
    return lambda say: open_single(name, options, say)


def show_systems(console: Console) -> None:
    """A table of all systems."""
    table = Table(box=None)
    table.add_column("name", no_wrap=True)
    for title in ("takes", "weights", "what it is"):
        table.add_column(title)
    for name, entry in presets("pose").items():
        table.add_row(name, "a picture", "fetched", entry.about)
    for name in networks():
        spec = network(name)
        takes = "calibrated views" if spec.picture.views > 1 else "a picture"
        weights = "--root-checkpoint" if name == "rootnet" else "--checkpoint"
        table.add_row(name, takes, weights, spec.about)
    console.print(table)


def _expect_no_network(name: str, options: DemoOptions) -> None:
    wrong = [
        option
        for option, value in (
            ("--checkpoint", options.checkpoint),
            ("--root-checkpoint", options.root_checkpoint),
            ("--root-depth", options.root_depth_mm),
            ("--preset", options.preset),
            ("--box", options.boxes),
            ("--flip", options.flip),
            ("--set", options.network),
        )
        if value
    ]
    if wrong:
        raise UsageError(f"{name} comes with its weights and detector: leave out {', '.join(wrong)}")
