"""How much of the allowed rate hundreds of tasks use, and how often the service has to refuse.

The server counts each request in sliding windows of 60 s and refuses what is too much: 3000 a minute for the
brand, 500 for links. A request arrives 1 to 20 ms after it has left, at random, and is answered 30 to 120 ms
later. Three clients run at once in one process, each against a server of its own. The share is what arrived
between the first and the last request, of what the rate allows in that time.

What it does not show: how the service really counts (a fixed window, or a bucket, allows more than this one);
several processes that share one brand's quota, which cannot know of one another; and a network whose delay
changes by seconds, which can press more requests into a window than have left in one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Final

from benchmarks.report import Goal, Row
from benchmarks.server import Server, serving
from qualtrics_async import Limits, Qualtrics
from qualtrics_async.models import ContactCreate

__all__ = ["run"]

BRAND: Final = 3000
LINKS: Final = 500
CONTACTS_ROUTE: Final = "POST /directories/{directoryId}/mailinglists/{mailingListId}/contacts"
LINKS_ROUTE: Final = "GET /distributions/{distributionId}/links"

BRAND_ALONE: Final = f"300 tasks create contacts, {BRAND} a minute"
ROUTE_ALONE: Final = f"300 tasks read links, {LINKS} a minute"
BOTH: Final = "200 tasks create contacts, 200 read links"
TASKS: Final = {BRAND_ALONE: (300, 0), ROUTE_ALONE: (0, 300), BOTH: (200, 200)}


async def _create(client: Qualtrics) -> None:
    contact = ContactCreate(email="ada@example.com", first_name="Ada")
    await client.mailing_list_contacts.create("POOL_1aB2cD3eF4gH5iJ", "CG_1aB2cD3eF4gH5iJ", contact)


async def _read(client: Qualtrics) -> None:
    await client.distributions.links("EMD_1", survey_id="SV_0aB1cD2eF3gH4iJ").first_page()


async def _repeat(call: Callable[[Qualtrics], Awaitable[None]], client: Qualtrics) -> None:
    while True:
        await call(client)


async def _work(server: Server, creators: int, readers: int) -> None:
    limits = Limits(brand_per_minute=BRAND, routes={CONTACTS_ROUTE: None, LINKS_ROUTE: LINKS})
    async with (
        Qualtrics(token="a-token", base_url=server.root, limits=limits) as client,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(creators):
            tasks.create_task(_repeat(_create, client))
        for _ in range(readers):
            tasks.create_task(_repeat(_read, client))


async def _work_for(seconds: float, servers: dict[str, Server]) -> None:
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            for name, server in servers.items():
                tasks.create_task(_work(server, *TASKS[name]))
    except TimeoutError:
        return


def _rows(name: str, limit: str, counts: dict[str, float]) -> list[Row]:
    quota = counts["quota"]
    allowed = quota * counts["seconds"] / 60
    share = 100 * (counts["accepted"] - 1) / allowed if allowed else 0.0
    return [
        Row(name, f"{limit}: share of the rate used", share, "%", goal=Goal(97, at_most=False)),
        Row(name, f"{limit}: refusals", counts["refused"], "", goal=Goal(0)),
        Row(name, f"{limit}: fullest window", counts["fullest"], f"of {quota:g}"),
    ]


def run(*, quick: bool) -> list[Row]:
    """Work for a little more than two windows, or one."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving("quota", brand=BRAND, links=LINKS)) for name in TASKS}
        asyncio.run(_work_for(66 if quick else 132, servers))
        counts = {name: server.counts() for name, server in servers.items()}
    return [
        *_rows(BRAND_ALONE, "brand", counts[BRAND_ALONE]["brand"]),
        *_rows(ROUTE_ALONE, "links", counts[ROUTE_ALONE]["links"]),
        *_rows(BOTH, "brand", counts[BOTH]["brand"]),
        *_rows(BOTH, "links", counts[BOTH]["links"]),
    ]
