"""The sandbox as its users see it."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from aiohttp import web

from qualtrics_async.sandbox.app import App
from qualtrics_async.sandbox.credentials import Credentials
from qualtrics_async.sandbox.faults import Faults
from qualtrics_async.sandbox.forms import decrypt
from qualtrics_async.sandbox.handlers import OPERATIONS
from qualtrics_async.sandbox.jobs import ByPolls, BySeconds
from qualtrics_async.sandbox.limits import Quotas, Window
from qualtrics_async.sandbox.publishing import Publisher
from qualtrics_async.sandbox.settings import Deliveries, Exports, Imports, Links, Settings
from qualtrics_async.sandbox.state import State

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping, MutableSequence, Sequence
    from ssl import SSLContext
    from types import TracebackType

    from qualtrics_async.sandbox.records import RequestRecord
    from qualtrics_async.sandbox.routing import Confidence

__all__ = ["Sandbox", "routes"]

P = ParamSpec("P")
SandboxT = TypeVar("SandboxT", bound="Sandbox")

SHUTDOWN_SECONDS = 1.0


class Sandbox:
    """A server on a loopback port, a context manager in the caller's event loop.

    It starts with one default directory and one active survey, `sandbox.state.survey_id`.

    - `seed`: ids, tokens and request ids are the same for the same seed and the same requests.
    - `host`, `port`: where it listens; port 0 takes a free one.
    - `ssl`: a server-side context, for https.
    - `quotas`: the limits it enforces, `Quotas.real()` for a brand's; None is no limit.
    - `jobs`: how imports and link generation get on, `ByPolls(n)` or `BySeconds(s)`.
    - `imports`: `queued` makes contacts of rows as their import gets on, the imports of one list one after
      the other; `at_once` when it starts. To read a list's contacts is a poll of its first import too.
    - `links`: `at_once` answers empty pages until all links are ready, `growing` those that are.
    - `search_lag`, `listing_lag`: how long a new contact is not found by a search, and a new distribution not
      listed; each search or listing is a poll. None is no time.
    - `clock`: seconds, monotonic; for quotas, `BySeconds`, token lifetimes, the dates it hands out and the
      time at which mails leave.
    - `page_size`, `max_page_size`: elements a page by default and at most (None: as many as asked for).
    - `deduplicate`: what makes two contacts of the default directory one; `()` is off. Names as in
      `deduplicationCriteria`: email, firstName, lastName, externalDataReference, phone.
    - `import_report`: False answers 403, as a brand without XM Directory.
    - `oauth_lifetime`: seconds that a bearer token lives.
    - `latency`: seconds that every request takes.
    - `proxied`: adds the `meta.notice` of the wrong data centre.
    - `quirks`: varies shapes from record to record where the sources disagree (dates and counts as
      strings, `[]` or null for an empty object).
    - `gzip`: compress for clients that ask for it.
    - `record_requests`: True keeps a record of every request, False none, a number the last so many.
    - `record_bodies`: keep the bodies of requests too.
    - `exports`: how exports of responses behave, see `Exports`.
    - `deliveries`: how events are delivered to subscriptions, see `Deliveries`.

    Subscriptions are told of responses as they are given (not of imported ones and of batches: assumed), of
    sessions that recipients of a distribution start, of surveys that are activated and deactivated by a PUT,
    and of what `publish()` says. The form of deliveries and their signature are observed, some of them have
    the stray field `undefined` (with `quirks`); a message that is encrypted is so by a cipher of the
    sandbox's own, since the vendor's is not documented: see `decrypt()`. `deliveries` has the record of every
    attempt and what shall go wrong, as `faults` has for requests.

    What it leaves out: quotas of surveys count no responses, only what a recipient answers in a session
    counts as an answer to a distribution, messages of libraries need not exist, and tokens that are made for
    users are not accepted.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl: SSLContext | None = None,
        quotas: Quotas | None = None,
        jobs: ByPolls | BySeconds | None = None,
        imports: Imports = "queued",
        links: Links = "at_once",
        search_lag: ByPolls | BySeconds | None = None,
        listing_lag: ByPolls | BySeconds | None = None,
        clock: Callable[[], float] = time.monotonic,
        page_size: int = 100,
        max_page_size: int | None = None,
        deduplicate: Sequence[str] = ("email",),
        import_report: bool = True,
        oauth_lifetime: float = 3600,
        latency: float = 0.0,
        proxied: bool = False,
        quirks: bool = True,
        gzip: bool = True,
        record_requests: bool | int = True,
        record_bodies: bool = False,
        exports: Exports | None = None,
        deliveries: Deliveries | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._ssl = ssl
        self._credentials = Credentials(seed, clock, oauth_lifetime)
        self._runner: web.ServerRunner | None = None
        jobs = jobs or ByPolls()
        self.state = State(
            seed, clock, deduplicate, jobs=jobs, search_lag=search_lag, listing_lag=listing_lag
        )
        self.faults = Faults()
        self.deliveries = Publisher(
            deliveries or Deliveries(),
            self.state.subscriptions,
            lambda: self.state.brand_id,
            clock,
            stray_fields=quirks,
            record=record_requests,
        )
        self.state.publisher = self.deliveries
        self._app = App(
            state=self.state,
            settings=Settings(
                jobs=jobs,
                imports=imports,
                links=links,
                page_size=page_size,
                max_page_size=max_page_size,
                import_report=import_report,
                quirks=quirks,
                gzip=gzip,
                proxied=proxied,
                latency=latency,
                record_bodies=record_bodies,
                exports=exports or Exports(),
                deliveries=deliveries or Deliveries(),
            ),
            credentials=self._credentials,
            faults=self.faults,
            window=None if quotas is None else Window(quotas),
            clock=clock,
            record_requests=record_requests,
        )

    @classmethod
    @contextmanager
    def in_thread(cls: Callable[P, SandboxT], *args: P.args, **options: P.kwargs) -> Iterator[SandboxT]:
        """A sandbox with an event loop of its own on a daemon thread; takes what the class takes."""
        sandbox = cls(*args, **options)
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="qualtrics-sandbox", daemon=True)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(sandbox.start(), loop).result()
            try:
                yield sandbox
            finally:
                asyncio.run_coroutine_threadsafe(sandbox.close(), loop).result()
                asyncio.run_coroutine_threadsafe(_end_what_is_left(), loop).result()
                asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def origin(self) -> str:
        """Scheme, host and port, known once it runs."""
        if not self._app.origin:
            raise RuntimeError("the sandbox is not running: enter it first")
        return self._app.origin

    @property
    def base_url(self) -> str:
        """The API root, `http://127.0.0.1:PORT/API/v3`."""
        return f"{self.origin}/API/v3"

    @property
    def token(self) -> str:
        """The API token that it accepts."""
        return self._credentials.token

    @property
    def client_id(self) -> str:
        """The OAuth client that it accepts at `POST /oauth2/token`, outside `/API/v3`."""
        return self._credentials.client_id

    @property
    def client_secret(self) -> str:
        """The secret of that client."""
        return self._credentials.client_secret

    @property
    def requests(self) -> MutableSequence[RequestRecord]:
        """The requests in order of arrival; clear it at will."""
        return self._app.requests

    @property
    def calls(self) -> Counter[tuple[str, int]]:
        """How many answers of which status each route gave, kept even without records."""
        return self._app.calls

    def expire_tokens(self) -> None:
        """End the life of every bearer token now."""
        self._credentials.expire()

    def publish(self, topic: str, fields: Mapping[str, Any]) -> None:
        """Let an event happen that nothing here brings about: `publish("threesixty.reportReady", {...})`.

        The topic is without the brand, the fields are those of the message. Safe from any thread; before it
        runs, what is published is delivered once it does.
        """
        self.state.publish(topic, fields)

    async def delivered(self) -> None:
        """Wait until no delivery is under way or waiting, be it for its next attempt or for `release()`.

        Raises:
            RuntimeError: in another event loop than the sandbox's: see `wait_delivered`.
        """
        await self.deliveries.delivered()

    def wait_delivered(self, timeout: float = 10.0) -> None:
        """The same from another thread than the sandbox's.

        Raises:
            TimeoutError: after so many seconds.
        """
        self.deliveries.wait_delivered(timeout)

    @staticmethod
    def decrypt(text: str, shared_key: str) -> str:
        """Read the message of an encrypted delivery of a sandbox; its cipher is not the vendor's.

        Raises:
            ValueError: for anything else, or with another key.
        """
        return decrypt(text, shared_key)

    async def start(self) -> None:
        """Listen, as entering does; after a `close()` at the same address and with the same state."""
        server = web.Server(self._app.handle, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, ssl_context=self._ssl)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self._port = port
        scheme = "http" if self._ssl is None else "https"
        self._app.origin = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
        self.deliveries.start()

    async def close(self) -> None:
        """Let go what faults hold, end what is served, and stop listening. State and records stay."""
        self.faults.clear()
        self._app.interrupt()
        await self.deliveries.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self._app.close()


async def _end_what_is_left() -> None:
    """End the tasks of connections that broke off, as `asyncio.run()` does before its loop closes."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def routes() -> tuple[tuple[str, str, Confidence], ...]:
    """Method, path template and confidence of every operation that the sandbox implements."""
    return tuple((made.method, made.template, made.confidence) for made in OPERATIONS)
