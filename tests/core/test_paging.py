"""Listings: every item once and in order, whatever the pages are like; nothing outlives its context."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from talking import arrivals, assert_idle, talking
from virtual import loop, run, virtual
from wires import Reader, Writer, answered, head_of, serving

from qualtrics_async import CursorRefused, Page, Paged, Qualtrics, ServerFault, UsageError, concurrent
from qualtrics_async._core.paging import NEXT_PAGE, SKIP_TOKEN, SKIP_TOKEN_IN_BODY, Scheme
from qualtrics_async._core.request import GET, POST, Request

SURVEYS: Request[Any] = Request(GET("/surveys"), Page[int])


class Server:
    """Answers a chain of pages by cursor; an exception in place of a page is raised once."""

    def __init__(self, pages: dict[str | None, Page[int] | Exception], seconds: float = 0) -> None:
        self.pages = pages
        self.seconds = seconds
        self.asked: list[str | None] = []

    async def __call__(self, request: Request[Any], /) -> Page[int]:
        """Answer the request for a page."""
        self.asked.append(request.url)
        if self.seconds:
            await asyncio.sleep(self.seconds)
        page = self.pages[request.url]
        if isinstance(page, Exception):
            await asyncio.sleep(0)
            raise page
        return page

    def paged(self) -> Paged[int]:
        """Make the listing."""
        return Paged(self, SURVEYS)


def chain(sizes: list[int], first: int = 0) -> tuple[dict[str | None, Page[int] | Exception], list[int]]:
    """Make pages of these sizes, numbered through, and all their items."""
    pages: dict[str | None, Page[int] | Exception] = {}
    cursor: str | None = None
    number = first
    for place, size in enumerate(sizes):
        last = place == len(sizes) - 1
        following = None if last else f"c{place + 1}"
        pages[cursor] = Page(list(range(number, number + size)), following)
        number, cursor = number + size, following
    return pages, list(range(first, number))


sizes = st.lists(st.integers(0, 4), min_size=1, max_size=9)


@given(sizes)
def test_every_item_comes_once_and_in_order(sizes: list[int]) -> None:
    """Any chain of pages, short and empty ones too, gives all its items; each page is asked for once."""

    async def main() -> None:
        pages, items = chain(sizes)
        server = Server(pages)
        assert [item async for item in server.paged()] == items
        assert server.asked == list(pages)
        assert await server.paged().collect() == items
        assert [page.elements async for page in server.paged().pages()] == [
            page.elements for page in pages.values() if isinstance(page, Page)
        ]
        async with server.paged().prefetch() as ahead:
            assert [item async for item in ahead] == items

    run(main())


@given(sizes, st.integers(0, 40))
def test_a_limit_gives_the_first_items_and_asks_no_further(sizes: list[int], limit: int) -> None:
    """`collect(limit)` is a prefix, and no page is fetched beyond the one that fills it."""

    async def main() -> None:
        pages, items = chain(sizes)
        server = Server(pages)
        assert await server.paged().collect(limit) == items[:limit]
        if limit == 0:
            assert server.asked == []
        elif limit <= len(items):
            before = [page.elements for page in pages.values() if isinstance(page, Page)]
            needed = next(n for n in range(len(before) + 1) if sum(map(len, before[:n])) >= limit)
            assert len(server.asked) == needed

    run(main())


@given(sizes, st.data())
def test_a_walk_resumes_where_it_failed(sizes: list[int], data: st.DataObject) -> None:
    """What came before the failing page and what comes after resuming there is the whole listing."""
    failing = data.draw(st.integers(0, len(sizes) - 1))

    async def main() -> None:
        pages, items = chain(sizes)
        server = Server(pages)
        cursor = list(pages)[failing]
        whole, pages[cursor] = pages[cursor], ServerFault("x", status=503)
        got: list[int] = []

        async def walk(paged: Paged[int]) -> None:
            async for item in paged:
                got.append(item)  # noqa: PERF401  (what came before an error counts)

        with pytest.raises(ServerFault) as failure:
            await walk(server.paged())
        assert failure.value.cursor == cursor
        pages[cursor] = whole
        await walk(server.paged().resume(failure.value.cursor))
        assert got == items

    run(main())


@virtual
async def test_the_next_page_is_fetched_only_when_asked_for() -> None:
    """Plain iteration does not read ahead, and leaving early leaves nothing behind."""
    pages, _ = chain([2, 2, 2])
    server = Server(pages)
    async with aclosing(server.paged().pages()) as walk:
        async for page in walk:
            assert page.elements == [0, 1]
            break
    assert server.asked == [None]
    assert (await server.paged().first_page()).next_page == "c1"
    assert (await server.paged().resume("c2").first_page()).elements == [4, 5]


@pytest.mark.parametrize("following", ["c1", "c2", "c3"])
@virtual
async def test_a_repeated_cursor_ends_the_walk(following: str) -> None:
    """A circle of any length is refused instead of walked for ever."""
    pages, _ = chain([1, 1, 1, 1])
    pages["c3"] = Page([9], following)
    server = Server(pages)
    with pytest.raises(CursorRefused, match="already visited") as refusal:
        await server.paged().collect()
    assert len(server.asked) == 4
    assert refusal.value.cursor == "c3"


@virtual
async def test_a_page_that_names_itself_is_refused_at_once() -> None:
    """Also where the walk was resumed there."""
    server = Server({"c1": Page([1], "c1")})
    with pytest.raises(CursorRefused):
        await server.paged().resume("c1").collect()
    assert server.asked == ["c1"]


@virtual
async def test_a_listing_can_be_walked_again() -> None:
    """It is a value: each walk starts anew, and resuming makes another one."""
    pages, items = chain([2, 1])
    paged = Server(pages).paged()
    assert await paged.collect() == await paged.collect() == items
    assert await paged.resume("c1").collect() == items[2:]
    assert await paged.resume("c1").resume(None).collect() == items
    assert repr(paged) == "<Paged GET /surveys>"


@pytest.mark.parametrize("limit", [-1, -100])
@virtual
async def test_a_negative_limit_is_refused(limit: int) -> None:
    """Less than nothing cannot be meant."""
    with pytest.raises(UsageError):
        await Server({}).paged().collect(limit)


@pytest.mark.parametrize(
    ("scheme", "where"),
    [
        (NEXT_PAGE, lambda request: request.url),
        (SKIP_TOKEN, lambda request: dict(request.query).get("skipToken")),
        (SKIP_TOKEN_IN_BODY, lambda request: request.body.get("skipToken")),
    ],
)
@virtual
async def test_each_scheme_puts_the_cursor_in_its_place(
    scheme: Scheme, where: Callable[[Request[Any]], str | None]
) -> None:
    """A URL, a token in the query or the body: opaque, an empty one is none, and all else stays."""
    seen: list[Request[Any]] = []

    async def send(request: Request[Any], /) -> Page[int]:
        seen.append(request)
        token = "a+b/c==" if len(seen) == 1 else None if scheme is NEXT_PAGE else ""
        return Page([len(seen)], token) if scheme is NEXT_PAGE else Page([len(seen)], None, token)

    request = Request(POST("/x"), Page[int], query=(("pageSize", "5"),), body={"filter": 1})
    assert await Paged[int](send, request, scheme).collect() == [1, 2]
    assert [where(made) for made in seen] == [None, "a+b/c=="]
    assert all(isinstance(made.body, dict) and made.body["filter"] == 1 for made in seen)
    if scheme is not NEXT_PAGE:
        assert all(("pageSize", "5") in made.query for made in seen)


@virtual
async def test_prefetch_reads_ahead_so_far_and_no_further() -> None:
    """While the body works on the first page, the next ones are fetched, at most as many as asked for."""
    pages, _ = chain([1] * 20)
    server = Server(pages, seconds=1)
    async with server.paged().prefetch(pages=3) as items:
        assert await anext(items) == 0
        await asyncio.sleep(100)
        # Three wait in the buffer, one in the hand of whoever puts them there.
        assert len(server.asked) == 5
    assert asyncio.all_tasks() == {asyncio.current_task()}


@virtual
async def test_prefetch_overlaps_fetching_and_work() -> None:
    """Ten pages of a second each and a second of work each take eleven seconds, not twenty."""
    pages, items = chain([1] * 10)
    got = []
    async with Server(pages, seconds=1).paged().prefetch() as ahead:
        async for item in ahead:
            got.append(item)
            await asyncio.sleep(1)
    assert got == items
    assert loop().time() < 11.5


@virtual
async def test_an_error_comes_after_the_items_before_it() -> None:
    """Read-ahead does not overtake: the body sees every item up to the failing page, then the error."""
    pages, items = chain([2, 2, 2])
    pages["c2"] = ServerFault("x", status=503)
    got: list[int] = []

    async def walk() -> None:
        async with Server(pages).paged().prefetch() as ahead:
            async for item in ahead:
                got.append(item)  # noqa: PERF401  (what came before an error counts)

    with pytest.raises(ServerFault) as failure:
        await walk()
    assert got == items[:4]
    assert failure.value.cursor == "c2"


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from("abcdefgh"), sizes), st.integers(1, 9), st.integers(0, 5))
def test_many_listings_give_each_item_once(
    given_sizes: dict[str, list[int]], limit: int, buffer: int
) -> None:
    """Whatever the listings, the limit and the buffer: all items, each listing's own in order."""

    async def main() -> None:
        chains = {key: chain(sizes, 1000 * place) for place, (key, sizes) in enumerate(given_sizes.items())}
        listings = {key: Server(pages, seconds=0.5).paged() for key, (pages, _) in chains.items()}
        got: dict[str, list[int]] = {key: [] for key in chains}
        async with concurrent(listings, limit=limit, buffer=buffer) as items:
            async for key, item in items:
                got[key].append(item)
        assert got == {key: items for key, (_, items) in chains.items()}

    run(main())


