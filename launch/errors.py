"""What the user did or has that cannot work: one sentence on stderr, never a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from posecap.calib.errors import CalibrationError
from posecap.capture.errors import CaptureError, SourceConfigError
from posecap.models.errors import ModelError, WeightsError
from posecap.runtime.errors import EngineError, RuntimeFault

EXIT_FAILURE = 1
EXIT_USAGE = 2


class UsageError(Exception):
    """Options or files that do not fit together."""


class TruthError(UsageError):
    """A file with exact joints that cannot be used."""


class LaunchError(Exception):
    """A process that could not be started or kept alive."""


_USAGE = (UsageError, CalibrationError, SourceConfigError, CaptureError, ModelError, RuntimeFault)
_FAILURE = (LaunchError, WeightsError, EngineError)


@contextmanager
def user_errors() -> Iterator[None]:
    """End the program with one sentence and a status: 2 = what was asked for, 1 = what it met on its way."""
    try:
        yield
    except (*_FAILURE, *_USAGE) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        sys.exit(EXIT_FAILURE if isinstance(error, _FAILURE) else EXIT_USAGE)


def one_line(error: BaseException) -> str:
    """The message of `error` without line breaks."""
    return " ".join(str(error).split())
