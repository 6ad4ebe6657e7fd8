"""Each finding has its grade; a library that aborts its process does not abort the doctor."""

import subprocess
import sys
from pathlib import Path

import pytest

from posecap.launch.probe import RUN_WITH, TINY_NETWORK, probe

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import os; os.abort()", "ends with status -6"),
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("pass", ""),
    ],
)
def test_a_probe_says_what_went_wrong(code, fault):
    assert probe(code)[0] == fault


@pytest.mark.parametrize("engine", RUN_WITH)
def test_an_engine_that_answers_wrongly_is_found_out(engine):
    pytest.importorskip(engine)
    assert probe(TINY_NETWORK + RUN_WITH[engine])[0] == ""
    wrong = TINY_NETWORK + RUN_WITH[engine].replace("answer, 27", "answer, 28")
    assert probe(wrong)[0] == "wrong answer 27, expected 27"


def test_every_part_of_the_machine_is_looked_at():
    run = subprocess.run(
        [sys.executable, ROOT / "launch" / "doctor.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert run.stderr == ""
    for what in (
        "python",
        "cores",
        "clock",
        "shared memory",
        "cameras",
        "display",
        "open3d",
        "engine openvino",
    ):
        assert what in run.stdout
    assert run.returncode == 0, run.stdout
