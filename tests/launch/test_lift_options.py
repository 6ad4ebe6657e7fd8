"""--lift and --lift-weights: what reaches the pipeline's settings, and what is refused before anything starts."""

import socket
from pathlib import Path

import pytest

from posecap.launch.errors import UsageError
from posecap.launch.preparation import LIFTS, LiveOptions, prepare

_CAMS = Path(__file__).resolve().parents[2] / "calib" / "rig.yaml"


def _prepared(**options: object):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return prepare(LiveOptions(cams=_CAMS, bind=f"tcp://127.0.0.1:{port}", **options))  # type: ignore[arg-type]


def test_the_choice_and_the_file_reach_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _prepared().settings.lift == "dlt"
    assert _prepared(lift="rpsm").settings.lift == "rpsm"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trained.pth").touch()
    settings = _prepared(lift="canonical", lift_weights=Path("trained.pth")).settings
    assert settings.lift == "canonical"
    assert settings.lift_weights == str(tmp_path / "trained.pth")  # processes may run elsewhere


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--lift cross_view needs weights .* add --lift-weights FILE"):
        _prepared(lift="cross_view")
    with pytest.raises(UsageError, match=r"--lift-weights absent\.pth is no file: check the path"):
        _prepared(lift="cross_view", lift_weights=Path("absent.pth"))
    with pytest.raises(UsageError, match=r"no lift 'rpms', there are dlt, rpsm, .*: check the spelling"):
        _prepared(lift="rpms")
    with pytest.raises(UsageError, match=r"--lift-weights without --lift"):
        _prepared(lift_weights=Path("trained.pth"))
    with pytest.raises(UsageError, match=r"--lift rpsm has no weights"):
        _prepared(lift="rpsm", lift_weights=Path("trained.pth"))
    assert LIFTS == ("dlt", "rpsm", "cross_view", "canonical", "two_stage")
