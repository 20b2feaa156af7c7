"""A sandbox, a client of it that never sleeps, and the account that every bulk test has to settle."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from qualtrics_async import Limits, Polling, Qualtrics, QualtricsError, RetryPolicy, bulk
from qualtrics_async.bulk import Failed, InDoubt, Ok, Outcomes, Summary
from qualtrics_async.sandbox import Sandbox

IMPORT = "POST /directories/{directoryId}/mailinglists/{mailingListId}/transactioncontacts"
PROGRESS = "GET /directories/{directoryId}/mailinglists/{mailingListId}/transactioncontacts/{importId}"
REPORT = "GET /directories/{directoryId}/imports/api-import/jobs/{importId}/report"
GET_LIST = "GET /directories/{directoryId}/mailinglists/{mailingListId}"
CREATE_LIST = "POST /directories/{directoryId}/mailinglists"
CREATE = "POST /directories/{directoryId}/mailinglists/{mailingListId}/contacts"
SEARCH = "POST /directories/{directoryId}/contacts/search"
DIRECTORIES = "GET /directories"
CONTACTS = "GET /directories/{directoryId}/mailinglists/{mailingListId}/contacts"
DISTRIBUTE = "POST /distributions"
LINKS = "GET /distributions/{distributionId}/links"
HISTORY = "GET /distributions/{distributionId}/history"

AT_ONCE = Polling(first=0, factor=1, longest=0, deadline=5)


def asynchronous(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in a loop of its own, twenty seconds at most; it must leave no task."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(20):
                await test(*args, **kwargs)
            await settled()

        asyncio.run(bounded())

    return run


async def settled() -> None:
    """Fail if a task of ours is left after a few turns of the loop."""
    for _ in range(5):
        await asyncio.sleep(0)
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    own = [task for task in left if "sandbox" not in repr(task) and "aiohttp" not in repr(task)]
    assert not own, own


def client_of(sandbox: Sandbox, **options: Any) -> Qualtrics:
    """Make a client that waits for nothing and whose retries are quick."""
    defaults: dict[str, Any] = {
        "token": sandbox.token,
        "base_url": sandbox.base_url,
        "limits": Limits.unlimited(),
        "polling": AT_ONCE,
        "retry": RetryPolicy(base=0),
        "random": Random(7),
    }
    return Qualtrics(**{**defaults, **options})


@dataclass
class Scene:
    """A sandbox with some lists, a client, and what was handed out so far."""

    sandbox: Sandbox
    client: Qualtrics
    lists: list[str]

    @property
    def directory(self) -> str:
        """The default directory."""
        return self.sandbox.state.default_directory_id

    def rows(self, count: int, **more: Any) -> list[dict[str, Any]]:
        """Make rows that the sandbox can tell apart."""
        return [
            {"extRef": f"r{n}", "email": f"person{n}@example.com", "firstName": f"Name {n}"} | more
            for n in range(count)
        ]

    def spread(self, row: dict[str, Any]) -> str:
        """Deal rows to the lists in turn."""
        return self.lists[int(row["extRef"][1:]) % len(self.lists)]

    def count(self, route: str) -> int:
        """How many requests of a route arrived."""
        return sum(f"{record.method} {record.route}" == route for record in self.sandbox.requests)

    def imports(
        self, rows: Any, **options: Any
    ) -> AbstractAsyncContextManager[Outcomes[bulk.ImportRow, bulk.Imported]]:
        """Import rows into the lists in turn, ten rows a chunk."""
        given: dict[str, Any] = {"mailing_list": self.spread, "chunk_rows": 10}
        client = options.pop("client", self.client)
        return bulk.import_contacts(client, self.directory, rows, **{**given, **options})

    def creates(
        self, rows: Any, **options: Any
    ) -> AbstractAsyncContextManager[Outcomes[bulk.ImportRow, bulk.Imported]]:
        """Create contacts in the lists in turn."""
        given: dict[str, Any] = {"mailing_list": self.spread}
        return bulk.create_contacts(self.client, self.directory, rows, **{**given, **options})

    def links(self, **options: Any) -> AbstractAsyncContextManager[Outcomes[bulk.Recipient, Any]]:
        """Generate links for all lists."""
        given: dict[str, Any] = {"directory_id": self.directory, "deadline": 5}
        survey = options.pop("survey_id", self.sandbox.state.survey_id)
        lists = options.pop("lists", self.lists)
        return bulk.generate_links(self.client, survey, lists, **{**given, **options})

    def fill(self, *counts: int) -> None:
        """Put contacts into the lists, without a request."""
        for name, count in zip(self.lists, counts, strict=False):
            for n in range(count):
                self.sandbox.state.add_contact(name, email=f"{n}@{name.lower()}.example.com", ext_ref=f"r{n}")


@asynccontextmanager
async def scene(
    *, lists: int = 1, client: dict[str, Any] | None = None, **options: Any
) -> AsyncGenerator[Scene]:
    """Open a sandbox with some lists and a client of it."""
    async with Sandbox(**{"gzip": False, **options}) as sandbox:
        names = [sandbox.state.add_mailing_list(f"List {n}") for n in range(lists)]
        async with client_of(sandbox, **(client or {})) as made:
            yield Scene(sandbox, made, names)


@dataclass
class Taken:
    """What came out of a job, and the error that ended it, if one did."""

    outcomes: list[Any] = field(default_factory=list)
    error: QualtricsError | None = None
    summary: Summary = field(default_factory=Summary)

    @property
    def kinds(self) -> Counter[str]:
        """How many of which kind."""
        return Counter(type(outcome).__name__ for outcome in self.outcomes)

    @property
    def reasons(self) -> Counter[str]:
        """How many for which reason."""
        return Counter(outcome.reason for outcome in self.outcomes if not isinstance(outcome, Ok))


async def take(job: AbstractAsyncContextManager[Outcomes[Any, Any]], most: int | None = None) -> Taken:
    """Take a job's outcomes, all or the first few; an error that stops it is kept."""
    taken = Taken()
    try:
        async with job as outcomes:
            taken.summary = outcomes.summary
            if most != 0:
                async for outcome in outcomes:
                    taken.outcomes.append(outcome)
                    if len(taken.outcomes) == most:
                        break
    except QualtricsError as error:
        taken.error = error
    return taken


