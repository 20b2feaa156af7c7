"""Every kind of fault, before and after the work."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, get_args

import aiohttp
import pytest
from speaking import Caller, asynchronous, speaking, until

from qualtrics_async.sandbox import ByPolls, FaultKind, Faults, Quotas, Sandbox, faults

if TYPE_CHECKING:
    from qualtrics_async.sandbox import RequestRecord
    from qualtrics_async.sandbox.faults import StatusBody, When


def last(call: Caller) -> RequestRecord:
    return call.sandbox.requests[-1]


@pytest.mark.parametrize("when", ["before", "after"])
@asynchronous
async def test_a_status_before_and_after_the_work(when: When) -> None:
    async with speaking() as call:
        call.sandbox.faults.add(route="POST *", kind="status", status=503, when=when, retry_after=7)
        answer = await call.post(call.lists, {"name": "a"})
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "PLACEHOLDER_503", "7")
        assert "instanceId" in answer.json["meta"]["error"]
        assert (last(call).fault, last(call).processed) == ("status", when == "after")
        assert len(call.sandbox.state.mailing_lists) == (when == "after")
        assert (await call.post(call.lists, {"name": "b"})).status == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("html", "<!DOCTYPE"),
        ("empty", ""),
        ("meta_null", '{"meta":null}'),
        ("no_request_id", '{"meta":{"httpStatus"'),
    ],
)
@asynchronous
async def test_bodies_of_a_status(body: StatusBody, text: str) -> None:
    async with speaking() as call:
        call.sandbox.faults.add(kind="status", status=502, body=body, code="X_1", message="No.")
        answer = await call.get("/whoami")
        assert answer.status == 502
        assert answer.text.startswith(text)
        assert "requestId" not in answer.text


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
@asynchronous
async def test_a_cut_connection(when: When, reset: bool) -> None:
    async with speaking() as call:
        call.sandbox.faults.add(route=call_route(), kind="cut", when=when, reset=reset)
        with pytest.raises(aiohttp.ClientConnectionError):
            await call.post(call.lists, {"name": "a"})
        assert (last(call).status, last(call).processed) == (0, when == "after")
        assert len(call.sandbox.state.mailing_lists) == (when == "after")


def call_route() -> str:
    return "POST /directories/{directoryId}/mailinglists"


@asynchronous
async def test_a_truncated_body() -> None:
    async with speaking() as call:
        call.sandbox.faults.add(kind="truncated")
        with pytest.raises(aiohttp.ClientPayloadError):
            await call.get("/whoami")
        assert last(call).processed


@asynchronous
async def test_a_stalled_body() -> None:
    async with speaking() as call:
        held = call.sandbox.faults.add(kind="stalled")
        asked = asyncio.create_task(call.get("/whoami"))
        await held.arrived()
        assert not asked.done()
        held.release()
        assert (await asked).result["firstName"] == "Api"


@asynchronous
async def test_a_delay_holds_until_released() -> None:
    async with speaking() as call:
        before = call.sandbox.faults.add(kind="delay", path="whoami")
        after = call.sandbox.faults.add(kind="delay", route="POST *", when="after")
        asked = asyncio.create_task(call.get("/whoami"))
        made = asyncio.create_task(call.post(call.lists, {"name": "a"}))
        await before.arrived()
        await after.arrived()
        await until(lambda: call.sandbox.state.mailing_lists)
        assert not asked.done()
        assert not made.done()
        before.release()
        after.release()
        assert (await asked).status == (await made).status == 200


@asynchronous
async def test_a_delay_of_some_seconds() -> None:
    async with speaking(latency=0.001) as call:
        call.sandbox.faults.add(kind="delay", seconds=0.001)
        assert (await call.get("/whoami")).status == 200


@asynchronous
async def test_work_is_done_when_the_client_has_gone() -> None:
    async with speaking() as call:
        held = call.sandbox.faults.add(kind="delay")
        made = asyncio.create_task(call.post(call.lists, {"name": "a"}))
        await held.arrived()
        made.cancel()
        await asyncio.wait([made])
        held.release()
        await until(lambda: call.sandbox.state.mailing_lists)


async def spoilt(call: Caller, kind: FaultKind, **options: Any) -> tuple[str, str]:
    call.sandbox.faults.add(kind=kind, **options)
    answer = await call.get("/whoami")
    assert answer.status == 200
    return answer.text, answer.headers["Content-Type"]


@asynchronous
async def test_spoilt_bodies() -> None:
    async with speaking() as call:
        text, content_type = await spoilt(call, "html")
        assert text.startswith("<!DOCTYPE html>")
        assert content_type.startswith("text/html")
        text, content_type = await spoilt(call, "content_type", content_type="text/csv")
        assert "brandId" in json.loads(text)["result"]
        assert content_type == "text/csv"
        assert (await spoilt(call, "empty"))[0] == ""
        with pytest.raises(json.JSONDecodeError):
            json.loads((await spoilt(call, "malformed"))[0])
        meta = json.loads((await spoilt(call, "error_in_200", status=500, code="X_1"))[0])["meta"]
        assert (meta["httpStatus"], meta["error"]["errorCode"]) == ("500 - Internal Server Error", "X_1")
        assert json.loads((await spoilt(call, "no_result"))[0]).keys() == {"meta"}
        with pytest.raises(RecursionError):
            json.loads((await spoilt(call, "nested"))[0])
        assert "[[[]]]" in (await spoilt(call, "nested", depth=3))[0]
        assert json.loads((await spoilt(call, "surrogates"))[0])["result"]["firstName"] == "Api\ud800"
        text, _ = await spoilt(call, "huge", size=100_000)
        assert len(text) == 100_000
        assert json.loads(text)["result"]["firstName"] == "Api"
        assert all(record.processed for record in call.sandbox.requests)


@asynchronous
async def test_a_redirect() -> None:
    async with speaking() as call:
        call.sandbox.faults.add(kind="redirect", location="https://example.com/")
        answer = await call.get("/whoami")
        assert (answer.status, answer.headers["Location"]) == (302, "https://example.com/")
        assert not last(call).processed


@asynchronous
async def test_pages_that_are_odd_but_complete() -> None:
    async with speaking(page_size=4) as call:
        expected = [call.sandbox.state.add_mailing_list(str(n)) for n in range(9)]
        script = call.sandbox.faults
        cases: dict[FaultKind, list[int]] = {"short_page": [2, 4, 3], "empty_page": [0, 4, 4, 1]}
        for kind, sizes in cases.items():
            script.add(kind=kind)
            pages = await call.walk(call.lists)
            assert [len(page) for page in pages] == sizes
            assert [element["mailingListId"] for page in pages for element in page] == expected
        script.add(kind="empty_page", times=3)
        assert [len(page) for page in await call.walk(call.lists)] == [0, 0, 0, 4, 4, 1]
        cursors = [record.query for record in call.sandbox.requests][-6:]
        assert len(set(cursors)) == 6


@asynchronous
async def test_pages_that_lead_nowhere() -> None:
    async with speaking(page_size=2) as call:
        for n in range(5):
            call.sandbox.state.add_mailing_list(str(n))
        call.sandbox.faults.add(kind="repeat_page", skip=1, times=None)
        pages = await call.walk(call.lists, limit=5)
        assert pages[1] == pages[2] == pages[3] != pages[0]
        call.sandbox.faults.clear()
        for place in ("string", "https://elsewhere.example.com/x"):
            call.sandbox.faults.add(kind="next_page", next_page=place)
            assert (await call.get(call.lists)).result["nextPage"] == place


@asynchronous
async def test_a_repeated_page_of_a_report() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        state = call.sandbox.state
        list_id = state.add_mailing_list("List")
        rows = [{"email": f"a{n}@example.com"} for n in range(4)]
        made = (await call.post(f"{call.lists}/{list_id}/transactioncontacts", {"contacts": rows})).result[
            "id"
        ]
        report = f"/directories/{state.default_directory_id}/imports/api-import/jobs/{made}/report"
        call.sandbox.faults.add(kind="repeat_page", times=None)
        first = (await call.get(report, pageSize="2")).json
        second = (await call.get(report, pageSize="2", skipToken=first["skipToken"])).json
        assert second["results"] == first["results"]
        assert second["skipToken"] == first["skipToken"]


@asynchronous
async def test_faults_are_used_up_in_order() -> None:
    async with speaking() as call:
        script = call.sandbox.faults
        first = script.add(route="/whoami", kind="status", status=500, skip=1)
        script.add(route="GET /whoami", kind="status", status=502, times=2)
        script.add(route="GET /surveys", kind="status", status=503)
        statuses = [(await call.get("/whoami")).status for _ in range(4)]
        assert statuses == [502, 500, 502, 200]
        assert first.used == 1
        assert [fault.status for fault in script.log] == [502, 500, 502]


@asynchronous
async def test_random_faults_repeat_with_their_seed() -> None:
    async def run(seed: int) -> list[str | None]:
        async with speaking() as call:
            kinds: list[FaultKind | dict[str, Any]] = [
                "html",
                {"kind": "status", "status": 502, "when": "after"},
            ]
            call.sandbox.faults.random(seed=seed, rate=0.5, kinds=kinds, route="GET /whoami")
            for _ in range(30):
                await call.get("/whoami")
                await call.get("/surveys")
            assert not any(record.fault for record in call.sandbox.requests if record.route == "/surveys")
            return [record.fault for record in call.sandbox.requests]

    first = await run(1)
    assert first == await run(1)
    assert first != await run(2)
    assert set(first) == {None, "html", "status"}


def test_a_random_delay_must_end() -> None:
    with pytest.raises(ValueError, match="seconds"):
        Faults().random(rate=0.1, kinds=["delay"])


@asynchronous
async def test_a_client_that_leaves_a_stalled_body_does_no_harm() -> None:
    async with speaking() as call:
        held = call.sandbox.faults.add(kind="stalled")
        asked = asyncio.create_task(call.get("/whoami"))
        await held.arrived()
        asked.cancel()
        await asyncio.wait([asked])
        held.release()
        await until(lambda: last(call).status)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="truncated"):
        Faults().add(kind="explode")  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "route", ["", "/surveys/{id}", "PUT /whoami", "FETCH *", "GET  /surveys", "get /surveys"]
)
def test_an_unknown_route_is_refused(route: str) -> None:
    with pytest.raises(ValueError, match="no such route"):
        Faults().add(kind="cut", route=route)
    with pytest.raises(ValueError, match="no such route"):
        Sandbox(quotas=Quotas(routes={route: 1}))


@pytest.mark.parametrize("route", ["*", "GET *", "/surveys", "GET /surveys/{surveyId}", "POST /oauth2/token"])
def test_a_known_route_is_taken(route: str) -> None:
    assert Faults().add(kind="cut", route=route).used == 0


def test_the_table_names_every_kind() -> None:
    table = (faults.__doc__ or "").split("```")[1].splitlines()[2:]
    assert [line.split()[0] for line in table if line] == list(get_args(FaultKind))
