"""Things that a process can do to its supervisor."""

import signal
import sys
import time
from pathlib import Path


def say_ready_and_ignore_sigterm(file: str) -> None:
    """Write `file`, then stay whatever is asked politely."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(file).touch()
    while True:
        time.sleep(1)


def fall(word: str) -> None:
    """Crash."""
    raise ValueError(f"no {word} here")


def refuse(sentence: str) -> None:
    """End as a program does that has a sentence for its user."""
    sys.exit(sentence)


def print_and_end(word: str) -> None:
    """End well."""
    print(word, flush=True)
