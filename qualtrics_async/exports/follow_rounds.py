"""The responses of a survey that arrive or change, round after round."""

from __future__ import annotations

import asyncio
import math
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
    DecodeError,
    InvalidRequest,
    JobFailed,
    QualtricsError,
    RateLimited,
    ServerFault,
    TransportError,
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
_LONGEST_WAIT: Final = 600.0
_MOST_DOUBLINGS: Final = 30
_OVERLAP: Final = 600.0
_LONGEST_OVERLAP: Final = 366 * 86_400
_PASSING: Final = (TransportError, ServerFault, RateLimited, JobFailed, DecodeError)
"""What the next round may well not meet: it is another export."""

_OURS: Final = ("overlap", "max_faults", "on_fault", "on_state", "clock", "start_date")
_REFUSED: Final = {
    "filter_id": "the service allows neither continuation nor an order by modification with it",
    "limit": "what it leaves out of one round, no later round looks for",
    "end_date": "what arrives next is later than any",
    "allow_continuation": "it is always asked for",
    "continuation_token": "it comes from the state",
    "sort_by_last_modified_date": "it is the fall-back, and comes from the state",
    "export_responses_in_progress": "these are not recorded yet, and change all the time",
}


class FollowOptions(TypedDict, total=False):
    """The options of following a survey: some of an export's, and these.

    Keys:
        start_date: responses recorded from this instant on, in the first round; later rounds have what
            arrives or changes, also where an older response is changed.
        question_ids: only these questions (`QID1`).
        embedded_data_ids: only these fields of embedded data.
        survey_metadata_ids: only these metadata (`recordedDate`, `_recordId`, ...).
        include_wave_weights: as the service has it.
        expansion: how far the archive of a round may expand.
        stall_timeout: seconds without any progress of the service's job after which a round has failed.
        on_progress: called on the event loop with an `ExportState`; it must not block.
        overlap: seconds by which a round by date begins earlier than the last complete round did; 600 by
            default. It must be more than what responses take to reach exports (observed: seconds to
            minutes), and than what clocks differ by.
        max_faults: how many rounds in a row may fail with `every`, each time for a passing reason, until the
            error is raised; 5 by default, 0 raises the first.
        on_fault: called on the event loop with each error that is not raised because of `max_faults`.
        on_state: awaited with the state that is next, when a round's responses have all been taken, before
            the state moves: the place to commit them. When it raises, the state stays.
        clock: tells the time, as an aware `datetime`; by default it is the machine's, or that of the
            service's answers where that is earlier.
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
    after the last one of a round. `info` is the export of the round under way or just over, and `by` tells
    how it was asked for: `"everything"`, by `"token"`, or by `"date"`. `rounds` counts the complete ones.
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
        self._faults = 0
        self._begun = 0.0
        self._due: float | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Response:
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
        self._begun = now()
        begun = self._plan.now()
        served: list[datetime] = []
        left = ways(self.state, begun, self._plan.overlap, self._plan.start_date)
        while True:
            way = left.pop(0)
            try:
                self._round = await self._open(way, begun, served)
            except InvalidRequest as error:
                # Documented is no code for a token that is not taken: all that is known is a 400.
                if error.status != _BAD_REQUEST or not left:
                    raise
            else:
                self.info, self.by = self._round.records.info, way.by
                await self._loosen(self.info)
                return self._round

    async def _loosen(self, info: ExportInfo) -> None:
        """Leave no memory in the file that a crash in the middle of this round would make untrue."""
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
        """End a round that has failed: the next one asks as this one did, and hands out what is missing."""
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
                # Who could not commit what was taken gets all of it again, whatever is left of it there.
                self._memory = Memory(())
            raise

    async def _move(self, state: FollowState) -> None:
        if self._file is not None:
            await self._file.save(state)
        self.state = state
        self.rounds += 1
        self._faults = 0
        self._over = self._plan.every is None
        self._due = self._begun + (self._plan.every or 0.0)

    async def aclose(self) -> None:
        """Close what is under way; no response comes any more."""
        self._over = True
        await self._end_round()

    async def _end_round(self) -> None:
        under_way, self._round = self._round, None
        if under_way is not None:
            await under_way.held.aclose()


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


@asynccontextmanager
async def follow(
    client: Qualtrics,
    survey_id: str,
    *,
    state: FollowState | FollowFile | None = None,
    every: float | None = None,
    **options: Unpack[FollowOptions],
) -> AsyncGenerator[Followed]:
    """Get the responses that have arrived or changed since the last time, once or `every` so many seconds.

    ```python
    file = exports.FollowFile("follow.json")
    async with exports.follow(client, "SV_0aB1cD2eF3gH4iJ", state=file) as responses:
        async for response in responses: ...
    ```

    Without a state the first round has everything. Each round is an export in ndjson that goes on where the
    last one ended, by the service's continuation token. It lives 7 days (documented); when it is older,
    missing or refused, the round asks by modification date, from the beginning of the last complete round
    less `overlap`: so nothing is missed, and what that round repeats unchanged is left out, as far as the
    state remembers it (the last 2000 responses). That an order by modification lets `startDate` bound the
    modification date too is assumed: two public clients rely on it.

    The state moves only after the responses were taken, at the end of a round. A crash in the middle of one
    repeats that round: at least once across a crash, exactly once without. To repeat nothing at all, commit
    what was taken together with the state, in `on_state`. A `FollowFile` is written at the same moment. A
    state that is kept in another way and given again after a crash is given as `state.forget()`, unless what
    was taken since is gone as well: a round by date leaves out what the state knows.

    With `every`, the iteration does not end: rounds begin so many seconds after one another, or at once after
    one that took longer, and never overlap. A round that fails for a reason that may pass is repeated after
    that time, then after twice as much and so on up to ten minutes, `max_faults` times; what is raised then,
    or at once without `every`, leaves the state as it was, and asking for the next response goes on.

    Raises:
        UsageError: for options that cannot be meant, a `filter_id`, or the state of another survey, before
            any I/O.
        JournalError: when the file of the state is damaged, in use by another process, or of another release.
        JobFailed, TransportError, DecodeError, QualtricsError: as `records()` does.
    """
    plan = _planned(survey_id, every, options)
    async with AsyncExitStack() as held:
        file = state if isinstance(state, FollowFile) else None
        known = state if isinstance(state, FollowState) else None
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
