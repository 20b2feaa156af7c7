"""The responses of a survey that arrive or change, round after round."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self, TypedDict, Unpack

from msgspec import Struct

from qualtrics_async._core.events import Call
from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import (
    ApiError,
    DecodeError,
    JobFailed,
    QualtricsError,
    RateLimited,
    ServerFault,
    TransportError,
    Unauthorized,
    UsageError,
)
from qualtrics_async.exports.export import ExportInfo
from qualtrics_async.exports.follow_file import FollowFile
from qualtrics_async.exports.follow_state import FollowedBy, FollowState, Memory, Way, ways
from qualtrics_async.exports.options import Expansion, ExportOptions, ExportState, planned
from qualtrics_async.exports.record_stream import Records, records
from qualtrics_async.models.responses import Response

__all__ = ["FollowOptions", "Followed", "follow"]

_BAD_REQUEST: Final = 400
_REFUSALS: Final = range(400, 500)
_LONGEST_WAIT: Final = 600.0
_MOST_DOUBLINGS: Final = 30
_OVERLAP: Final = 600.0
_LONGEST_OVERLAP: Final = 366 * 86_400
_PASSING: Final = (TransportError, ServerFault, RateLimited, JobFailed, DecodeError)
"""What the next round may well not meet: it is another export."""

_OURS: Final = ("overlap", "max_faults", "on_fault", "on_state", "clock", "start_date")
_REFUSED: Final = {
    "filter_id": "the service allows neither continuation nor an order by modification with it",
    "limit": "what it leaves out of one round would not come in a later one",
    "end_date": "responses that arrive later would never come",
    "allow_continuation": "it is always set",
    "continuation_token": "it comes from the state",
    "sort_by_last_modified_date": "it is set when a round asks by date",
    "export_responses_in_progress": "these are not recorded yet, and change all the time",
}


class FollowOptions(TypedDict, total=False):
    """The options of following a survey: some of an export's, and these.

    Keys:
        start_date: the first round has responses recorded from this instant on; later rounds have all that
            arrive or change, older ones as well.
        question_ids: only these questions (`QID1`).
        embedded_data_ids: only these fields of embedded data.
        survey_metadata_ids: only these metadata (`recordedDate`, `_recordId`, ...).
        include_wave_weights: as the service has it.
        expansion: how far the archive of a round may expand.
        stall_timeout: seconds without any progress of the service's job after which a round has failed.
        on_progress: called on the event loop with an `ExportState`; it must not block.
        overlap: a round by date asks for what was modified since the last complete round began, less these
            seconds; 600 by default. They must be more than a response takes to reach exports (documented:
            seconds to minutes), and more than the clocks differ by.
        max_faults: with `every`, how many rounds in a row may fail for a reason that may pass before the
            error is raised; 5 by default, 0 raises the first.
        on_fault: called on the event loop with each error of a round that is repeated instead of raised.
        on_state: awaited with the next state when all responses of a round have been taken, before the state
            moves: the place to commit them. When it raises, the state stays.
        clock: returns the time as an aware `datetime`; by default that of this machine, or of the service's
            answers where that is earlier.
    """

    start_date: datetime | str
    question_ids: Sequence[str]
    embedded_data_ids: Sequence[str]
    survey_metadata_ids: Sequence[str]
    include_wave_weights: bool
    expansion: Expansion
    stall_timeout: float
    on_progress: Callable[[ExportState], None] | None
    overlap: float
    max_faults: int
    on_fault: Callable[[QualtricsError], None] | None
    on_state: Callable[[FollowState], Awaitable[None]] | None
    clock: Callable[[], datetime]


class _Plan(Struct, frozen=True):
    """What is asked for, checked."""

    survey_id: str
    every: float | None
    export: ExportOptions
    start_date: datetime | str | None
    overlap: timedelta
    max_faults: int
    on_fault: Callable[[QualtricsError], None] | None
    on_state: Callable[[FollowState], Awaitable[None]] | None
    clock: Callable[[], datetime] | None

    def now(self) -> datetime:
        return datetime.now(UTC) if self.clock is None else self.clock()


class _Round(Struct, frozen=True):
    """A round under way; what is in `held` goes when it is over."""

    records: Records
    begun: datetime
    held: AsyncExitStack


class Followed:
    """The responses of a survey, as they arrive and change.

    `state` is where the last complete round ended: it moves when the consumer asks for the next response
    after the last one of a round. So one task asks at a time, and when it does, whatever was handed out
    before is done with. `info` is the export of the current or last round, and `by` is how it was asked for:
    `"everything"`, by `"token"`, or by `"date"`. `rounds` counts the complete ones.

    Raises:
        UsageError: while iterating, when another task is waiting for the next response.
    """

    def __init__(
        self, client: Qualtrics, plan: _Plan, state: FollowState | None, file: FollowFile | None
    ) -> None:
        self.state = state
        self.info: ExportInfo | None = None
        self.by: FollowedBy | None = None
        self.rounds = 0
        self._client = client
        self._plan = plan
        self._file = file
        self._memory = Memory(() if state is None else state.recent)
        self._round: _Round | None = None
        self._over = False
        self._is_asked = False
        self._faults = 0
        self._begun = 0.0
        self._due: float | None = None

    def __repr__(self) -> str:
        where = "over" if self._over else "open" if self._round is None else f"in a round by {self.by}"
        return f"<Followed {self._plan.survey_id!r} {where} rounds={self.rounds}>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Response:
        if self._is_asked:
            # The state would move while another task is still at work on what it has taken.
            raise UsageError(
                "another task is waiting for the next response of this survey: take responses in one task, "
                "and hand them to others through a queue"
            )
        self._is_asked = True
        try:
            return await self._next()
        finally:
            self._is_asked = False

    async def _next(self) -> Response:
        while not self._over:
            try:
                under_way = self._round or await self._begin()
                response = await anext(under_way.records, None)
            except Exception as error:  # noqa: BLE001  (raised again there, unless it may pass)
                await self._fail(error)
                continue
            if response is None:
                await self._complete(under_way)
            elif self._memory.is_new(response, repeated=self.by == "date"):
                return response
        raise StopAsyncIteration

    async def _begin(self) -> _Round:
        """Wait until the next round is due, and open its export."""
        now = asyncio.get_running_loop().time
        if self._due is not None:
            await asyncio.sleep(self._due - now())
            self._stop_if_over()
        self._begun = now()
        begun = self._plan.now()
        served: list[datetime] = []
        left = ways(self.state, begun, self._plan.overlap, self._plan.start_date)
        while True:
            way = left.pop(0)
            try:
                found = await self._open(way, begun, served)
            except ApiError as error:
                if not left or not _is_refused(error, way):
                    raise
            else:
                self._round, self.info, self.by = found, found.records.info, way.by
                self._stop_if_over()
                await self._loosen(self.info)
                return found

    def _stop_if_over(self) -> None:
        """End the iteration when the block was left while another task was waiting here."""
        if self._over:
            raise StopAsyncIteration

    async def _loosen(self, info: ExportInfo) -> None:
        """Take out of the file what was handed out lately: this round may hand out a change, and crash."""
        state, file = self.state, self._file
        if file is not None and state is not None and state.recent and info.size:
            await file.save(state.forget())

    async def _open(self, way: Way, begun: datetime, served: list[datetime]) -> _Round:
        held = AsyncExitStack()
        options: ExportOptions = {**self._plan.export, **way.options}
        opened = records(self._client, self._plan.survey_id, **options)
        with self._client.observe(lambda call: served.extend(_served_at(call))):
            found = await held.enter_async_context(opened)
        if self._plan.clock is None:
            begun = min(begun, *served) if served else begun
        return _Round(found, begun, held)

    async def _fail(self, error: Exception) -> None:
        """End a round that has failed, and raise the error or let the round be repeated.

        The repeated one asks in the same way, and hands out only what this one did not.
        """
        await self._end_round()
        every = self._plan.every
        if every is None or not isinstance(error, _PASSING) or self._faults >= self._plan.max_faults:
            self._faults = 0
            raise error
        if self._plan.on_fault is not None:
            self._plan.on_fault(error)
        wait = min(every * 2 ** min(self._faults, _MOST_DOUBLINGS), max(every, _LONGEST_WAIT))
        self._faults += 1
        self._due = asyncio.get_running_loop().time() + wait

    async def _complete(self, done: _Round) -> None:
        """Let the state move: everything has been taken."""
        plan = self._plan
        await self._end_round()
        state = FollowState(
            survey_id=plan.survey_id,
            since=done.begun,
            token=done.records.info.continuation_token,
            recent=self._memory.end_round(plan.now(), done.begun - plan.overlap),
        )
        try:
            if plan.on_state is not None:
                await plan.on_state(state)
            await to_its_end(self._move(state))
        except BaseException:
            if self.state is not state:
                # Nothing of the round was committed: all of it comes again.
                self._memory = Memory(())
            raise

    async def _move(self, state: FollowState) -> None:
        if self._file is not None:
            await self._file.save(state)
        self.state = state
        self.rounds += 1
        self._faults = 0
        self._over = self._over or self._plan.every is None
        self._due = self._begun + (self._plan.every or 0.0)

    async def aclose(self) -> None:
        """Close what is under way; no response comes any more."""
        self._over = True
        await self._end_round()

    async def _end_round(self) -> None:
        under_way, self._round = self._round, None
        if under_way is not None:
            await under_way.held.aclose()


def _file_of(state: object) -> FollowFile:
    """Take a file for the state, or its path.

    Raises:
        UsageError: for anything else, and for the text of a state, which would be an odd name of a file.
    """
    if isinstance(state, FollowFile):
        return state
    if not isinstance(state, str | os.PathLike) or isinstance(os.fspath(state), bytes):
        raise UsageError(
            f"state is a FollowState, a FollowFile or the path of one, got {type(state).__name__}: "
            "FollowState.from_json() reads what to_json() has written"
        )
    if isinstance(state, str) and state.lstrip().startswith("{"):
        raise UsageError("state is the path of a file, got JSON: give FollowState.from_json() of it")
    return FollowFile(state)


def _served_at(call: Call) -> list[datetime]:
    """When the service has answered, by its own clock."""
    try:
        found = parsedate_to_datetime(call.headers["Date"])
    except (KeyError, ValueError, TypeError):
        return []
    return [found] if found.tzinfo is not None else []


def _planned(survey_id: str, every: float | None, options: FollowOptions) -> _Plan:
    if wrong := [name for name in options if name in _REFUSED]:
        raise UsageError(f"following a survey takes no {wrong[0]}: {_REFUSED[wrong[0]]}")
    if unknown := options.keys() - FollowOptions.__annotations__.keys():
        raise UsageError(f"following a survey has no option {', '.join(sorted(unknown))}")
    if every is not None and not 0 < every < math.inf:
        raise UsageError(f"every is a positive number of seconds, or None for one round, got {every}")
    overlap = options.get("overlap", _OVERLAP)
    if not 0 <= overlap <= _LONGEST_OVERLAP:
        raise UsageError(
            f"overlap is a number of seconds from 0 to {_LONGEST_OVERLAP} (a year), got {overlap}"
        )
    max_faults = options.get("max_faults", 5)
    if max_faults < 0:
        raise UsageError(f"max_faults is a number from 0 on, got {max_faults}")
    export: Any = {name: value for name, value in options.items() if name not in _OURS}
    start_date = options.get("start_date")
    planned("ndjson", export)
    return _Plan(
        survey_id,
        every,
        export,
        start_date,
        timedelta(seconds=overlap),
        max_faults,
        options.get("on_fault"),
        options.get("on_state"),
        options.get("clock"),
    )


def _is_refused(error: ApiError, way: Way) -> bool:
    """Whether another way may do better: with which status a token is refused is documented nowhere."""
    if way.by == "token":
        return error.status in _REFUSALS and not isinstance(error, Unauthorized | RateLimited)
    return error.status == _BAD_REQUEST


@asynccontextmanager
async def follow(
    client: Qualtrics,
    survey_id: str,
    *,
    state: FollowState | FollowFile | str | os.PathLike[str] | None = None,
    every: float | None = None,
    **options: Unpack[FollowOptions],
) -> AsyncGenerator[Followed]:
    """Get the responses that have arrived or changed since the last time, once or `every` so many seconds.

    ```python
    async with exports.follow(client, "SV_0aB1cD2eF3gH4iJ", state="follow.json") as responses:
        async for response in responses: ...
    ```

    `state` is where to go on: a `FollowState`, or the path of a file that keeps it (`FollowFile`), which is
    read at the beginning and written after each round. Without one the first round has everything.

    Each round is an export in ndjson from where the last one ended, by the service's continuation token.
    It is valid for 7 days (documented). When it is older, missing or refused, the round asks by modification
    date, from the beginning of the last complete round less `overlap`: nothing is missed, and responses of
    the overlap that have not changed are left out, as far as the state has them (the last 2000). That
    `startDate` bounds the modification date when the order is by modification is assumed: two public clients
    rely on it.

    The state moves when all responses of a round have been taken. A round that fails and is repeated inside
    the block hands out nothing twice, whatever its size (16 bytes for each response are kept until it is
    over). After a crash, or when the block is left in the middle of a round, all of that round comes again:
    at least once. To have each change exactly once even so, commit what was taken together with the state, in
    `on_state`. Where the two are kept apart, give `state.forget()` after a crash: a round by date leaves out
    what the state has, and it cannot know what was taken since.

    With `every`, the iteration does not end: a round begins so many seconds after the last one began, or at
    once if that one took longer, and rounds never overlap. A round that fails for a reason that may pass is
    repeated after `every` seconds, then after twice as many and so on up to ten minutes, `max_faults` times.
    An error that is raised, then or without `every`, leaves the state as it was; asking for the next response
    after it goes on with the round.

    Raises:
        UsageError: before any request, for options that exclude what follows, a `filter_id`, something else
            than a state, or the state of another survey.
        JournalError: when the file of the state is damaged, in use by another process, or of another release.
        JobFailed, TransportError, DecodeError, QualtricsError: as `records()` does.
    """
    plan = _planned(survey_id, every, options)
    async with AsyncExitStack() as held:
        known = state if isinstance(state, FollowState) else None
        file = None if state is None or known is not None else _file_of(state)
        if file is not None:
            known = await held.enter_async_context(file.held())
        if known is not None and known.survey_id != survey_id:
            where = "" if file is None else f"{file.path}: "
            raise UsageError(
                f"{where}the state is of {known.survey_id}, not of {survey_id}: give its own, or none"
            )
        followed = Followed(client, plan, known, file)
        held.push_async_callback(followed.aclose)
        yield followed
