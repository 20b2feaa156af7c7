"""What the proofs run: a plan that a seed decides, its rows, its sandbox, and the job that is called."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from random import Random
from typing import Any, Final, Literal, TypeAlias, get_args
from unittest import mock

import msgspec
from msgspec.structs import replace

from qualtrics_async import Limits, Polling, Qualtrics, RetryPolicy, bulk
from qualtrics_async.bulk import Ok, Outcomes, Summary, contacts_to_links, generate_links, import_contacts
from qualtrics_async.sandbox import ByPolls, BySeconds, Sandbox, import_queue
from qualtrics_async.sandbox.jobs import Progress
from qualtrics_async.sandbox.records import ImportJob, MailingList

__all__ = [
    "CRITERIA",
    "JOBS",
    "LANGUAGE",
    "LIST_NAME",
    "Call",
    "JobName",
    "Part",
    "Place",
    "Plan",
    "Said",
    "arrange",
    "disturb",
    "lists_called",
    "refusing",
    "run_job",
    "say",
]

JobName: TypeAlias = Literal["imports", "creates", "links", "updates", "removals", "opt-outs", "ways"]
"""What is called; `ways` go from rows to links."""

JOBS: Final[tuple[JobName, ...]] = get_args(JobName)

CRITERIA: Final[tuple[tuple[str, ...], ...]] = ((), ("email",), ("externalDataReference",))
"""Deduplication: none, one that every row has, and one that some rows lack."""

EXPIRY: Final = "2099-01-01T00:00:00Z"
OTHER_EXPIRY: Final = "2098-01-01T00:00:00Z"
MISSING_LIST: Final = "no list"

REFUSED: Final = "refused"
"""What the addresses begin with that are refused by the service only."""

LANGUAGE: Final = "FR"
"""What an update sets."""

LIST_NAME: Final = "List 0"
"""The list that the way from rows to links goes by."""

_CHANGES: Final = ("updates", "removals", "opt-outs")

_SILENT: Final = {"links": 0.05, "ways": 0.15}
"""Jobs that make links, and the share of the contacts from before that get none, for each reason."""

_SIZES: Final = {
    "imports": (90, 240),
    "creates": (25, 60),
    "links": (40, 160),
    "updates": (25, 60),
    "removals": (25, 60),
    "opt-outs": (25, 60),
    "ways": (30, 90),
}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One case: all that happens follows from it, as far as threads and processes let it."""

    seed: int
    job: JobName
    deduplicate: tuple[str, ...]
    count: int
    lists: int
    chunk_rows: int
    transactions: bool
    resend: bool
    report: bool
    expires: bool
    growing: bool
    polls: int
    lag: int
    page_size: int
    exists: bool
    """Of a way: its list is there before."""

    hopeless: bool
    """Of a way: no row of it can be sent."""

    batches: int
    """Of links: the transaction batches."""

    @classmethod
    def of(cls, seed: int, job: JobName, deduplicate: tuple[str, ...]) -> Plan:
        """Draw the rest from the seed."""
        random = Random(f"plan {seed} {job} {deduplicate}")
        return cls(
            seed=seed,
            job=job,
            deduplicate=deduplicate,
            count=random.randint(*_SIZES[job]),
            lists=random.randint(1, 4),
            chunk_rows=random.choice((random.randint(8, 30), 100)),
            transactions=job == "imports" and random.random() < 0.2,
            resend=random.random() < 0.4,
            report=random.random() < 0.8,
            expires=random.random() < 0.5,
            growing=random.random() < 0.5,
            polls=random.randint(0, 3),
            lag=random.choice((0, 0, 1, 2)),
            page_size=random.choice((7, 20, 100)),
            exists=job != "ways" or random.random() < 0.5,
            hopeless=job == "ways" and random.random() < 0.12,
            batches=random.randint(0, 2) if job == "links" else 0,
        )

    def sandbox(self, *, seconds: float | None = None, **more: Any) -> dict[str, Any]:
        """What the sandbox is told; its jobs and lags go by polls, or by the clock in units of `seconds`."""

        def lasting(steps: int) -> ByPolls | BySeconds:
            return ByPolls(steps) if seconds is None else BySeconds(steps * seconds)

        return {
            "seed": self.seed,
            "deduplicate": self.deduplicate,
            "import_report": self.report,
            "links": "growing" if self.growing else "at_once",
            "jobs": lasting(self.polls),
            "search_lag": lasting(self.lag) if self.lag else None,
            "listing_lag": lasting(self.lag) if self.lag else None,
            "page_size": self.page_size,
            "gzip": False,
            **more,
        }

    def is_valid(self, n: int) -> bool:
        """Whether a row can be sent."""
        return n % 17 != 4 and not self.hopeless

    def is_refused(self, n: int) -> bool:
        """Whether the service refuses a row that can be sent, while an older contact has its reference."""
        refused = self.job == "imports" and n % 19 == 12
        return refused and self.is_valid(n) and self.reference(n) is not None

    def is_known(self, n: int) -> bool:
        """Whether the contact of a row is in its list before the job begins, or one with its reference."""
        if self.job in ("imports", "creates"):
            return (n % 19 == 7 and self.is_valid(n)) or self.is_refused(n)
        if self.job == "ways":
            return self.exists and n % 7 == 5
        return self.job == "links" or n % 13 != 6

    def reference(self, n: int) -> str | None:
        """The external reference of a row; some have none."""
        return None if n % 11 == 3 else f"r{n}"

    def email(self, n: int) -> str:
        """The address of a row."""
        return f"{REFUSED}{n}@example.com" if self.is_refused(n) else f"person{n}@example.com"

    def is_merged(self, n: int) -> bool:
        """Whether a row that is sent twice is one contact all the same."""
        return "email" in self.deduplicate or (bool(self.deduplicate) and self.reference(n) is not None)

    def list_of(self, n: int) -> int:
        """Which list a row belongs to: the first has the most."""
        return 0 if n % 3 == 0 or self.job == "ways" else n % self.lists

    def opts_out(self, n: int) -> bool:
        """Whether a row says of its contact that it wants no mail."""
        return self.job == "ways" and n % 23 == 9


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a plan runs."""

    token: str
    base_url: str
    directory: str
    survey: str
    lists: tuple[str, ...]
    """Those that the job is told; of a way the one that is there before, if it is."""

    batches: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    """Distributions of the same lists that were there before."""

    members: int = 0
    """Contacts in all lists that were there before."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a job: the same but for `replay`, however often it is made."""

    plan: Plan
    place: Place
    journal: str
    replay: bool = False
    reconcile_timeout: float = 600.0
    polling: Polling = Polling(first=0.002, factor=2, longest=0.02, deadline=5)
    retry: RetryPolicy = RetryPolicy(base=0)
    concurrency: int = 4


