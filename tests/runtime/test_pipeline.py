"""The whole pipeline on people whose joints are known, with the networks replaced by exact projections of the truth."""

import numpy as np
import pytest
from onlooker import frame_set, pipeline_of
from scene import STANDING, ring_rig

from posecap.calib.rig import Rig
from posecap.runtime.errors import SettingsError
from posecap.runtime.pipeline import open_pipeline
from posecap.runtime.settings import PipelineSettings


def test_people_come_stay_and_leave() -> None:
    rig = ring_rig(4)
    pipeline, onlooker = pipeline_of(rig)
    counts, errors = [], []
    for k in range(90):
        x = 0.01 * k
        here = [STANDING + np.array([x, 0.8, 0.0]), STANDING - np.array([x, 0.8, 0.0])]
        onlooker.people = np.array(here[: (0 if k < 5 else 2 if k < 60 else 0)]).reshape(-1, 17, 3)
        result = pipeline.step(frame_set(rig, k))
        counts.append(len(result.instant.skeletons))
        for skeleton in result.instant.skeletons:
            errors.append(min(np.nanmax(np.linalg.norm(skeleton.xyz - one, axis=1)) for one in here))
    assert counts[:5] == [0] * 5
    assert counts[8:60] == [2] * 52
    assert counts[60:] == [0] * 30  # everybody has left, every row is empty
    assert max(errors) < 0.05


def test_a_missing_camera_degrades_and_does_not_stop() -> None:
    rig = ring_rig(4)
    pipeline, onlooker = pipeline_of(rig)
    onlooker.people = STANDING[None]
    for k in range(40):
        result = pipeline.step(frame_set(rig, k, {"cam02"} if k > 15 else set()))
        if k > 3:
            (skeleton,) = result.instant.skeletons
            assert skeleton.views.max() == (3 if k > 15 else 4)
            assert np.abs(skeleton.xyz - STANDING).max() < 0.05


def test_who_is_lost_is_looked_for_now_and_then_while_others_are_followed() -> None:
    rig = ring_rig(4)
    pipeline, onlooker = pipeline_of(rig)
    right = np.array([0.8, 0.0, 0.0])
    here = np.array([STANDING + right, STANDING - right])
    onlooker.people = here
    looked = []
    for k in range(60):
        if k == 20:
            onlooker.people = here[:1]
        if k == 50:
            onlooker.people = here
        people = pipeline.step(frame_set(rig, k)).instant.skeletons
        looked.append(onlooker.looked)
    assert set(looked[8:20]) == {8}  # two people in four views
    assert looked[26:50].count(8) == 6
    assert looked[26:50].count(4) == 18
    assert {one.track for one in people} == {1, 2}  # found again within the second and a half


def test_views_are_left_out_in_turn() -> None:
    rig = ring_rig(4)
    pipeline, onlooker = pipeline_of(rig)
    onlooker.people = STANDING[None]
    read = []
    for k in range(24):
        result = pipeline.step(frame_set(rig, k), left_out=1 if k > 3 else 0)
        if k > 7:
            read.append(np.isfinite(result.keypoints.xy[:, 0, 5, 0]))
    assert {int(views.sum()) for views in read} == {3}
    assert (np.array(read).sum(axis=0) == 12).all()  # three of four times each


def test_the_refined_pose_is_of_the_frame_set_before() -> None:
    rig = ring_rig(3)
    pipeline, onlooker = pipeline_of(rig, lag_frames=2)
    onlooker.people = STANDING[None]
    for k in range(8):
        result = pipeline.step(frame_set(rig, k))
        assert (result.refined.index if result.refined else None) == (k - 2 if k >= 2 else None)
    assert [(one.index, len(one.skeletons)) for one in pipeline.rest()] == [(6, 1), (7, 1)]
    assert pipeline.rest() == []


def test_one_camera_is_refused() -> None:
    with pytest.raises(SettingsError, match="at least two"):
        open_pipeline(Rig(ring_rig(3).cameras[:1]), PipelineSettings())
