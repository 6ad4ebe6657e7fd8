"""What a user who holds a board sees in the terminal: what every camera has seen, and what to do next."""

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from posecap.calib.coverage import Coverage
from posecap.calib.shared_views import missing_links
from posecap.launch.board_sightings import BoardSightings

_FULL, _EMPTY = "█", "·"
_MOST_LINES = 3


def still_missing(seen: BoardSightings, *, lenses: bool) -> tuple[str, ...]:
    """What to do until enough was seen for lenses, or for places; empty = enough."""
    names = tuple(seen.sizes)
    if lenses:
        return tuple(line for name in names for line in seen.coverage(name).missing)
    return missing_links(seen.shared(), names)


def guiding_panel(
    seen: BoardSightings, shown: frozenset[str], left_s: float | None, *, lenses: bool
) -> Panel:
    """The panel as it is now.

    Args:
        seen: so far.
        shown: cameras that see the board at this moment.
        left_s: seconds to the end, None where it ends when enough was seen.
        lenses: guide for lenses, else for places.
    """
    table = Table(box=None, expand=False)
    for column in ("camera", "sees it", "pictures", "different", "covered", "size", "tilt", "where"):
        table.add_column(column)
    for name in seen.sizes:
        one = seen.coverage(name)
        sideways, up = one.tilts_deg
        table.add_row(
            name,
            "yes" if name in shown else "no",
            str(seen.count(name)),
            str(one.views),
            f"{100 * one.share:.0f} %",
            f"{100 * one.largest:.0f} %",
            f"{sideways:.0f}° {up:.0f}°",
            Text("\n".join(_map(one))),
        )
    missing = still_missing(seen, lenses=lenses)
    lines = [Text(f"→ {line}") for line in missing[:_MOST_LINES]] or [Text("enough was seen")]
    if len(missing) > _MOST_LINES:
        lines.append(Text(f"  and {len(missing) - _MOST_LINES} more"))
    end = "Ctrl-C ends it" if left_s is None else f"{left_s:.0f} s left, Ctrl-C ends it"
    return Panel(Group(table, *lines), title="calibration", subtitle=end)


def guiding_line(seen: BoardSightings, *, lenses: bool) -> str:
    """The same in one line, for where there is no terminal."""
    counts = ", ".join(f"{name} {seen.count(name)}" for name in seen.sizes)
    missing = still_missing(seen, lenses=lenses)
    return f"seen: {counts}; {missing[0] if missing else 'enough was seen'}"


def _map(one: Coverage) -> list[str]:
    """The picture as rows of cells."""
    return ["".join(_FULL * 2 if full else _EMPTY * 2 for full in row) for row in one.covered]
