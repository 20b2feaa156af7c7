"""Import jobs: acceptance, progress, sequence and report."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from speaking import Caller, Clock, asynchronous, speaking

from qualtrics_async.sandbox import ByPolls, BySeconds

if TYPE_CHECKING:
    from qualtrics_async.sandbox import FaultKind


def rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"email": f"a{n}@example.com", "extRef": str(n)} for n in range(start, start + count)]


def new_path(call: Caller) -> str:
    return f"{call.lists}/{call.sandbox.state.add_mailing_list('List')}/transactioncontacts"


async def start(call: Caller, path: str, contacts: list[Any], **more: Any) -> Any:
    return (await call.post(path, {"contacts": contacts, **more})).result


async def report(call: Caller, import_id: str, size: int = 100) -> list[dict[str, Any]]:
    directory = call.sandbox.state.default_directory_id
    path = f"/directories/{directory}/imports/api-import/jobs/{import_id}/report"
    entries: list[dict[str, Any]] = []
    query = {"pageSize": str(size)}
    while True:
        body = (await call.get(path, **query)).json
        assert body.keys() == {"results", "skipToken", "meta"}
        entries += body["results"]["importReportEntries"]
        if body["skipToken"] is None:
            return entries
        query["skipToken"] = body["skipToken"]


@asynchronous
async def test_an_import_gets_on_by_polls() -> None:
    async with speaking(jobs=ByPolls(3)) as call:
        started = await start(call, new_path(call), rows(9))
        assert started["status"] == "in progress"
        assert started["contacts"] == {"unprocessed": []}
        url = started["tracking"]["url"]
        seen = [(await call.get(url)).result for _ in range(4)]
        assert [progress["percentComplete"] for progress in seen] == [33.3, 66.7, 100.0, 100.0]
        assert seen[0]["contacts"]["count"] == {"added": 3, "updated": 0, "failed": 0}
        assert seen[2]["contacts"]["count"] == {"added": 9, "updated": 0, "failed": 0}
        assert seen[2]["status"] == "complete"
        assert (await call.get(url + "/summary")).result == seen[3]


@asynchronous
async def test_an_import_gets_on_by_the_clock() -> None:
    clock = Clock()
    async with speaking(jobs=BySeconds(10), clock=clock) as call:
        path = new_path(call)
        first = (await start(call, path, rows(4)))["id"]
        second = (await start(call, path, rows(4)))["id"]
        clock.now += 5
        progress = (await call.get(f"{path}/{first}")).result
        assert progress["percentComplete"] == 50.0
        assert (await call.get(f"{path}/{second}")).result["contacts"]["count"] == {}
        clock.now += 10
        assert (await call.get(f"{path}/{second}")).result["percentComplete"] == 50.0
        assert (await call.get(f"{path}/{first}")).result["percentComplete"] == 100.0
        clock.now += 5
        assert len(await report(call, second)) == 4


@asynchronous
async def test_imports_of_one_list_finish_one_after_the_other() -> None:
    async with speaking(jobs=ByPolls(2)) as call:
        path = new_path(call)
        urls = [(await start(call, path, rows(1)))["tracking"]["url"] for _ in range(3)]
        done = []
        for _ in range(6):
            polled = [(await call.get(url)).result["percentComplete"] for url in reversed(urls)]
            done.append([float(percent) >= 100 for percent in polled])
        assert done[0] == [False, False, True] or not any(done[0][:2])
        for newest, middle, oldest in done:
            assert newest <= middle <= oldest
        assert all(done[-1])


@asynchronous
async def test_an_import_outlives_its_list() -> None:
    async with speaking(jobs=ByPolls(2)) as call:
        path = new_path(call)
        url = (await start(call, path, rows(2)))["tracking"]["url"]
        await call("DELETE", path.removesuffix("/transactioncontacts"))
        percents = [(await call.get(url)).result["percentComplete"] for _ in range(3)]
        assert percents == [50.0, 100.0, 100.0]
        assert (await call.get(f"{path}/PGRS_none")).status == 404


@asynchronous
async def test_every_row_has_its_outcome() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        path = new_path(call)
        contacts = [
            *rows(2),
            {"email": "not-an-address", "phone": "1"},
            "no object",
            {},
            {"email": None},
            {"email": "A0@example.com", "firstName": "Again"},
            {"extRef": "x", "embeddedData": {"a": "b"}},
        ]
        started = await start(call, path, contacts)
        assert started["contacts"]["unprocessed"] == [3, 4, 5]
        progress = (await call.get(started["tracking"]["url"])).result
        assert progress["contacts"]["count"] == {"added": 3, "updated": 1, "failed": 1}
        assert progress["invalidEmails"] == ["not-an-address"]
        entries = {entry["sourceIndexId"]: entry for entry in await report(call, started["id"], size=2)}
        assert list(entries) == [0, 1, 2, 6, 7]
        assert entries[2]["contactId"] is None
        assert entries[2]["email"] == "not-an-address"
        assert entries[0]["contactId"] == entries[6]["contactId"]
        state = call.sandbox.state
        assert [(row.row, row.added) for row in state.accepted()] == [
            (0, True),
            (1, True),
            (6, False),
            (7, True),
        ]
        assert state.accepted_rows == {"0": 1, "1": 1, "A0@example.com": 1, "x": 1}


@asynchronous
async def test_shapes_vary_from_import_to_import() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        path = new_path(call)
        started = [await start(call, path, [{}]) for _ in range(3)]
        assert [one["contacts"]["unprocessed"] for one in started] == [[0], [0], ["0"]]
        percents = [(await call.get(one["tracking"]["url"])).result["percentComplete"] for one in started]
        assert percents == [100.0, 100.0, "100"]


@asynchronous
async def test_wrong_ids_end_with_all_counts_zero() -> None:
    async with speaking(jobs=ByPolls(1)) as call:
        good = new_path(call)
        bad = [
            (f"{call.lists}/CG_none/transactioncontacts", {}),
            (good.replace("POOL_", "POOL_x"), {}),
            (good, {"transactionMeta": {"batchId": "BT_none"}}),
        ]
        for path, more in bad:
            started = await start(call, path, rows(2), **more)
            progress = (await call.get(started["tracking"]["url"])).result
            assert float(progress["percentComplete"]) == 100
            assert progress["contacts"]["count"] == {"added": 0, "updated": 0, "failed": 0}
        assert call.sandbox.state.contacts == {}


@asynchronous
async def test_transactions_are_recorded_in_their_batch() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        batch = call.sandbox.state.add_transaction_batch()
        contacts = [{**row, "transactionData": {"orderId": "1"}} for row in rows(2)] + rows(1, 5)
        meta = {"batchId": batch, "fields": ["orderId"]}
        started = await start(call, new_path(call), contacts, transactionMeta=meta)
        progress = (await call.get(started["tracking"]["url"])).result
        assert progress["transactions"]["count"] == {"created": 2}
        assert len(call.sandbox.state.transaction_batches[batch]) == 2
        entries = await report(call, started["id"])
        assert [entry["transactionId"] is None for entry in entries] == [False, False, True]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"contacts": rows(10_001)}, 400, "PLACEHOLDER_400"),
        ({"contacts": [{"firstName": "x" * 5_000_000}]}, 413, "PLACEHOLDER_413"),
        ({"contacts": [{"mail": "x"}]}, 400, "RP_9"),
        ({"contacts": [], "more": 1}, 400, "RP_9"),
        ({"contacts": {}}, 400, "PLACEHOLDER_400"),
        ({}, 400, "RP_10"),
    ],
)
@asynchronous
async def test_what_no_import_takes(body: dict[str, Any], status: int, code: str) -> None:
    async with speaking() as call:
        refused = await call.post(new_path(call), body)
        assert (refused.status, refused.code) == (status, code)
        assert call.sandbox.state.imports == {}


@asynchronous
async def test_the_report_waits_for_the_end_and_needs_the_licence() -> None:
    async with speaking(jobs=ByPolls(1)) as call:
        started = await start(call, new_path(call), rows(1))
        directory = call.sandbox.state.default_directory_id
        path = f"/directories/{directory}/imports/api-import/jobs/{started['id']}/report"
        assert (await call.get(path)).status == 404
        await call.get(started["tracking"]["url"])
        assert (await call.get(path)).status == 200
    async with speaking(import_report=False) as call:
        refused = await call.get("/directories/POOL_1/imports/api-import/jobs/PGRS_1/report")
        assert (refused.status, refused.code) == (403, "AuthZ_2.0")


@asynchronous
async def test_jobs_that_go_wrong() -> None:
    async with speaking(jobs=ByPolls(1)) as call:
        expected: dict[FaultKind, tuple[str, dict[str, int]]] = {
            "failed_job": ("failed", {"added": 0, "updated": 0, "failed": 3}),
            "zero_job": ("complete", {"added": 0, "updated": 0, "failed": 0}),
            "stuck_job": ("in progress", {}),
        }
        for kind, (status, counts) in expected.items():
            call.sandbox.faults.add(kind=kind)
            started = await start(call, new_path(call), rows(3))
            polls = [(await call.get(started["tracking"]["url"])).result for _ in range(3)]
            progress = polls[-1]
            assert (progress["status"], progress["contacts"]["count"]) == (status, counts)


@asynchronous
async def test_a_full_chunk_is_taken_and_others_get_their_turn() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        started = await start(call, new_path(call), rows(10_000))
        progress = (await call.get(started["tracking"]["url"])).result
        assert progress["contacts"]["count"]["added"] == 10_000
        entries = await report(call, started["id"], size=5000)
        assert [entry["sourceIndexId"] for entry in entries] == list(range(10_000))
        assert set(itertools.chain(call.sandbox.state.accepted_rows.values())) == {1}
