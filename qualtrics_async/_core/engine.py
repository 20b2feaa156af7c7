"""The attempt loop: the only place where limits, transport, codec and retries meet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from random import Random
from typing import Any, Final, TypeAlias, TypeVar, cast

import anyio
from msgspec import Struct

from qualtrics_async._core.address import Addresses
from qualtrics_async._core.codec import decode, encode_body, outcome_unknown
from qualtrics_async._core.credentials import Credential
from qualtrics_async._core.downloads import Download
from qualtrics_async._core.events import (
    AttemptEnded,
    BackingOff,
    Call,
    Noticed,
    Paused,
    emit,
    logger,
    scrub,
)
from qualtrics_async._core.pool import Response, SessionPool, StaleDeparture, Wire, WireBody, WireDownload
from qualtrics_async._core.request import Request
from qualtrics_async._core.retry import Tally, decide, is_doubtful
from qualtrics_async._core.tasks import leaving, mark_in_doubt
from qualtrics_async._core.throttle import Departure, Quota, Throttle
from qualtrics_async._core.uploads import Upload
from qualtrics_async.config import Settings
from qualtrics_async.errors import (
    ApiError,
    DecodeError,
    NotFound,
    QualtricsError,
    RateLimited,
    TimedOut,
    TransportError,
    Unauthorized,
    UsageError,
)

__all__ = ["Engine", "Options"]

T = TypeVar("T")
R = TypeVar("R")

_SUCCESS: Final = range(200, 300)

_Observers: TypeAlias = tuple[tuple[tuple["Engine", ...], Callable[[Call], None]], ...]
_traces: ContextVar[_Observers] = ContextVar("_traces", default=())


class Options(Struct, frozen=True):
    """What `client.with_options()` sets for its calls: seconds for a whole call, repeats after faults."""

    deadline: float | None = None
    retries: int | None = None

    def __post_init__(self) -> None:
        if self.deadline is not None and not self.deadline > 0:
            raise UsageError(f"deadline is a positive number of seconds, got {self.deadline}")
        if self.retries is not None and self.retries < 0:
            raise UsageError(f"retries must not be negative, got {self.retries}")


class _Late(Exception):
    """The deadline of a call passed while it waited to leave."""


class _Run:
    """What one call has been through so far."""

    __slots__ = (
        "body",
        "deadline",
        "departure",
        "doubt",
        "failure",
        "header",
        "headers",
        "leave",
        "notice",
        "renewals",
        "request_id",
        "started",
        "status",
        "tally",
        "url",
    )

    def __init__(self, url: str, body: WireBody, started: float, seconds: float | None) -> None:
        self.url = url
        self.body = body
        self.started = started
        self.deadline = None if seconds is None else started + seconds
        self.tally = Tally()
        self.header = ("", "")
        self.departure: float = started
        self.leave: Departure | None = None
        self.doubt = False
        self.failure: QualtricsError | None = None
        self.renewals = 0
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.request_id: str | None = None
        self.notice: str | None = None

    def has_left(self) -> bool:
        """Whether the latest attempt went on the wire."""
        return self.leave is not None and self.leave.left

    def cancellation(self) -> asyncio.CancelledError | None:
        """What came while the latest attempt was still waited for."""
        if self.leave is None or self.leave.grace is None:
            return None
        return self.leave.grace.cancellation


class Engine:
    """Executes requests for one credential: waits, sends, decodes, repeats."""

    def __init__(
        self,
        settings: Settings,
        credential: Credential,
        pool: SessionPool,
        random: Random,
        addresses: Addresses | None = None,
    ) -> None:
        self.settings = settings
        self._credential = credential
        self._pool = pool
        self._random = random
        self._addresses = addresses or Addresses(settings.root)
        self._wire: Wire | None = None
        self._throttle: Throttle | None = None
        self._header: tuple[str, str] | None = None
        self._notices: set[str] = set()

    def __repr__(self) -> str:
        return f"<Engine {self._addresses.origin}>"

    @property
    def is_open(self) -> bool:
        """Whether it is bound to a loop and a pool."""
        return self._wire is not None

    def open(self) -> None:
        """Bind to the running loop and to the pool, which must be open."""
        if self._wire is not None:
            raise UsageError("the client is already open")
        brand = self.settings.brand
        key = f"credential {self._credential.identity}" if brand is None else f"brand {brand}"
        self._throttle = self._pool.throttle(key, self.settings.limits)
        self._wire = self._pool.wire()

    async def aclose(self) -> None:
        """Close the session; calls that are under way fail."""
        wire, self._wire, self._header = self._wire, None, None
        with anyio.CancelScope(shield=True):
            await self._credential.aclose()
            if wire is not None:
                await wire.aclose()

    def quota(self) -> Quota:
        """Describe the limits now."""
        return self._opened()[1].quota()

    async def send(self, request: Request[T], options: Options) -> T:
        """Execute a request and return its decoded result.

        Raises:
            QualtricsError: the subclass for what happened; see `qualtrics_async.errors`.
        """
        return cast("T", await self._repeat(request, options, self._exchange))

    @asynccontextmanager
    async def stream(self, request: Request[Any], options: Options) -> AsyncGenerator[Download]:
        """Execute a request and hand out its answer unread; an in-flight slot is held until it is closed.

        Raises:
            QualtricsError: as `send()` does, until the body begins; from there on nothing is repeated.
            UsageError: for an upload, whose answer is read whole.
        """
        if isinstance(request.body, Upload):
            raise UsageError(f"{request.route.key}: the answer to an upload is not streamed")
        download, departure = await self._repeat(request, options, self._start)
        try:
            yield download
        finally:
            download.close()
            departure.close()

    async def _repeat(
        self, request: Request[Any], options: Options, attempt: Callable[[Request[Any], _Run], Awaitable[R]]
    ) -> R:
        run = _Run(
            self._addresses.of(request),
            encode_body(request),
            asyncio.get_running_loop().time(),
            options.deadline,
        )
        traces = _traces.get()
        ended: BaseException | None = None
        try:
            while True:
                await self._authenticate(run)
                run.tally.attempts += 1
                try:
                    result = await attempt(request, run)
                except QualtricsError as failure:
                    run.failure = failure
                    run.request_id = getattr(failure, "request_id", None)
                    self._observe(request, run, failure)
                    if await self._settle(request, run, failure, options):
                        return cast("R", None)
                else:
                    self._observe(request, run, None)
                    return result
        except _Late as late:
            # What went wrong before says more than that the time was up; nothing is in doubt by waiting.
            overdue = run.failure or _timed_out(request, late, run.tally.attempts)
            ended = overdue
            raise overdue from overdue.__cause__
        except BaseException as error:
            ended = error
            raise
        finally:
            if ended is not None and run.doubt and not request.safe:
                mark_in_doubt(ended)  # an attempt before the last one had left
            if traces:
                self._record(traces, request, run, ended)
            run.failure = ended = None  # an error that is held by a frame of its own traceback lives on

    async def _exchange(self, request: Request[Any], run: _Run) -> Any:
        """Make one attempt: let it through, send it, read it, decode it."""
        if isinstance(request.body, Upload):
            async with request.body.open() as run.body:
                try:
                    response = await self._write(request, run)
                except QualtricsError:
                    if run.body.failure is not None:
                        raise run.body.failure from None  # the service got no whole request
                    raise
        else:
            response = await (self._cross(request, run) if request.safe else self._write(request, run))
        answer = decode(
            request, response.status, response.headers, response.body, secrets=self._secrets(request)
        )
        run.request_id, run.notice = answer.request_id, answer.notice
        if answer.notice is not None and answer.notice not in self._notices:
            self._notices.add(answer.notice)
            notice = scrub(answer.notice, self._credential.secrets)
            emit(self.settings.hooks, Noticed(request.route.method, request.route.template, notice))
        return answer.value

    async def _cross(self, request: Request[Any], run: _Run, grace: float | None = None) -> Response:
        """Wait until the request may leave, send it, read the answer."""
        patient = False
        while True:
            departure = run.leave = await self._admit(request, run, patient=patient)
            try:
                response = await self._opened()[0].exchange(
                    request,
                    run.url,
                    run.body,
                    departure,
                    seconds=self._seconds(run),
                    limit=self.settings.max_body,
                    grace=grace,
                    until=run.deadline,
                )
            except StaleDeparture:
                patient = True
            else:
                run.status, run.headers = response.status, response.headers
                return response
            finally:
                departure.close()

    async def _start(self, request: Request[Any], run: _Run) -> tuple[WireDownload, Departure]:
        """Make one attempt whose body stays unread, unless it is an error's."""
        patient = False
        while True:
            departure = await self._admit(request, run, patient=patient)
            try:
                wire, _ = self._opened()
                download = await wire.start(request, run.url, run.body, departure, seconds=self._seconds(run))
            except StaleDeparture:
                departure.close()
                patient = True
                continue
            except BaseException:
                departure.close()
                raise
            run.status, run.headers = download.status, download.headers
            if download.status in _SUCCESS:
                return download, departure
            try:
                body = await download.read(self.settings.max_body)
                decode(request, download.status, download.headers, body, secrets=self._secrets(request))
            finally:
                download.close()
                departure.close()

    async def _admit(self, request: Request[Any], run: _Run, *, patient: bool) -> Departure:
        _, throttle = self._opened()
        if run.deadline is None:
            departure = await throttle.admit(request.route.key, patient=patient)
        else:
            try:
                async with asyncio.timeout_at(run.deadline):
                    departure = await throttle.admit(request.route.key, patient=patient)
            except TimeoutError:
                run.tally.attempts -= 1
                raise _Late("while it waited for quota") from None
        run.departure = asyncio.get_running_loop().time()
        return departure

    def _seconds(self, run: _Run) -> float:
        seconds = self.settings.timeouts.attempt
        if run.deadline is not None:
            seconds = min(seconds, run.deadline - asyncio.get_running_loop().time())
        return seconds

    async def _write(self, request: Request[Any], run: _Run) -> Response:
        """Send a write so that it may still be confirmed, once it has left, when its caller is cancelled."""
        run.status = run.leave = None
        # A step that outlives its caller has its own time, at the end of which nothing more is waited for.
        grace = None if leaving(run.has_left) else self.settings.timeouts.grace
        try:
            response = await self._cross(request, run, grace)
        except (asyncio.CancelledError, QualtricsError) as ended:
            # The first one leaves: anyio knows its own cancellation again, and no other.
            cancellation = run.cancellation()
            if cancellation is None and isinstance(ended, asyncio.CancelledError):
                cancellation = ended
            if cancellation is None:
                raise
            if run.has_left():
                mark_in_doubt(cancellation)
                logger.warning("%s: cancelled after it had left, its outcome is unknown", request.route.key)
            raise cancellation from None
        if (cancellation := run.cancellation()) is not None:
            logger.info("%s: cancelled after it had left, answered %d", request.route.key, response.status)
            raise cancellation
        return response

    async def _settle(
        self, request: Request[Any], run: _Run, failure: QualtricsError, options: Options
    ) -> bool:
        """Raise a failure that is final, or wait until it may be tried again.

        True when the call is over after all: a DELETE was repeated on doubt and its object is gone.
        """
        tally, route = run.tally, request.route
        if isinstance(failure, ApiError | TransportError | DecodeError):
            failure.attempts = tally.attempts
        if isinstance(failure, RateLimited):
            tally.refusals += 1
        elif isinstance(failure, Unauthorized) and self._credential.renewable and run.renewals == 0:
            run.renewals += 1
            await self._in_time(run, self._credential.renew(run.header))
            return False
        elif isinstance(failure, NotFound) and route.method == "DELETE" and run.doubt:
            return True
        else:
            tally.faults += 1
        policy = self.settings.retry.repeating(options.retries)
        delay = decide(policy, request, failure, tally, self._random)
        doubtful = is_doubtful(failure)
        if delay is None:
            if doubtful and not request.safe and not request.idempotent:
                doubt = outcome_unknown(request, failure)
                doubt.attempts = tally.attempts
                raise doubt from failure
            raise failure
        run.doubt = run.doubt or doubtful
        if isinstance(failure, RateLimited):
            brand = self._opened()[1].refuse(route.key, delay)
            emit(
                self.settings.hooks,
                Paused("brand" if brand else "route", route.method, route.template, delay),
            )
        loop = asyncio.get_running_loop()
        if run.deadline is not None and loop.time() + delay > run.deadline:
            raise failure
        if not isinstance(failure, RateLimited):
            backing_off = BackingOff(
                route.method, route.template, tally.attempts, delay, type(failure).__name__
            )
            emit(self.settings.hooks, backing_off)
            await asyncio.sleep(delay)
        return False

    async def _in_time(self, run: _Run, credential: Awaitable[None]) -> None:
        if run.deadline is None:
            return await credential
        try:
            async with asyncio.timeout_at(run.deadline):
                await credential
        except TimeoutError:
            raise _Late("while it waited for a token") from None

    def _secrets(self, request: Request[Any]) -> tuple[str, ...]:
        secrets = self._credential.secrets
        return (*secrets, *request.secrets) if request.headers else secrets

    async def _authenticate(self, run: _Run) -> None:
        if self._credential.renewable:
            await self._in_time(run, self._credential.ensure())
        header = self._credential.header
        if header is not self._header:
            self._opened()[0].set_header(*header)
            self._header = header
        run.header = header

    def _opened(self) -> tuple[Wire, Throttle]:
        if self._wire is None or self._throttle is None:
            raise UsageError("the client is not open: use it as `async with Qualtrics(...) as client`")
        return self._wire, self._throttle

    def _observe(self, request: Request[Any], run: _Run, failure: QualtricsError | None) -> None:
        if not self.settings.hooks and not logger.isEnabledFor(logging.INFO if failure else logging.DEBUG):
            return
        emit(
            self.settings.hooks,
            AttemptEnded(
                request.route.method,
                request.route.template,
                run.tally.attempts,
                None if isinstance(failure, TransportError) else run.status,
                asyncio.get_running_loop().time() - run.departure,
                run.request_id,
                None if failure is None else type(failure).__name__,
            ),
        )

    @contextmanager
    def observe(self, observer: Callable[[Call], None], *others: Engine) -> Iterator[None]:
        """Tell of each call of these engines inside the context, tasks started there included."""
        token = _traces.set((*_traces.get(), ((self, *others), observer)))
        try:
            yield
        finally:
            _traces.reset(token)

    def _record(
        self,
        traces: _Observers,
        request: Request[Any],
        run: _Run,
        ended: BaseException | None,
    ) -> None:
        call = Call(
            request.route.method,
            request.route.template,
            run.status,
            run.request_id,
            run.headers,
            run.tally.attempts,
            asyncio.get_running_loop().time() - run.started,
            run.notice,
            ended,
        )
        for engines, observer in traces:
            if self in engines:
                observer(call)


def _timed_out(request: Request[Any], late: _Late, attempts: int) -> TimedOut:
    route = request.route
    return TimedOut(
        f"{route.key}: its deadline passed {late}",
        method=route.method,
        template=route.template,
        attempts=attempts,
    )
