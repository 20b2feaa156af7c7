"""CPU time of the client's process per page of 100 links and per new contact.

The baseline is the loop that one writes by hand with aiohttp and `resp.json()`; beside it the same loop with
msgspec and on httpx. The package runs as a user would configure it: rate limits (too high to wait for),
retries, deadlines, size caps and typed results are all in its path. All contenders take turns within one
process against one server in another; a ratio is the median of those of the rounds.

What it does not show: the time that a caller waits, which is the network's and the service's; TLS and
compressed answers, which cost every contender the same and so would bring the ratios closer to 1; and the
hand-written loops do not do what the package does: they neither pace nor repeat anything, and their errors
are whatever comes.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any, Final, TypeAlias

import aiohttp
import httpx
import msgspec

from benchmarks.report import Goal, Row, compare
from benchmarks.server import LINKS_A_PAGE, serving
from qualtrics_async import Limits, Qualtrics
from qualtrics_async.models import ContactCreate

__all__ = ["generous", "run"]

PLAIN: Final = "aiohttp, resp.json()"
HEADERS_EACH: Final = "the same, headers given with each call"
UNTYPED: Final = "aiohttp, msgspec"
TYPED: Final = "aiohttp, msgspec typed"
HTTPX: Final = "httpx, response.json()"
OURS: Final = "qualtrics_async"
OURS_BY_PAGE: Final = "qualtrics_async, by page"

PAGES: Final = 40
SURVEY: Final = "SV_0aB1cD2eF3gH4iJ"
DIRECTORY: Final = "POOL_1aB2cD3eF4gH5iJ"
MAILING_LIST: Final = "CG_1aB2cD3eF4gH5iJ"
HEADERS: Final = {"X-API-TOKEN": "a-token-of-the-usual-forty-characters-ab"}
EMBEDDED: Final = {"department": "Research", "cohort": "2027-A", "seats": 3}

Job: TypeAlias = Callable[[int], Awaitable[None]]
"""Walk a listing of so many pages; or create that many contacts."""


class Link(msgspec.Struct, rename="camel"):
    """What a typed loop by hand would declare."""

    contact_id: str
    link: str
    status: str
    unsubscribed: bool
    exceeded_contact_frequency: bool
    link_expiration: datetime | None = None
    transaction_id: str | None = None
    last_name: str | None = None
    first_name: str | None = None
    external_data_reference: str | None = None
    email: str | None = None


class Links(msgspec.Struct, rename="camel"):
    """A page of them."""

    elements: list[Link]
    next_page: str | None


class LinksAnswer(msgspec.Struct):
    """The envelope of a page."""

    result: Links


class NewContact(msgspec.Struct):
    """The id of a contact."""

    id: str


class NewContactAnswer(msgspec.Struct):
    """The envelope of an id."""

    result: NewContact


def generous() -> Limits:
    """Limits that nothing here reaches, so that the limiters are in the path and never wait."""
    enough = 10_000_000
    return Limits(
        brand_per_minute=enough,
        routes={
            "GET /distributions/{distributionId}/links": enough - 1,
            "POST /directories/{directoryId}/mailinglists/{mailingListId}/contacts": enough - 1,
        },
    )


def _expect(count: int, expected: int) -> None:
    if count != expected:
        raise RuntimeError(f"{count} links or contacts instead of {expected}")


def _first(root: str, pages: int) -> str | None:
    return f"{root}/distributions/EMD_{pages}/links?surveyId={SURVEY}"


def _contacts(root: str) -> str:
    return f"{root}/directories/{DIRECTORY}/mailinglists/{MAILING_LIST}/contacts"


@asynccontextmanager
async def plain_aiohttp(
    root: str, *, headers: Mapping[str, str] | None = None
) -> AsyncGenerator[tuple[Job, Job]]:
    """The loop by hand, its headers set once on the session, or given with each call."""
    async with aiohttp.ClientSession(headers=HEADERS if headers is None else None) as session:

        async def walk(pages: int) -> None:
            url, links = _first(root, pages), set[str]()
            while url:
                async with session.get(url, headers=headers) as response:
                    response.raise_for_status()
                    result = (await response.json())["result"]
                for item in result["elements"]:
                    links.add(item["link"])
                url = result["nextPage"]
            _expect(len(links), LINKS_A_PAGE)

        async def create(contacts: int) -> None:
            for index in range(contacts):
                contact = {
                    "firstName": "Ada",
                    "lastName": "Example",
                    "email": f"ada{index}@example.com",
                    "embeddedData": EMBEDDED,
                }
                async with session.post(_contacts(root), json=contact, headers=headers) as response:
                    response.raise_for_status()
                    created = (await response.json())["result"]["id"]
                _expect(len(created), 19)

        yield walk, create


@asynccontextmanager
async def msgspec_aiohttp(root: str) -> AsyncGenerator[tuple[Job, Job]]:
    """The loop by hand with a faster JSON library."""
    decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def walk(pages: int) -> None:
            url, links = _first(root, pages), set[str]()
            while url:
                async with session.get(url) as response:
                    response.raise_for_status()
                    result = decode(await response.read())["result"]
                for item in result["elements"]:
                    links.add(item["link"])
                url = result["nextPage"]
            _expect(len(links), LINKS_A_PAGE)

        async def create(contacts: int) -> None:
            for index in range(contacts):
                contact = {
                    "firstName": "Ada",
                    "lastName": "Example",
                    "email": f"ada{index}@example.com",
                    "embeddedData": EMBEDDED,
                }
                json_header = {"Content-Type": "application/json"}
                async with session.post(
                    _contacts(root), data=encode(contact), headers=json_header
                ) as response:
                    response.raise_for_status()
                    created = decode(await response.read())["result"]["id"]
                _expect(len(created), 19)

        yield walk, create


@asynccontextmanager
async def typed_aiohttp(root: str) -> AsyncGenerator[tuple[Job, Job]]:
    """The loop by hand with structs."""
    decode_links = msgspec.json.Decoder(LinksAnswer).decode
    decode_contact = msgspec.json.Decoder(NewContactAnswer).decode
    encode = msgspec.json.Encoder().encode
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def walk(pages: int) -> None:
            url, links = _first(root, pages), set[str]()
            while url:
                async with session.get(url) as response:
                    response.raise_for_status()
                    result = decode_links(await response.read()).result
                for item in result.elements:
                    links.add(item.link)
                url = result.next_page
            _expect(len(links), LINKS_A_PAGE)

        async def create(contacts: int) -> None:
            for index in range(contacts):
                contact = ContactCreate(
                    first_name="Ada",
                    last_name="Example",
                    email=f"ada{index}@example.com",
                    embedded_data=EMBEDDED,
                )
                json_header = {"Content-Type": "application/json"}
                async with session.post(
                    _contacts(root), data=encode(contact), headers=json_header
                ) as response:
                    response.raise_for_status()
                    created = decode_contact(await response.read()).result.id
                _expect(len(created), 19)

        yield walk, create


@asynccontextmanager
async def plain_httpx(root: str) -> AsyncGenerator[tuple[Job, Job]]:
    """The loop by hand on httpx."""
    async with httpx.AsyncClient(headers=HEADERS) as session:

        async def walk(pages: int) -> None:
            url, links = _first(root, pages), set[str]()
            while url:
                response = await session.get(url)
                response.raise_for_status()
                result = response.json()["result"]
                for item in result["elements"]:
                    links.add(item["link"])
                url = result["nextPage"]
            _expect(len(links), LINKS_A_PAGE)

        async def create(contacts: int) -> None:
            for index in range(contacts):
                contact = {
                    "firstName": "Ada",
                    "lastName": "Example",
                    "email": f"ada{index}@example.com",
                    "embeddedData": EMBEDDED,
                }
                response = await session.post(_contacts(root), json=contact)
                response.raise_for_status()
                _expect(len(response.json()["result"]["id"]), 19)

        yield walk, create


@asynccontextmanager
async def this_package(root: str, *, by_page: bool = False) -> AsyncGenerator[tuple[Job, Job]]:
    """The package, its listing walked item by item or page by page."""
    async with Qualtrics(token=HEADERS["X-API-TOKEN"], base_url=root, limits=generous()) as client:

        async def walk(pages: int) -> None:
            links = set[str]()
            async for item in client.distributions.links(f"EMD_{pages}", survey_id=SURVEY):
                links.add(item.link)
            _expect(len(links), LINKS_A_PAGE)

        async def walk_by_page(pages: int) -> None:
            links = set[str]()
            async for page in client.distributions.links(f"EMD_{pages}", survey_id=SURVEY).pages():
                for item in page.elements:
                    links.add(item.link)
            _expect(len(links), LINKS_A_PAGE)

        async def create(contacts: int) -> None:
            for index in range(contacts):
                contact = ContactCreate(
                    first_name="Ada",
                    last_name="Example",
                    email=f"ada{index}@example.com",
                    embedded_data=EMBEDDED,
                )
                created = await client.mailing_list_contacts.create(DIRECTORY, MAILING_LIST, contact)
                _expect(len(created.id), 19)

        yield walk_by_page if by_page else walk, create


async def _microseconds(job: Job, calls: int, tasks: int) -> float:
    """CPU time of this process per call, when so many tasks make that many calls each."""
    gc.collect()
    before = time.process_time()
    if tasks == 1:
        await job(calls)
    else:
        await asyncio.gather(*(job(calls) for _ in range(tasks)))
    return (time.process_time() - before) / (calls * tasks) * 1e6


async def _in_turns(jobs: dict[str, Job], calls: dict[str, int], tasks: int, rounds: int) -> list[Any]:
    for name, job in jobs.items():
        await _microseconds(job, calls[name], tasks)
    names = list(jobs)
    measured: list[dict[str, float]] = []
    for number in range(rounds):
        # Whoever comes first in a round changes, so that nobody always follows the same neighbour.
        turn = names[number % len(names) :] + names[: number % len(names)]
        times = {name: await _microseconds(jobs[name], calls[name], tasks) for name in turn}
        measured.append({name: times[name] for name in names})
    return measured


async def _measure(root: str, rounds: int) -> list[Row]:
    rows: list[Row] = []
    async with AsyncExitStack() as stack:
        contenders: dict[str, tuple[Job, Job]] = {
            PLAIN: await stack.enter_async_context(plain_aiohttp(root)),
            HEADERS_EACH: await stack.enter_async_context(plain_aiohttp(root, headers=HEADERS)),
            UNTYPED: await stack.enter_async_context(msgspec_aiohttp(root)),
            TYPED: await stack.enter_async_context(typed_aiohttp(root)),
            OURS: await stack.enter_async_context(this_package(root)),
            OURS_BY_PAGE: await stack.enter_async_context(this_package(root, by_page=True)),
            HTTPX: await stack.enter_async_context(plain_httpx(root)),
        }
        walks = {name: walk for name, (walk, _) in contenders.items()}
        creates = {name: create for name, (_, create) in contenders.items() if name != OURS_BY_PAGE}
        for tasks, pages, contacts in ((1, 400, 800), (20, 20, 40)):
            calls = {name: pages if name != HTTPX else max(5, pages // 20) for name in contenders}
            measured = await _in_turns(walks, calls, tasks, rounds)
            goals = {OURS: Goal(0.85), OURS_BY_PAGE: Goal(0.85)}
            rows += compare(f"a page of 100 links, {tasks} at a time", "µs CPU", measured, goals)
            calls = {name: contacts if name != HTTPX else max(5, contacts // 8) for name in contenders}
            measured = await _in_turns(creates, calls, tasks, rounds)
            rows += compare(f"a new contact, {tasks} at a time", "µs CPU", measured, {OURS: Goal(1.0)})
    return rows


def run(*, quick: bool) -> list[Row]:
    """Measure both, one call at a time and many."""
    with serving("calls") as server:
        return asyncio.run(_measure(server.root, 9 if quick else 31))
