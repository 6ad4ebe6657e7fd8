"""Other processes for the tests of the ring: targets of a spawned process live in an importable module."""

import time
from pathlib import Path

import numpy as np

from posecap.capture.ring import Ring


def overwrite(path: Path, until: float) -> None:
    """Write uniform pictures of value `seq % 251` as fast as possible until `time.monotonic()` is `until`."""
    with Ring.attach(path) as ring:
        width, height = ring.size_px
        seq = 0
        while time.monotonic() < until:
            ring.write(seq, np.full((height, width, 3), seq % 251, np.uint8))
            seq += 1


def own_a_ring(folder: Path) -> None:
    """Create a ring in `folder` and wait to be killed."""
    with Ring.create((64, 48), 2, folder=folder):
        time.sleep(60)
