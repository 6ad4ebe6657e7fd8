"""One colour for each person, the same in every picture; colour-blind readers can tell them apart."""

import colorsys
from functools import lru_cache

# Okabe and Ito, "Color Universal Design" (2008), without black
_HUES = (
    (0.902, 0.624, 0.000),  # orange
    (0.337, 0.706, 0.914),  # sky blue
    (0.941, 0.894, 0.259),  # yellow
    (0.800, 0.475, 0.655),  # reddish purple
    (0.000, 0.620, 0.451),  # bluish green
    (0.835, 0.369, 0.000),  # vermilion
    (0.100, 0.500, 0.800),  # blue, lighter than the original: it must stand out from black
)
_LIGHTNESS = (1.0, 1.6, 0.6)


@lru_cache(maxsize=1024)
def person_colour(track: int) -> tuple[float, float, float]:
    """Red, green, blue in 0..1 of the person with this identity; grey for -1 (nobody yet).

    Seven hues, then the same in two other lightnesses; after 21 identities they come again.
    """
    if track < 0:
        return (0.6, 0.6, 0.6)
    hue, lightness, saturation = colorsys.rgb_to_hls(*_HUES[track % len(_HUES)])
    lightness *= _LIGHTNESS[track // len(_HUES) % len(_LIGHTNESS)]
    red, green, blue = colorsys.hls_to_rgb(hue, min(lightness, 0.85), saturation)
    return (red, green, blue)
