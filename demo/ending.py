"""Being asked to end: noticed only where we wait, so that nothing is left half done.

An exception out of a signal handler could strike anywhere, also while a lock is held.
"""

import signal
import time

_asked = False


class AskedToEnd(Exception):
    """Ctrl-C, or a signal that means the same."""


def listen() -> None:
    """From now on `pause` notices Ctrl-C, SIGTERM and the end of the terminal."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _remember)


def pause(seconds: float) -> None:
    """Wait. Raises AskedToEnd."""
    time.sleep(seconds)
    if _asked:
        raise AskedToEnd


def _remember(number: int, frame: object) -> None:
    global _asked
    _asked = True