class Said(msgspec.Struct, frozen=True):
    """An outcome in short: `key` is the number of a row, or whose link it is.

    That is list and contact, or batch and transaction. `value` is the link, if there is one, else the
    contact; `contact` is the one whose link it is.
    """

    kind: str
    key: str
    reason: str = ""
    value: str | None = None
    contact: str | None = None


class Part(msgspec.Struct):
    """What one process, or one call, said; `error` is what stopped it, `ended` that nothing did.

    `items`, `counted` (outcomes by kind and by reason) and `decided` are what its summary had.
    """

    said: list[Said] = []
    ended: bool = False
    error: str = ""
    items: int = 0
    counted: dict[str, int] = {}
    decided: dict[str, int] = {}

    def read(self, summary: Summary) -> None:
        """Keep what is compared of the summary."""
        kinds = {"Ok": summary.ok, "Failed": summary.failed, "InDoubt": summary.in_doubt}
        self.items, self.decided = summary.items, dict(summary.decided)
        self.counted = {name: number for name, number in (kinds | summary.reasons).items() if number}


def rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Make the rows; one in seventeen cannot be sent, for one of three reasons."""
    for n in range(plan.count):
        row: dict[str, Any] = {"firstName": f"Name {n}", "email": plan.email(n), "group": f"g{n % 5}"}
        if (reference := plan.reference(n)) is not None:
            row["extRef"] = reference
        if plan.transactions:
            row["transactionData"] = {"visit": f"v{n}"}
        if plan.job == "updates":
            row["language"] = LANGUAGE
        if plan.opts_out(n):
            row["unsubscribed"] = True
        if not plan.is_valid(n):
            row |= _trouble(plan, n)
        yield row


def _trouble(plan: Plan, n: int) -> dict[str, Any]:
    """What is wrong with a row that cannot be sent."""
    nowhere: dict[str, Any] = {"firstName": f"Name {MISSING_LIST}"}
    if plan.job in _CHANGES:
        return nowhere
    unreadable = ({"email": "nobody"}, {"language": ["EN"]}, nowhere)
    return unreadable[n % (2 if plan.job == "ways" else 3)]


@contextmanager
def refusing() -> Iterator[None]:
    """Let imports refuse some addresses that the job takes for possible: no fault of the sandbox's can."""
    with mock.patch.object(import_queue, "_EMAIL", re.compile(rf"(?!{REFUSED})[^@\s]+@[^@\s]+\.[^@\s.]+")):
        yield