@virtual
async def test_listings_interleave_and_the_limit_holds() -> None:
    """Of ten listings three are walked at a time, side by side."""
    under_way, most = 0, 0

    class Counting(Server):
        async def __call__(self, request: Request[Any], /) -> Page[int]:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            try:
                return await super().__call__(request)
            finally:
                under_way -= 1

    listings = {key: Counting(chain([1, 1, 1])[0], seconds=1).paged() for key in range(10)}
    order = []
    async with concurrent(listings, limit=3) as items:
        async for key, _ in items:
            order.append(key)
    assert most == 3
    assert len(order) == 30
    assert order[:3] in ([0, 1, 2], sorted(order[:3]))
    assert order[:3] != [0, 0, 0]
    assert loop().time() == pytest.approx(10, abs=2.1)


async def _use(items: AsyncIterator[tuple[str, int]], error: BaseException | None = None) -> None:
    async for _ in items:
        if error is not None:
            raise error


def three() -> dict[str, Paged[int]]:
    return {key: Server(chain([2] * 5)[0], seconds=1).paged() for key in "abc"}


@pytest.mark.parametrize(
    "error", [RuntimeError("mine"), ServerFault("x", status=503), KeyError("k"), SystemExit(3)]
)
@virtual
async def test_an_exception_of_the_body_leaves_as_itself(error: BaseException) -> None:
    """It is not wrapped in a group, whatever it is, and the walks end with it."""

    async def work() -> None:
        async with concurrent(three()) as items:
            await _use(items, error)

    with pytest.raises(type(error)) as caught:
        await work()
    assert caught.value is error
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("cls", [ServerFault, RuntimeError])
@virtual
async def test_an_error_of_one_listing_ends_the_iteration_as_itself(cls: type[Exception]) -> None:
    """The first failure is raised where the body iterates, with its cursor; the others are stopped."""
    listings = three()
    pages, _ = chain([1, 1])
    error = ServerFault("x", status=503) if cls is ServerFault else cls("a bug")
    pages["c1"] = error
    listings["bad"] = Server(pages).paged()

    async def work() -> None:
        async with concurrent(listings) as items:
            await _use(items)

    with pytest.raises(cls) as caught:
        await work()
    assert caught.value is error
    assert getattr(error, "cursor", "c1") == "c1"
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("after", range(4))
@virtual
async def test_leaving_early_stops_the_walks(after: int) -> None:
    """A body that breaks, at once or later, leaves no task behind."""
    async with concurrent(three(), limit=2, buffer=1) as items:
        for _ in range(after):
            await anext(items)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@virtual
