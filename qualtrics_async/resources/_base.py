"""What every resource class stands on, and the small protocol through which it reaches the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Protocol, TypeVar, overload

from qualtrics_async._core.paging import NEXT_PAGE, Page, Paged, Scheme
from qualtrics_async._core.request import NOTHING, Query, Request, Route, encode_query, is_idempotent
from qualtrics_async.errors import UsageError

__all__ = ["Executor", "Resource", "given", "named"]

T = TypeVar("T")


def given(body: Mapping[str, object]) -> dict[str, object]:
    """Keep the keys of a body that the caller gave: `None` stays away, because null keys are refused."""
    return {key: value for key, value in body.items() if value is not None}


def named(value: object, name: str) -> str:
    """Refuse an id or a name, for a query or a body, that is no text or blank; paths have a stricter rule."""
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{name} must be text that is not blank, got {value!r:.60}")
    return value


class Executor(Protocol):
    """Executes requests; the client is one, a test's recorder another."""

    def send(self, request: Request[T], /) -> Awaitable[T]:
        """Execute a request and return its decoded result."""


class Resource:
    """A group of operations; each builds a `Request` and hands it on."""

    __slots__ = ("_executor",)

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    @overload
    async def _send(
        self,
        route: Route,
        returns: None,
        *,
        query: Query | None = None,
        body: object = NOTHING,
        idempotent: bool | None = None,
        whole: bool = False,
    ) -> None: ...

    @overload
    async def _send(
        self,
        route: Route,
        returns: type[T],
        *,
        query: Query | None = None,
        body: object = NOTHING,
        idempotent: bool | None = None,
        whole: bool = False,
    ) -> T: ...

    async def _send(
        self,
        route: Route,
        returns: type[T] | None,
        *,
        query: Query | None = None,
        body: object = NOTHING,
        idempotent: bool | None = None,
        whole: bool = False,
    ) -> T | None:
        """Execute one operation. `idempotent` overrides what the method says: a read-only POST says True."""
        repeatable = is_idempotent(route.method) if idempotent is None else idempotent
        return await self._executor.send(
            Request(route, returns, encode_query(query), body, idempotent=repeatable, whole=whole)
        )

    def _paged(
        self,
        route: Route,
        item: type[T],
        *,
        query: Query | None = None,
        body: object = NOTHING,
        scheme: Scheme = NEXT_PAGE,
        page: Any = None,
        whole: bool = False,
    ) -> Paged[T]:
        """Describe a listing. `page` is the wire type of an answer where it is not `Page[item]`."""
        wire = Page[item] if page is None else page  # type: ignore[valid-type]  # a type made at run time
        request = Request(route, wire, encode_query(query), body, idempotent=True, whole=whole)
        return Paged(self._executor.send, request, scheme)
