"""Jobs over responses whose POST got no answer: whether they arrived, and how they may be sent again.

A job that changes nothing when it is done twice is sent again. Of any other, a few responses are looked at
before it leaves and after: they tell whether it arrived. Then it is sent once more in the form that changes
nothing twice, which is how the service says what became of each response. Jobs of one survey run one after
the other (documented), so one without a trace did not arrive if a later one has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.outcome import Decision
from qualtrics_async.bulk.patience import Patience
from qualtrics_async.bulk.reading import PASSING, REFUSALS
from qualtrics_async.bulk.records import ChunkRecord, ChunkState, Kind
from qualtrics_async.bulk.response_report import Fates
from qualtrics_async.bulk.response_rows import named_by
from qualtrics_async.bulk.traces import MOST_RESENT, Trace
from qualtrics_async.errors import ConnectFailed, Forbidden, NotFound, OutcomeUnknown, QualtricsError
from qualtrics_async.models.response_jobs import ResponseJobProgress, ResponseJobStarted
from qualtrics_async.models.responses import Response

__all__ = ["Once", "ResponseDoubts", "Verb", "ids_of"]

_SAMPLES: Final = 3
_LOOKED_AT: Final = 6
"""Responses that are looked at to find samples."""

_item = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Once:
    """What in a job must be done once: as it stands in the body, and what to write instead afterwards."""

    written: bytes
    instead: bytes


@dataclass(frozen=True, slots=True)
class Verb:
    """What a job does to each response.

    `start` takes the items, and whether one that is not there is to be ignored. `shows` tells whether a
    response, or None for one that is not there, shows what an item wants; None if that tells nothing.
    `removes` says that a response which is gone may be the job's own work.
    """

    name: str
    start: Callable[[msgspec.Raw, bool], Awaitable[ResponseJobStarted]]
    progress: Callable[[str], Awaitable[ResponseJobProgress]]
    shows: Callable[[Mapping[str, Any], Response | None], bool | None]
    once: Once
    removes: bool = False


@dataclass(slots=True)
class _Doubt:
    """What this run knows of a chunk in doubt."""

    error: QualtricsError
    patience: Patience
    harmless: bool | None = None
    behind: bool = False
    resent: int = 0


class ResponseDoubts:
    """The doubts of one job over the responses of a survey."""

    def __init__(self, job: Job[Any, Any], survey_id: str, verb: Verb) -> None:
        self._job = job
        self._client = job.client
        self._journal = job.journal
        self._survey_id = survey_id
        self._verb = verb
        self._doubts: dict[int, tuple[ChunkRecord, _Doubt]] = {}
        self._rests_until = 0.0
        self._turn = 0

    async def rest(self) -> None:
        """Wait before the next POST after a doubt: what may still be on its way must be before it."""
        seconds = self._rests_until - asyncio.get_running_loop().time()
        if seconds > 0:
            await asyncio.sleep(seconds)

    async def prepare(self, chunk: ChunkRecord, body: bytes) -> bytes:
        """Choose samples for a job that is about to leave, unless it may be sent twice; its body comes back.

        A job that left before is looked for once more.
        """
        if self._verb.once.written not in body:
            return body
        if chunk.note.sent and not chunk.note.arrived and await self._look(chunk) is Trace.FOUND:
            chunk.note.arrived = True
        if chunk.note.arrived:
            return body.replace(self._verb.once.written, self._verb.once.instead)
        chunk.note.samples = await self._choose(chunk)
        return body

    async def next_turn(self) -> int:
        """Number the next POST of the job."""
        if not self._turn:
            self._turn = max((chunk.note.turn for chunk in await self._journal.chunks()), default=0)
        self._turn += 1
        return self._turn

    def arose(self, chunk: ChunkRecord, error: QualtricsError) -> None:
        """Note that a job got no answer."""
        self._doubt(chunk).error = error

    def confirmed(self, chunk: ChunkRecord) -> None:
        """Note that a job got an answer."""
        self._doubts.pop(chunk.number, None)

    async def refused(self, chunk: ChunkRecord, error: QualtricsError) -> None:
        """Note that a job which was sent again was refused; what was sent before may have arrived."""
        self._doubt(chunk).error = error
        await self._leave(chunk, "when it was sent again, it was refused")

    async def ended(self, chunk: ChunkRecord) -> None:
        """Note that a job has ended: those that left before it have too, if they arrived."""
        for other, _ in list(self._doubts.values()):
            if other.note.turn < chunk.note.turn and not other.note.overtaken:
                other.note.overtaken = True
                await self._journal.save(other)

    async def settle(self, chunk: ChunkRecord) -> bool | float | None:
        """Decide on a job that left and got no answer.

        Afterwards its chunk is planned again or done, and None comes back; else it is to be taken up again:
        behind the other chunks (True), or in so many seconds.
        """
        doubt = self._doubt(chunk)
        if doubt.harmless is None:
            body = await self._journal.body(chunk.number)
            doubt.harmless = chunk.note.arrived or self._verb.once.written not in body
        if doubt.harmless:
            await self._repeat(chunk, doubt)
            return None
        if not doubt.behind and chunk.note.samples:
            return self._put_back(doubt)
        # First the time and what has ended, then the samples: so whatever was done by then is seen.
        late, overtaken = doubt.patience.is_over, chunk.note.overtaken
        match await self._look(chunk):
            case Trace.FOUND:
                chunk.note.arrived = True
                await self._send_again(chunk, "it had arrived; what must be done once is left out")
            case Trace.NONE:
                await self._leave(chunk, "nothing of it can be looked for")
            case Trace.ABSENT if doubt.resent < MOST_RESENT and (
                why := self._absent(late=late, overtaken=overtaken)
            ):
                doubt.resent += 1
                await self._send_again(chunk, why)
            case _ if late:
                await self._leave(chunk, self._no_trace)
            case _:
                return doubt.patience.pause()
        return None

    async def look_at(self, payload: bytes) -> bool | None:
        """Ask for one response whether it shows what was wanted; None where that cannot be told.

        Raises:
            QualtricsError: what would end the job, whatever was asked.
        """
        response: Response | None = None
        try:
            response = await self._client.responses.get(self._survey_id, named_by(payload).response_id)
        except NotFound:
            pass
        except ConnectFailed:
            raise
        except (Forbidden, *PASSING, *REFUSALS):
            return None
        return self._verb.shows(_item(payload), response)

    def _absent(self, *, late: bool, overtaken: bool) -> str | None:
        """Why a job that shows no trace may be sent again; None as long as it may not."""
        if overtaken:
            return "a later job has ended, and no sample shows anything of it"
        if late and self._job.settings.on_doubt == "resend":
            return f"{self._no_trace}, and on_doubt says so"
        return None

    @property
    def _no_trace(self) -> str:
        return f"no trace of it within {self._job.settings.reconcile_timeout:g} s"

    def _doubt(self, chunk: ChunkRecord) -> _Doubt:
        if chunk.number not in self._doubts:
            unknown = OutcomeUnknown("an earlier run ended while this job was being started")
            patience = Patience(self._client.polling, self._job.settings.reconcile_timeout)
            self._doubts[chunk.number] = chunk, _Doubt(unknown, patience)
        return self._doubts[chunk.number][1]

    def _put_back(self, doubt: _Doubt) -> bool:
        doubt.behind = True
        seconds = min(self._client.polling.longest, self._job.settings.reconcile_timeout)
        self._rests_until = asyncio.get_running_loop().time() + seconds
        return True

    async def _choose(self, chunk: ChunkRecord) -> list[int]:
        """Find a few responses that are there and do not show yet what is wanted."""
        chosen: list[int] = []
        places = dict.fromkeys(chunk.count * part // _LOOKED_AT for part in range(_LOOKED_AT))
        for position in places:
            if len(chosen) < _SAMPLES and await self._shows(chunk, position) is False:
                chosen.append(position)
        return chosen

    async def _look(self, chunk: ChunkRecord) -> Trace:
        """Whether one of the samples shows what was wanted."""
        if not chunk.note.samples:
            return Trace.NONE
        trace = Trace.UNKNOWN
        for position in chunk.note.samples:
            shown = await self._shows(chunk, position)
            if shown:
                return Trace.FOUND
            if shown is False:
                trace = Trace.ABSENT
        return trace

    async def _shows(self, chunk: ChunkRecord, position: int) -> bool | None:
        (row, *_) = await self._journal.rows(chunk.number, after=position - 1)
        return None if row.payload is None else await self.look_at(row.payload)

    async def _decide(self, chunk: ChunkRecord, decision: str, reason: str) -> None:
        await self._job.decide(Decision(chunk.mailing_list_id, chunk.count, decision, reason))

    async def _repeat(self, chunk: ChunkRecord, doubt: _Doubt) -> None:
        """Plan what is harmless again; the jobs after it wait, so that they stay in order."""
        if not doubt.patience.may_repeat():
            await self._leave(chunk, "sending it again did not bring an answer either")
            return
        await asyncio.sleep(doubt.patience.pause())
        await self._send_again(chunk, "sent twice it does the same", keep=True)

    async def _send_again(self, chunk: ChunkRecord, why: str, *, keep: bool = False) -> None:
        await self._decide(chunk, "sent again", why)
        if not keep:
            doubt = self._doubt(chunk)
            doubt.harmless = None
            doubt.behind = False
            doubt.patience = Patience(self._client.polling, self._job.settings.reconcile_timeout)
        chunk.state, chunk.note.overtaken = ChunkState.PLANNED, False
        await self._journal.save(chunk)

    async def _leave(self, chunk: ChunkRecord, why: str) -> None:
        """Leave a chunk in doubt for good."""
        error = self._doubt(chunk).error
        await self._decide(chunk, "in doubt", why)
        self.confirmed(chunk)
        fates = Fates(await ids_of(self._job, chunk), Kind.IN_DOUBT, "lost reply", error)
        await self._journal.finish(chunk, fates)


async def ids_of(job: Job[Any, Any], chunk: ChunkRecord) -> list[str]:
    """The responses that a chunk names, in its order."""
    ids: list[str] = []
    while rows := await job.journal.rows(chunk.number, after=len(ids) - 1):
        ids += [named_by(row.payload or b"").response_id for row in rows]
    return ids
