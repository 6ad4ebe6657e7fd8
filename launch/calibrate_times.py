"""`calibrate.py times`: by how much the clocks of cameras differ, from somebody who moves."""

from rich.console import Console
from rich.table import Table

from posecap.calib.time_offset import time_offsets, with_time_offsets
from posecap.launch.calibrate_people import PeopleOptions, tracked
from posecap.launch.calibrate_places import lenses_of
from posecap.launch.calibration_cameras import CalibrationCameras
from posecap.launch.calibration_output import OutputOptions, rig_content, write_rig


def calibrate_times(
    cameras: CalibrationCameras, options: PeopleOptions, output: OutputOptions, console: Console
) -> None:
    """Estimate each camera's offset to the first one, show it, and write it into the sources of the rig file.

    Raises:
        UsageError: cameras without lenses.
        CalibrationError, CaptureError, WeightsError, EngineError: as the solver and the tracker say.
    """
    rig = lenses_of(cameras)
    found = time_offsets(rig, tracked(cameras, options, console))
    table = Table("camera", "offset ms", "sigma ms", title="true time = stamped time + offset")
    for name, offset_s, sigma_s in zip(found.cameras, found.offset_s, found.sigma_s, strict=True):
        table.add_row(name, f"{1e3 * offset_s:+.1f}", f"{1e3 * sigma_s:.1f}")
    console.print(table)
    console.print(
        f"residual {found.before_px:.2f} px without, {found.after_px:.2f} px with them (median)", markup=False
    )
    content = with_time_offsets(
        rig_content(
            cameras,
            {},
            output.out,
            rms_px=rig.rms_px,
            solved_at=rig.solved_at or "",
            notes=None,
            moved=False,
        ),
        found,
    )
    kept = write_rig(output.out, content)
    was = f" (what it replaces is in {kept})" if kept else ""
    console.print(f"{output.out} written{was}", markup=False, soft_wrap=True)
