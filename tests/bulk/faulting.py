"""The fault test: a job in this process, in virtual time, under random faults of every kind."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest import mock

from accounting import UNFINISHED, Account, audit, audit_journal
from msgspec.structs import replace
from proving import Call, JobName, Part, Plan, arrange, refusing, run_job, say
from virtual import loop, run
from working import CREATE_LIST, DISTRIBUTE, IMPORT

from qualtrics_async import Polling, QualtricsError, RetryPolicy
from qualtrics_async.sandbox import Sandbox

__all__ = ["fault"]

DAY: Final = 86_400.0
RECONCILE: Final = 1_800.0
"""Seconds; more than a queue of imports that were sent again and again may take."""

_MOST_CALLS: Final = 15

LATE: Final = tuple({"kind": "delay", "when": "before", "seconds": seconds} for seconds in (45, 200))
"""What is carried out when the client has given up: no import, see `bench_crash`."""

_LATE_RATE: Final = 0.2

LOST_REPLIES: Final = (
    {"kind": "cut"},
    {"kind": "cut", "when": "after"},
    {"kind": "cut", "when": "after", "reset": True},
    {"kind": "truncated"},
    {"kind": "malformed"},
    {"kind": "html"},
    {"kind": "no_result"},
    {"kind": "delay", "when": "after", "seconds": 45},
)
SERVER_FAULTS: Final = tuple(
    {"kind": "status", "status": status, "when": when, "times": times}
    for status in (500, 503, 504)
    for when in ("before", "after")
    for times in (1, 3)
)
STORMS: Final = (
    {"kind": "status", "status": 429, "times": 4},
    {"kind": "status", "status": 429, "times": 6, "retry_after": 20},
    {"kind": "status", "status": 429, "times": 2, "retry_after": "Wed, 21 Oct 2037 07:28:00 GMT"},
)
LONG_STORMS: Final = ({"kind": "status", "status": 429, "times": 30},)
FAILED_JOBS: Final = ({"kind": "failed_job"},)
STUCK_JOBS: Final = ({"kind": "stuck_job"},)
PAGES: Final = ({"kind": "short_page"}, {"kind": "empty_page"}, {"kind": "repeat_page"})

FAMILIES: Final[tuple[tuple[tuple[Mapping[str, Any], ...], float], ...]] = (
    (LOST_REPLIES, 1.0),
    (SERVER_FAULTS, 1.0),
    (STORMS, 1.0),
    (LONG_STORMS, 0.1),
    (FAILED_JOBS, 1.0),
    (STUCK_JOBS, 0.3),
    (PAGES, 1.0),
)
"""What may go wrong, and how often one of its kinds is meant in comparison."""


def mixed(job: JobName, random: Random) -> dict[str, Any]:
    """Choose what may go wrong: some kinds of some families."""
    kinds, weights = [], []
    families = FAMILIES if job in ("imports", "ways") else (*FAMILIES, (LATE, 1.0))
    for family, weight in random.sample(families, random.randint(1, len(families))):
        chosen = random.sample(family, random.randint(1, len(family)))
        kinds += chosen
        weights += [weight] * len(chosen)
    return {"kinds": kinds, "weights": weights}


@contextmanager
def jumping_clock(random: Random) -> Iterator[None]:
    """Let the wall clock show another time whenever somebody looks, up to a day before or after."""
    true = time.time

    def jump() -> float:
        return true() + random.uniform(-DAY, DAY)

    with mock.patch("time.time", jump):
        yield


async def _call(call: Call, part: Part) -> None:
    try:
        async with run_job(call) as outcomes:
            async for outcome in outcomes:
                part.said.append(say(outcome))
            part.read(outcomes.summary)
    except QualtricsError as error:
        part.error = f"{type(error).__name__}: {error}"
    part.ended = not part.error and not any(one.reason in UNFINISHED for one in part.said)


async def _fault(plan: Plan, rate: float, journal: Path) -> Account:
    account, random, parts = Account(plan), Random(f"fault {plan.seed}"), [Part()]
    options = plan.sandbox(seconds=random.choice((0.1, 5.0, 60.0)), clock=loop().time)
    async with Sandbox(**options) as sandbox:
        place = arrange(sandbox, plan)
        # The first import into a list may be the only one: nothing later proves anything then.
        paths = place.lists or ("",)
        for name in random.sample(paths, random.randint(0, len(paths))):
            sandbox.faults.add(kind="cut", when="after", route=IMPORT, path=name)
        if plan.job == "ways":
            for route in (CREATE_LIST, DISTRIBUTE):
                sandbox.faults.random(rate=_LATE_RATE, seed=plan.seed, kinds=LATE, route=route)
        sandbox.faults.random(rate=rate, seed=plan.seed, **mixed(plan.job, random))
        call = Call(
            plan=plan,
            place=place,
            journal=str(journal),
            reconcile_timeout=RECONCILE,
            polling=Polling(first=1, factor=4, longest=60, deadline=900),
            retry=RetryPolicy(),
        )
        while not parts[-1].ended and account.calls <= _MOST_CALLS:
            if account.calls == _MOST_CALLS:
                sandbox.faults.clear()  # what never ends under faults ends without
            parts.append(Part())
            account.calls += 1
            await _call(call, parts[-1])
        if not parts[-1].ended:
            account.is_wrong(f"it does not end: {parts[-1].error}")
        sandbox.faults.clear()
        whole = Part()
        await _call(replace(call, replay=True), whole)
        audit(sandbox, place, parts, whole, account)
    return account


def fault(plan: Plan, *, rate: float, folder: Path) -> Account:
    """Run a job while a share of all requests goes wrong and the wall clock jumps."""
    with refusing(), jumping_clock(Random(plan.seed)):
        account = run(_fault(plan, rate, folder / "journal.db"))
    audit_journal(folder, account)
    return account
