"""The CPU time (user and system) of importing the package in fresh processes, without that of Python's start.

It is compared with importing the libraries that the package stands on. What it does not show: the first
import after an installation, which compiles; a cold disk; and the resource groups and the bulk helpers, which
are imported when they are first used.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.report import Goal, Row, compare

__all__ = ["run"]

NOTHING: Final = "pass"
THEIRS: Final = "import aiohttp, msgspec, anyio"
OURS: Final = "import qualtrics_async"
WARM_UPS: Final = 2


def run(*, quick: bool) -> list[Row]:
    """Import in turns."""
    rounds: list[dict[str, float]] = []
    with TemporaryDirectory() as folder:
        # A checkout may have no byte code, or no leave to keep any, where installed libraries have theirs.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for number in range(WARM_UPS + (15 if quick else 60)):
            times = {code: _cpu(code, environment) for code in (NOTHING, THEIRS, OURS)}
            if number >= WARM_UPS:
                rounds.append({code: 1e3 * (times[code] - times[NOTHING]) for code in (THEIRS, OURS)})
    return compare("importing", "ms CPU", rounds, {OURS: Goal(1.2)})


def _cpu(code: str, environment: Mapping[str, str]) -> float:
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{code!r} failed")
    return usage.ru_utime + usage.ru_stime
