"""Shapes face the eye with the asked size; what is not known is left out."""

import numpy as np
import pytest

from posecap.launch.view_eye import framing
from posecap.launch.view_glyphs import labels, strokes
from posecap.launch.view_people import tops
from posecap.launch.view_shapes import bars, discs, ribbons
from posecap.launch.view_skeleton import drawing_of
from posecap.models.joints import JOINT_SETS

EYE = framing(None, (1280, 720), 1280).eye((1280, 720))
RED = np.array([(0.8, 0.1, 0.1)])


def area_px(shapes) -> float:
    """Of all triangles in the picture."""
    a, b, c = np.moveaxis(EYE.project(shapes.vertices)[shapes.triangles], 1, 0)
    u, v = b - a, c - a
    return float(np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).sum() / 2)


@pytest.mark.parametrize("direction", [(0, 0, 1), (1, 0, 0), (0.6, 0.1, -0.4)])
def test_a_ribbon_is_as_wide_as_the_cylinder(direction):
    a = np.array([[0.1, 0.2, 0.9]])
    b = a + direction
    shapes = ribbons(a, b, np.array([0.03]), RED, EYE)
    length_px = np.linalg.norm(EYE.project(b) - EYE.project(a))
    width_px = 0.06 * EYE.focal_px / np.linalg.norm((a + b) / 2 - EYE.centre)
    assert area_px(shapes) == pytest.approx(length_px * width_px, rel=0.1)


def test_unknown_ends_and_centres_are_left_out():
    a = np.array([(0, 0, 1.0), (0, np.nan, 1), (0, 0, 0)])
    b = np.array([(0, 0, 2.0), (0, 0, 2), (np.nan, 0, 0)])
    three, colours = np.full(3, 0.03), np.repeat(RED, 3, axis=0)
    one = ribbons(a, b, three, colours, EYE)
    assert len(one.vertices) == 6
    assert np.isfinite(one.vertices).all()
    assert len(discs(a, three, colours, EYE).vertices) == 2 * 7
    none = np.full((3, 3), np.nan)
    assert len(discs(none, three, colours, EYE).vertices) == 0
    assert len(ribbons(none, b, three, colours, EYE).triangles) == 0
    assert len(labels(["1", "2", "3"], none, colours, EYE, height_m=0.1, height_px=10).triangles) == 0
    assert len(labels([], np.zeros((0, 3)), np.zeros((0, 3)), EYE, height_m=0.1, height_px=10).triangles) == 0


def test_letters_have_the_asked_height_and_are_never_too_small_to_read():
    foot = np.array([(0.0, 0.0, 1.0)])
    for height_m, height_px in ((0.5, 1.0), (0.001, 20.0)):
        shapes = labels(["0"], foot, RED, EYE, height_m=height_m, height_px=height_px)
        y = EYE.project(shapes.vertices)[:, 1]
        depth = (foot[0] - EYE.centre) @ EYE.right_down_forward[2]
        expected = max(height_m * EYE.focal_px / depth, height_px)
        assert y.max() - y.min() == pytest.approx(expected * 1.17, rel=0.05)  # and the width of a stroke
        assert y.max() == pytest.approx(EYE.project(foot)[0, 1], abs=0.12 * expected)


def test_digits_differ_and_unknown_letters_are_blank():
    outlines = {strokes(digit).tobytes() for digit in "0123456789"}
    assert len(outlines) == 10
    assert len(strokes("é")) == 0
    assert strokes("cam07")[..., 0].mean() == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("joint_set", JOINT_SETS.values(), ids=lambda one: one.name)
def test_every_joint_set_is_drawn_as_one_connected_figure(joint_set):
    drawing = drawing_of(joint_set.name, joint_set.names)
    reached = {int(drawing.bones[0, 0])}
    for _ in drawing.bones:
        reached |= {int(p) for bone in drawing.bones if set(bone) & reached for p in bone}
        reached |= {len(joint_set) + k for k, joints in enumerate(drawing.means) if set(joints) <= reached}
    limbs = {
        j for j, name in enumerate(joint_set.names) if any(p in name for p in ("wrist", "ankle", "knee"))
    }
    assert limbs <= reached
    assert set(drawing.discs) <= reached
    assert len(drawing.disc_m) == len(drawing.discs)
    assert len(drawing.bone_m) == len(drawing.bones)
    xyz = np.random.default_rng(0).normal(size=(2, len(joint_set), 3))
    points = drawing.points(xyz)
    assert points.shape[1] > drawing.bones.max()
    assert np.isfinite(points).all()


def test_an_unknown_joint_set_is_drawn_as_points():
    drawing = drawing_of("horse-3/1", ("head", "hoof", "tail"))
    assert len(drawing.bones) == 0
    np.testing.assert_array_equal(drawing.discs, [0, 1, 2])


def test_means_take_what_is_known_and_tops_are_over_the_highest():
    drawing = drawing_of("coco-17/1", JOINT_SETS["coco-17/1"].names)
    xyz = np.zeros((2, 17, 3))
    xyz[0, 3] = (1, 2, 3)  # left ear
    xyz[0, 4] = np.nan
    xyz[1] = np.nan
    points = drawing.points(xyz)
    np.testing.assert_array_equal(points[0, 17], (1, 2, 3))
    assert np.isnan(points[1]).all()
    high = tops(points)
    np.testing.assert_array_equal(high[0, :2], (1, 2))
    assert high[0, 2] > 3
    assert np.isnan(high[1]).all()


def test_a_bar_of_no_length_is_no_error():
    assert np.isfinite(bars(np.zeros((1, 3)), np.zeros((1, 3)), np.ones(1), RED, EYE).vertices).all()
