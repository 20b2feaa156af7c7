"""Memory of this process, in bytes."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Final

__all__ = ["MEGABYTE", "peak", "resident"]

MEGABYTE: Final = 1024 * 1024


def resident() -> int:
    """What it has now."""
    return _of_status("VmRSS") or _most_ever()


def peak() -> int:
    """The most that it ever had."""
    # What getrusage() tells begins, on Linux, with the peak of the process that started this one.
    return _of_status("VmHWM") or _most_ever()


def _most_ever() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _of_status(name: str) -> int:
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)
