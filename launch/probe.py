"""Trying out libraries that may abort the process that loads them: in another process."""

import subprocess
import sys
import tempfile
import time

_TIMEOUT_S = 60.0

TINY_NETWORK = """
import numpy as np, onnx
from onnx import TensorProto, helper, numpy_helper
kernel = numpy_helper.from_array(np.ones((2, 3, 3, 3), np.float32), "kernel")
node = helper.make_node("Conv", ["picture", "kernel"], ["sums"])
picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, 8, 8])
sums = helper.make_tensor_value_info("sums", TensorProto.FLOAT, [1, 2, 6, 6])
graph = helper.make_graph([node], "tiny", [picture], [sums], [kernel])
opset = [helper.make_opsetid("", 17)]
model = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
ones = np.ones((1, 3, 8, 8), np.float32)
"""
RUN_WITH = {
    "openvino": """
import openvino
core = openvino.Core()
answer = core.compile_model(core.read_model(model), "CPU")([ones])[0]
if not np.allclose(answer, 27): raise SystemExit("wrong answer %g, expected 27" % answer.flat[0])
""",
    "onnxruntime": """
import onnxruntime
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
answer = session.run(None, {"picture": ones})[0]
if not np.allclose(answer, 27): raise SystemExit("wrong answer %g, expected 27" % answer.flat[0])
""",
}


def probe(code: str) -> tuple[str, float]:
    """Run `code` in a new interpreter: ("" or what went wrong, seconds)."""
    begin_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = subprocess.run(
                [sys.executable, "-c", code],
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
                cwd=folder,
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {_TIMEOUT_S:g} s", _TIMEOUT_S
    seconds = time.monotonic() - begin_s
    if run.returncode == 0:
        return "", seconds
    lines = run.stderr.strip().splitlines()
    return (lines[-1] if lines else f"ends with status {run.returncode}"), seconds
