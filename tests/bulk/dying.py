"""Processes that run a job and die: one that has imported everything forks them, so that a death is cheap.

It reads commands on its standard input, a line each: a job as JSON (see `Orders`) starts a child, `kill`
kills it with SIGKILL. It answers `ended STATUS` when the child is gone, by itself or not. What the child says
goes to the file that its orders name, a line for each outcome, written before the next outcome is asked for.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from itertools import count
from typing import Any, Literal, TypeAlias

import msgspec
from proving import Call, Part, Said, run_job, say

from qualtrics_async import QualtricsError
from qualtrics_async._core import store

__all__ = ["Die", "End", "Orders", "Where"]

Where: TypeAlias = Literal["before", "inside", "after"]


class Die(msgspec.Struct, frozen=True):
    """At which step of its journal a process kills itself: before it, before its COMMIT, or just after it."""

    step: int
    where: Where


class Orders(msgspec.Struct, frozen=True):
    """What a child is to do."""

    call: Call
    output: str
    die: Die | None = None


class End(msgspec.Struct, frozen=True):
    """The last line of a child that came to its end: what stopped it, if anything, and how it stood."""

    error: str
    part: Part


def arm(die: Die) -> None:
    """Let this process die at a step of its journal; opening and compacting it are steps, too."""
    steps = count(1)

    def dies(step: int, where: Where) -> None:
        if die == Die(step, where):
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(original: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            step = next(steps)
            dies(step, "before")
            result = original(*args, **options)
            dies(step, "after")
            return result

        return run

    def transaction(self: store.Store, work: Callable[..., Any], *how: Any) -> Any:
        step = next(steps)

        def then(db: Any) -> Any:
            result = work(db)
            dies(step, "inside")
            return result

        dies(step, "before")
        result = committed(self, then, *how)
        dies(step, "after")
        return result

    committed = store.Store._transaction
    changed: Any = store.Store
    changed._transaction = transaction
    changed._compact = watched(store.Store._compact)
    module: Any = store
    module._prepare = watched(module._prepare)


async def work(orders: Orders, put: Callable[[Said | End], None]) -> None:
    """Run the job and say what comes out."""
    error, part = "", Part()
    try:
        async with run_job(orders.call) as outcomes:
            async for outcome in outcomes:
                put(say(outcome))
            part.read(outcomes.summary)
    except QualtricsError as stopped:
        error = f"{type(stopped).__name__}: {stopped}"
    put(End(error, part))


def child(orders: Orders) -> None:
    """Be the process that may die."""
    output = os.open(orders.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if orders.die is not None:
        arm(orders.die)

    def put(line: Said | End) -> None:
        os.write(output, msgspec.json.encode(line) + b"\n")

    asyncio.run(work(orders, put))


def start(orders: Orders) -> tuple[int, int]:
    """Fork; the second number is the end of a pipe that closes when the child is gone."""
    gone, alive = os.pipe()
    process = os.fork()
    if process:
        os.close(alive)
        return process, gone
    status = 1
    try:
        os.close(gone)
        child(orders)
        status = 0
    finally:
        if status:
            traceback.print_exc()
            sys.stderr.flush()
        os._exit(status)


def main() -> None:
    """Do what the standard input says until it ends."""
    waiting, process, gone = b"", 0, -1
    while True:
        ready, _, _ = select.select([0, gone] if process else [0], [], [])
        if gone in ready:
            os.close(gone)
            _, status = os.waitpid(process, 0)
            process, gone = 0, -1
            os.write(1, b"ended %d\n" % os.waitstatus_to_exitcode(status))
        if 0 in ready:
            heard = os.read(0, 65_536)
            *lines, waiting = (waiting + heard).split(b"\n")
            for line in lines:
                if line != b"kill":
                    process, gone = start(msgspec.json.decode(line, type=Orders))
                elif process:
                    os.kill(process, signal.SIGKILL)
            if not heard:
                if process:
                    os.kill(process, signal.SIGKILL)
                    os.waitpid(process, 0)
                return


if __name__ == "__main__":
    main()
