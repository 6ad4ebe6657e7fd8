"""A demo at work: every instant is looked at, drawn, written and summed up."""

import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from posecap.launch.demo_networks import DemoOptions, expect_weights
from posecap.launch.demo_output import DemoOutput
from posecap.launch.demo_person import DemoPicture, DemoSystem
from posecap.launch.errors import UsageError


def run_demo(
    console: Console,
    system: DemoSystem,
    output: DemoOutput,
    instants: Iterable[list[DemoPicture]],
    count: int,
) -> None:
    """Look at every instant, write what is found, sum up; status 1 where nobody is found at all."""
    seen = []
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    try:
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("finding people", total=count)
            for pictures in instants:
                people = system.people(pictures)
                output.add(pictures, people)
                seen.append(len(people))
                bar.advance(task)
    finally:  # what was found stays, whatever ends the work
        system.close()
        if seen:
            output.finish()
    if output.guessed and system.frame == "camera":
        console.print(
            "the focal length is guessed (the longer side of the picture): distances are off by as much as the "
            "guess; give --focal, --fov or --cams"
        )
    if not system.frame:
        console.print(f"{output.name} finds joints in the picture only: there is no 3D plot")
    shown = output.written if len(output.written) <= 6 else [*output.written[:4], output.written[-1]]
    for path in shown:
        console.print(str(path), markup=False)
    if len(shown) < len(output.written):
        console.print(f"and {len(output.written) - len(shown)} more")
    console.print(f"pictures: {len(seen)}, people: {sum(seen)}")
    if not any(seen):
        remedy = (
            "two cameras or more must see a person, from different sides: give more views, or another instant"
            if system.frame == "world"
            else "give pictures in which people are larger, or say where they are with --box"
        )
        print(f"error: nobody was found: {remedy}", file=sys.stderr)
        sys.exit(1)


def run_views(
    console: Console,
    name: str,
    options: DemoOptions,
    pictures: list[Path],
    cams: Path | None,
    at_s: float,
    out: Path,
) -> None:
    """One instant of a rig.

    Raises:
        UsageError: no rig file, or options that views of a rig cannot have.
    """
    if cams is None:
        raise UsageError(f"{name} needs several calibrated views: give their rig file, --cams rig.yaml")
    if options.boxes:
        raise UsageError(f"{name} finds people in the room: leave out --box")
    if options.flip:
        raise UsageError(f"{name} cannot be shown mirrored views of a rig: leave out --flip")
    expect_weights(name, options, "--checkpoint", options.checkpoint, "of the original program, or posecap's")
    from posecap.launch.demo_multiview import open_views
    from posecap.launch.demo_rig import locate, rig_instant, whole_views

    def say(line: str) -> None:
        console.print(line, markup=False)

    with console.status("reading the recordings, finding people"):
        rig, sets = rig_instant(cams, pictures, at_s)
        pinholes, views = whole_views(rig, sets[-1], cams)
        located = locate(rig, sets, options.most_people, say)
        system = open_views(name, options, pinholes, located, say)
    output = DemoOutput(out, name, system, guessed=False, single=True, untrained=None in system.checkpoints)
    output.make_folder()
    run_demo(console, system, output, [views], 1)