async def test_a_cancelled_body_is_cancelled() -> None:
    """Cancellation goes through, and the walks end with it."""

    async def work() -> None:
        async with concurrent(three()) as items:
            await _use(items)

    task = asyncio.create_task(work())
    await asyncio.sleep(2.5)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@virtual
async def test_nothing_at_all_is_an_empty_walk() -> None:
    """No listings, no items, no waiting."""
    nothing: dict[str, Paged[int]] = {}
    async with concurrent(nothing) as items:
        assert [item async for item in items] == []


@pytest.mark.parametrize("options", [{"limit": 0}, {"limit": -1}, {"buffer": -1}])
@virtual
async def test_bounds_that_cannot_be_meant_are_refused(options: dict[str, int]) -> None:
    """Nobody walks zero listings at a time."""
    with pytest.raises(UsageError):
        async with concurrent(three(), **options):
            pass


async def ten(client: Any) -> list[str]:
    """Make ten subscriptions."""
    return [
        (await client.event_subscriptions.create(topics=f"t.{n}", publication_url="https://h.example.com")).id
        for n in range(10)
    ]


LIST = "GET /eventsubscriptions"
E = TypeVar("E", bound=Exception)


async def walked(listing: Paged[Any], error: type[E]) -> tuple[list[str], E]:
    """Walk a listing that fails: what came before, and the error."""
    got: list[str] = []
    try:
        async for found in listing:
            got.append(found.id)  # noqa: PERF401  (what came before an error counts)
    except error as failure:
        return got, failure
    raise AssertionError("it did not fail")