def arrange(sandbox: Sandbox, plan: Plan) -> Place:
    """Make the lists of a plan, with what is there before the job begins."""
    state, random = sandbox.state, Random(f"place {plan.seed}")
    numbers = range(0 if plan.exists else 1, plan.lists)
    lists = tuple(state.add_mailing_list(f"List {number}") for number in numbers)
    if plan.job == "ways":
        lists = lists[:1] if plan.exists else ()
    strangers: list[str] = []
    for n in range(plan.count):
        if plan.is_known(n):
            contact = state.add_contact(
                lists[plan.list_of(n)],
                email=plan.email(n).replace(REFUSED, "older"),
                ext_ref=plan.reference(n),
                list_unsubscribed=random.random() < _SILENT.get(plan.job, 0),
                exceeded_frequency=random.random() < _SILENT.get(plan.job, 0),
            )
            assert contact.id
    members = sum(len(state.list_contacts(name)) for name in lists)
    if plan.job in ("imports", "ways"):
        for name in lists:
            _let_others_import(sandbox, name)
    if plan.job == "links":
        lists += (state.add_mailing_list("Nobody"),)
        strangers += [
            state.add_distribution(state.survey_id, name).id for name in lists[: random.randint(0, 2)]
        ]
    return Place(
        token=sandbox.token,
        base_url=sandbox.base_url,
        directory=state.default_directory_id,
        survey=state.survey_id,
        lists=lists,
        batches=tuple(_batch(sandbox, lists, random) for _ in range(plan.batches)),
        strangers=tuple(strangers),
        members=members,
    )


def _batch(sandbox: Sandbox, lists: Sequence[str], random: Random) -> str:
    """Make a batch with transactions of some contacts; some have two."""
    state = sandbox.state
    made = state.add_transaction_batch()
    for name in lists:
        for contact in state.list_contacts(name):
            for _ in range(random.choice((0, 0, 0, 0, 1, 1, 2))):
                state.add_transaction(name, contact.id, made)
    return made


def _let_others_import(sandbox: Sandbox, mailing_list_id: str) -> None:
    """Begin an import of somebody else's: ours wait behind it, and leave no trace meanwhile."""
    state = sandbox.state
    began = Progress(state.monotonic())
    job = ImportJob(state.new_id("PGRS_"), state.default_directory_id, mailing_list_id, 1, began)
    job.rows = [{"email": f"other.{mailing_list_id}@example.com".lower()}]
    state.imports[job.id] = job
    state.queues.put(job)


