"""What the proofs run: a plan that a seed decides, its rows, its sandbox, and the job that is called."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec
from msgspec.structs import replace

from qualtrics_async import Limits, Polling, Qualtrics, RetryPolicy, bulk
from qualtrics_async.bulk import Ok, Outcomes, Summary
from qualtrics_async.sandbox import ByPolls, BySeconds, Sandbox
from qualtrics_async.sandbox.jobs import Progress
from qualtrics_async.sandbox.records import ImportJob

__all__ = [
    "CRITERIA",
    "JOBS",
    "Call",
    "JobName",
    "Part",
    "Place",
    "Plan",
    "Said",
    "arrange",
    "disturb",
    "run_job",
    "say",
]

JobName: TypeAlias = Literal["imports", "creates", "links", "updates", "removals"]
JOBS: Final[tuple[JobName, ...]] = get_args(JobName)

CRITERIA: Final[tuple[tuple[str, ...], ...]] = ((), ("email",), ("externalDataReference",))
"""Deduplication: none, one that every row has, and one that some rows lack."""

EXPIRY: Final = "2099-01-01T00:00:00Z"
OTHER_EXPIRY: Final = "2098-01-01T00:00:00Z"
MISSING_LIST: Final = "no list"

LANGUAGE: Final = "FR"
"""What an update sets."""

_SIZES: Final = {
    "imports": (90, 240),
    "creates": (25, 60),
    "links": (40, 160),
    "updates": (25, 60),
    "removals": (25, 60),
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
        return n % 17 != 4

    def is_known(self, n: int) -> bool:
        """Whether the contact of a row is in its list before the job begins."""
        if self.job in ("imports", "creates"):
            return n % 19 == 7 and self.is_valid(n)
        return self.job == "links" or n % 13 != 6

    def reference(self, n: int) -> str | None:
        """The external reference of a row; some have none."""
        return None if n % 11 == 3 else f"r{n}"

    def email(self, n: int) -> str:
        """The address of a row."""
        return f"person{n}@example.com"

    def is_merged(self, n: int) -> bool:
        """Whether a row that is sent twice is one contact all the same."""
        return "email" in self.deduplicate or (bool(self.deduplicate) and self.reference(n) is not None)

    def list_of(self, n: int) -> int:
        """Which list a row belongs to: the first has the most."""
        return 0 if n % 3 == 0 else n % self.lists


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a plan runs."""

    token: str
    base_url: str
    directory: str
    survey: str
    lists: tuple[str, ...]
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
    """An outcome in short: `key` is the number of a row, or list and contact of a link."""

    kind: str
    key: str
    reason: str = ""
    value: str | None = None


class Part(msgspec.Struct):
    """What one process, or one call, said; `error` is what stopped it, `ended` that nothing did.

    `items`, `counted` and `decided` are what its summary had.
    """

    said: list[Said] = []
    ended: bool = False
    error: str = ""
    items: int = 0
    counted: int = 0
    decided: dict[str, int] = {}

    def read(self, summary: Summary) -> None:
        """Keep what is compared of the summary."""
        self.items, self.counted, self.decided = summary.items, summary.outcomes, dict(summary.decided)


def rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Make the rows; one in seventeen cannot be sent, for one of three reasons."""
    changes = plan.job in ("updates", "removals")
    for n in range(plan.count):
        row: dict[str, Any] = {"firstName": f"Name {n}", "email": plan.email(n), "group": f"g{n % 5}"}
        if (reference := plan.reference(n)) is not None:
            row["extRef"] = reference
        if plan.transactions:
            row["transactionData"] = {"visit": f"v{n}"}
        if plan.job == "updates":
            row["language"] = LANGUAGE
        if changes and not plan.is_valid(n):
            row["firstName"] = f"Name {MISSING_LIST}"
        elif not plan.is_valid(n):
            row |= ({"email": "nobody"}, {"firstName": f"Name {MISSING_LIST}"}, {"language": ["EN"]})[n % 3]
        yield row


def arrange(sandbox: Sandbox, plan: Plan) -> Place:
    """Make the lists of a plan, with what is there before the job begins."""
    state, random = sandbox.state, Random(f"place {plan.seed}")
    lists = tuple(state.add_mailing_list(f"List {number}") for number in range(plan.lists))
    strangers: list[str] = []
    for n in range(plan.count):
        if plan.is_known(n):
            contact = state.add_contact(
                lists[plan.list_of(n)],
                email=plan.email(n),
                ext_ref=plan.reference(n),
                list_unsubscribed=plan.job == "links" and random.random() < 0.05,
                exceeded_frequency=plan.job == "links" and random.random() < 0.05,
            )
            assert contact.id
    members = sum(len(state.list_contacts(name)) for name in lists)
    if plan.job == "imports":
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
        strangers=tuple(strangers),
        members=members,
    )


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
    if plan.job != "links" or not plan.expires or random.random() < 0.5:
        return place
    with sandbox.state.serving():
        made = sandbox.state.add_distribution(
            place.survey, random.choice(place.lists), link_type="Individual", expiration=OTHER_EXPIRY
        )
    return replace(place, strangers=(*place.strangers, made.id))


def _target(call: Call) -> Callable[[Any], str | None]:
    def choose(row: dict[str, Any]) -> str | None:
        number = row["firstName"].removeprefix("Name ")
        return None if number == MISSING_LIST else call.place.lists[call.plan.list_of(int(number))]

    return choose


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
            return bulk.import_contacts(
                client,
                place.directory,
                rows(plan),
                mailing_list=_target(call),
                chunk_rows=plan.chunk_rows,
                **common,
            )
        case "creates":
            return bulk.create_contacts(
                client, place.directory, rows(plan), mailing_list=_target(call), **common
            )
        case "updates":
            return bulk.update_contacts(
                client, place.directory, rows(plan), mailing_list=_target(call), **common
            )
        case "removals":
            return bulk.remove_contacts(
                client, place.directory, rows(plan), mailing_list=_target(call), **common
            )
        case "links":
            return bulk.generate_links(
                client,
                place.survey,
                place.lists,
                directory_id=place.directory,
                expires=EXPIRY if plan.expires else None,
                deadline=call.polling.deadline,
                **common,
            )


def say(outcome: Any) -> Said:
    """Put an outcome into a few words."""
    item = outcome.item
    key = str(item.index) if hasattr(item, "index") else f"{item.mailing_list_id}/{item.contact_id or '*'}"
    if isinstance(outcome, Ok):
        value = outcome.value
        return Said("Ok", key, "", value.link if hasattr(value, "link") else value.contact_id)
    return Said(type(outcome).__name__, key, outcome.reason)


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
