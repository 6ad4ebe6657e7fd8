"""What a person wears and what colour everything has."""

from dataclasses import dataclass
from typing import Literal

Tone = tuple[int, int, int]
"""RGB, 0..255."""


@dataclass(frozen=True, slots=True)
class Look:
    """One person's appearance.

    Attributes:
        shape: name of a baked body shape.
        seed: of all noise in cloth and skin.
        sleeve: how far the shirt covers the arms.
        pattern: of the shirt, in its two colours.
        skin, hair, iris, trousers, shoes: colours.
        shirt: ground colour and colour of the pattern.
    """

    shape: str
    seed: int = 0
    sleeve: Literal["long", "mid", "short"] = "long"
    pattern: Literal["rings", "stripes", "checks", "print"] = "print"
    skin: Tone = (198, 150, 118)
    hair: Tone = (44, 30, 22)
    iris: Tone = (70, 46, 28)
    shirt: tuple[Tone, Tone] = ((150, 40, 48), (205, 200, 190))
    trousers: Tone = (58, 78, 120)
    shoes: Tone = (40, 36, 34)
