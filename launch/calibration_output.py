"""What a calibration leaves behind: the rig file, with what it replaces beside it, and the report."""

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec
import numpy as np
from rich.console import Console

from posecap.calib.camera import Camera
from posecap.calib.report import Report, render_report
from posecap.calib.rig_file import RIG_FILE_VERSION, RigFile, write_rig_file
from posecap.launch.calibration_cameras import CalibrationCameras, source_beside
from posecap.launch.errors import LaunchError, UsageError


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Where results go.

    Attributes:
        out: rig file.
        report: HTML page; None = none.
        force: write the rig file also when the calibration is not usable.
    """

    out: Path
    report: Path | None
    force: bool = False


def check_writable(options: OutputOptions, *, only_report: bool = False) -> None:
    """UsageError where something cannot be written; better known before the work."""
    for name, path in (("--out", None if only_report else options.out), ("--report", options.report)):
        if path is None:
            continue
        folder = path.resolve().parent
        if not folder.is_dir() or not os.access(folder, os.W_OK) or path.is_dir():
            raise UsageError(f"{name} {path} cannot be written: choose a file in a folder that exists")


def rig_content(
    cameras: CalibrationCameras,
    found: dict[str, Camera],
    out: Path,
    *,
    rms_px: float | None,
    solved_at: str,
    notes: str | None,
    moved: bool,
) -> RigFile:
    """The rig file of `cameras` with what was found of them; sources stay, their paths lead where they led.

    Args:
        cameras: that were calibrated.
        found: cameras by name; others stay as they are.
        out: where it will be written.
        rms_px, solved_at, notes: of the file.
        moved: the world is a new one, so exact joints (`truth`) of the old one no longer fit.
    """
    before = cameras.content
    entries = [
        msgspec.structs.replace(
            entry,
            **({} if entry.name not in found else _numbers(found[entry.name])),
            source=source_beside(entry.source, cameras.folder, out),
        )
        for entry in (cameras.entries if before is None else before.cameras)
    ]
    truth = None if before is None or moved else source_beside(before.truth, cameras.folder, out)
    return RigFile(
        posecap_rig=RIG_FILE_VERSION,
        length_unit="m",
        cameras=entries,
        rms_px=rms_px,
        solved_at=solved_at,
        notes=notes,
        truth=truth,
    )


def write_rig(path: Path, content: RigFile) -> Path | None:
    """Write the rig file in one step; what it replaces is kept as `path` with .bak, whose path is returned.

    Raises:
        UsageError: the place cannot be written; what was there stays.
        RigFileError: likewise.
        CalibrationError: `content` is no rig.
    """
    content.rig()
    kept = path.with_name(path.name + ".bak") if path.exists() else None
    try:
        with NamedTemporaryFile(dir=path.resolve().parent, prefix=f".{path.name}.", delete=False) as file:
            made = Path(file.name)
        try:
            write_rig_file(made, content)
            made.chmod(0o644)
            if kept is not None:
                kept.write_bytes(path.read_bytes())
            made.replace(path)
        finally:
            made.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): choose another --out") from error
    return kept


def finish(options: OutputOptions, content: RigFile, report: Report, console: Console) -> None:
    """Write the report, and the rig file if the calibration is usable; say so.

    Raises:
        LaunchError: it is not usable, and was not written.
    """
    say_verdict(report, options.report, console)
    if not report.verdict.usable and not options.force:
        raise LaunchError(
            f"{options.out} was not written, since this calibration is not usable: see the reasons above, calibrate "
            "again, or give --force"
        )
    kept = write_rig(options.out, content)
    was = f" (what it replaces is in {kept})" if kept else ""
    console.print(f"{options.out} written{was}", markup=False, soft_wrap=True)


def say_verdict(report: Report, page: Path | None, console: Console) -> None:
    """Print the verdict and advice, and write the page."""
    for name, fit in report.fits.items():
        console.print(
            f"{name}: {fit.rms_px:.3f} px rms over {fit.corners} {report.what} in {fit.views} views, "
            f"{fit.left_out} left out",
            markup=False,
            soft_wrap=True,
        )
    errors = 1000 * report.errors_m[np.isfinite(report.errors_m)]
    if len(errors):
        rms, bias = float(np.sqrt(np.mean(errors**2))), float(errors.mean())
        line = f"{report.errors_of}: {rms:.2f} mm rms, bias {bias:+.2f} mm"
        console.print(line, markup=False, soft_wrap=True)
    for line in report.advice:
        console.print(f"better: {line}", markup=False, soft_wrap=True)
    console.print(report.verdict.sentence, markup=False, soft_wrap=True)
    if page is not None:
        try:
            page.write_text(render_report(report), encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"{page} cannot be written ({error.strerror}): choose another --report"
            ) from error
        console.print(f"report: {page}", markup=False, soft_wrap=True)


def _numbers(camera: Camera) -> dict[str, object]:
    """Fields of a rig file's entry."""
    return {
        "size_px": camera.size_px,
        "K": camera.K.tolist(),
        "distortion": camera.distortion.tolist(),
        "cam_from_world": camera.cam_from_world.tolist(),
    }
