"""Checks that several commands make of their options."""

from typing import cast

from posecap.launch.errors import UsageError
from posecap.models.networks import PresetName


def one_of(option: str, value: str, choices: tuple[str, ...]) -> str:
    """`value`; UsageError lists the choices where it is none of them."""
    if value not in choices:
        raise UsageError(f"{option} {value!r} is unknown, there are {', '.join(choices)}: check the spelling")
    return value


def network_preset(text: str) -> PresetName | None:
    """The value of --preset; None for "", UsageError for one that does not exist."""
    return cast("PresetName", one_of("--preset", text, ("compat", "clean"))) if text else None


def positive(option: str, value: float) -> float:
    """`value`; UsageError where it is not more than 0 and finite."""
    if not 0 < value < float("inf"):
        raise UsageError(f"{option} is {value:g}, expected more than 0: correct it")
    return value
