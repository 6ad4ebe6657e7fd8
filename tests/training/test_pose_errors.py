"""Errors of poses whose true answer is known: moved, turned, resized and mirrored copies."""

import cv2
import numpy as np
import pytest

from posecap.training.errors import DatasetError
from posecap.training.pose_errors import aligned, error_table, pose_errors

RNG = np.random.default_rng(3)
TRUE = RNG.normal(0, 300, (5, 16, 3)) + np.array([0.0, 0.0, 4000.0])
AWAY = np.array([30.0, 0.0, -40.0])
TURN = cv2.Rodrigues(np.array([0.3, -0.9, 0.4]))[0]


def test_each_error_is_blind_to_what_its_name_says() -> None:
    shifted = pose_errors(TRUE + AWAY, TRUE, 6)
    assert shifted.absolute_mm == pytest.approx(50)
    assert shifted.root_mm == pytest.approx(50)
    assert shifted.root_axis_mm == pytest.approx((30, 0, 40))
    assert shifted.root_relative_mm == pytest.approx(0, abs=1e-9)
    turned = pose_errors(TRUE @ TURN.T, TRUE, 6)
    assert turned.root_relative_mm > 100
    assert turned.aligned_rigid_mm == pytest.approx(0, abs=1e-6)
    larger = pose_errors(1.2 * TRUE @ TURN.T, TRUE, 6)
    spread = np.linalg.norm(TRUE - TRUE.mean(1, keepdims=True), axis=-1).mean()
    assert larger.aligned_rigid_mm == pytest.approx(0.2 * spread)
    assert larger.aligned_similarity_mm == pytest.approx(0, abs=1e-6)
    mirrored = pose_errors(TRUE * [-1, 1, 1], TRUE, 6)
    assert mirrored.aligned_similarity_mm > 50  # a mirrored person is another pose


def test_alignments_are_the_best_there_are() -> None:
    found = TRUE @ TURN.T * 0.8 + RNG.normal(0, 40, TRUE.shape)
    for scale in (False, True):
        moved, _ = aligned(found, TRUE, scale=scale)
        best = ((moved - TRUE) ** 2).sum()
        for turn in RNG.normal(0, 0.02, (20, 3)):
            assert ((moved @ cv2.Rodrigues(turn)[0].T - TRUE) ** 2).sum() > best
        assert (((moved + 2) - TRUE) ** 2).sum() > best


def test_unknown_joints_are_not_compared() -> None:
    found, true = TRUE + 10, TRUE.copy()
    true[:, 9] = np.nan  # nobody's
    found[0, 6] = np.nan  # no root
    found[1, 3:] = np.nan  # three joints are left
    found[2] = np.nan
    errors = pose_errors(found, true, 6)
    assert (errors.joints, errors.frames, errors.aligned_frames, errors.without_root) == (15, 4, 3, 2)
    assert errors.absolute_mm == pytest.approx(10 * 3**0.5)
    assert errors.aligned_rigid_mm == pytest.approx(0, abs=1e-6)
    nothing = pose_errors(found[2:3], true[2:3], 6)
    assert np.isnan(nothing.absolute_mm)
    assert nothing.frames == 0
    point = pose_errors(np.zeros_like(TRUE), TRUE, 6)  # all joints in one place have no scale
    spread = np.linalg.norm(TRUE - TRUE.mean(1, keepdims=True), axis=-1).mean()
    assert point.aligned_similarity_mm == pytest.approx(spread)


def test_the_table_names_content_joints_and_frames() -> None:
    table = error_table({"network": pose_errors(TRUE + AWAY, TRUE, 6)})
    names = [str(column.header) for column in table.columns]
    assert names[1:6] == [
        "absolute",
        "root alone",
        "root-relative",
        "aligned, no scale",
        "aligned with scale",
    ]
    assert [next(iter(column.cells)) for column in table.columns] == [
        "network", "50.0", "50.0", "0.0", "0.0", "0.0", "16", "5",
    ]  # fmt: skip


def test_poses_that_cannot_be_compared() -> None:
    with pytest.raises(DatasetError, match=r"shapes \(5, 15, 3\) and \(5, 16, 3\).*: compare equal sets"):
        pose_errors(TRUE[:, 1:], TRUE, 0)
    with pytest.raises(DatasetError, match="joint 16 is the root, there are 16: choose one"):
        pose_errors(TRUE, TRUE, 16)