def settle(sandbox: Sandbox, rows: Sequence[Any], outcomes: Iterable[Any]) -> dict[int, Any]:
    """Check that each row has exactly one outcome, and that the sandbox's own record says the same."""
    by_index: dict[int, Any] = {}
    for outcome in outcomes:
        assert outcome.item.index not in by_index, f"row {outcome.item.index} has two outcomes"
        by_index[outcome.item.index] = outcome
    assert sorted(by_index) == list(range(len(rows)))
    for index, outcome in by_index.items():
        compare(sandbox, rows[index], outcome)
    never_twice(sandbox)
    return by_index


def compare(sandbox: Sandbox, row: Any, outcome: Any) -> None:
    """Check one outcome against the sandbox."""
    reference = row.get("extRef") if isinstance(row, dict) else None
    accepted = sandbox.state.accepted_rows[reference] if reference else 0
    if merges(sandbox):
        accepted = min(accepted, 1)  # sent twice, it is one contact
    match outcome:
        case Ok(value=value):
            assert accepted == 1, (row, outcome)
            if value.contact_id is not None:
                assert value.contact_id in sandbox.state.contacts
                member = sandbox.state.mailing_lists[outcome.item.mailing_list_id].by_contact[
                    value.contact_id
                ]
                assert member.lookup_id == value.contact_lookup_id
        case Failed():
            assert accepted == 0, (row, outcome)
        case InDoubt():
            assert accepted in (0, 1), (row, outcome)
        case _:
            raise AssertionError(outcome)


def merges(sandbox: Sandbox) -> bool:
    """Whether the default directory makes one contact of two that are alike."""
    state = sandbox.state
    return bool(state.directories[state.default_directory_id].deduplicate)


def never_twice(sandbox: Sandbox) -> None:
    """Check that no row was accepted twice, or that it is one contact all the same."""
    state = sandbox.state
    again = {key for key, count in state.accepted_rows.items() if count > 1}
    if merges(sandbox):
        assert all(
            state.count_members(name, ext_ref=key) <= 1 for name in state.mailing_lists for key in again
        )
    else:
        assert not again
