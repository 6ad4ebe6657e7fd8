"""The drawn people are where the exported joints say. Needs the baked body, which is fetched, not committed."""

import numpy as np
import pytest
from numpy.typing import NDArray

from posecap.calib.rig import Rig
from posecap.training.errors import SyntheticError
from posecap.training.synthetic_bake import baked_body, body_file
from posecap.training.synthetic_body import Body
from posecap.training.synthetic_clothes import SHOE_SOLE_M
from posecap.training.synthetic_mesh import Mesh
from posecap.training.synthetic_render import Cast
from posecap.training.synthetic_rigs import studio_4
from posecap.training.synthetic_room import Backdrop, Light
from posecap.training.synthetic_scene import Scene
from posecap.training.synthetic_sets import PLAYS

pytestmark = pytest.mark.skipif(
    not body_file().is_file(), reason="no body data: run `python -m posecap.training.synthetic_bake`"
)

SIZE_PX = (640, 640)
WHITE = 200
TIMES_S = (0.5, 2.05, 3.05, 5.8, 7.0)


@pytest.fixture(scope="module")
def solo() -> Cast:
    return Cast(PLAYS["solo"])


@pytest.fixture(scope="module")
def duo() -> Cast:
    return Cast(PLAYS["duo"])


def white_scene(rig: Rig) -> Scene:
    """People before white, on no floor."""
    width, height = SIZE_PX
    linear = np.full((height, width, 3), 5.0, np.float32)
    floor = np.full((height, width, 3), np.nan, np.float32)
    backdrop = Backdrop(linear, floor, np.full((height, width, 3), 255, np.uint8))
    return Scene(rig, [backdrop] * len(rig), Light())


