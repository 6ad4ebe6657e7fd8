"""How late each camera's clock is, from the motion of a person whom all cameras see.

A search over shifts of half a picture comes first (`offset_search`), then the fraction (`offset_fraction`), again and
again from the pictures that are nearest at the offsets found.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from posecap.calib.errors import CalibrationError
from posecap.calib.joint_tracks import PeopleTracks
from posecap.calib.joint_views import ViewSettings, joint_views
from posecap.calib.offset_fraction import offset_step
from posecap.calib.offset_search import searched_offsets
from posecap.calib.people_checks import expect_determined, expect_shared, one_person
from posecap.calib.people_extrinsics import triangulated
from posecap.calib.reprojection import reprojection
from posecap.calib.rig import Rig
from posecap.calib.rig_file import RigFile

_ROUNDS = 6
_SETTLED_S = 5e-5
_MOST_PICTURES = 3000
_LEAST_SLOW = 6  # pictures: speeds are slopes over five


class OffsetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How offsets are found.

    Attributes:
        views: what is believed of 2D joints; the fraction is found from successive pictures, 3000 at most.
        search_s: offsets up to this are looked for.
        slow_s: what lasts longer than about twice this is taken for an error of network or calibration.
        parts: of the recording that the uncertainty is taken from.
        worst_s: a camera whose offset is less sure than this is refused.
    """

    views: ViewSettings = ViewSettings()
    search_s: float = 0.5
    slow_s: float = 0.2
    parts: int = 8
    worst_s: float = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class TimeOffsets:
    """When cameras look, by the first one's clock: true time = stamped time + offset.

    Attributes:
        cameras: names.
        offset_s: (views,); the first is 0.
        sigma_s: (views,) standard deviations; the first is 0.
        before_px, after_px: median reprojection residual without and with them.
    """

    cameras: tuple[str, ...]
    offset_s: NDArray[np.float64]
    sigma_s: NDArray[np.float64]
    before_px: float
    after_px: float


def time_offsets(rig: Rig, tracks: PeopleTracks, settings: OffsetSettings | None = None) -> TimeOffsets:
    """Each camera's offset to the first one, and how sure it is.

    Args:
        rig: poses to a few centimetres.
        tracks: one person who moves, the same in all views.
        settings: how.

    Raises:
        CalibrationError: a camera without tracks, too little seen by two views at a time, somebody who hardly moves, an
            offset that the motion does not fix to `worst_s`, or one at the end of the range searched.
    """
    settings = settings or OffsetSettings()
    tracks = tracks.of(rig.names)
    period_s = tracks.period_s
    if len(rig) < 2 or period_s <= 0:
        raise CalibrationError(
            f"{len(rig)} cameras with {tracks.t_ns.shape[1]} pictures do not tell an offset: give recordings of two "
            "cameras or more"
        )
    tracks = one_person(tracks)
    offsets = searched_offsets(rig.cameras, tracks, settings.views, settings.search_s)
    views = joint_views(tracks, settings.views, offsets)
    expect_shared(rig.cameras, views)
    expect_determined(views, triangulated(rig.cameras, views))
    before_px = reprojection(rig.cameras, joint_views(tracks, settings.views)).median_px
    middle = max(tracks.t_ns.shape[1] - _MOST_PICTURES, 0) // 2
    part = tracks.between(middle, middle + _MOST_PICTURES)
    every = msgspec.structs.replace(settings.views, instants=0)
    slow = max(round(settings.slow_s / period_s), _LEAST_SLOW)
    sigma = np.zeros(len(rig))
    for _ in range(_ROUNDS):
        step = offset_step(rig.cameras, joint_views(part, every, offsets), slow, settings.parts)
        offsets, sigma = offsets + step.change_s, step.sigma_s
        if np.abs(step.change_s).max() < _SETTLED_S or np.abs(offsets).max() > 2 * settings.search_s:
            break
    after_px = reprojection(rig.cameras, joint_views(tracks, settings.views, offsets)).median_px
    found = TimeOffsets(rig.names, offsets, sigma, before_px, after_px)
    _expect_sure(found, settings)
    return found


def with_time_offsets(content: RigFile, found: TimeOffsets) -> RigFile:
    """The rig file whose sources correct their capture times by `found`, on top of what they corrected before.

    Raises:
        CalibrationError: a camera that is not in the file, or that has no source.
    """
    shift = dict(zip(found.cameras, found.offset_s.tolist(), strict=True))
    names = [entry.name for entry in content.cameras]
    for name in shift:
        if name not in names:
            raise CalibrationError(
                f"an offset was found for camera {name!r}, the rig file has {', '.join(names)}: give the rig file that "
                "the recordings are of"
            )
    cameras = []
    for entry in content.cameras:
        if entry.source is None and shift.get(entry.name, 0.0) != 0:
            raise CalibrationError(
                f"camera {entry.name!r} has no source whose times could be corrected: add a `source` to the rig file"
            )
        source = None if entry.source is None else dict(entry.source)
        if source is not None and entry.name in shift:
            total = float(source.get("time_offset_s", 0.0)) + shift[entry.name]
            source["time_offset_s"] = round(total, 6)
        cameras.append(msgspec.structs.replace(entry, source=source))
    return msgspec.structs.replace(content, cameras=cameras)


def _expect_sure(found: TimeOffsets, settings: OffsetSettings) -> None:
    for name, offset, sigma in zip(found.cameras, found.offset_s, found.sigma_s, strict=True):
        if not sigma <= settings.worst_s:
            raise CalibrationError(
                f"camera {name!r}: the motion fixes its offset to {1e3 * sigma:.0f} ms only, expected "
                f"{1e3 * settings.worst_s:.0f}: record somebody who walks and moves the arms where all cameras look"
            )
        if abs(offset) > settings.search_s:
            raise CalibrationError(
                f"camera {name!r}: its offset runs away to {offset:.2f} s: check that all cameras see the same person"
            )
