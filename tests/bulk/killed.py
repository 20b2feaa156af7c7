"""A process that runs a bulk job, prints its outcomes, and may be killed: `killed.py '{"job": ...}'`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

from qualtrics_async import Limits, Polling, Qualtrics, RetryPolicy, bulk


def rows(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Make the input; the process may kill itself at a row."""
    for n in range(told["count"]):
        if n == told.get("die_at_row"):
            os.kill(os.getpid(), signal.SIGKILL)
        yield {"extRef": f"r{n}", "email": f"person{n}@example.com"}


async def main(told: dict[str, Any]) -> None:
    """Run the job to its end."""
    lists = told["lists"]

    def choose(row: Any) -> str:
        name: str = lists[int(row["extRef"][1:]) % len(lists)]
        return name

    client = Qualtrics(
        token=told["token"],
        base_url=told["base_url"],
        limits=Limits.unlimited(),
        polling=Polling(first=0, factor=1, longest=0),
        retry=RetryPolicy(base=0),
    )
    # So that a request which the sandbox holds holds the whole job, and what is left does not depend on time.
    # A list whose import is under way holds no place: another list would go on meanwhile.
    concurrency = 5 if told["job"] == "creates" else 1
    kept = {"journal": told["journal"], "replay": told["replay"], "concurrency": concurrency}
    kept["reconcile_timeout"] = 10.0 if told["job"] == "imports" else 0.5
    async with client:
        job: Any
        match told["job"]:
            case "imports":
                source = rows(told)
                job = bulk.import_contacts(
                    client, told["directory"], source, mailing_list=choose, chunk_rows=10, **kept
                )
            case "creates":
                job = bulk.create_contacts(client, told["directory"], rows(told), mailing_list=choose, **kept)
            case _:
                job = bulk.generate_links(
                    client, told["survey"], lists, directory_id=told["directory"], **kept
                )
        async with job as outcomes:
            async for outcome in outcomes:
                item = outcome.item
                key = item.index if hasattr(item, "index") else [item.mailing_list_id, item.contact_id]
                print(json.dumps([type(outcome).__name__, key]), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
