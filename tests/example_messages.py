"""Messages as the runtime publishes them, every field filled, for the tests of both ends of the wire."""

import numpy as np

from posecap.runtime.messages import (
    CameraState,
    CameraStats,
    Percentiles,
    Person,
    PoseHeader,
    PoseMessage,
    StatsMessage,
    View2DHeader,
    View2DMessage,
    ViewPicture,
)

JOINTS = ("nose", "left_hip", "right_hip")


def pose_message(people=2, joints=JOINTS, stage="refined", seed=0) -> PoseMessage:
    random_numbers = np.random.default_rng(seed)
    shape = (people, len(joints))
    xyz = random_numbers.normal(size=(*shape, 3)).astype(np.float32)
    xyz[..., 0, :] = np.nan
    return PoseMessage(
        header=PoseHeader(
            session="a1b2c3d4",
            seq=7,
            index=9,
            stage=stage,
            t_ns=1_000_000_000_123,
            t_capture_ns=999_999_999_000,
            t_publish_ns=1_000_060_000_000,
            unix_offset_ns=1_700_000_000_000_000_000,
            rig="0123456789ab",
            joint_set="test-3/1",
            joints=tuple(joints),
            people=tuple(Person(id=5 + row, residual_px=1.5 * row) for row in range(people)),
            cameras=(CameraState("left", "live"), CameraState("right", "lost")),
        ),
        xyz=xyz,
        covariance=random_numbers.normal(size=(*shape, 6)).astype(np.float32),
        residual_px=random_numbers.normal(size=shape).astype(np.float32),
        views=random_numbers.integers(0, 255, size=shape).astype(np.uint8),
    )


def stats_message() -> StatsMessage:
    times = Percentiles(n=3, p50=1.0, p95=2.0, p99=3.0, max=4.0)
    return StatsMessage(
        session="a1b2c3d4", seq=1, t_ns=5, unix_offset_ns=6, uptime_s=7.5, fps=29.9, people=1,
        complete=10, partial=2, dropped=3, torn=4, processed=12, with_people=11, stages={"lift": times},
        latency_instant=times, latency_refined=times,
        cameras=(CameraStats(name="left", state="live", late=2, note="dark", shift_mm=4.0, shift_limit_mm=25.0),),
        engine="openvino CPU f32", model="blazepose-full + movenet-multipose", rig="0123456789ab",
        joint_set="test-3/1", clock="CLOCK_MONOTONIC", note="camera right is lost",
    )  # fmt: skip


def view2d_message() -> View2DMessage:
    header = View2DHeader(
        session="a1b2c3d4", seq=1, index=3, t_ns=4, unix_offset_ns=6, rig="0123456789ab",
        joint_set="test-3/1", joints=JOINTS, ids=(8,),
        views=(ViewPicture("left", (640, 480), 12, 34), ViewPicture("right", (64, 48), -1, 0)),
    )  # fmt: skip
    xy = np.arange(12, dtype=np.float32).reshape(2, 1, 3, 2)
    return View2DMessage(header, xy, np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 1, 3))
