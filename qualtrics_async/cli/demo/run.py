"""The main job, measured and checked: a file of contacts in, a file of links out."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from qualtrics_async import AttemptEnded, Event, Qualtrics, Quota, bulk
from qualtrics_async.bulk.outcome import Ok, Summary
from qualtrics_async.bulk.readers import read_contacts
from qualtrics_async.cli.bars import Bar
from qualtrics_async.cli.demo.contacts import LIST_COLUMN, Kind, list_names
from qualtrics_async.cli.demo.server import Address, Server, Truth
from qualtrics_async.cli.linkfile import link_row
from qualtrics_async.cli.output import Writer
from qualtrics_async.models import DistributionLink

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Result", "run"]

EXPIRES = timedelta(days=30)
OPTED_OUT = "opted out"
REFUSED = 429
_BAD: Sequence[Kind] = ("invalid e-mail", "no contact field", "broken line")


@dataclass(slots=True)
class Result:
    """Everything that the table shows, and what does not add up in it."""

    imported: Summary
    linked: Summary
    contacts: int
    requests: int
    refusals: int
    seconds: float
    quota: Quota
    problems: list[str] = field(default_factory=list)

    @property
    def opted_out(self) -> int:
        """Contacts that get no link because they do not want any."""
        return self.linked.reasons[OPTED_OUT]


class _Traffic:
    """Counts what leaves and what is refused; a hook of the client's."""

    def __init__(self) -> None:
        self.requests = 0
        self.refusals = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, AttemptEnded):
            self.requests += 1
            self.refusals += event.status == REFUSED


class _Ledger:
    """Keeps account of the outcomes: of each row one, of each contact one."""

    def __init__(self) -> None:
        self.rows: set[int] = set()
        self.doubled_rows = 0
        self.contacts: set[str | None] = set()
        self.recipients: set[tuple[str | None, str | None]] = set()
        self.links: set[str] = set()

    def row(self, outcome: bulk.Outcome[bulk.ImportRow, bulk.Imported]) -> None:
        """Enter the outcome of a row."""
        self.doubled_rows += outcome.item.index in self.rows
        self.rows.add(outcome.item.index)
        if isinstance(outcome, Ok):
            self.contacts.add(outcome.value.contact_lookup_id)

    def recipient(self, outcome: bulk.Outcome[bulk.Recipient, DistributionLink]) -> None:
        """Enter the outcome of a contact."""
        self.recipients.add((outcome.item.mailing_list_id, outcome.item.contact_id))
        if isinstance(outcome, Ok):
            self.links.add(outcome.value.link)


async def run(
    server: Server,
    contacts: Path,
    writer: Writer,
    lists: int,
    expected: Counter[Kind] | None,
    *,
    bars: Progress | None,
) -> Result:
    """Import the file into so many lists, generate all links, and check the account."""
    began = time.monotonic()
    traffic, ledger, address = _Traffic(), _Ledger(), server.address
    async with Qualtrics(token=address.token, base_url=address.base_url, hooks=[traffic]) as client:
        ids = [
            (await client.mailing_lists.create(address.directory_id, name=name)).id
            for name in list_names(lists)
        ]
        bar = Bar(bars, f"importing {contacts.name}", expected.total() if expected else None)
        imported = await _import(client, address, contacts, ids, bar=bar, ledger=ledger)
        bar = Bar(bars, "fetching links", len(ledger.contacts))
        linked = await _link(client, address, writer, ids, bar=bar, ledger=ledger)
        quota = client.quota()
    result = Result(
        imported,
        linked,
        len(ledger.contacts),
        traffic.requests,
        traffic.refusals,
        time.monotonic() - began,
        quota,
    )
    truth = await anyio.to_thread.run_sync(server.truth)
    result.problems += _check(result, ledger, truth)
    if expected is not None:
        result.problems += _compare(result, expected)
    return result


async def _import(
    client: Qualtrics, address: Address, contacts: Path, ids: Sequence[str], *, bar: Bar, ledger: _Ledger
) -> Summary:
    async with aclosing(read_contacts(contacts)) as rows:
        job = bulk.import_contacts(
            client,
            address.directory_id,
            rows,
            mailing_list=_chooser(ids),
            on_progress=bar.on_progress,
        )
        async with job as outcomes:
            async for outcome in outcomes:
                ledger.row(outcome)
    bar.end(outcomes.summary)
    return outcomes.summary


async def _link(
    client: Qualtrics, address: Address, writer: Writer, ids: Sequence[str], *, bar: Bar, ledger: _Ledger
) -> Summary:
    expires = (datetime.now(UTC) + EXPIRES).replace(microsecond=0)
    job = bulk.generate_links(
        client,
        address.survey_id,
        ids,
        directory_id=address.directory_id,
        expires=expires,
        on_progress=bar.on_progress,
    )
    async with job as outcomes:
        async for outcome in outcomes:
            ledger.recipient(outcome)
            if isinstance(outcome, Ok):
                writer.row(link_row(outcome.item, outcome.value))
                await writer.drain()
    await writer.end()
    bar.end(outcomes.summary)
    return outcomes.summary


def _chooser(ids: Sequence[str]) -> Callable[[Mapping[str, Any]], str]:
    """Send each value of the list column to a list of its own while they last; without it, take turns."""
    chosen: dict[str, str] = {}
    turns = itertools.cycle(ids)

    def choose(cells: Mapping[str, Any]) -> str:
        name = cells.get(LIST_COLUMN)
        if not name:
            return next(turns)
        if name not in chosen:
            chosen[name] = next(turns)
        return chosen[name]

    return choose


def _check(result: Result, ledger: _Ledger, truth: Truth) -> Iterator[str]:
    imported, linked = result.imported, result.linked
    pairs = {
        "rows and their outcomes": (imported.items, imported.outcomes),
        "rows and rows with an outcome": (imported.items, len(ledger.rows)),
        "outcomes of a row that had one": (ledger.doubled_rows, 0),
        "rows in doubt": (imported.in_doubt, 0),
        "accepted rows, here and in the sandbox": (imported.ok, truth.accepted_rows),
        "contacts, here and in the sandbox": (result.contacts, truth.members),
        "contacts and outcomes of links": (result.contacts, linked.outcomes),
        "outcomes of links and contacts that have one": (linked.outcomes, len(ledger.recipients)),
        "links and different links": (linked.ok, len(ledger.links)),
        "links, here and in the sandbox": (linked.ok, truth.links),
        "opted out, here and in the sandbox": (result.opted_out, truth.members - truth.reachable),
        "requests, here and in the sandbox": (result.requests, truth.requests),
        "refusals, here and in the sandbox": (result.refusals, truth.refusals),
    }
    return _differing(pairs)


def _compare(result: Result, expected: Counter[Kind]) -> Iterator[str]:
    pairs = {
        "rows, in the file and read": (expected.total(), result.imported.items),
        "bad rows, in the file and failed": (sum(expected[kind] for kind in _BAD), result.imported.failed),
        "opted out, in the file and at the end": (expected["opted out"], result.opted_out),
    }
    return _differing(pairs)


def _differing(pairs: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    return (f"{what}: {one:,} and {other:,}" for what, (one, other) in pairs.items() if one != other)
