"""Names in files of the original stacked hourglasses to ours.

Taken from key lists that users of networks of this family printed; no file of the authors was at hand to try it on.
"""

import re

_TRUNK = {"conv1_": "conv1", "bn1": "bn1", "r1": "stem.0", "r4": "stem.1", "r5": "stem.2", "reg": "depth"}
_OF_EACH_STACK = {
    "hourglass": "hourglasses",
    "lin_": "features",
    "tmpOut": "heatmaps",
    "ll_": "remap_features",
    "tmpOut_": "remap_heatmaps",
}
_IN_A_ROW = {"Residual": "residuals", "reg_": "depth_steps"}
"""Lists that the original numbers through all stacks and steps."""

_INSIDE_HOURGLASS = {"up1_": "upper", "low1_": "before", "low2": "inner", "low2_": "inner", "low3_": "after"}
_INSIDE_RESIDUAL = {
    "bn": "bn1", "bn1": "bn2", "bn2": "bn3", "conv1": "conv1", "conv2": "conv2", "conv3": "conv3", "conv4": "skip",
}  # fmt: skip

_RESIDUALS_A_PLACE = 2


def our_key(key: str) -> str:
    """The name of our tensor; names that the original does not have are given back as they are."""
    head, *rest = key.split(".")
    if head in _TRUNK:
        place = _TRUNK[head]
        return ".".join([place, *(_residual(rest) if place.startswith("stem") else rest)])
    if head in _OF_EACH_STACK:
        return ".".join([_OF_EACH_STACK[head], *(_hourglass(rest) if head == "hourglass" else rest)])
    if head in _IN_A_ROW and re.fullmatch(r"\d+", rest[0] if rest else ""):
        place, index = divmod(int(rest[0]), _RESIDUALS_A_PLACE)
        return ".".join([_IN_A_ROW[head], str(place), str(index), *_residual(rest[1:])])
    return key


def _hourglass(parts: list[str]) -> list[str]:
    """Inside one: halves within halves, then a residual's number and its own names."""
    named = [_INSIDE_HOURGLASS.get(part, part) for part in parts]
    return [*named[:-2], *_residual(parts[-2:])]


def _residual(parts: list[str]) -> list[str]:
    return [_INSIDE_RESIDUAL.get(parts[0], parts[0]), *parts[1:]] if parts else parts