def least_squares_point(rig: Rig, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) linear triangulation of pixels (views, n, 2): Hartley & Zisserman 12.2, inhomogeneous."""
    points = []
    for column in range(pixels.shape[1]):
        rows = []
        for camera, pixel in zip(rig.cameras, pixels[:, column], strict=True):
            x, y = camera.undistorted(pixel)
            pose = camera.cam_from_world
            rows += [x * pose[2] - pose[0], y * pose[2] - pose[1]]
        system = np.array(rows)
        points.append(np.linalg.lstsq(system[:, :3], -system[:, 3], rcond=None)[0])
    return np.array(points)


def test_triangulated_projections_of_the_truth_are_the_truth(duo: Cast) -> None:
    rig = studio_4(SIZE_PX)
    for at_s in (0.0, 4.0):
        truth = duo.move_to(at_s).reshape(-1, 3)
        found = least_squares_point(rig, np.stack([camera.project(truth) for camera in rig.cameras]))
        assert 1e3 * np.linalg.norm(found - truth, axis=1).max() < 1e-6  # mm


def test_the_silhouette_ends_where_the_projected_vertices_end(solo: Cast) -> None:
    """Half a pixel forgotten anywhere would show. Hair is left out: its texture cuts the edge."""
    rig = studio_4(SIZE_PX)
    scene = white_scene(rig)
    person = solo.people[0]
    mesh = Mesh([[part for part in person.parts if part.name != "hair"]], len(person.body.bones))
    edges = []
    for at_s in TIMES_S:
        mesh.pose(solo.poses(at_s))
        for camera, picture in zip(rig.cameras, scene.draw(mesh, samples=4), strict=True):
            rows, columns = np.nonzero((picture < WHITE).any(axis=-1))
            pixels = camera.project(mesh.vertices.astype(np.float64))
            (left, top), (right, bottom) = pixels.min(axis=0), pixels.max(axis=0)
            found = np.array([columns.min() - 0.5, columns.max() + 0.5, rows.min() - 0.5, rows.max() + 0.5])
            edges.append(found - (left, right, top, bottom))
    left, right, top, bottom = np.mean(edges, axis=0)
    assert abs(left + right) / 2 < 0.12
    assert abs(top + bottom) / 2 < 0.12


def test_the_compiled_skin_is_the_plain_one(solo: Cast) -> None:
    (pose,) = solo.poses(2.05)
    solo.mesh.pose([pose])
    drawn = 0
    for part in solo.people[0].parts:
        vertices = part.corners()[0]
        slow = part.skin.posed(pose)[vertices]
        fast = solo.mesh.vertices[drawn : drawn + len(vertices)]
        np.testing.assert_allclose(fast, slow, atol=2e-6)
        drawn += len(vertices)


def test_the_nearer_of_two_people_hides_the_other(duo: Cast) -> None:
    """At 4 s the two pass each other: every camera sees the nearer one as if he or she were alone."""
    rig = studio_4(SIZE_PX)
    scene = white_scene(rig)
    torsos = duo.move_to(4.0)[:, [5, 6, 11, 12]].mean(axis=1)
    together = scene.draw(duo.mesh)
    alone = []
    for person, pose in zip(duo.people, duo.poses(4.0), strict=True):
        mesh = Mesh([person.parts], len(person.body.bones))
        mesh.pose([pose])
        alone.append(scene.draw(mesh))
    for view, camera in enumerate(rig.cameras):
        near = int(np.argmin(camera.in_camera(torsos)[:, 2]))
        nearer, farther = (alone[person][view].astype(int) for person in (near, 1 - near))
        both = (nearer < WHITE).any(axis=-1) & (farther < WHITE).any(axis=-1)
        assert both.sum() > 300, "they are not one behind the other"
        seen = together[view].astype(int)[both]
        as_nearer = np.abs(seen - nearer[both]).max(axis=-1) <= 2
        as_farther = np.abs(seen - farther[both]).max(axis=-1) <= 2
        assert (
            as_nearer.mean() > 0.8
        )  # an arm of the farther one may be in front, and shadows fall on the nearer
        assert as_farther.mean() < 0.2


def test_nobody_sinks_or_floats(solo: Cast, duo: Cast) -> None:
    """The lowest point of the drawn soles is within 15 mm of the floor at all times."""
    for cast, times in ((solo, TIMES_S), (duo, (0.0, 1.3, 2.9, 4.0))):
        for at_s in times:
            for person, pose in zip(cast.people, cast.poses(at_s), strict=True):
                lowest = person.body.sole.posed(pose)[:, 2].min() - SHOE_SOLE_M
                assert abs(lowest) < 0.015


def test_shadows_of_both_people_fall_on_the_floor(duo: Cast) -> None:
    rig = studio_4(SIZE_PX)
    camera = rig.cameras[1]
    light = Light()
    rows, columns = np.mgrid[: SIZE_PX[1], : SIZE_PX[0]]
    rays = np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(np.float64)
    directions = np.concatenate([camera.undistorted(rays), np.ones((len(rays), 1))], axis=1) @ camera.R
    downwards = directions[:, 2] < -1e-3
    floor = np.full((len(rays), 3), np.nan)
    floor[downwards] = (
        camera.centre - directions[downwards] * (camera.centre[2] / directions[downwards, 2])[:, None]
    )
    floor = floor.reshape(SIZE_PX[1], SIZE_PX[0], 3).astype(np.float32)
    linear = np.full(floor.shape, 1.0, np.float32)
    backdrop = Backdrop(linear, floor, np.full(floor.shape, 230, np.uint8))
    torsos = duo.move_to(1.0)[:, [5, 6, 11, 12]].mean(axis=1)
    picture = Scene(Rig((camera,)), [backdrop], light).draw(duo.mesh)[0]
    fallen = torsos - light.direction * (torsos[:, 2:] / light.direction[2])
    for column, row in np.round(camera.project(fallen)).astype(int):
        assert picture[row, column].mean() < 190


def test_an_unknown_shape_is_named() -> None:
    with pytest.raises(SyntheticError, match="no body shape 'giant', there are male"):
        Body(baked_body(), "giant")
