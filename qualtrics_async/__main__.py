"""`python -m qualtrics_async`, and the console script: the command line, if its extra is installed."""

from __future__ import annotations

import sys

__all__ = ["main"]

_EXTRA = frozenset({"cyclopts", "rich"})


def main() -> int:
    """Run the command line on the arguments of the process and return its exit code."""
    try:
        from qualtrics_async.cli import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write("the command line is an extra: pip install 'qualtrics-async[cli]'\n")
        return 1
    return run()


if __name__ == "__main__":
    sys.exit(main())
