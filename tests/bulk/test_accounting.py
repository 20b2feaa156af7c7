"""The account of the proofs: each way to break the promise is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from accounting import Account, audit
from proving import JOBS, Call, JobName, Part, Place, Plan, Said, arrange, run_job, say
from working import asynchronous

from qualtrics_async.sandbox import Sandbox

Break: TypeAlias = Callable[[Sandbox, Place, list[Part], Part], None]


def plan_of(job: JobName) -> Plan:
    """A plan with two lists and no deduplication."""
    plan: dict[str, Any] = {name: getattr(Plan.of(0, job, ()), name) for name in Plan.__struct_fields__}
    return Plan(**plan | {"count": 40, "lists": 2, "lag": 0, "transactions": False, "report": True})


async def settled(job: JobName, folder: Path, spoil: Break | None) -> Account:
    """Run a job that nothing disturbs, spoil what is known of it, and settle the account."""
    plan = plan_of(job)
    async with Sandbox(**plan.sandbox()) as sandbox:
        place = arrange(sandbox, plan)
        part = Part()
        async with run_job(Call(plan=plan, place=place, journal=str(folder / "j.db"))) as outcomes:
            async for outcome in outcomes:
                part.said.append(say(outcome))
            part.read(outcomes.summary)
        part.ended = True
        parts, whole = [part], Part(list(part.said), ended=True, items=part.items, counted=part.counted)
        account = Account(plan)
        if spoil is not None:
            spoil(sandbox, place, parts, whole)
        await asyncio.to_thread(audit, sandbox, place, parts, whole, account)
    return account


@pytest.mark.parametrize("job", JOBS)
@asynchronous
async def test_a_job_in_peace_is_in_order(job: JobName, tmp_path: Path) -> None:
    """No violation, no doubt, every row."""
    account = await settled(job, tmp_path, None)
    assert (account.violations, account.in_doubt, account.rows) == (0, 0, 40), str(account)


def at(part: Part, kind: str) -> int:
    """Where the first outcome of a kind is."""
    return next(number for number, one in enumerate(part.said) if one.kind == kind)


def add_a_contact_again(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    sandbox.state.add_contact(place.lists[0], ext_ref="r0", email="person0@example.com")


def accept_a_row_again(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    sandbox.state.accepted_rows["r1"] += 1


def take_a_contact_away(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    sandbox.state.remove_contact(sandbox.state.list_contacts(place.lists[0])[-1])


def add_somebody_else(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    sandbox.state.mailing_lists[place.lists[0]].members.append(
        sandbox.state.mailing_lists[place.lists[1]].members[0]
    )


def say_nothing_of_one(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    del parts[0].said[3]


def replay_without_one(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    del whole.said[3]
    whole.items -= 1
    whole.counted -= 1


def replay_one_twice(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    whole.said.append(whole.said[0])


def change_ones_mind(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    number = at(whole, "Ok")
    whole.said[number] = Said("InDoubt", whole.said[number].key, "lost reply")


def call_a_success_a_failure(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    number = at(whole, "Ok")
    for part in (*parts, whole):
        part.said[number] = Said("Failed", part.said[number].key, "refused by the import")


def name_another(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    number = at(whole, "Ok")
    for part in (*parts, whole):
        part.said[number] = Said("Ok", part.said[number].key, value="https://elsewhere.example.com/")


def count_wrong(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    whole.items += 1


def stop_the_replay(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    whole.ended = False


def distribute_again(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    sandbox.state.add_distribution(sandbox.state.survey_id, place.lists[0])


def put_a_contact_back(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    sandbox.state.add_contact(place.lists[0], ext_ref="r0", email="person0@example.com")


OF_ROWS: list[Break] = [add_a_contact_again, accept_a_row_again, take_a_contact_away, add_somebody_else]
OF_LINKS: list[Break] = [distribute_again]
OF_BOTH: list[Break] = [
    say_nothing_of_one,
    replay_without_one,
    replay_one_twice,
    change_ones_mind,
    call_a_success_a_failure,
    name_another,
    count_wrong,
    stop_the_replay,
]


@pytest.mark.parametrize("spoil", [*OF_BOTH, *OF_ROWS])
@asynchronous
async def test_what_is_wrong_with_rows_is_noticed(spoil: Break, tmp_path: Path) -> None:
    """Every deviation of an import is a violation."""
    assert (await settled("imports", tmp_path, spoil)).violations


@pytest.mark.parametrize("spoil", [*OF_BOTH, *OF_LINKS])
@asynchronous
async def test_what_is_wrong_with_links_is_noticed(spoil: Break, tmp_path: Path) -> None:
    """Every deviation of a links job is a violation."""
    assert (await settled("links", tmp_path, spoil)).violations


@pytest.mark.parametrize("spoil", [change_ones_mind, call_a_success_a_failure, put_a_contact_back])
@asynchronous
async def test_what_is_wrong_with_removals_is_noticed(spoil: Break, tmp_path: Path) -> None:
    """Every deviation of a job that takes contacts off their lists is a violation."""
    assert (await settled("removals", tmp_path, spoil)).violations
