"""`Paged[T]`: a listing as a value that is iterated, collected, resumed or read ahead."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, Generic, Protocol, TypeVar

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from msgspec import Struct

from qualtrics_async._core.request import Request
from qualtrics_async._core.tasks import background_tasks
from qualtrics_async.errors import CursorRefused, QualtricsError, UsageError

__all__ = ["NEXT_PAGE", "SKIP_TOKEN", "SKIP_TOKEN_IN_BODY", "Page", "Paged", "Scheme", "concurrent"]

T = TypeVar("T")
K = TypeVar("K")


class Page(Struct, Generic[T], frozen=True, rename="camel"):
    """One page: its elements, and where the next one is (`None`: this was the last).

    `next_page` is opaque. Pages may be short, even empty, while there is a next one.
    """

    elements: list[T]
    next_page: str | None = None
    skip_token: str | None = None


class Send(Protocol):
    """What paging needs of the world: something that executes a request."""

    def __call__(self, request: Request[Any], /) -> Awaitable[Any]:
        """Execute it and return the decoded result."""


class Scheme(Struct, frozen=True):
    """How a listing pages: how a decoded answer becomes a `Page`, and a cursor the next request."""

    unpack: Callable[[Any], Page[Any]]
    follow: Callable[[Request[Any], str], Request[Any]]


def _by_token(page: Page[Any]) -> Page[Any]:
    return Page(page.elements, page.next_page or page.skip_token or None)


def _with_token_in_body(request: Request[Any], token: str) -> Request[Any]:
    body = dict(request.body) if isinstance(request.body, Mapping) else {}
    return request.with_body({**body, "skipToken": token})


NEXT_PAGE: Final = Scheme(unpack=lambda page: page, follow=Request.at)
"""`result.nextPage` is the absolute URL of the next page, followed verbatim."""

SKIP_TOKEN: Final = Scheme(
    unpack=_by_token, follow=lambda request, token: request.with_query("skipToken", token)
)
"""A token that goes into the query of the next request."""

SKIP_TOKEN_IN_BODY: Final = Scheme(unpack=_by_token, follow=_with_token_in_body)
"""A token that goes into the body of the next request."""


class Paged(Generic[T]):
    """A listing, not yet fetched.

    Iterate it for the items, or ask for `first_page()`, `pages()`, `collect()`, `prefetch()`. It can be
    walked any number of times; each walk starts anew. When a page fails for good, the error carries its
    `cursor`: `paged.resume(error.cursor)` goes on with that page.
    """

    def __init__(self, send: Send, request: Request[Any], scheme: Scheme = NEXT_PAGE) -> None:
        self._send = send
        self._request = request
        self._scheme = scheme
        self._start: str | None = None

    def __repr__(self) -> str:
        return f"<Paged {self._request.route.key}>"

    def resume(self, cursor: str | None) -> Paged[T]:
        """Return the same listing, beginning with the page at this cursor (`None`: from the start)."""
        resumed: Paged[T] = Paged(self._send, self._request, self._scheme)
        resumed._start = cursor
        return resumed

    async def first_page(self) -> Page[T]:
        """Fetch one page: the first, or the one that `resume()` named."""
        return await self._fetch(self._start)

    async def pages(self) -> AsyncGenerator[Page[T]]:
        """Walk the pages in order, one request each, the next one only when it is asked for.

        Raises:
            CursorRefused: when a cursor repeats, which would never end.
        """
        cursor, seen = self._start, set[int]()
        while True:
            page = await self._fetch(cursor)
            following = page.next_page
            if following is not None:
                mark = hash(following)
                if mark in seen or following == cursor:
                    refusal = CursorRefused(f"{self._request.route.key}: the next page was already visited")
                    refusal.cursor = cursor
                    raise refusal
                seen.add(mark)
            yield page
            if following is None:
                return
            cursor = following

    async def __aiter__(self) -> AsyncGenerator[T]:
        """Walk the items of all pages in order."""
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                for item in page.elements:
                    yield item

    async def collect(self, limit: int | None = None) -> list[T]:
        """Gather the items in a list, at most `limit` of them; memory grows with their number."""
        if limit is not None and limit < 0:
            raise UsageError(f"limit must not be negative, got {limit}")
        items: list[T] = []
        if limit == 0:
            return items
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                items += page.elements
                if limit is not None and len(items) >= limit:
                    return items[:limit]
        return items

    @asynccontextmanager
    async def prefetch(self, pages: int = 2) -> AsyncGenerator[AsyncIterator[T]]:
        """Read up to `pages` pages ahead while the body works: `async with paged.prefetch() as items`."""
        async with (
            concurrent({None: self}, limit=1, buffer=pages) as items,
            aclosing(item async for _, item in items) as own,
        ):
            yield own

    async def _fetch(self, cursor: str | None) -> Page[T]:
        request = self._request if cursor is None else self._scheme.follow(self._request, cursor)
        try:
            return self._scheme.unpack(await self._send(request))
        except QualtricsError as error:
            error.cursor = cursor
            raise


class _Stopped(Struct, frozen=True):
    """A listing that failed, on its way through the stream to whoever iterates."""

    error: QualtricsError


async def _walk(
    listings: Iterator[tuple[K, Paged[T]]], stream: ObjectSendStream[tuple[K, Page[T]] | _Stopped]
) -> None:
    async with stream:
        for key, paged in listings:
            try:
                async with aclosing(paged.pages()) as pages:
                    async for page in pages:
                        await stream.send((key, page))
            except QualtricsError as error:
                await stream.send(_Stopped(error))
                return


async def _items(
    stream: ObjectReceiveStream[tuple[K, Page[T]] | _Stopped],
) -> AsyncGenerator[tuple[K, T]]:
    async for arrival in stream:
        if isinstance(arrival, _Stopped):
            raise arrival.error
        key, page = arrival
        for item in page.elements:
            yield key, item


@asynccontextmanager
async def concurrent(
    listings: Mapping[K, Paged[T]], *, limit: int = 8, buffer: int | None = None
) -> AsyncGenerator[AsyncIterator[tuple[K, T]]]:
    """Walk many listings at once; the context's value yields `(key, item)`.

    ```python
    async with concurrent({key: paged, ...}, limit=8) as items:
        async for key, item in items: ...
    ```

    At most `limit` listings are walked at a time and `buffer` pages (`limit` by default) wait for the
    body. Items of one listing come in order, listings interleave. A listing that fails ends the iteration
    with its error; an exception of the body leaves as itself. Nothing outlives the context.
    """
    if limit < 1 or (buffer is not None and buffer < 0):
        raise UsageError(f"limit must be at least 1 and buffer not negative, got {limit} and {buffer}")
    waiting = iter(listings.items())
    send, receive = anyio.create_memory_object_stream[tuple[K, Page[T]] | _Stopped](
        limit if buffer is None else buffer
    )
    with send, receive:
        async with background_tasks() as tasks:
            for _ in range(min(limit, len(listings))):
                tasks.start_soon(_walk, waiting, send.clone())
            send.close()
            async with aclosing(_items(receive)) as items:
                yield items
