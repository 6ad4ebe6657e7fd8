"""What a replay came to, in words."""

import numpy as np
from rich.console import Console

from posecap.launch.replay_session import Replayed, ReplayOptions
from posecap.runtime.pose_check import PoseCheck


def print_replayed(result: Replayed, options: ReplayOptions, console: Console) -> bool:
    """Print the summary; False where poses were compared and are not the same."""
    rate = result.frame_sets / result.seconds if result.seconds else 0.0
    lines = [
        f"{result.frame_sets} frame sets in {result.seconds:.1f} s ({rate:.1f} /s), somebody in "
        f"{result.with_people}, {result.step_ms:.1f} ms each in the pipeline (median)"
    ]
    if result.lost_pictures:
        lines.append(f"{result.lost_pictures} pictures were lost when it was recorded")
    if options.save is not None:
        lines.append(f"poses in {options.save}: python launch/export.py {options.save} --help")
    lines += [_compared(check) for check in result.checks.values()]
    compared = bool(result.checks)
    if compared and not result.identical and options.against is None and not result.lossless:
        lines.append(
            "the pictures were recorded with loss (H.264), the poses were made from the pictures themselves: they "
            "cannot be the same; record with --lossless, or compare two replays with --save and --against"
        )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return result.identical or not compared


def _compared(check: PoseCheck) -> str:
    if not check.compared:
        return f"stage {check.stage}: nothing to compare with"
    words = f"stage {check.stage}: {check.identical} of {check.compared} frame sets bit-identical"
    if check.absent:
        words += f" ({check.absent} are not in the recorded poses)"
    if check.first is None:
        return words
    moved = np.array(check.moved_m)
    moved = moved[np.isfinite(moved)]
    apart = f"; those that differ by {1e3 * np.median(moved):.2f} mm (median), " if len(moved) else "; "
    return f"{words}{apart}first difference: {check.first}"
