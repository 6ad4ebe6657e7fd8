"""What the runtime process is told when it is started. Light: whoever starts it imports no engine."""

import msgspec

from posecap.calib.rig import Rig
from posecap.runtime.settings import PipelineSettings


class RuntimeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """All that the runtime process has to know.

    Attributes:
        rig: the cameras, in the order of the views axis.
        settings: of the pipeline.
        period_ns: nominal time between two pictures of a camera.
        wait_ns: the longest that a frame set waits for its last picture.
        frames_endpoint: to bind; cameras connect to it.
        rings: file of the shared memory of each camera.
        publish_endpoint: to bind; subscribers of poses connect to it.
        health_endpoint: of whoever started this process.
        control_endpoint: to bind, for those who ask for a camera to be solved again; "" = nobody can.
        curve_key: secret key file where the publish endpoint is to be encrypted; "" = not.
        overlays: publish the 2D joints too.
        frame_sets: publish which pictures each frame set was made of, for a recorder.
        thumbnails: publish small pictures with the people drawn in.
        waiting: frame sets that may wait while one is processed; more are dropped, the oldest first.
            0 = as many as there are: for cameras that wait until their pictures were used.
    """

    rig: Rig
    settings: PipelineSettings
    period_ns: int
    wait_ns: int
    frames_endpoint: str
    rings: dict[str, str]
    publish_endpoint: str
    health_endpoint: str
    control_endpoint: str = ""
    curve_key: str = ""
    overlays: bool = False
    frame_sets: bool = False
    thumbnails: bool = False
    waiting: int = 2
