"""When a row of an import becomes a contact, and who may see it then."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from speaking import Caller, Clock, asynchronous, speaking, speaking_to

from qualtrics_async.sandbox import ByPolls, BySeconds, Sandbox, import_queue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from qualtrics_async.sandbox import FaultKind

    Look = Callable[[Caller, str], Awaitable[Any]]

POST = "POST /directories/{directoryId}/mailinglists/{mailingListId}/transactioncontacts"


def rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"email": f"a{n}@example.com", "extRef": str(n)} for n in range(start, start + count)]


def new_list(call: Caller) -> str:
    return call.sandbox.state.add_mailing_list("List")


async def start(call: Caller, list_id: str, contacts: list[Any], **more: Any) -> str:
    path = f"{call.lists}/{list_id}/transactioncontacts"
    made: str = (await call.post(path, {"contacts": contacts, **more})).result["id"]
    return made


async def percent(call: Caller, list_id: str, import_id: str) -> float:
    progress = (await call.get(f"{call.lists}/{list_id}/transactioncontacts/{import_id}")).result
    return float(progress["percentComplete"])


def seen(call: Caller, list_id: str) -> list[str | None]:
    return [contact.ext_ref for contact in call.sandbox.state.list_contacts(list_id)]


@asynchronous
async def test_rows_become_contacts_as_their_import_gets_on() -> None:
    async with speaking(jobs=ByPolls(2), deduplicate=()) as call:
        state, list_id = call.sandbox.state, new_list(call)
        first, second = [await start(call, list_id, rows(2, at)) for at in (0, 2)]
        assert (state.contacts, state.accepted_rows) == ({}, {})
        assert await percent(call, list_id, second) == 0.0
        assert seen(call, list_id) == ["0"]
        assert await percent(call, list_id, second) == 0.0
        assert seen(call, list_id) == ["0", "1"]
        assert await percent(call, list_id, first) == 100.0
        assert seen(call, list_id) == ["0", "1", "2"]
        assert await percent(call, list_id, second) == 100.0
        assert seen(call, list_id) == ["0", "1", "2", "3"]
        assert set(state.accepted_rows.values()) == {1}


@asynchronous
async def test_the_clock_processes_imports_that_nobody_polls() -> None:
    clock = Clock()
    async with speaking(jobs=BySeconds(10), clock=clock, deduplicate=()) as call:
        state, list_id = call.sandbox.state, new_list(call)
        first = await start(call, list_id, rows(2))
        second = await start(call, list_id, rows(2, 2))
        clock.now += 15
        assert seen(call, list_id) == ["0", "1", "2"]
        assert [state.imports[made].done for made in (first, second)] == [True, False]
        clock.now += 5
        assert [row.import_id for row in state.accepted()] == [first, first, second, second]
        assert state.accepted_rows == {"0": 1, "1": 1, "2": 1, "3": 1}
        created = [contact.created for contact in state.list_contacts(list_id)]
        assert [made - created[0] for made in created] == [0, 0, 5000, 10_000]


@pytest.mark.parametrize(
    "read",
    ["contacts", "mailing_lists", "transactions", "transaction_batches", "accepted_rows", "directories"],
)
@asynchronous
async def test_whoever_reads_the_state_reads_the_present(read: str) -> None:
    clock = Clock()
    async with speaking(jobs=BySeconds(10), clock=clock) as call:
        state, list_id = call.sandbox.state, new_list(call)
        batch_id = state.add_transaction_batch()
        data = [{**row, "transactionData": {"order": "1"}} for row in rows(3)]
        await start(call, list_id, data, transactionMeta={"batchId": batch_id, "fields": ["order"]})
        counts: dict[str, Callable[[Any], int]] = {
            "mailing_lists": lambda lists: len(lists[list_id].members),
            "transaction_batches": lambda batches: len(batches[batch_id]),
            "directories": lambda pools: int(pools[state.default_directory_id].contact_count),
        }
        clock.now += 10
        assert counts.get(read, len)(getattr(state, read)) == 3


@asynchronous
async def test_lists_do_not_wait_for_each_other() -> None:
    async with speaking(jobs=ByPolls(1)) as call:
        call.sandbox.faults.add(kind="stuck_job")
        stuck, free = new_list(call), new_list(call)
        await start(call, stuck, rows(1))
        behind = await start(call, stuck, rows(1, 5))
        assert await percent(call, free, await start(call, free, rows(1, 9))) == 100.0
        assert [await percent(call, stuck, behind) for _ in range(3)] == [0.0] * 3
        assert set(call.sandbox.state.accepted_rows) == {"9"}


@pytest.mark.parametrize("jobs", [ByPolls(1), BySeconds(1)])
@pytest.mark.parametrize(
    ("kind", "status"), [("failed_job", "failed"), ("zero_job", "complete"), ("stuck_job", "in progress")]
)
@asynchronous
async def test_an_import_that_goes_wrong_makes_no_contacts(
    kind: FaultKind, status: str, jobs: ByPolls | BySeconds
) -> None:
    clock = Clock()
    async with speaking(jobs=jobs, clock=clock) as call:
        call.sandbox.faults.add(kind=kind)
        list_id = new_list(call)
        import_id = await start(call, list_id, rows(3))
        clock.now += 60
        path = f"{call.lists}/{list_id}/transactioncontacts/{import_id}"
        assert [(await call.get(path)).result["status"] for _ in range(2)] == [status] * 2
        assert call.sandbox.state.contacts == {}


async def search(call: Caller, list_id: str) -> Any:
    directory = call.sandbox.state.default_directory_id
    body = {"filter": {"filterType": "inList", "comparison": True, "mailingListId": list_id}}
    return (await call.post(f"/directories/{directory}/contacts/search", body)).result["elements"]


async def in_list(call: Caller, list_id: str) -> Any:
    return (await call.get(f"{call.lists}/{list_id}/contacts")).result["elements"]


async def in_directory(call: Caller, list_id: str) -> Any:
    path = f"/directories/{call.sandbox.state.default_directory_id}/contacts"
    return (await call.get(path)).result["elements"]


async def counted(call: Caller, list_id: str) -> Any:
    return range((await call.get(f"{call.lists}/{list_id}", includeCount="true")).result["contactCount"])


async def distributed(call: Caller, list_id: str) -> Any:
    body = {
        "surveyId": call.sandbox.state.survey_id,
        "linkType": "Individual",
        "description": "d",
        "action": "CreateDistribution",
        "mailingListId": list_id,
    }
    made = (await call.post("/distributions", body)).result["id"]
    return call.sandbox.state.distributions[made].members


@pytest.mark.parametrize("look", [search, in_list, in_directory, counted, distributed])
@asynchronous
async def test_reading_contacts_is_a_poll_of_each_first_import(look: Look) -> None:
    """An import whose reply was lost is processed all the same, and the next one after it."""
    async with speaking(jobs=ByPolls(2), deduplicate=()) as call:
        list_id = new_list(call)
        await start(call, list_id, rows(2))
        await start(call, list_id, rows(2, 2))
        assert [len(await look(call, list_id)) for _ in range(5)] == [1, 2, 3, 4, 4]


@pytest.mark.parametrize("look", [in_list, counted, distributed])
@asynchronous
async def test_reading_another_list_is_no_poll(look: Look) -> None:
    async with speaking(jobs=ByPolls(1)) as call:
        await start(call, new_list(call), rows(2))
        await look(call, new_list(call))
        await call.get("/whoami")
        assert call.sandbox.state.contacts == {}


@asynchronous
async def test_reading_another_directory_is_no_poll() -> None:
    async with speaking(jobs=ByPolls(1)) as call:
        await start(call, new_list(call), rows(2))
        other = call.sandbox.state.add_directory("Other")
        body = {"filter": {"filterType": "extRef", "comparison": "eq", "value": "0"}}
        assert (await call.get(f"/directories/{other}/contacts")).result["elements"] == []
        assert (await call.post(f"/directories/{other}/contacts/search", body)).result["elements"] == []
        assert call.sandbox.state.contacts == {}


@asynchronous
async def test_what_takes_no_time_is_done_when_it_is_answered() -> None:
    async with speaking(jobs=BySeconds(0)) as call:
        import_id = await start(call, new_list(call), rows(2))
        job = call.sandbox.state.imports[import_id]
        assert (job.done, job.taken) == (True, 2)


@asynchronous
async def test_writing_is_no_poll() -> None:
    async with speaking(jobs=ByPolls(1)) as call:
        list_id = new_list(call)
        await start(call, list_id, rows(2))
        await call.post(f"{call.lists}/{list_id}/contacts", {"extRef": "x"})
        await start(call, list_id, rows(2, 2))
        assert seen(call, list_id) == ["x"]


@pytest.mark.parametrize("kind", ["cut", "truncated"])
@asynchronous
async def test_an_import_whose_reply_is_lost_gets_on(kind: FaultKind) -> None:
    clock = Clock()
    async with speaking(jobs=BySeconds(5), clock=clock) as call:
        list_id = new_list(call)
        call.sandbox.faults.add(kind=kind, route=POST, when="after")
        with pytest.raises(aiohttp.ClientError):
            await start(call, list_id, rows(2))
        assert await in_list(call, list_id) == []
        clock.now += 5
        assert [entry["extRef"] for entry in await in_list(call, list_id)] == ["0", "1"]


@asynchronous
async def test_rows_of_the_old_way_are_there_at_once_and_told_in_sequence() -> None:
    async with speaking(jobs=ByPolls(2), imports="at_once", deduplicate=()) as call:
        list_id = new_list(call)
        first, second = [await start(call, list_id, rows(2, at)) for at in (0, 2)]
        assert seen(call, list_id) == ["0", "1", "2", "3"]
        told = [await percent(call, list_id, made) for made in (second, first, second, second)]
        assert told == [0.0, 100.0, 50.0, 100.0]
        assert call.sandbox.state.accepted_rows.total() == 4


@asynchronous
async def test_the_rows_are_kept_no_longer_than_needed() -> None:
    async with speaking(jobs=ByPolls(1)) as call:
        list_id = new_list(call)
        job = call.sandbox.state.imports[await start(call, list_id, rows(3))]
        assert len(job.rows) == 3
        await percent(call, list_id, job.id)
        assert job.rows == []


@asynchronous
async def test_rows_that_wait_for_a_list_that_is_deleted_are_lost() -> None:
    async with speaking(jobs=ByPolls(2)) as call:
        list_id = new_list(call)
        import_id = await start(call, list_id, rows(4))
        assert await percent(call, list_id, import_id) == 50.0
        await call("DELETE", f"{call.lists}/{list_id}")
        path = f"{call.lists}/{list_id}/transactioncontacts/{import_id}"
        progress = (await call.get(path)).result
        assert progress["percentComplete"] == 100.0
        assert progress["contacts"]["count"] == {"added": 2, "updated": 0, "failed": 0}
        directory = call.sandbox.state.default_directory_id
        report = (await call.get(f"/directories/{directory}/imports/api-import/jobs/{import_id}/report")).json
        entries = report["results"]["importReportEntries"]
        assert [entry["contactId"] is None for entry in entries] == [False, False, True, True]


@asynchronous
async def test_a_batch_that_is_deleted_meanwhile_takes_no_transactions() -> None:
    async with speaking(jobs=ByPolls(1)) as call:
        state, list_id = call.sandbox.state, new_list(call)
        batch_id = state.add_transaction_batch()
        data = [{**row, "transactionData": {"order": "1"}} for row in rows(2)]
        made = await start(call, list_id, data, transactionMeta={"batchId": batch_id, "fields": ["order"]})
        assert state.transactions == {}
        await call("DELETE", f"/directories/{state.default_directory_id}/transactionbatches/{batch_id}")
        assert await percent(call, list_id, made) == 100.0
        assert len(state.transactions) == 2


@asynchronous
async def test_a_full_chunk_does_not_hold_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """While 10 000 rows are processed, other requests are answered."""
    monkeypatch.setattr(import_queue, "SLICE", 50)
    async with speaking(jobs=ByPolls(1), deduplicate=()) as call:
        list_id = new_list(call)
        import_id = await start(call, list_id, rows(10_000))
        polled = asyncio.create_task(percent(call, list_id, import_id))
        answered = 0
        while not polled.done():
            await call.get("/whoami")
            answered += not polled.done()
        assert answered > 3
        assert await polled == 100.0
        assert len(call.sandbox.state.list_contacts(list_id)) == 10_000


@asynchronous
async def test_two_polls_at_once_take_no_row_twice() -> None:
    clock = Clock()
    async with speaking(jobs=BySeconds(1), clock=clock, deduplicate=()) as call:
        list_id = new_list(call)
        made = [await start(call, list_id, rows(2000, at)) for at in (0, 2000)]
        clock.now += 3
        looks = [percent(call, list_id, each) for each in made * 3]
        told = await asyncio.gather(*looks, in_list(call, list_id), search(call, list_id))
        assert told[:6] == [100.0] * 6
        assert call.sandbox.state.accepted_rows == {str(n): 1 for n in range(4000)}
        assert seen(call, list_id) == [str(n) for n in range(4000)]


def test_another_thread_reads_while_imports_get_on(request: pytest.FixtureRequest) -> None:
    """No row is taken twice, and no reader breaks."""

    async def drive(sandbox: Sandbox, list_id: str) -> None:
        async with speaking_to(sandbox) as call:
            for at in range(0, 6000, 1000):
                await start(call, list_id, rows(1000, at))
                await in_list(call, list_id)

    interval = sys.getswitchinterval()
    request.addfinalizer(lambda: sys.setswitchinterval(interval))
    sys.setswitchinterval(1e-6)
    with Sandbox.in_thread(jobs=BySeconds(0.001), deduplicate=()) as sandbox:
        list_id = sandbox.state.add_mailing_list("List")

        async def both() -> None:
            work = asyncio.create_task(drive(sandbox, list_id))
            while not work.done():
                await asyncio.sleep(0)
                assert sandbox.state.count_members(list_id, ext_ref="5") <= 1
            await work

        asyncio.run(both())
        sandbox.state.mailing_lists[list_id]
        while sandbox.state.queues:
            sandbox.state.catch_up()
        assert sandbox.state.accepted_rows == {str(n): 1 for n in range(6000)}
        assert sandbox.state.count_members(list_id) == 6000
