"""Which tensors of a file fit a network, and a table of those that do not."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

Fit = Literal["missing", "unexpected", "shape"]


@dataclass(frozen=True, slots=True)
class Misfit:
    """One tensor that was not loaded; a shape is None on the side that has no such tensor."""

    key: str
    why: Fit
    in_file: tuple[int, ...] | None
    in_network: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `load_checkpoint` did.

    Attributes:
        path: of the file.
        layout: "posecap", "state dict", "snapshot" or "keras".
        preset: that the file records; None for files of other programs.
        epoch: that the file records, None where it does not.
        count: tensors that were loaded.
        misfits: tensors that were not, in the network's order, then the file's.
    """

    path: Path
    layout: str
    preset: str | None
    epoch: int | None
    count: int
    misfits: tuple[Misfit, ...]

    def table(self) -> str:
        """One line for each tensor that was not loaded, under one line that counts; only the latter if all fitted."""
        head = f"{self.path.name} ({self.layout}): {self.count} tensors loaded, {len(self.misfits)} not"
        return "\n".join([head, *_lines(self.misfits)])


def compared(
    tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], tuple[Misfit, ...]]:
    """What can be loaded, and what cannot.

    Counters of BatchNorm batches may be missing: files older than PyTorch 0.4.1 and Keras have none.
    """
    fitting: dict[str, Tensor] = {}
    misfits: list[Misfit] = []
    for key, own in wanted.items():
        shape = tuple(own.shape)
        if key not in tensors:
            if not key.endswith("num_batches_tracked"):
                misfits.append(Misfit(key, "missing", None, shape))
        elif tuple(tensors[key].shape) != shape:
            misfits.append(Misfit(key, "shape", tuple(tensors[key].shape), shape))
        else:
            fitting[key] = tensors[key]
    misfits += [
        Misfit(key, "unexpected", tuple(t.shape), None) for key, t in tensors.items() if key not in wanted
    ]
    return fitting, tuple(misfits)


def _lines(misfits: tuple[Misfit, ...]) -> list[str]:
    if not misfits:
        return []
    rows = [("tensor", "why", "file", "network")]
    rows += [(m.key, m.why, _shape(m.in_file), _shape(m.in_network)) for m in misfits]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _shape(shape: tuple[int, ...] | None) -> str:
    return "-" if shape is None else "x".join(map(str, shape)) or "scalar"
