"""Deliveries of events that one core accepts, beside servers that only parse the form.

Each contender is a server in a process of its own, pinned to one core where the system can do that. This
process posts the same signed deliveries to them in turns, over 64 connections that are kept open; each has
the next delivery as soon as the last one was answered. The baseline is a handler of `aiohttp.web` that awaits
`request.post()` and answers; the package also checks the signature, makes a typed event, tells repeats from
new ones, and hands each event to a consumer that counts them, which is part of what is measured. "Durable"
has the events on disk before it answers. For ASGI the baseline is a plain app that reads the body and takes
the form apart with `urllib.parse`, under uvicorn as well.

The rate is that of the answers; CPU time is that of the server's process, all its threads, for each delivery,
until the consumer has had the last one. The longest stall is the longest time between two turns of the event
loop, of a task that does nothing but sleep for a millisecond; a turn serves all connections that have
something, so it is no less than that many deliveries take.

What it does not show: TLS, and a proxy in front; a network, which gives a server time to rest; a disk that
takes longer to sync, which delays answers but not the loop; a consumer that does something with what it gets.
"""

from __future__ import annotations

import asyncio
import gc
import hmac
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlencode

from benchmarks.process import on_core
from benchmarks.receivers import ASGI, BARE, BARE_ASGI, DURABLE, KEY, MEMORY
from benchmarks.report import Goal, Row, compare

__all__ = ["run"]

GROUPS: Final = {"aiohttp.web": (BARE, MEMORY, DURABLE), "ASGI": (BARE_ASGI, ASGI)}
GOALS: Final = {name: Goal(0.5, at_most=False) for name in (MEMORY, DURABLE, ASGI)}

CONNECTIONS: Final = 64
SURVEY: Final = "SV_0aB1cD2eF3gH4iJ"

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def run(*, quick: bool) -> list[Row]:
    """Let the contenders take turns."""
    deliveries, rounds = (4000, 3) if quick else (20_000, 9)
    names = [name for group in GROUPS.values() for name in group]
    sent = _deliveries()
    measured: list[dict[str, dict[str, float]]] = []
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        servers = {name: stack.enter_context(_Server.running(name, folder)) for name in names}
        stack.enter_context(on_core(-1))  # only now: a process begins where the one is that starts it
        for number in range(-1, rounds):
            batch = [next(sent) for _ in range(deliveries if number >= 0 else deliveries // 4)]
            # Whoever comes first in a round changes, so that nobody always follows the same neighbour.
            turn = names[number % len(names) :] + names[: number % len(names)]
            told = {name: servers[name].measure(batch) for name in turn}
            if number >= 0:
                measured.append(told)
    return [row for group, names in GROUPS.items() for row in _rows(group, names, measured)]


def _rows(group: str, names: tuple[str, ...], measured: list[dict[str, dict[str, float]]]) -> list[Row]:
    def each(what: str) -> list[dict[str, float]]:
        return [{name: told[name][what] for name in names} for told in measured]

    stalls = {name: max(told[name]["stall"] for told in measured) for name in names}
    return [
        *compare(f"{group}: deliveries accepted on one core", "/s", each("rate"), GOALS),
        *compare(f"{group}: CPU time of a delivery", "µs", each("cpu")),
        *(Row(f"{group}: longest stall of the loop", name, stall, "ms") for name, stall in stalls.items()),
    ]


def _deliveries() -> Iterator[bytes]:
    """Make requests that are all different, in the form of recorded ones."""
    number = 0
    while True:
        number += 1
        told = {
            "Status": "Complete",
            "SurveyID": SURVEY,
            "ResponseID": f"R_{number:015}",
            "CompletedDate": "2026-05-02 08:03:20",
            "BrandID": "examplebrand",
            "RecipientID": "CGC_5pQ6rS7tU8vW9xY",
            "DistributionID": "EMD_9jK0lM1nO2pQ3rS",
            "ResponseEventContext": "",
        }
        message = json.dumps(told)
        form = urlencode(
            {
                "Topic": f"examplebrand.surveyengine.completedResponse.{SURVEY}",
                "MSG": message,
                "HMAC": hmac.digest(KEY.encode(), message.encode(), "sha512").hex(),
            }
        )
        head = (
            "POST /hook HTTP/1.1\r\nHost: hooks.example.com\r\nAccept: */*\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(form)}\r\n\r\n"
        )
        yield (head + form).encode()


class _Poster(asyncio.Protocol):
    """Posts one request after the other on its connection, until there are no more."""

    def __init__(self, requests: Iterator[bytes], gone: Callable[[], object]) -> None:
        self.refusal = b""
        self._requests = requests
        self._gone = gone
        self._answer = b""
        self._is_answered = True
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Post the first one."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._post()

    def _post(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._is_answered = False
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Go on when the answer is there as a whole, unless it is a refusal."""
        answer = self._answer = self._answer + data
        end = answer.find(b"\r\n\r\n")
        length = _LENGTH.search(answer, 0, end + 2) if end >= 0 else None
        if length is None or len(answer) < end + 4 + int(length[1]):
            return
        self._answer, self._is_answered = b"", True
        if answer.startswith(b"HTTP/1.1 200 "):
            self._post()
        else:
            self.refusal = answer
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        """Say so; a request without an answer is a refusal as well."""
        if not self._is_answered:
            self.refusal = b"no answer"
        self._gone()


async def _post(port: int, batch: list[bytes]) -> float:
    """Post everything, and tell how many seconds that took."""
    loop = asyncio.get_running_loop()
    left, all_gone, requests = CONNECTIONS, loop.create_future(), iter(batch)

    def gone() -> None:
        nonlocal left
        left -= 1
        if not left:
            all_gone.set_result(None)

    began = time.perf_counter()
    posters = [
        (await loop.create_connection(lambda: _Poster(requests, gone), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]
    await all_gone
    seconds = time.perf_counter() - began
    for poster in posters:
        if poster.refusal:
            raise RuntimeError(f"a delivery was refused: {poster.refusal!r}")
    return seconds


class _Server:
    """A contender in another process; lines on its standard input begin and end a measurement."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._port = int(self._read())

    @classmethod
    @contextmanager
    def running(cls, name: str, folder: str) -> Generator[_Server]:
        """Start a contender, and end it afterwards."""
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.receivers", name, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
        )
        with process:  # its standard input is closed at the end, and so it ends
            yield cls(process)

    def measure(self, batch: list[bytes]) -> dict[str, float]:
        """Post a batch, and tell the rate, and what the server saw."""
        self._ask("begin")
        gc.collect()
        seconds = asyncio.run(_post(self._port, batch))
        told: dict[str, float] = json.loads(self._ask(str(len(batch))))
        return {"rate": len(batch) / seconds, **told}

    def _ask(self, line: str) -> bytes:
        if self._process.stdin:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        return self._read()

    def _read(self) -> bytes:
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            raise RuntimeError("a server has ended")
        return line
