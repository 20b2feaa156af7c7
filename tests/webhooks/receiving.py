"""A process that listens for events, prints what it handles, and may be killed: `receiving.py '{...}'`.

Each line is JSON: `"listening"` when it is subscribed, then for each event that it begins to handle the id
that the event names, and the id and the answer of the response that was read for it. It leaves when its
standard input ends, and says at last how many events it accepted.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from qualtrics_async import Limits, Polling, Qualtrics, webhooks
from qualtrics_async._core import store


def die_at(step: int, where: str) -> None:
    """Let this process kill itself at a transaction of its inbox: before its COMMIT, or just after it."""
    steps = count(1)
    committed = store.Store._transaction
    changed: Any = store.Store

    def transaction(self: store.Store, work: Callable[..., Any], *how: Any) -> Any:
        is_last = next(steps) == step

        def then(db: Any) -> Any:
            result = work(db)
            if is_last and where == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        result = committed(self, then, *how)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    changed._transaction = transaction


async def handle(events: webhooks.Events[webhooks.EventWithResponse], told: dict[str, Any]) -> None:
    """Print each event with its response; with `hold`, stay for ever at that many."""
    handled = 0
    while handled != told.get("hold"):
        event, response, _ = await anext(events)
        handled += 1
        read = None if response is None else (response.response_id, response.values["QID1_TEXT"])
        say([event.fields["ResponseID"], *(read or ())])
    await asyncio.Event().wait()


def say(line: object) -> None:
    """Print a line of JSON."""
    print(json.dumps(line), flush=True)  # noqa: T201


async def until_told() -> None:
    """Wait until the standard input ends."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    pipe.close()


async def main(told: dict[str, Any]) -> None:
    """Listen until the standard input ends."""
    if "die" in told:
        die_at(*told["die"])
    async with (
        Qualtrics(
            token=told["token"],
            base_url=told["base_url"],
            limits=Limits.unlimited(),
            polling=Polling(first=0.02, factor=1, longest=0.02),
        ) as client,
        webhooks.listen(
            client,
            webhooks.topics.completed_response(),
            public_url=f"http://127.0.0.1:{told['port']}",
            port=told["port"],
            shared_key=told["key"],
            inbox=told["inbox"],
            queue_size=told.get("queue_size", 10_000),
            fetch=True,
        ) as events,
    ):
        say("listening")
        handling = asyncio.create_task(handle(events, told))
        await until_told()
        handling.cancel()
    say(events.counts.accepted)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