def disturb(sandbox: Sandbox, plan: Plan, place: Place, random: Random) -> Place:
    """Let somebody else make a distribution for one of the lists, which ends at another time than ours.

    Only where ours ends at a time of its own: nothing else tells it from theirs.
    """
    if plan.job not in _SILENT or not plan.expires or random.random() < 0.5:
        return place
    lists = place.lists or [made.id for made in lists_called(sandbox, LIST_NAME)]
    if not lists:
        return place
    with sandbox.state.serving():
        made = sandbox.state.add_distribution(
            place.survey, random.choice(lists), link_type="Individual", expiration=OTHER_EXPIRY
        )
    return replace(place, strangers=(*place.strangers, made.id))


def lists_called(sandbox: Sandbox, name: str) -> list[MailingList]:
    """The mailing lists of a name."""
    lists = sandbox.state.mailing_lists
    with sandbox.state.serving():
        return [made for made in lists.values() if made.name == name]


def _target(call: Call) -> Callable[[Any], str | None]:
    def choose(row: dict[str, Any]) -> str | None:
        number = row["firstName"].removeprefix("Name ")
        return None if number == MISSING_LIST else call.place.lists[call.plan.list_of(int(number))]

    return choose


_SINGLY: Final[dict[str, Callable[..., AbstractAsyncContextManager[Outcomes[Any, Any]]]]] = {
    "creates": bulk.create_contacts,
    "updates": bulk.update_contacts,
    "removals": bulk.remove_contacts,
    "opt-outs": bulk.unsubscribe_contacts,
}


def _job(client: Qualtrics, call: Call) -> AbstractAsyncContextManager[Outcomes[Any, Any]]:
    plan, place = call.plan, call.place
    common: dict[str, Any] = {
        "journal": call.journal,
        "replay": call.replay,
        "on_doubt": "resend" if plan.resend else "report",
        "reconcile_timeout": call.reconcile_timeout,
        "concurrency": call.concurrency,
    }
    match plan.job:
        case "imports":
            return import_contacts(
                client,
                place.directory,
                rows(plan),
                mailing_list=_target(call),
                chunk_rows=plan.chunk_rows,
                **common,
            )
        case "creates" | "updates" | "removals" | "opt-outs":
            return _SINGLY[plan.job](
                client, place.directory, rows(plan), mailing_list=_target(call), **common
            )
        case "ways":
            return contacts_to_links(
                client,
                place.survey,
                rows(plan),
                list_name=LIST_NAME,
                directory_id=place.directory,
                expires=EXPIRY if plan.expires else None,
                deadline=call.polling.deadline,
                chunk_rows=plan.chunk_rows,
                **common,
            )
        case "links":
            return generate_links(
                client,
                place.survey,
                place.lists,
                transaction_batches=place.batches,
                directory_id=place.directory,
                expires=EXPIRY if plan.expires else None,
                deadline=call.polling.deadline,
                **common,
            )


def say(outcome: Any) -> Said:
    """Put an outcome into a few words."""
    item = outcome.item
    if hasattr(item, "index"):
        key = str(item.index)
    elif item.transaction_batch_id is not None:
        key = f"{item.transaction_batch_id}/{item.transaction_id or '*'}"
    else:
        key = f"{item.mailing_list_id}/{item.contact_id or '*'}"
    if not isinstance(outcome, Ok):
        return Said(type(outcome).__name__, key, outcome.reason)
    value = outcome.value
    if hasattr(value, "link"):
        return Said("Ok", key, "", value.link, value.contact_id)
    return Said("Ok", key, "", value.contact_id)


@asynccontextmanager
async def run_job(call: Call) -> AsyncGenerator[Outcomes[Any, Any]]:
    """Open a client of its own and the job."""
    client = Qualtrics(
        token=call.place.token,
        base_url=call.place.base_url,
        limits=Limits.unlimited(),
        polling=call.polling,
        retry=call.retry,
        random=Random(call.plan.seed),
    )
    async with client, _job(client, call) as outcomes:
        yield outcomes
