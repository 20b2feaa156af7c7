"""Changes of the contacts of mailing lists: updates, opt-outs and removals, with an outcome for each row."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias, Unpack

import msgspec

from qualtrics_async._core.retry import is_doubtful
from qualtrics_async._core.tasks import is_in_doubt
from qualtrics_async.bulk.chunks import Chunker
from qualtrics_async.bulk.contact_keys import CONTACT_ID, IdentifyBy, Naming
from qualtrics_async.bulk.contacts import MAX_CHUNK_BYTES, Target, open_source
from qualtrics_async.bulk.fanout import Batch, Deliver, FairQueue, Outcomes
from qualtrics_async.bulk.finding import Finder, Key
from qualtrics_async.bulk.job import Job, JobOptions, Settings
from qualtrics_async.bulk.lists import Lists
from qualtrics_async.bulk.outcome import Decision, Ok
from qualtrics_async.bulk.records import ChunkRecord, Kind
from qualtrics_async.bulk.rows import Imported, ImportRow, Reader
from qualtrics_async.bulk.sending import STOPS, send_once
from qualtrics_async.bulk.singly import BLOCK, Block, OneRow, Singly
from qualtrics_async.bulk.spool import Rows, Spool, identity_of
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import InvalidRequest, JobFailed, NotFound, QualtricsError
from qualtrics_async.models.contacts import ContactUpdate
from qualtrics_async.models.directory_contacts import DirectoryContactUpdate

__all__ = ["Changed", "Changes", "Verb", "remove_contacts", "unsubscribe_contacts", "update_contacts"]

Send: TypeAlias = Callable[[str, str, Mapping[str, Any]], Awaitable[None]]
"""Sends a change: of a list, a contact of it, with what the row says besides its name."""

_ABSENT: Final = "not in the list"
_EARLIER_RUN: Final = "an earlier run ended while this was being sent, and sent twice it does the same"
_LOST_REPLY: Final = "no reply came, and sent twice it does the same"
_NO_REPLY: Final = "no reply came until reconcile_timeout, however often it was sent"
_REFUSED_LATER: Final = "no reply came to it at first, and when it was sent again it was refused"


class Changed(msgspec.Struct, frozen=True):
    """The value of an outcome: the id, in the directory, of the contact that was changed."""

    contact_id: str


@dataclass(frozen=True, slots=True)
class Verb:
    """What a job does to each contact; `removes` says that a contact which is gone may be its own work."""

    name: str
    send: Send
    removes: bool = False


class Changes(Singly[Changed]):
    """The changes of one job; a row whose reply was lost is sent again until `reconcile_timeout`."""

    def __init__(
        self, job: Job[ImportRow, Changed], directory_id: str, naming: Naming, verb: Verb, *, by_row: bool
    ) -> None:
        super().__init__(job)
        self._naming = naming
        self._verb = verb
        self._finder = Finder(job.client, directory_id)
        self._lists = Lists(job.client, directory_id, by_row=by_row)
        self._has_searched = False

    async def prepare(self, block: Block, rows: Sequence[OneRow]) -> None:
        """Say of all lost rows together that they are sent again, once of a block, or in doubt for good."""
        if not block.is_told and self.job.settings.reconcile_timeout:
            block.is_over = False  # once in any case, however long the block waited for its place
        lost = sum(row.may_have_left for row in rows)
        if not lost or (block.is_told and not block.is_over):
            return
        decision, reason = "sent again", _EARLIER_RUN if block.patience is None else _LOST_REPLY
        if block.is_over:
            decision, reason = "in doubt", _NO_REPLY
        block.is_told = True
        await self.job.decide(Decision(block.chunk.mailing_list_id, lost, decision, reason))

    async def reconcile(self, row: OneRow) -> None:
        """Send a row again while there is time."""
        if row.block.is_over:
            await row.settle(Kind.IN_DOUBT, "lost reply", row.error)
        else:
            await self.send_in_turn(row)

    async def send(self, row: OneRow) -> None:
        """Find the contact of a row, unless its id is known, and change it."""
        contact: dict[str, Any] = msgspec.json.decode(row.payload)
        key = self._naming.key(contact)
        if row.contact_id is None:
            row.contact_id = key.value if key.field == CONTACT_ID else await self._find(row, key)
        if row.contact_id is not None:
            await self._change(row, row.contact_id, self._naming.changed(contact, key))

    async def _find(self, row: OneRow, key: Key) -> str | None:
        """Search for a contact; a row that names none, or more than one, is settled."""
        try:
            found = await self._finder.find(row.mailing_list_id, key)
        except STOPS:
            raise
        except InvalidRequest as error:
            await self._lists.check(row.mailing_list_id)
            if not self._has_searched:
                raise  # none was ever answered: it is not for what this one asks
            await row.settle(Kind.FAILED, "search failed", error)
        except QualtricsError as error:
            await row.settle(Kind.FAILED, "search failed", error)
        else:
            self._has_searched = True
            if len(found) == 1:
                return found[0].contact_id
            await self._reject(row, key, several=bool(found))
        return None

    async def _reject(self, row: OneRow, key: Key, *, several: bool) -> None:
        if several:
            error = JobFailed(f"several contacts of the list have this {key.field}")
            await row.settle(Kind.FAILED, "ambiguous", error)
            return
        await self._lists.check(row.mailing_list_id)
        await row.settle(Kind.FAILED, _ABSENT, JobFailed(f"no contact of the list has this {key.field}"))

    async def _change(self, row: OneRow, contact_id: str, changed: Mapping[str, Any]) -> None:
        async def call() -> NotFound | None:
            try:
                await self._verb.send(row.mailing_list_id, contact_id, changed)
            except NotFound as missing:
                if row.may_have_left and self._verb.removes:
                    return None
                await self._lists.check(row.mailing_list_id)
                return missing
            except STOPS as error:
                row.may_have_left |= is_in_doubt(error)  # the last attempt says nothing of those before
                raise
            return None

        async def accept(missing: NotFound | None) -> None:
            if missing is None:
                await row.settle(Kind.OK)
                self.job.summary.sent += 1
            else:
                await row.settle(Kind.FAILED, _ABSENT, missing)

        async def reject(kind: Kind, reason: str, error: QualtricsError) -> None:
            if is_doubtful(error):
                await row.settle(Kind.SENDING, "lost reply", error)
            elif row.may_have_left or is_in_doubt(error):
                await row.settle(Kind.IN_DOUBT, reason, error)
                await self.job.decide(Decision(row.mailing_list_id, 1, "in doubt", _REFUSED_LATER))
            else:
                await row.settle(kind, reason, error)

        await send_once(row.intend, call, accept, reject, grace=self.job.client.timeouts.grace)


@asynccontextmanager
async def update_contacts(
    client: Qualtrics,
    directory_id: str,
    rows: Rows,
    *,
    mailing_list: Target,
    identify_by: IdentifyBy = "auto",
    clear_empty: bool = False,
    concurrency: int = 32,
    **options: Unpack[JobOptions],
) -> AsyncGenerator[Outcomes[ImportRow, Changed]]:
    """Change contacts of one or many mailing lists, by one PUT each; the context's value yields each outcome.

    ```python
    rows = [{"extRef": "E-7", "language": "FR", "Color": "red"}]
    async with bulk.update_contacts(client, "POOL_1", rows, mailing_list="CG_1") as outcomes:
        async for outcome in outcomes: ...
    ```

    A row names its contact, and its other cells are what changes; what it has no cell for stays as it is. A
    contact is named by its id (a column `contactId` or `id`), else its external reference, else its e-mail
    address. What it is named by is not sent: a search ignores case, so it might change what it has found;
    nor is an id ever sent. All else is, so a row with an id, or with `identify_by="email"`, may carry a new
    external reference. `unsubscribed` is the opt-out of the list (documented).

    By reference or address a contact is searched for, one request more a row: it must be in the list, and the
    only one there. A contact that has just been made may not be found yet (assumed). `Failed` has the reason
    `"not in the list"` or `"ambiguous"` then. Of several rows that name one contact, any may come last.

    Sent twice a change does the same, so a row whose reply is lost is sent again, and after a crash too, with
    a decision in the summary; it is `InDoubt` when no reply has come until `reconcile_timeout`. The service
    allows 500 changes and 500 searches a minute (documented). `on_doubt` says nothing here.

    Args:
        client: an open client.
        directory_id: the directory of the lists.
        rows: as for `import_contacts()`; `ContactUpdate` is a row as well.
        mailing_list: the id of the list, or a function of the row, so that one stream feeds many lists.
        identify_by: name contacts by this alone; then a row without it is refused, and cells with another
            id are left out. An id that does not begin with `CID_` is taken with `"id"` only.
        clear_empty: send empty cells, which clears the field, instead of leaving them out.
        concurrency: requests at a time.
        options: the options of every bulk job, see `JobOptions`.

    Raises:
        UsageError: for arguments that cannot be meant, before anything is read.
        JournalError: when the journal is in use, damaged, or of another job or input.
        QualtricsError: from the iteration, when an error would fail every row: no access, an unknown list,
            searches that are refused (they need XM Directory), no network. The journal keeps what was done.
    """
    naming = Naming(identify_by)

    async def send(mailing_list_id: str, contact_id: str, changed: Mapping[str, Any]) -> None:
        change = msgspec.convert(changed, ContactUpdate)
        await client.mailing_list_contacts.update(directory_id, mailing_list_id, contact_id, change)

    how = {"identify by": identify_by, "empty cells": "clear" if clear_empty else "leave"}
    changing = _changing(
        client,
        directory_id,
        rows,
        Verb("update_contacts", send),
        read=partial(naming.change, clear_empty=clear_empty),
        naming=naming,
        mailing_list=mailing_list,
        concurrency=concurrency,
        how=how,
        settings=Settings(**options),
    )
    async with changing as outcomes:
        yield outcomes


@asynccontextmanager
async def unsubscribe_contacts(
    client: Qualtrics,
    directory_id: str,
    rows: Rows,
    *,
    mailing_list: Target,
    from_directory: bool = False,
    identify_by: IdentifyBy = "auto",
    concurrency: int = 32,
    **options: Unpack[JobOptions],
) -> AsyncGenerator[Outcomes[ImportRow, Changed]]:
    """Opt contacts out of mailing lists: they stay in them, and get nothing more.

    ```python
    gone = ["CID_0000000000000017", "jo@example.com"]
    async with bulk.unsubscribe_contacts(client, "POOL_1", gone, mailing_list="CG_1") as outcomes:
        async for outcome in outcomes: ...
    ```

    Rows are as for `update_contacts()`, of which only what names the contact is read, or plain text: a
    contact id, or an e-mail address where there is an @ in it, or whatever `identify_by` says.

    Args:
        client: an open client.
        directory_id: the directory of the lists.
        rows: contacts, as above.
        mailing_list: the id of the list, or a function of the row.
        from_directory: opt them out of the whole directory too, by a second PUT after the first; who is not
            in the list keeps the directory. Where the second is refused, the row has `Failed`, and the
            contact has left the list all the same. That `unsubscribed` means the directory there is assumed.
        identify_by: as for `update_contacts()`.
        concurrency: requests at a time.
        options: the options of every bulk job, see `JobOptions`.

    Raises:
        QualtricsError: as `update_contacts()` does.
    """

    async def send(mailing_list_id: str, contact_id: str, _: Mapping[str, Any]) -> None:
        gone = ContactUpdate(unsubscribed=True)
        await client.mailing_list_contacts.update(directory_id, mailing_list_id, contact_id, gone)
        if from_directory:
            gone_for_good = DirectoryContactUpdate(unsubscribed=True)
            await client.contacts.update(directory_id, contact_id, gone_for_good)

    naming = Naming(identify_by)
    changing = _changing(
        client,
        directory_id,
        rows,
        Verb("unsubscribe_contacts", send),
        read=naming.name,
        naming=naming,
        mailing_list=mailing_list,
        concurrency=concurrency,
        how={"identify by": identify_by, "from directory": from_directory},
        settings=Settings(**options),
    )
    async with changing as outcomes:
        yield outcomes


@asynccontextmanager
async def remove_contacts(
    client: Qualtrics,
    directory_id: str,
    rows: Rows,
    *,
    mailing_list: Target,
    identify_by: IdentifyBy = "auto",
    concurrency: int = 32,
    **options: Unpack[JobOptions],
) -> AsyncGenerator[Outcomes[ImportRow, Changed]]:
    """Take contacts off mailing lists, by one DELETE each; they stay in the directory (documented).

    ```python
    async with bulk.remove_contacts(client, "POOL_1", ["jo@example.com"], mailing_list="CG_1") as outcomes:
        async for outcome in outcomes: ...
    ```

    Rows, arguments, outcomes and errors are those of `unsubscribe_contacts()`. A contact that is gone when
    its removal is sent again was removed by the first one, so that is `Ok`.
    """

    async def send(mailing_list_id: str, contact_id: str, _: Mapping[str, Any]) -> None:
        await client.mailing_list_contacts.delete(directory_id, mailing_list_id, contact_id)

    naming = Naming(identify_by)
    changing = _changing(
        client,
        directory_id,
        rows,
        Verb("remove_contacts", send, removes=True),
        read=naming.name,
        naming=naming,
        mailing_list=mailing_list,
        concurrency=concurrency,
        how={"identify by": identify_by},
        settings=Settings(**options),
    )
    async with changing as outcomes:
        yield outcomes


@asynccontextmanager
async def _changing(
    client: Qualtrics,
    directory_id: str,
    rows: Rows,
    verb: Verb,
    *,
    read: Reader,
    naming: Naming,
    mailing_list: Target,
    concurrency: int,
    how: Mapping[str, Any],
    settings: Settings,
) -> AsyncGenerator[Outcomes[ImportRow, Changed]]:
    """Do something to each contact; `how` is what else makes this job another one."""
    source = open_source(directory_id, mailing_list, rows, concurrency)
    fingerprint = {
        "job": verb.name,
        "directory": directory_id,
        "mailing list": mailing_list if isinstance(mailing_list, str) else "by row",
        **how,
    }
    prepare_row = partial(naming.prepare, read, mailing_list=mailing_list)
    chunker = Chunker[str](BLOCK, MAX_CHUNK_BYTES)
    opened = Job[ImportRow, Changed].open(client, settings, fingerprint, concurrency=concurrency)
    async with aclosing(source), opened as job:
        queue = FairQueue[str, ChunkRecord](parallel=True)
        spool = Spool(
            job, source, queue, chunker=chunker, prepare_row=prepare_row, identity=identity_of(rows)
        )
        changes, blocks = (
            Changes(job, directory_id, naming, verb, by_row=callable(mailing_list)),
            concurrency // BLOCK + 1,
        )

        async def work(chunk: ChunkRecord, deliver: Deliver[ImportRow, Changed]) -> float | None:
            return await changes.work(chunk, _as_imported(deliver))

        async def begin(deliver: Deliver[ImportRow, Changed]) -> None:
            await spool.run(_as_imported(deliver))

        async with job.running(queue, work, begin, concurrency=blocks) as outcomes:
            yield outcomes


def _as_imported(deliver: Deliver[ImportRow, Changed]) -> Deliver[ImportRow, Imported]:
    """Deliver what the journal knows of rows, with the value that these jobs have."""

    async def hand_on(batch: Batch[ImportRow, Imported]) -> None:
        outcomes = [
            Ok(outcome.item, Changed(outcome.value.contact_id or "")) if isinstance(outcome, Ok) else outcome
            for outcome in batch.outcomes
        ]
        await deliver(Batch(outcomes, batch.taken))

    return hand_on
