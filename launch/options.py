"""Checks that several commands make of their options."""

from typing import Annotated, cast

import msgspec
import typer

from posecap.launch.errors import UsageError
from posecap.models.networks import PresetName, Value

NetworkPreset = Annotated[
    str,
    typer.Option(
        "--preset",
        help="compat or clean. Without it the checkpoint's; clean for random weights.",
        show_default=False,
    ),
]
NetworkSet = Annotated[
    list[str] | None,
    typer.Option("--set", help="KEY=VALUE of the network, several times: side_px=320, views=3."),
]


def one_of(option: str, value: str, choices: tuple[str, ...]) -> str:
    """`value`; UsageError lists the choices where it is none of them."""
    if value not in choices:
        raise UsageError(f"{option} {value!r} is unknown, there are {', '.join(choices)}: check the spelling")
    return value


def network_preset(text: str) -> PresetName | None:
    """The value of --preset; None for "", UsageError for one that does not exist."""
    return cast("PresetName", one_of("--preset", text, ("compat", "clean"))) if text else None


def network_options(assignments: list[str]) -> dict[str, Value]:
    """The values of --set KEY=VALUE for a network: numbers, true and false, lists; everything else is a name.

    Raises:
        UsageError: no "=".
    """
    options: dict[str, Value] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {text!r} is no assignment: write KEY=VALUE, such as side_px=320")
        try:
            read = msgspec.json.decode(value)
        except msgspec.DecodeError:
            read = value
        options[key] = tuple(read) if isinstance(read, list) else read
    return options


def positive(option: str, value: float) -> float:
    """`value`; UsageError where it is not more than 0 and finite."""
    if not 0 < value < float("inf"):
        raise UsageError(f"{option} is {value:g}, expected more than 0: correct it")
    return value
