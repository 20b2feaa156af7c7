"""What goes wrong with writes after they are done, in runs and in mixtures."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Any

import aiohttp
import pytest
from speaking import Caller, asynchronous, speaking

from qualtrics_async.sandbox import ByPolls, FaultKind, Faults

LOST: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "retry_after": 1},
    {"kind": "status", "status": 504},
    {"kind": "cut"},
    {"kind": "cut", "reset": True},
    {"kind": "truncated"},
]


async def writes(call: Caller) -> list[tuple[str, str, str, Any]]:
    """A write of each kind that a bulk job makes: its route, method, path and body."""
    state = call.sandbox.state
    list_id, batch_id = state.add_mailing_list("List"), state.add_transaction_batch()
    kept, gone = (state.add_contact(list_id, email=f"{name}@example.com") for name in ("kept", "gone"))
    pool, lists = "/directories/{directoryId}", "/directories/{directoryId}/mailinglists/{mailingListId}"
    directory, here = f"/directories/{state.default_directory_id}", f"{call.lists}/{list_id}"
    links = {"surveyId": state.survey_id, "linkType": "Individual", "description": "d"}
    to_list = {"action": "CreateDistribution", "mailingListId": list_id}
    to_batch = {"action": "CreateTransactionBatchDistribution", "transactionBatchId": batch_id}
    happened = {"contactId": kept.id, "mailingListId": list_id, "transactionDate": "2026-06-01 00:00:00"}
    row = {"email": "new@example.com"}
    return [
        (f"POST {pool}/mailinglists", "POST", call.lists, {"name": "Another"}),
        (f"POST {lists}/contacts", "POST", f"{here}/contacts", row),
        (f"POST {pool}/contacts", "POST", f"{directory}/contacts", row),
        (f"POST {lists}/transactioncontacts", "POST", f"{here}/transactioncontacts", {"contacts": [row]}),
        (f"PUT {lists}/contacts/{{contactId}}", "PUT", f"{here}/contacts/{kept.id}", {"firstName": "Ann"}),
        (f"PUT {pool}/contacts/{{contactId}}", "PUT", f"{directory}/contacts/{kept.id}", {"lastName": "B"}),
        (f"DELETE {lists}/contacts/{{contactId}}", "DELETE", f"{here}/contacts/{gone.id}", None),
        (f"DELETE {pool}/contacts/{{contactId}}", "DELETE", f"{directory}/contacts/{gone.id}", None),
        (f"POST {pool}/transactions", "POST", f"{directory}/transactions", {"a": happened}),
        (
            f"POST {pool}/transactionbatches",
            "POST",
            f"{directory}/transactionbatches",
            {"transactionIds": []},
        ),
        ("POST /distributions", "POST", "/distributions", links | to_list),
        ("POST /distributions", "POST", "/distributions", links | to_batch),
    ]


@pytest.mark.parametrize("options", LOST, ids=str)
@asynchronous
async def test_every_write_can_be_lost_before_and_after_it_is_done(options: dict[str, Any]) -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        state = call.sandbox.state
        for route, method, path, body in await writes(call):
            for when in ("before", "after") if options["kind"] != "truncated" else ("after",):
                done = state.processed[route]
                call.sandbox.faults.add(route=route, **options, when=when, times=None)
                with contextlib.suppress(aiohttp.ClientError):
                    answer = await call(method, path, body)
                    assert answer.status == options["status"]
                # aiohttp itself repeats a PUT or DELETE that was cut off.
                assert (state.processed[route] > done) == (when == "after"), (route, when)
                assert call.sandbox.requests[-1].fault == options["kind"]
                call.sandbox.faults.clear()
        assert state.count_members(next(iter(state.mailing_lists)), email="new@example.com") == 1
        assert {contact.email for contact in state.contacts.values()} == {
            "kept@example.com",
            "new@example.com",
        }
        assert [contact.first_name for contact in state.contacts.values()] == ["Ann", None]
        assert len(state.distributions) == 2


@pytest.mark.parametrize("retry_after", [None, 3])
@asynchronous
async def test_a_storm_of_refusals_covers_all_routes(retry_after: int | None) -> None:
    async with speaking() as call:
        more: Any = {} if retry_after is None else {"retry_after": retry_after}
        storm = call.sandbox.faults.add(kind="status", status=429, times=4, skip=1, **more)
        paths = ["/whoami", "/surveys", call.lists, "/whoami", "/surveys", "/whoami"]
        answers = [await call.get(path) for path in paths]
        assert [answer.status for answer in answers] == [200, 429, 429, 429, 429, 200]
        told = {answer.headers.get("Retry-After") for answer in answers[1:5]}
        assert told == {None if retry_after is None else "3"}
        assert storm.used == 4


async def drawn(*rolls: dict[str, Any], requests: int = 300) -> list[Any]:
    """What so many requests met: their status, or the fault that left none."""
    async with speaking() as call:
        for options in rolls:
            call.sandbox.faults.random(**options)
        for _ in range(requests):
            with contextlib.suppress(aiohttp.ClientError):
                # aiohttp itself repeats a GET that was cut off, but no POST.
                await call.post(call.lists, {"name": "a"})
        return [record.status or record.fault for record in call.sandbox.requests]


@asynchronous
async def test_random_storms_come_in_runs() -> None:
    storm = {"kind": "status", "status": 429, "times": 5}
    seen = await drawn({"rate": 0.05, "kinds": [storm], "seed": 3})
    assert seen == await drawn({"rate": 0.05, "kinds": [storm], "seed": 3})
    runs = [len(run) for run in "".join("x" if status == 429 else " " for status in seen).split()]
    assert len(runs) > 1
    assert {length % 5 for length in runs} == {0}


@asynchronous
async def test_weights_say_which_kind_is_the_more_frequent() -> None:
    kinds = [{"kind": "status", "status": status} for status in (500, 503, 504)]
    seen = Counter(await drawn({"rate": 1.0, "kinds": kinds, "weights": [8, 2, 0], "seed": 1}))
    assert seen[504] == seen[200] == 0
    assert 3 < seen[500] / seen[503] < 6


@asynchronous
async def test_rates_add_up_and_do_not_disturb_each_other() -> None:
    often = {"rate": 0.3, "kinds": [{"kind": "status", "status": 503}], "seed": 1}
    seldom = {"rate": 0.1, "kinds": ["cut"], "seed": 2}
    alone, other, both = [
        await drawn(*rolls, requests=150) for rolls in ((often,), (seldom,), (often, seldom))
    ]
    assert 0 < alone.count(503) < 150
    assert 0 < other.count("cut") < 150
    expected = [first if first == 503 else second for first, second in zip(alone, other, strict=True)]
    assert both == expected


@asynchronous
async def test_a_scripted_fault_leaves_the_numbers_of_the_random_ones_as_they_are() -> None:
    options: Any = {"rate": 0.5, "kinds": [{"kind": "status", "status": 503}], "seed": 4}
    plain = await drawn(options, requests=30)
    async with speaking() as call:
        call.sandbox.faults.random(**options)
        scripted = call.sandbox.faults.add(kind="status", status=418, times=10)
        statuses = [(await call.post(call.lists, {"name": "a"})).status for _ in range(30)]
        assert statuses == [418] * 10 + plain[10:]
        assert scripted.used == 10
        assert sum(fault.used for fault in set(call.sandbox.faults.log)) == len(call.sandbox.faults.log)
        call.sandbox.faults.clear()
        assert {(await call.get("/whoami")).status for _ in range(10)} == {200}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": ["cut", "html"], "weights": [1.0]}, "2 kinds need as many weights, not 1"),
        ({"kinds": [{"kind": "cut", "times": None}]}, "must end"),
    ],
)
def test_what_no_dice_take(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Faults().random(rate=0.1, **options)


@pytest.mark.parametrize("kind", ["status", "cut"])
@asynchronous
async def test_random_faults_strike_after_the_work_if_told(kind: FaultKind) -> None:
    async with speaking() as call:
        call.sandbox.faults.random(rate=1.0, kinds=[{"kind": kind, "when": "after"}], route="POST *")
        with contextlib.suppress(aiohttp.ClientError):
            await call.post(call.lists, {"name": "a"})
        assert len(call.sandbox.state.mailing_lists) == 1
