"""The account of the proofs: each way to break the promise is noticed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from accounting import TRACES, Account, audit, audit_journal
from msgspec.structs import replace
from proving import (
    JOBS,
    LIST_NAME,
    Call,
    JobName,
    Part,
    Place,
    Plan,
    Said,
    arrange,
    lists_called,
    run_job,
    say,
)
from working import asynchronous

from qualtrics_async.sandbox import Sandbox

Break: TypeAlias = Callable[[Sandbox, Place, list[Part], Part], None]


def plan_of(job: JobName, *, hopeless: bool = False) -> Plan:
    """A plan with two lists that are there before, and no deduplication."""
    return replace(
        Plan.of(0, job, ()),
        count=40,
        lists=2,
        lag=0,
        transactions=False,
        report=True,
        exists=True,
        hopeless=hopeless,
        batches=1 if job == "links" else 0,
    )


async def settled(job: JobName, folder: Path, spoil: Break | None, *, hopeless: bool = False) -> Account:
    """Run a job that nothing disturbs, spoil what is known of it, and settle the account."""
    plan = plan_of(job, hopeless=hopeless)
    async with Sandbox(**plan.sandbox()) as sandbox:
        place = arrange(sandbox, plan)
        part = Part()
        async with run_job(Call(plan=plan, place=place, journal=str(folder / "j.db"))) as outcomes:
            async for outcome in outcomes:
                part.said.append(say(outcome))
            part.read(outcomes.summary)
        part.ended, part.counted = True, Counter(part.counted)
        parts, whole = (
            [part],
            Part(list(part.said), ended=True, items=part.items, counted=Counter(part.counted)),
        )
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
    assert (account.violations, account.in_doubt) == (0, 0), str(account)
    assert account.rows >= 40


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
    kind = whole.said.pop(at(whole, "Ok")).kind
    whole.items -= 1
    whole.counted[kind] -= 1


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


def make_a_second_list(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    sandbox.state.add_mailing_list(LIST_NAME)


def distribute_a_way_again(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    sandbox.state.add_distribution(sandbox.state.survey_id, lists_called(sandbox, LIST_NAME)[0].id)


def distribute_another_list(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    sandbox.state.add_distribution(sandbox.state.survey_id, lists_called(sandbox, "List 1")[0].id)


def swap_two_links(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    for part in (*parts, whole):
        first, second = [n for n, one in enumerate(part.said) if one.kind == "Ok"][:2]
        one, other = part.said[first], part.said[second]
        part.said[first] = replace(one, value=other.value, contact=other.contact)
        part.said[second] = replace(other, value=one.value, contact=one.contact)


def keep_a_link_back(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    for part in (*parts, whole):
        number = at(part, "Ok")
        part.said[number] = Said("Failed", part.said[number].key, "opted out")
        part.counted["Ok"] -= 1
        part.counted["Failed"] += 1
        part.counted["opted out"] += 1


def speak_of_no_row(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    for part in (*parts, whole):
        part.said.append(Said("Ok", "4000"))
        part.items += 1
        part.counted["Ok"] += 1


def count_another_reason(sandbox: Sandbox, place: Place, parts: list[Part], whole: Part) -> None:
    whole.counted["opted out"] += 1


OF_WAYS: list[Break] = [
    make_a_second_list,
    distribute_a_way_again,
    distribute_another_list,
    swap_two_links,
    keep_a_link_back,
    speak_of_no_row,
    count_another_reason,
]
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


@pytest.mark.parametrize("spoil", [*OF_BOTH, *OF_WAYS])
@asynchronous
async def test_what_is_wrong_with_a_way_is_noticed(spoil: Break, tmp_path: Path) -> None:
    """Every deviation of a job that goes from rows to links is a violation."""
    assert (await settled("ways", tmp_path, spoil)).violations


@asynchronous
async def test_a_distribution_although_no_row_went_well_is_noticed(tmp_path: Path) -> None:
    """Those who were in the list before would be written to."""
    account = await settled("ways", tmp_path, distribute_a_way_again, hopeless=True)
    assert "no row went well" in str(account)


@pytest.mark.parametrize("trace", TRACES)
def test_a_row_or_link_in_a_journal_is_noticed(trace: bytes, tmp_path: Path) -> None:
    """Wherever it is in it."""
    account = Account(plan_of("ways"))
    (tmp_path / "journal.db-wal").write_bytes(b"before" + trace + b"after")
    audit_journal(tmp_path, account)
    assert account.violations


@pytest.mark.parametrize("spoil", [change_ones_mind, call_a_success_a_failure, put_a_contact_back])
@asynchronous
async def test_what_is_wrong_with_removals_is_noticed(spoil: Break, tmp_path: Path) -> None:
    """Every deviation of a job that takes contacts off their lists is a violation."""
    assert (await settled("removals", tmp_path, spoil)).violations
