"""Memory of this process, in bytes, and the core it runs on."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["MEGABYTE", "on_core", "peak", "resident"]

MEGABYTE: Final = 1024 * 1024


def resident() -> int:
    """What it has now."""
    return _of_status("VmRSS") or _most_ever()


def peak() -> int:
    """The most that it ever had."""
    # What getrusage() tells begins, on Linux, with the peak of the process that started this one.
    return _of_status("VmHWM") or _most_ever()


@contextmanager
def on_core(index: int) -> Generator[None]:
    """Stay on one of the cores for a while, where the system lets a process choose."""
    if sys.platform != "linux":
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(allowed)[index]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _most_ever() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _of_status(name: str) -> int:
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)
