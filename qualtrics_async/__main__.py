"""`python -m qualtrics_async`, and the console script: the command line, if its extra is installed."""

from __future__ import annotations

import logging
import os
import signal
import sys

__all__ = ["main"]

_INTERRUPTED = 130
_EXTRA = frozenset({"cyclopts", "rich"})


def main() -> int:
    """Run the command line on the arguments of the process and return its exit code."""
    try:
        _prepare()
        return _run()
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        # The code is known: one more Ctrl-C while the interpreter ends is not worth a traceback.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _prepare() -> None:
    # A closed stdout or stderr must not lend its number to the next file that is opened.
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    # What asyncio has to say about tasks that a second Ctrl-C cut off is no message for a user.
    logging.getLogger("asyncio").addHandler(logging.NullHandler())


def _run() -> int:
    try:
        from qualtrics_async.cli import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        if sys.stderr is not None:
            sys.stderr.write("the command line is an extra: pip install 'qualtrics-async[cli]'\n")
        return 1
    return run()


if __name__ == "__main__":
    sys.exit(main())
