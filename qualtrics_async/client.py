"""`Qualtrics`: owns the engine, exposes the resources."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from functools import cached_property
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar, overload
from urllib.parse import unquote

from qualtrics_async._core.address import Elsewhere
from qualtrics_async._core.credentials import (
    ClientCredentials,
    Credential,
    TokenGrant,
    api_token,
    basic_auth,
    nobody,
)
from qualtrics_async._core.downloads import Download
from qualtrics_async._core.engine import Engine, Options
from qualtrics_async._core.events import Call, Hook
from qualtrics_async._core.jobs import P, Polling, poll
from qualtrics_async._core.limits import Limits, match_template
from qualtrics_async._core.pool import SessionPool
from qualtrics_async._core.request import (
    ANY_TYPE,
    NOTHING,
    Query,
    Request,
    Route,
    encode_query,
    fill,
    is_idempotent,
)
from qualtrics_async._core.retry import RetryPolicy
from qualtrics_async._core.throttle import Quota
from qualtrics_async.config import (
    ENVIRONMENT,
    Settings,
    Timeouts,
    api_root,
    check_scopes,
    check_secret,
)
from qualtrics_async.errors import ConfigError, UsageError
from qualtrics_async.resources._groups import ResourceGroups

__all__ = ["Qualtrics"]

T = TypeVar("T")

_PATH = re.compile(r"[A-Za-z0-9/{}_.~%:@!$&'()*+,;=-]+")
_STREAMED = frozenset({"GET", "POST"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


class Qualtrics(ResourceGroups):
    """A client for one account of one brand; any number of tasks share it.

    ```python
    async with Qualtrics(token=..., datacenter="fra1") as client:
        me = await client.users.whoami()
    ```

    Args:
        token: an API token; or, for OAuth, `client_id`, `client_secret` and `scopes` (`["read:surveys"]`).
        datacenter: the id of the data centre (`"fra1"`), or any host or URL under qualtrics.com.
        base_url: instead of it, the whole API root: `https://fra1.qualtrics.com/API/v3`, or a sandbox's.
        pool: connections and limits to share with other clients; by default the client has its own.
        brand: the brand's name, so that several credentials of one brand share its quota; by default each
            credential counts as a brand of its own.
        limits: how fast the brand is called; the published limits by default.
        retry: how often and when failures are repeated.
        timeouts: time limits of one attempt.
        polling: how often the progress of a server-side job is asked for.
        hooks: functions that are called with each event (see `qualtrics_async.Hook`).
        random: the source of jitter; a seeded one makes runs repeatable.

    Raises:
        ConfigError: for missing or contradictory settings, before any I/O.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        scopes: Iterable[str] = (),
        datacenter: str | None = None,
        base_url: str | None = None,
        pool: SessionPool | None = None,
        brand: str | None = None,
        limits: Limits | None = None,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        polling: Polling | None = None,
        hooks: Iterable[Hook] = (),
        random: Random | None = None,
    ) -> None:
        if brand is not None and not brand.strip():
            raise ConfigError("brand is empty; leave it out where it is not known")
        settings = Settings(
            root=api_root(datacenter, base_url),
            brand=brand,
            limits=limits or Limits(),
            retry=retry or RetryPolicy(),
            timeouts=timeouts or Timeouts(),
            hooks=tuple(hooks),
        )
        self.polling = polling or Polling()
        self._options = Options()
        self._owns_pool = pool is None
        self._pool = pool or SessionPool()
        self._tokens: Engine | None = None
        credential: Credential
        chance = random or Random()  # noqa: S311  (jitter, not secrets)
        if token is not None:
            if client_id is not None or client_secret is not None:
                raise ConfigError("give either token or client_id and client_secret")
            credential = api_token(check_secret(token, "token"))
        elif client_id is None and client_secret is None:
            raise ConfigError(
                "no credential: pass token= (or client_id= and client_secret=), "
                f"or set {ENVIRONMENT['token']}"
            )
        else:
            name = check_secret(client_id, "client_id")
            if ":" in name:
                raise ConfigError("client_id holds a colon, which HTTP Basic cannot carry")
            basic = basic_auth(name, check_secret(client_secret, "client_secret"))
            self._tokens = Engine(settings.unlimited(f"oauth {basic.identity}"), basic, self._pool, chance)
            credential = ClientCredentials(name, check_scopes(scopes), self._fetch_token)
        self._engine = Engine(settings, credential, self._pool, chance)
        self._elsewhere = Engine(settings.unlimited(), nobody(), self._pool, chance, Elsewhere(settings.root))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **options: Any) -> Self:
        """Make a client from the environment; `options` are arguments of the class and win over it.

        `QUALTRICS_API_TOKEN`, or `QUALTRICS_CLIENT_ID` and `QUALTRICS_CLIENT_SECRET`; and
        `QUALTRICS_DATACENTER`, or `QUALTRICS_BASE_URL` (the whole API root). Empty ones count as absent.

        Raises:
            ConfigError: when something is missing or cannot be meant.
        """
        variables = os.environ if environ is None else environ
        found = {name: variables.get(variable) or None for name, variable in ENVIRONMENT.items()}
        for group in ({"token", "client_id", "client_secret"}, {"datacenter", "base_url"}):
            if group & options.keys():
                found = {name: value for name, value in found.items() if name not in group}
        return cls(**{**found, **options})

    def __repr__(self) -> str:
        return f"<Qualtrics {self._engine.settings.root}>"

    @property
    def timeouts(self) -> Timeouts:
        """The time limits of one attempt."""
        return self._engine.settings.timeouts

    @property
    def retry(self) -> RetryPolicy:
        """How often and how long what may be repeated is repeated."""
        return self._engine.settings.retry.repeating(self._options.retries)

    @property
    def limits(self) -> Limits:
        """How fast the brand is called at most."""
        return self._engine.settings.limits

    @property
    def base_url(self) -> str:
        """The API root that the client speaks to."""
        return self._engine.settings.root

    async def open(self) -> None:
        """Bind the client to the running loop; `async with` does it."""
        if self._engine.is_open:
            raise UsageError("the client is already open")
        if self._owns_pool:
            await self._pool.open()
        try:
            self._engine.open()
            if self._tokens is not None:
                self._tokens.open()
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Close the client, and its connections if they are its own."""
        for engine in (self._engine, self._tokens, self._elsewhere):
            if engine is not None:
                await engine.aclose()
        if self._owns_pool:
            await self._pool.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _fetch_token(self, request: Request[TokenGrant]) -> TokenGrant:
        if self._tokens is None:
            raise UsageError("an API token is not fetched")
        return await self._tokens.send(request, Options())

    def with_options(
        self, *, deadline: float | None = None, retries: int | None = None, polling: Polling | None = None
    ) -> Self:
        """Return a view of this client whose calls have other options; it shares everything else.

        What is not given stays as it is in the view that this is called on.

        Args:
            deadline: seconds for each whole call, waiting for quota and repeats included; none by default.
            retries: how often a fault is repeated; 0 for never. Refusals (429) have a budget of their own.
            polling: how often and for how long the progress of a job is asked for.
        """
        before, view = self._options, copy.copy(self)
        options = Options(
            before.deadline if deadline is None else deadline, before.retries if retries is None else retries
        )
        shared = {name: value for name, value in vars(self).items() if name not in _GROUPS}
        view.__dict__ = {**shared, "_options": options, "polling": polling or self.polling}
        return view

    def send(self, request: Request[T], /) -> Awaitable[T]:
        """Execute a request value; every operation ends here."""
        return self._engine.send(request, self._options)

    @asynccontextmanager
    async def download(
        self, request: Request[Any], /, *, elsewhere: bool = False
    ) -> AsyncGenerator[Download]:
        """Execute a request value whose answer is read piece by piece; every file ends here.

        `elsewhere` sends no credential and counts for no limit: for a file at a URL that the service named.
        """
        engine = self._elsewhere if elsewhere else self._engine
        if elsewhere and self._engine.is_open and not engine.is_open:
            engine.open()  # few clients ever need it
        async with engine.stream(request, self._options) as download:
            yield download

    @overload
    async def request(
        self,
        method: str,
        path: str,
        *ids: str,
        query: Query | None = None,
        body: object = NOTHING,
        idempotent: bool | None = None,
        whole: bool = False,
    ) -> dict[str, Any]: ...

    @overload
    async def request(
        self,
        method: str,
        path: str,
        *ids: str,
        returns: None,
        query: Query | None = None,
        body: object = NOTHING,
        idempotent: bool | None = None,
        whole: bool = False,
    ) -> None: ...

    @overload
    async def request(
        self,
        method: str,
        path: str,
        *ids: str,
        returns: type[T],
        query: Query | None = None,
        body: object = NOTHING,
        idempotent: bool | None = None,
        whole: bool = False,
    ) -> T: ...

    async def request(
        self,
        method: str,
        path: str,
        *ids: str,
        returns: Any = dict[str, Any],
        query: Query | None = None,
        body: object = NOTHING,
        idempotent: bool | None = None,
        whole: bool = False,
    ) -> Any:
        """Call what is not modelled: `await client.request("GET", "/surveys/{surveyId}", survey_id)`.

        Args:
            method: the HTTP method.
            path: the path below the API root, with placeholders for `ids` or without.
            ids: fill the placeholders in order, checked and percent-encoded.
            returns: the type of `result`; None where the service sends none.
            query: parameters; `None` values are left out.
            body: encoded as JSON; `None` is null.
            idempotent: whether a repeat on doubt is harmless; by default what the method says.
            whole: decode the whole body instead of its `result`.
        """
        return await self.send(
            _request(
                method, path, ids, returns=returns, query=query, body=body, idempotent=idempotent, whole=whole
            )
        )

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *ids: str, query: Query | None = None, body: object = NOTHING
    ) -> AsyncGenerator[Download]:
        """Open an answer without reading it; the arguments are those of `request()`.

        ```python
        async with client.stream("GET", "/surveys/{surveyId}/export-responses/{fileId}/file", s, f) as file:
            async for chunk in file.chunks(): ...
        ```
        """
        request = _request(method, path, ids, returns=bytes, query=query, body=body, headers=(ANY_TYPE,))
        if request.route.method not in _STREAMED:
            raise UsageError(f"{method!r:.20} answers nothing to stream; use request()")
        async with self.download(request) as download:
            yield download

    async def wait(self, job_id: str, progress: Callable[[], Awaitable[P]]) -> P:
        """Poll a job of the server's until it ends, with this client's `polling`.

        Raises:
            JobFailed: when it failed, or did not end in time.
        """
        return await poll(job_id, progress, self.polling)

    @contextmanager
    def trace(self) -> Iterator[list[Call]]:
        """Collect what came back besides the results: `with client.trace() as calls`."""
        calls: list[Call] = []
        with self.observe(calls.append):
            yield calls

    def observe(self, observer: Callable[[Call], None]) -> AbstractContextManager[None]:
        """Tell `observer` of each call that begins inside, when it has ended: for counts of long jobs.

        It is called on the event loop and must neither block nor raise.
        """
        return self._engine.observe(observer, self._elsewhere)

    def quota(self) -> Quota:
        """Tell the present state of the limits: used and available requests, pauses, requests in flight."""
        return self._engine.quota()


_GROUPS = frozenset(
    name for name, value in vars(ResourceGroups).items() if isinstance(value, cached_property)
)


def _request(
    method: str,
    path: str,
    ids: tuple[str, ...],
    *,
    returns: Any,
    query: Query | None,
    body: object,
    idempotent: bool | None = None,
    whole: bool = False,
    headers: tuple[tuple[str, str], ...] = (),
) -> Request[Any]:
    verb = method.upper()
    if verb not in _METHODS:
        raise UsageError(f"{method!r:.20} is no method of this API")
    first, *segments = path.split("/")
    if first or not segments or not _PATH.fullmatch(path) or {".", ".."} & {*map(unquote, segments)}:
        raise UsageError(f"a path begins with a slash, is percent-encoded and has no query: {path!r:.80}")
    if "" in segments:
        raise UsageError(f"a path has no empty segments, an id may be missing: {path!r:.80}")
    template = path if "{" in path else match_template(verb, path)
    repeatable = is_idempotent(verb) if idempotent is None else idempotent
    route = Route(verb, template, fill(path, ids))
    return Request(
        route, returns, encode_query(query), body, idempotent=repeatable, whole=whole, headers=headers
    )
