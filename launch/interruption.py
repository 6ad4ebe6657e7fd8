"""Ctrl-C and SIGTERM: both end a session properly."""

import _thread
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM ends what is inside as Ctrl-C does; the program goes on after it."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def interruption_beside_native_code() -> Iterator[None]:
    """Ctrl-C as a KeyboardInterrupt of the main thread, without a signal ever reaching the main thread.

    Networks run compiled code that may use the stack pointer for something else; a signal handler that starts there
    ends the process. So the signal is blocked in all threads that begin from here on, and one of ours waits for it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows delivers it in a thread of its own
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    Thread(target=_interrupt_main, name="interruption", daemon=True).start()
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _interrupt_main() -> None:
    while True:
        signal.sigwait({signal.SIGINT})
        _thread.interrupt_main()
