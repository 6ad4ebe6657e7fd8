"""A camera that was pushed while the pipeline ran is named, left out, solved from the others, and used again."""

import numpy as np
import pytest
from onlooker import pipeline_of
from scene import STANDING, ring_rig
from watched_people import pushed, with_camera

from posecap.calib.errors import CalibrationError
from posecap.calib.rig import Rig
from posecap.capture.frame import Frame, FrameSet
from posecap.runtime.control import ControlReply, ControlServer, ResolveCamera, ask
from posecap.runtime.errors import EndpointError

PICTURE = np.zeros((4, 4, 3), dtype=np.uint8)


def frame_set(rig: Rig, index: int) -> FrameSet:
    t_ns = 10**9 + index * 33_333_333
    return FrameSet(index, t_ns, tuple(Frame(name, index, t_ns, PICTURE) for name in rig.names))


def walked(frame: int) -> np.ndarray:
    """(2, 17, 3) two people who go round."""
    angle = 2 * np.pi * frame / 240
    place = np.array([0.9 * np.cos(angle), 0.9 * np.sin(angle), 0.0])
    return np.stack([STANDING + place, STANDING - place])


@pytest.mark.parametrize("degrees", [1.0, 4.0])  # the second is more than association follows
def test_a_pushed_camera_is_solved_again_while_poses_go_on(degrees: float) -> None:
    rig = ring_rig(4)
    pipeline, onlooker = pipeline_of(rig)
    for frame in range(300):
        onlooker.people = walked(frame)
        pipeline.step(frame_set(rig, frame))
    assert not pipeline.calibration.alarms
    onlooker.rig = with_camera(rig, "cam01", lambda camera: pushed(camera, degrees))
    for frame in range(300, 500):
        onlooker.people = walked(frame)
        result = pipeline.step(frame_set(rig, frame))
    (alarm,) = pipeline.calibration.alarms
    assert alarm.camera == "cam01"
    ids = [one.track for one in result.instant.skeletons]
    since_ns = alarm.since_ns
    assert pipeline.sightings.seconds(1, since_ns) > 3
    found = pipeline.sightings.resolved(pipeline.rig, "cam01", ("cam01",), since_ns)
    truth = onlooker.rig.cameras[1]
    turn = np.arccos(np.clip((np.trace(found.camera.R @ truth.R.T) - 1) / 2, -1, 1))
    assert np.degrees(turn) < 0.15
    assert np.linalg.norm(found.camera.centre - truth.centre) < 0.02
    before = pipeline.rig.id
    pipeline.recalibrate(found.camera)
    assert pipeline.rig.id != before
    assert not pipeline.calibration.alarms
    for frame in range(500, 520):
        onlooker.people = walked(frame)
        result = pipeline.step(frame_set(rig, frame))
    assert [one.track for one in result.instant.skeletons] == ids
    assert min(np.median(one.views) for one in result.instant.skeletons) == 4


def test_nobody_seen_is_no_calibration() -> None:
    pipeline, _ = pipeline_of(ring_rig(3))
    with pytest.raises(CalibrationError, match="walk where it and two others look"):
        pipeline.sightings.resolved(pipeline.rig, "cam01", (), 0)


def test_a_request_is_answered_and_nonsense_refused(tmp_path) -> None:
    from threading import Thread

    endpoint = f"ipc://{tmp_path}/control"
    server = ControlServer(endpoint)
    answers: list[ControlReply] = []
    thread = Thread(target=lambda: answers.append(ask(endpoint, ResolveCamera("cam01", 8.0), 5)))
    thread.start()
    while (request := server.asked()) is None:
        pass
    assert request == ResolveCamera("cam01", 8.0)
    server.answer(ControlReply(state="collecting", have_s=1.5))
    thread.join()
    assert answers == [ControlReply(state="collecting", have_s=1.5)]
    server.close()
    with pytest.raises(EndpointError, match="is the session still running"):
        ask(endpoint, ResolveCamera("cam01", 8.0), 0.1)
