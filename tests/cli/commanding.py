"""Commands in processes of their own, and what they are given and leave."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "IMPORTS",
    "PROGRESS",
    "Clock",
    "Done",
    "contacts_file",
    "ended",
    "free_port",
    "ran",
    "rows_of",
    "started",
    "until",
]

IMPORTS = "POST /directories/{directoryId}/mailinglists/{mailingListId}/transactioncontacts"
PROGRESS = "GET /directories/{directoryId}/mailinglists/{mailingListId}/transactioncontacts/{importId}"

HEADER = "First Name,Email,External Data Reference,Shoe size\n"
SECONDS = 30


@dataclass
class Done:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time in seconds."""
        return self.now


def contacts_file(rows: int, *extra: str) -> Path:
    """Write contacts.csv: so many good rows, and lines of your own."""
    path = Path("contacts.csv")
    lines = [f"Zoë {number},p{number}@example.com,X{number},{number % 50}\n" for number in range(rows)]
    path.write_text("".join([HEADER, *lines, *extra]), encoding="utf-8")
    return path


def rows_of(path: str) -> list[dict[str, str]]:
    """Read a CSV file."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@contextmanager
def started(*argv: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a process of its own; it is killed if the test fails."""
    command = [sys.executable, "-m", "qualtrics_async", *argv]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> Done:
    """Wait for the end of a command."""
    out, err = process.communicate(timeout=SECONDS)
    return Done(process.returncode, out, err)


def ran(*argv: str) -> Done:
    """Run a command to its end."""
    with started(*argv) as process:
        return ended(process)


def until(true: Callable[[], bool]) -> None:
    """Wait for another process."""
    give_up = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)  # there is nothing else to wait for


def free_port() -> int:
    """One that the system hands to nobody meanwhile: below those that it chooses itself."""
    for number in range(10_000):
        port = 20_000 + (os.getpid() * 7 + number) % 10_000
        with socket.socket() as found, suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(("127.0.0.1", port))
            return port
    raise AssertionError
