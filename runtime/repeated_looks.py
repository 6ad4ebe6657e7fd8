"""Looking at a person several times: a network does not err alike in mirrored pictures and from farther away."""

from dataclasses import replace

import numpy as np

from posecap.capture.frame import Frame, FrameSet
from posecap.runtime.estimate2d import PoseEstimator
from posecap.runtime.pose import Keypoints2D, Region

_FARTHER = 1.15  # side of the crop of the third and fourth look


def looked(
    estimator: PoseEstimator,
    index: int,
    pictures: tuple[Frame | None, ...],
    regions: list[Region],
    looks: int,
) -> Keypoints2D:
    """The mean of 1 to 4 looks at `regions`, joints in full-image pixels; their spread adds to the variance.

    The first looks as it is, the second into the mirrored picture, the others the same from a little farther away.
    """
    first = estimator.estimate(FrameSet(index, 0, pictures), regions)
    if looks == 1 or not regions:
        return first
    mirror = list(estimator.joint_set.mirrored)
    width = np.array([picture.size_px[0] if picture is not None else 0 for picture in pictures])
    wanted = {region.view for region in regions}
    flipped = tuple(_mirrored(picture) if k in wanted else None for k, picture in enumerate(pictures))
    found = [(first.xy, first.score, first.variance)]
    for look in range(1, looks):
        farther = _FARTHER if look >= 2 else 1.0
        if look % 2 == 0:
            seen = estimator.estimate(FrameSet(index, 0, pictures), [_seen_from(r, farther) for r in regions])
            found.append((seen.xy, seen.score, seen.variance))
            continue
        other = [_seen_from(r, farther, int(width[r.view])) for r in regions]
        seen = estimator.estimate(FrameSet(index, 0, flipped), other)
        xy = seen.xy[:, :, mirror].copy()
        xy[..., 0] = width[:, None, None] - 1 - xy[..., 0]
        found.append((xy, seen.score[:, :, mirror], seen.variance[:, :, mirror]))
    xy, score, variance = (np.stack([one[k] for one in found]) for k in range(3))
    spread = xy.var(axis=0).sum(axis=-1) / 2
    return Keypoints2D(
        xy.mean(axis=0), score.mean(axis=0), variance.mean(axis=0) + spread, first.track, first.heatmaps
    )


def _seen_from(region: Region, farther: float, mirrored_in_px: int | None = None) -> Region:
    """The region with more air, and where it is in the mirrored picture of that width."""
    x, y = region.centre_px
    roll = region.roll_rad
    if mirrored_in_px is not None:
        x, roll = mirrored_in_px - 1 - x, -roll
    return replace(region, centre_px=(x, y), side_px=region.side_px * farther, roll_rad=roll)


def _mirrored(picture: Frame | None) -> Frame | None:
    if picture is None:
        return None
    return replace(picture, pixels=np.ascontiguousarray(picture.image[:, ::-1]))
