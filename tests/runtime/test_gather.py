"""Rows in the order of people, also where there are none."""

import numpy as np
from scene import crowd, in_true_order

from posecap.runtime.gather import gathered_keypoints, gathered_rays
from posecap.runtime.pose import Keypoints2D
from posecap.runtime.rays import Views


def test_rows_come_in_the_order_of_people() -> None:
    scene = crowd(4, 3, 0)
    rows = np.argsort(scene.owner, axis=1).T
    gathered = gathered_keypoints(scene.keypoints, rows, np.array([7, 8, 9]))
    np.testing.assert_array_equal(gathered.xy, in_true_order(scene).xy)
    assert (gathered.track == [7, 8, 9]).all()


def test_people_whom_no_view_looked_at_are_unseen() -> None:
    scene = crowd(4, 1, 0)
    k = scene.keypoints
    nothing = Keypoints2D(k.xy[:, :0], k.score[:, :0], k.variance[:, :0], k.track[:, :0], ((),) * 4)
    nobody = np.full((2, 4), -1)
    gathered = gathered_keypoints(nothing, nobody, np.array([1, 2]))
    assert gathered.xy.shape == (4, 2, 17, 2)
    assert np.isnan(gathered.xy).all()
    assert np.isinf(gathered.variance).all()
    rays = gathered_rays(Views(scene.rig).rays(nothing), nobody)
    assert np.isnan(rays.xy).all()
    assert np.isinf(rays.variance).all()
