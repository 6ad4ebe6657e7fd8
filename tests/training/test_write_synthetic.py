"""The command that renders says what is wrong in one sentence."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from posecap.training import synthetic_wheel
from posecap.training.errors import SyntheticError
from posecap.training.write_synthetic import app


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "trio"], "no scene 'trio', there are solo, duo: choose one with --set"),
        (["--set", "solo", "--width", "641"], "--width is 641, H.264 wants an even number: use 642"),
    ],
)
def test_a_mistake_is_answered_with_one_sentence(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()


def test_a_damaged_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSECAP_CACHE", str(tmp_path))
    wheel = synthetic_wheel.cache_folder() / synthetic_wheel.WHEEL
    wheel.parent.mkdir(parents=True)
    wheel.write_bytes(b"half a download")
    with pytest.raises(SyntheticError, match="delete it and run the command again"):
        synthetic_wheel.fetched_wheel()
