"""What holds for every test: nothing leaks, nothing blocks the loop, the same seed gives the same run."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from blockbuster import BlockBuster
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# No example is kept between runs and no clock decides: a failure here is a failure everywhere.
settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")

_OPEN_FILES = Path("/proc/self/fd")


def _open_files() -> dict[str, str]:
    found = {}
    for entry in _OPEN_FILES.iterdir() if _OPEN_FILES.exists() else ():
        try:
            found[entry.name] = str(entry.readlink())
        except OSError:  # the directory's own descriptor is gone by now
            continue
    return found


@pytest.fixture(autouse=True, scope="session")
def nothing_blocks_the_loop() -> Iterator[None]:
    """Let a blocking call inside a running event loop raise `BlockingError`."""
    guard = BlockBuster()
    guard.activate()
    yield
    guard.deactivate()


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    """Fail a test that leaves a file, a socket or a thread behind."""
    files, threads = _open_files(), set(threading.enumerate())
    yield
    left = _open_files().items() - files.items()
    if left:
        gc.collect()  # lets the object itself complain, with its origin
        left = _open_files().items() - files.items()
    assert not left, f"left open: {sorted(left)}"
    for thread in set(threading.enumerate()) - threads:
        thread.join(1)
        assert not thread.is_alive(), f"left running: {thread.name}"
