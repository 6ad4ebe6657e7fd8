"""A bridge as users start it, between a real publisher and whatever the test receives with."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from moving_skeleton import moving

from posecap.models.joints import COCO_17
from posecap.runtime.messages import CameraState
from posecap.runtime.pose import PoseSet, Skeleton3D
from posecap.runtime.publisher import PosePublisher

ROOT = Path(__file__).parents[1]
COVARIANCE = np.diag([4e-6, 4e-6, 4e-6])  # sigma 2 mm


def free_port(kind=socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def skeletons(index: int, motion, ids=(3,)) -> tuple[Skeleton3D, ...]:
    """People a metre apart, moving as `motion`; the nose is unknown."""
    people = []
    for place, one in enumerate(ids):
        xyz = motion.xyz[index % len(motion.xyz)] + (0, place, 0)
        xyz[0] = np.nan
        covariance = np.broadcast_to(COVARIANCE, (len(xyz), 3, 3)).copy()
        covariance[0] = np.nan
        people.append(Skeleton3D(one, xyz, covariance, np.full(len(xyz), 4), np.ones(len(xyz))))
    return tuple(people)


class Bridged:
    """Publishes 50 poses a second and runs `bridge.py` until the end of the block, then ends it with Ctrl-C."""

    def __init__(self, *arguments: str, ids=(3,), environment: dict[str, str] | None = None) -> None:
        self.endpoint = f"tcp://127.0.0.1:{free_port()}"
        self.arguments, self.ids, self.environment = arguments, ids, environment or {}
        self.motion = moving(COCO_17.names, frames=50)
        self.t_ns: dict[int, int] = {}
        self.said = ""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._publish)

    def _publish(self) -> None:
        with PosePublisher(self.endpoint, "session", "0123456789ab", COCO_17) as publisher:
            index = 0
            while not self._end.wait(0.02):
                self.t_ns[index] = time.monotonic_ns()
                people = skeletons(index, self.motion, self.ids)
                poses = PoseSet(index, self.t_ns[index], self.t_ns[index] - 1000, people)
                publisher.publish(poses, "refined", (CameraState("left", "live"),))
                index += 1

    def running(self) -> None:
        """Returns when the bridge says that it runs."""
        self.said += self.process.stderr.readline()

    def __enter__(self):
        self._thread.start()
        command = [
            sys.executable,
            str(ROOT / "launch" / "bridge.py"),
            *self.arguments,
            "--connect",
            self.endpoint,
        ]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**os.environ, **self.environment}
        )
        return self

    def __exit__(self, kind, error, trace):
        self.process.send_signal(signal.SIGINT)
        try:
            _, rest = self.process.communicate(timeout=10)
            self.said += rest
        finally:
            self.process.kill()
            self._end.set()
            self._thread.join()


def run_bridge(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """`bridge.py` to its end."""
    command = [sys.executable, str(ROOT / "launch" / "bridge.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=20, check=False, env={**os.environ, **environment}
    )
