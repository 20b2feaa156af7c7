"""What every resource class stands on, and the small protocol through which it reaches the engine."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypedDict, TypeVar, Unpack, overload

from msgspec import UNSET, Struct
from msgspec.structs import replace

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.jobs import P
from qualtrics_async._core.paging import NEXT_PAGE, Page, Paged, Scheme
from qualtrics_async._core.request import (
    ANY_TYPE,
    NOTHING,
    Query,
    Request,
    Route,
    encode_query,
    instant,
    is_idempotent,
)
from qualtrics_async.errors import UsageError

__all__ = [
    "Executor",
    "Resource",
    "all_named",
    "confirmed",
    "dated",
    "exactly_one",
    "filled",
    "given",
    "named",
    "optional",
    "retired",
]

T = TypeVar("T")
StructT = TypeVar("StructT", bound=Struct)


def given(body: Mapping[str, object]) -> dict[str, object]:
    """Keep the keys of a body that the caller gave: `None` stays away, because null keys are refused."""
    return {key: value for key, value in body.items() if value is not None}


def named(value: object, name: str) -> str:
    """Refuse an id or a name, for a query or a body, that is no text or blank; paths have a stricter rule."""
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{name} must be text that is not blank, got {value!r:.60}")
    return value


def all_named(values: object, name: str) -> Sequence[str]:
    """Refuse ids or names in a body that are no list, or none at all, or one of which is blank."""
    if not isinstance(values, Sequence) or isinstance(values, str | bytes) or not values:
        raise UsageError(f"{name} must be a list with at least one text in it")
    return [named(value, name) for value in values]


def optional(write: Callable[[Any, str], str], value: object, name: str) -> str | None:
    """Write what may be left out: `optional(instant, since, "since")`."""
    return None if value is None else write(value, name)


def dated(body: StructT, *names: str) -> StructT:
    """Write the instants among the fields of a body as the service takes them, those that are set.

    Raises:
        UsageError: for a naive `datetime`, or a text that is no instant.
    """
    values = {name: getattr(body, name) for name in names}
    dates = {name: value for name, value in values.items() if value is not UNSET and value is not None}
    return replace(body, **{name: instant(value, name) for name, value in dates.items()})


def exactly_one(**choices: object) -> None:
    """Refuse a call that gives none of these arguments, or several of them."""
    if sum(value is not None for value in choices.values()) != 1:
        raise UsageError(f"give exactly one of {', '.join(choices)}")


def filled(body: object, name: str) -> object:
    """Refuse an empty body where it could mean "nothing is left" or "everything"."""
    if not body:
        raise UsageError(f"{name} is empty: say what is meant, nothing must never mean all")
    return body


def confirmed(confirm: object, what: str) -> None:
    """Refuse a far-reaching call that its caller has not confirmed with `confirm=True`, and nothing else."""
    if confirm is not True:
        raise UsageError(f"this {what}, and nothing brings it back: say confirm=True")


def retired(name: str, instead: str) -> None:
    """Warn the caller of an operation that the vendor has retired or replaced.

    Both are named as on the client: `retired("contact_imports.summary", "contact_imports.progress")`.
    """
    warnings.warn(f"{name} is deprecated, use {instead}", DeprecationWarning, stacklevel=3)


class Executor(Protocol):
    """Executes requests; the client is one, a test's recorder another."""

    def send(self, request: Request[T], /) -> Awaitable[T]:
        """Execute a request and return its decoded result."""

    def download(
        self, request: Request[Any], /, *, elsewhere: bool = False
    ) -> AbstractAsyncContextManager[Download]:
        """Execute a request and hand out its answer unread; `elsewhere` without the credential."""

    def wait(self, job_id: str, progress: Callable[[], Awaitable[P]], /) -> Awaitable[P]:
        """Poll a job until it ends."""


class _Options(TypedDict, total=False):
    """What an operation says besides its route and the type of its result.

    `idempotent` is by method unless it is given: a read-only POST says True, a deletion without end False.
    `private` keeps the answer, a secret, out of errors; `writes` says that a repeatable POST is no read.
    """

    query: Query | None
    body: object
    idempotent: bool
    whole: bool
    headers: Mapping[str, str]
    private: bool
    writes: bool


class Resource:
    """A group of operations; each builds a `Request` and hands it on."""

    __slots__ = ("_executor",)

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    @overload
    async def _send(self, route: Route, returns: None, **options: Unpack[_Options]) -> None: ...

    @overload
    async def _send(self, route: Route, returns: type[T], **options: Unpack[_Options]) -> T: ...

    async def _send(
        self,
        route: Route,
        returns: type[T] | None,
        *,
        query: Query | None = None,
        body: object = NOTHING,
        idempotent: bool | None = None,
        whole: bool = False,
        headers: Mapping[str, str] | None = None,
        private: bool = False,
        writes: bool = False,
    ) -> T | None:
        """Execute one operation."""
        return await self._executor.send(
            Request(
                route,
                returns,
                encode_query(query),
                body,
                idempotent=is_idempotent(route.method) if idempotent is None else idempotent,
                whole=whole,
                headers=tuple(headers.items()) if headers else (),
                private=private,
                writes=writes,
            )
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

    def _download(
        self, route: Route, *, query: Query | None = None, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Download]:
        """Describe a file: entering sends the request, leaving lets go of the connection."""
        lines = (ANY_TYPE, *(headers or {}).items())
        return self._executor.download(Request(route, bytes, encode_query(query), headers=lines))

    def _fetch(
        self, route: Route, url: str, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[Download]:
        """Describe a file at a URL that the service named, which is read without the credential.

        `route` is the operation that named it, for messages and the trace.
        """
        request = Request(route, bytes, url=url, headers=(ANY_TYPE, *headers.items()))
        return self._executor.download(request, elsewhere=True)

    async def _wait(self, job_id: str, progress: Callable[[], Awaitable[P]]) -> P:
        """Poll a job until it ends, with the client's `polling`."""
        return await self._executor.wait(job_id, progress)
