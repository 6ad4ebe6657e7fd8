"""The packages that are installed are the folders that are there, and light files stay light."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("calib", "capture", "launch", "models", "runtime", "training")
LIGHT = ("calib.camera", "calib.rig", "capture.frame", "models.joints", "runtime.pose", "runtime.messages")
OPTIONAL = {"typing_extensions", "cython_runtime"}  # of msgspec and zmq, where they are there
ALLOWED = {"numpy", "msgspec", "posecap", "zmq", "yaml"} | OPTIONAL


def test_every_folder_is_a_package() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert sorted(listed) == [f"posecap.{folder}" for folder in FOLDERS]
    assert all((ROOT / folder / "__init__.py").is_file() for folder in FOLDERS)


def test_no_program_hides_a_module() -> None:
    for program in (ROOT / "launch").glob("*.py"):
        assert program.stem not in sys.stdlib_module_names, (
            f"launch/{program.name} hides the module {program.stem}"
        )


def modules_after(statement: str) -> set[str]:
    """Top-level modules outside the standard library that `statement` brings in."""
    code = f"{statement}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    fresh = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            "import sys\nprint(*sorted({n.partition('.')[0] for n in sys.modules}))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.split()) - set(fresh.stdout.split()) - set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", LIGHT)
def test_a_type_imports_only_what_a_subscriber_has(module: str) -> None:
    heavy = {name for name in modules_after(f"import posecap.{module}") if not name.startswith("_")} - ALLOWED
    assert not heavy, f"posecap.{module} imports {sorted(heavy)}"


def test_a_subscriber_needs_three_packages() -> None:
    names = modules_after("from posecap.runtime.client import PoseSubscriber")
    heavy = {name for name in names if not name.startswith("_")} - ALLOWED
    assert not heavy, f"the client imports {sorted(heavy)}"


def test_nothing_of_the_pipeline_needs_torch() -> None:
    assert "torch" not in modules_after("import posecap.runtime.pipeline")
