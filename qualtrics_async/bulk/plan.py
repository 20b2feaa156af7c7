"""A dry run: what a bulk job would send, and how long its limits would hold it up. Nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from math import ceil
from typing import Any, Final

import anyio.lowlevel
import msgspec
from msgspec import Struct, field

from qualtrics_async.bulk.chunks import Chunker
from qualtrics_async.bulk.contacts import (
    CREATED,
    IMPORTED,
    MAX_CHUNK_BYTES,
    MAX_CHUNK_ROWS,
    Target,
    check_target,
    import_chunker,
)
from qualtrics_async.bulk.job import Settings
from qualtrics_async.bulk.outcome import Failed
from qualtrics_async.bulk.rows import ImportRow, Prepared, RowProblem, prepare
from qualtrics_async.bulk.sources import Rows, as_rows
from qualtrics_async.bulk.spool import destination
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import UsageError
from qualtrics_async.models.directories import DeduplicationCriteria

__all__ = ["Plan", "Problem", "plan_import", "plan_links"]

_HELD: Final = 250
"""Rows after which the loop gets a turn."""

_EXAMPLES: Final = 5
_PAGE: Final = 100
"""Elements of a page where none is asked for (documented)."""

_SAMPLES: Final = 3
"""Searches for rows of a chunk before it leaves, where it could not be sent twice."""

_LIST = "GET /directories/{directoryId}/mailinglists/{mailingListId}"
_MEMBERS = f"{_LIST}/contacts"
_DIRECTORIES = "GET /directories"
_SEARCH = "POST /directories/{directoryId}/contacts/search"
_CREATE = "POST /directories/{directoryId}/mailinglists/{mailingListId}/contacts"
_IMPORT = "POST /directories/{directoryId}/mailinglists/{mailingListId}/transactioncontacts"
_PROGRESS = "GET /directories/{directoryId}/mailinglists/{mailingListId}/transactioncontacts/{importId}"
_REPORT = "GET /directories/{directoryId}/imports/api-import/jobs/{importId}/report"
_DISTRIBUTE = "POST /distributions"
_DISTRIBUTIONS = "GET /distributions"
_LINKS = "GET /distributions/{distributionId}/links"

_WIRE: Final = {
    "email": "email",
    "first_name": "firstName",
    "last_name": "lastName",
    "external_data_reference": "extRef",
    "phone": "phone",
}


class Problem(Struct, frozen=True):
    """A row that would be refused before anything is sent: `index` from 0, `line` of a file from 1."""

    index: int
    line: int | None
    reason: str
    message: str


class Plan(Struct, frozen=True, kw_only=True):
    """What a job would do.

    Of `rows` (of a links job: contacts, as approximate as the service's count of them) `valid` ones would be
    sent and `refused` ones not; `reasons` counts why, `problems` are the first few of them. `lists` are the
    rows of each mailing list, `chunks` and `bytes` what they would leave in (of a links job: distributions).

    `routes` counts the requests of each route without any fault, and `minutes` is how long the limits of
    brand and routes and `limit_rows_per_minute` hold them up, from now on. The time that the service itself
    takes is not in it. `at_least` says that there may be more of both: nobody said whether the directory
    deduplicates, or how many contacts a list has.
    """

    rows: int
    valid: int
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    problems: tuple[Problem, ...] = ()
    lists: dict[str, int]
    chunks: int
    bytes: int = 0
    routes: dict[str, int]
    minutes: float
    at_least: bool = False

    @property
    def requests(self) -> int:
        """The requests of all routes."""
        return sum(self.routes.values())


async def plan_import(
    client: Qualtrics,
    rows: Rows,
    *,
    mailing_list: Target,
    creates: bool = False,
    deduplication: DeduplicationCriteria | None = None,
    clear_empty: bool = False,
    chunk_rows: int = MAX_CHUNK_ROWS,
    chunk_bytes: int = MAX_CHUNK_BYTES,
    limit_rows_per_minute: float | None = None,
    on_refused: Callable[[Failed[ImportRow]], Awaitable[None]] | None = None,
) -> Plan:
    """Read and check all rows as `import_contacts()` would, and tell what it would send; nothing is sent.

    ```python
    plan = await bulk.plan_import(client, bulk.read_contacts("people.csv"), mailing_list="CG_1")
    print(plan.requests, plan.minutes, plan.problems)
    ```

    Memory does not depend on the number of rows. An import is counted with one look at its progress, which
    is as many as one that ends at once takes.

    Args:
        client: an open client, whose limits count.
        rows: as for the job. A stream is used up by it.
        mailing_list: as for the job.
        creates: plan `create_contacts()` instead.
        deduplication: the directory's criteria, `directory.deduplication_criteria`. What they leave in doubt
            if it is lost is looked for before it is sent, which takes requests that are counted only if they
            are given.
        clear_empty: as for the job.
        chunk_rows: as for the job.
        chunk_bytes: as for the job.
        limit_rows_per_minute: as for the job.
        on_refused: called with the outcome of each row that would be refused, as `FailuresFile.add`.

    Raises:
        UsageError: for arguments that cannot be meant.
    """
    check_target(mailing_list)
    settings = Settings(limit_rows_per_minute=limit_rows_per_minute)
    chunker = import_chunker(settings, chunk_rows, chunk_bytes)
    if creates:
        chunker = Chunker(1, MAX_CHUNK_BYTES)
    count = _Counting(chunker, _fields(deduplication))
    check = partial(
        prepare,
        mailing_list=mailing_list,
        clear_empty=clear_empty,
        allowed=CREATED if creates else IMPORTED,
    )
    async with aclosing(as_rows(rows)) as source:
        async for row in source:
            refused = count.add(check(count.rows, row))
            if refused is not None and on_refused is not None:
                await on_refused(refused)
            if count.rows % _HELD == 0:
                await anyio.lowlevel.checkpoint()
    count.end()
    routes = _creates(count) if creates else _imports(count)
    return Plan(
        rows=count.rows,
        valid=count.rows - count.reasons.total(),
        refused=count.reasons.total(),
        reasons=count.reasons,
        problems=tuple(count.problems),
        lists=dict(count.lists),
        chunks=count.chunks,
        bytes=count.bytes,
        routes=routes,
        minutes=max(_minutes(client, routes), count.lists.total() / (limit_rows_per_minute or float("inf"))),
        at_least=deduplication is None,
    )


async def plan_links(
    client: Qualtrics, mailing_lists: Iterable[str], *, directory_id: str | None = None
) -> Plan:
    """Tell what `generate_links()` would send for these lists; it asks how many contacts they have.

    Raises:
        UsageError: for ids that cannot be meant.
        QualtricsError: when a list cannot be read.
    """
    names = [mailing_lists] if isinstance(mailing_lists, str) else list(mailing_lists)
    directory = directory_id or (await client.directories.default()).id
    lists: dict[str, int] = {}
    unknown = False
    for name in names:
        found = await client.mailing_lists.get(directory, name, include_count=True)
        lists[name] = found.contact_count or 0
        unknown = unknown or found.contact_count is None
    filled = [contacts for contacts in lists.values() if contacts]
    pages = sum(ceil(contacts / _PAGE) for contacts in filled)
    routes = Counter(
        {
            _DIRECTORIES: int(directory_id is None),
            _LIST: len(lists) if len(lists) > 1 else 0,
            _MEMBERS: pages + len(lists) - len(filled),
            _DISTRIBUTIONS: len(filled),
            _DISTRIBUTE: len(filled),
            _LINKS: pages,
        }
    )
    return Plan(
        rows=sum(filled),
        valid=sum(filled),
        lists=lists,
        chunks=len(filled),
        routes=+routes,
        minutes=_minutes(client, routes),
        at_least=unknown,
    )


class _Counting:
    """What is known of the rows so far: sums, and the chunks that are still open."""

    def __init__(self, chunker: Chunker[str], criteria: tuple[str, ...] | None) -> None:
        self._chunker = chunker
        self._criteria = criteria
        self._open: dict[str, bool] = {}
        self.rows = self.chunks = self.bytes = self.pages = self.doubtful = 0
        self.lists: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.problems: list[Problem] = []

    def add(self, row: Prepared) -> Failed[ImportRow] | None:
        """Count a row; what comes back is its outcome if it would be refused."""
        self.rows += 1
        name, size = destination(row, self._chunker), len(row.payload)
        if isinstance(name, RowProblem):
            return self._refuse(row, name)
        _, full = self._chunker.add(name, size, row.transaction_fields)
        if full is not None:
            self._close(name, full.count)
        self.lists[name] += 1
        self.bytes += size
        self._open[name] = self._open.get(name, True) and self._is_harmless(row)
        return None

    def _refuse(self, row: Prepared, problem: RowProblem) -> Failed[ImportRow]:
        self.reasons[problem.reason] += 1
        if len(self.problems) < _EXAMPLES:
            self.problems.append(Problem(row.index, row.line, problem.reason, str(problem)))
        item = ImportRow(row.index, row.line, row.mailing_list_id, msgspec.json.decode(row.payload))
        return Failed(item, UsageError(str(problem)), problem.reason)

    def _is_harmless(self, row: Prepared) -> bool:
        """Whether the service makes nothing new of the row when it gets it twice."""
        if self._criteria is None:
            return True  # nobody knows
        if not self._criteria or row.transaction_fields:
            return False
        contact: Mapping[str, Any] = msgspec.json.decode(row.payload)
        return all(str(contact.get(name) or "").strip() for name in self._criteria)

    def _close(self, name: str, rows: int) -> None:
        self.chunks += 1
        self.pages += ceil(rows / _PAGE)
        self.doubtful += not self._open.pop(name)

    def end(self) -> None:
        """Count the chunks that are not full."""
        for chunk in self._chunker.flush():
            self._close(chunk.key, chunk.count)


def _fields(known: DeduplicationCriteria | None) -> tuple[str, ...] | None:
    """The fields of the wire that make two contacts one; None where that is not known."""
    return None if known is None else tuple(wire for name, wire in _WIRE.items() if getattr(known, name))


def _imports(count: _Counting) -> dict[str, int]:
    return +Counter(
        {
            _DIRECTORIES: int(count.chunks > 0),
            _LIST: len(count.lists),
            _SEARCH: _SAMPLES * count.doubtful,
            _IMPORT: count.chunks,
            _PROGRESS: count.chunks,
            _REPORT: count.pages,
        }
    )


def _creates(count: _Counting) -> dict[str, int]:
    return +Counter({_DIRECTORIES: int(count.chunks > 0), _SEARCH: count.doubtful, _CREATE: count.chunks})


def _minutes(client: Qualtrics, routes: Mapping[str, int]) -> float:
    """How long the limits hold these requests up, if nobody else uses them."""
    limits, quota = client.limits, client.quota()
    waits = [(sum(routes.values()), quota.brand.limit, quota.brand.paused)]
    for route, requests in routes.items():
        state = quota.routes.get(route)
        waits.append((requests, limits.of_route(route), 0.0 if state is None else state.paused))
    return max(paused / 60 + (requests / limit if limit else 0.0) for requests, limit, paused in waits)
