import signal
import threading
import time

import pytest
import zmq
from bridged import Bridged, free_port, run_bridge

BRIDGES = {"osc": "pythonosc", "vmc": "pythonosc", "lsl": "pylsl", "websocket": "websockets"}


@pytest.mark.parametrize(("bridge", "module"), BRIDGES.items())
def test_a_missing_package_is_one_sentence(tmp_path, bridge, module):
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{module!r}] = None\n")
    ended = run_bridge(bridge, PYTHONPATH=str(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: this bridge needs ")
    assert ended.stderr.endswith(": pip install 'posecap[bridges]'\n")
    assert len(ended.stderr.splitlines()) == 1


def test_sigterm_and_the_duration_end_it_with_status_0():
    with Bridged("osc", "--duration", "0.5") as bridged:
        assert bridged.process.wait(timeout=10) == 0
    with Bridged("osc") as bridged:
        bridged.running()
        bridged.process.send_signal(signal.SIGTERM)
        assert bridged.process.wait(timeout=5) == 0


def test_being_told_twice_is_no_harm():
    with Bridged("lsl", "--name", "twice") as bridged:
        bridged.running()
        time.sleep(0.5)  # its streams are open, which takes time to end
        for _ in range(10):
            bridged.process.send_signal(signal.SIGTERM)
            time.sleep(0.02)
        assert bridged.process.wait(timeout=10) == 0
    assert "lost on the way here" in bridged.said


def test_a_wrong_endpoint_is_one_sentence():
    ended = run_bridge("osc", "--connect", "nowhere")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: cannot subscribe to 'nowhere'")
    assert "Traceback" not in ended.stderr


def test_another_version_is_one_sentence():
    with zmq.Context() as context, context.socket(zmq.PUB) as publisher:
        publisher.linger = 0
        port = free_port()
        publisher.bind(f"tcp://127.0.0.1:{port}")
        stop = threading.Event()

        def publish():
            while not stop.wait(0.02):
                publisher.send_multipart([b"pose3d", b"\x81\xa7version\x63", b""])

        thread = threading.Thread(target=publish)
        thread.start()
        ended = run_bridge("osc", "--connect", f"tcp://127.0.0.1:{port}")
        stop.set()
        thread.join()
    assert ended.returncode == 2
    assert "error: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_has_examples():
    ended = run_bridge("--help")
    assert ended.returncode == 0
    for words in ("bridge.py osc --port 9000", "bridge.py vmc", "bridge.py lsl", "bridge.py websocket"):
        assert words in ended.stdout