@pytest.mark.parametrize("kind", ["short_page", "empty_page"])
@virtual
async def test_short_and_empty_pages_end_nothing(kind: str) -> None:
    """Only the absence of a next page does (observed: 87, 79, 87, 79, 77 of 100)."""
    async with talking({"page_size": 4}) as (sandbox, client):
        made = await ten(client)
        sandbox.faults.add(kind=kind, route=LIST)  # type: ignore[arg-type]  # a literal
        assert [found.id async for found in client.event_subscriptions.list()] == made


@virtual
async def test_a_circle_of_the_servers_is_refused() -> None:
    """A next page that leads to itself ends the walk with the cursor."""
    async with talking({"page_size": 4}) as (sandbox, client):
        await ten(client)
        sandbox.faults.add(kind="repeat_page", route=LIST, skip=1, times=None)
        with pytest.raises(CursorRefused) as refusal:
            await client.event_subscriptions.list().collect()
        assert refusal.value.cursor is not None
        assert arrivals(sandbox, LIST) <= 3


@pytest.mark.parametrize("url", ["string", "", "/API/v3/eventsubscriptions?offset=4"])
@virtual
async def test_a_next_page_that_is_no_address_is_refused(url: str) -> None:
    """The literal "string" of the vendor's mock and relative paths lead nowhere."""
    async with talking({"page_size": 4}) as (sandbox, client):
        made = await ten(client)
        sandbox.faults.add(kind="next_page", route=LIST, next_page=url)
        got, refusal = await walked(client.event_subscriptions.list(), CursorRefused)
        assert got == made[:4]
        assert refusal.cursor == url


@virtual
async def test_a_listing_goes_on_at_the_page_that_failed() -> None:
    """When the repeats of a page are spent, the error's cursor resumes with that page."""
    async with talking({"page_size": 4}) as (sandbox, client):
        made = await ten(client)
        sandbox.faults.add(kind="status", status=503, route=LIST, skip=1, times=5)
        listing = client.event_subscriptions.list()
        got, failure = await walked(listing, ServerFault)
        assert got == made[:4]
        got += [found.id async for found in listing.resume(failure.cursor)]
        assert got == made
        assert_idle(client)


@virtual
async def test_a_failing_page_is_repeated_as_a_page() -> None:
    """Within the budget the walk does not notice."""
    async with talking({"page_size": 3}) as (sandbox, client):
        made = await ten(client)
        sandbox.faults.random(rate=0.4, kinds=["cut", "truncated", "html"], seed=3, route=LIST)
        assert [found.id async for found in client.event_subscriptions.list()] == made
        assert arrivals(sandbox, LIST) > 4


@virtual
async def test_a_next_page_is_followed_to_the_letter() -> None:
    """A percent-encoded token leaves as it came: decoded or encoded once more it would be another one."""
    heads: list[bytes] = []
    place = "/API/v3/surveys//?skipToken=a%2Fb%3D%3D+%20%7e&x"

    async def listing(reader: Reader, writer: Writer) -> None:
        while (head := await head_of(reader)) is not None:
            heads.append(head)
            following = f"http://127.0.0.1:{port}{place}" if len(heads) == 1 else None
            body: dict[str, Any] = {"result": {"elements": [], "nextPage": following}, "meta": {}}
            writer.write(answered(json.dumps(body).encode()))
            await writer.drain()

    async with serving(listing) as port:
        client = Qualtrics(token="t", base_url=f"http://127.0.0.1:{port}/API/v3")
        async with client:
            assert await client.surveys.list().collect() == []
    assert heads[1].startswith(f"GET {place} HTTP/1.1\r\n".encode())
    assert b"X-API-TOKEN: t" in heads[1]
