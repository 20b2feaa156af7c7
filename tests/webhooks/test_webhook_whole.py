"""The whole way: each event comes out once with its own response, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest
from virtual import loop, virtual
from webhook_door import Door

from qualtrics_async import Polling, Qualtrics, RetryPolicy, webhooks
from qualtrics_async.sandbox import Deliveries, Sandbox
from qualtrics_async.webhooks import fetching, topics

COUNT = 100
READ = "GET /surveys/{surveyId}/responses/{responseId}"
KEY = "a key: +%&= 🗝"

FAULTS: list[Any] = [
    {"kind": "repeat", "copies": 2, "seconds": 0.25},
    "wrong_signature",
    {"kind": "delay", "seconds": 0.75},
    {"kind": "reorder", "by": 3},
    "cut",
    {"kind": "cut", "when": "after"},
]


class Account:
    """What was published, and what came out."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.kinds: dict[str, type[webhooks.Event]] = {}
        self.out: list[webhooks.EventWithResponse] = []
        self._came = asyncio.Event()

    def add(self, found: webhooks.EventWithResponse) -> None:
        """Something came out."""
        self.out.append(found)
        self._came.set()

    async def came(self, count: int) -> None:
        """Wait until so much came out."""
        async with asyncio.timeout(600):
            while len(self.out) < count:
                self._came.clear()
                await self._came.wait()

    def settle(self) -> None:
        """Check that each came out once, signed, as what it was, with its own response."""
        told: Counter[str] = Counter()
        others: Counter[type[webhooks.Event]] = Counter()
        for found in self.out:
            assert found.error is None
            assert found.event.is_signed
            if isinstance(found.event, webhooks.ResponseEvent):
                assert found.response is not None
                assert found.response.response_id == found.event.response_id
                assert found.response.values["QID1_TEXT"] == self.answers[found.event.response_id]
                assert type(found.event) is self.kinds[found.event.response_id]
                told[found.event.response_id] += 1
            else:
                others[type(found.event)] += 1
        assert told == dict.fromkeys(self.answers, 1)
        assert others == {webhooks.SurveyActivated: 1, webhooks.SurveyDeactivated: 1}


async def publish(sandbox: Sandbox, account: Account, random: Random, door: Door) -> None:
    """Let the responses come, alone and in crowds; for a while the receiver is out of reach."""
    for number in range(COUNT):
        if number == COUNT // 3:
            door.shut()
            loop().call_later(1, door.open)
        is_finished = random.random() < 0.8
        answer = f"answer {number}, 100 % +é😀"
        values = {"QID1_TEXT": answer, "finished": int(is_finished)}
        made = sandbox.state.add_response(sandbox.state.survey_id, values, recipient_id=f"CGC_{number}")
        account.answers[made.id] = answer
        account.kinds[made.id] = webhooks.CompletedResponse if is_finished else webhooks.PartialResponse
        if random.random() < 0.3:
            await asyncio.sleep(0.5)


@virtual
async def test_each_event_comes_out_once_with_its_response(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred responses, with faults on both sides; afterwards no subscription of ours is left."""
    seed = 6
    monkeypatch.setattr(fetching, "_IN_HAND", 12)
    account, random = Account(), Random(seed)
    deliveries = Deliveries(attempts=20, first=1, factor=2, at_once=8)
    async with (
        Door() as door,
        Sandbox(deliveries=deliveries, clock=loop().time) as sandbox,
        Qualtrics(
            token=sandbox.token,
            base_url=sandbox.base_url,
            retry=RetryPolicy(base=0.1),
            polling=Polling(first=0.25, factor=1, longest=0.25),
        ) as client,
    ):
        state = sandbox.state
        foreign = state.add_subscription("*", "https://elsewhere.example.com/other", shared_key="x")
        stale = state.add_subscription("*", f"{door.url}/here", shared_key="of an earlier crash")
        await client.surveys.update(state.survey_id, is_active=False)  # told before anybody listens
        async with webhooks.listen(
            client,
            (topics.completed_response(), topics.partial_response(), "controlpanel.*"),
            public_url=door.url,
            port=0,
            name="here",
            shared_key=KEY,
            queue_size=4,
            fetch=True,
        ) as events:
            door.leads_to = events.port
            assert set(state.subscriptions) == {foreign, *events.subscription_ids}
            assert stale not in state.subscriptions

            async def consume() -> None:
                async for found in events:
                    account.add(found)
                    await asyncio.sleep(0 if len(account.out) % 20 else 1)

            consumer = asyncio.create_task(consume())
            await client.surveys.update(state.survey_id, is_active=True)
            await account.came(1)
            sandbox.deliveries.random(rate=0.5, kinds=FAULTS, seed=seed, topic="surveyengine.*")
            sandbox.faults.random(rate=0.3, kinds=[{"kind": "status", "status": 404}], seed=seed, route=READ)
            sandbox.faults.add(kind="status", route=READ, status=404, times=3)
            sandbox.faults.add(kind="cut", route=READ, when="after")
            await publish(sandbox, account, random, door)
            await account.came(1 + COUNT)
            await sandbox.delivered()
            await client.surveys.update(state.survey_id, is_active=False)
            await account.came(2 + COUNT)
            await sandbox.delivered()
            await asyncio.sleep(60)  # for what would come too often
            counts = events.counts
            consumer.cancel()
            await asyncio.wait([consumer])
        assert set(state.subscriptions) == {foreign}
        account.settle()
        drawn = Counter((fault.kind, fault.when) for fault in sandbox.deliveries.log)
        assert drawn.keys() == {
            *((kind, "before") for kind in ("repeat", "wrong_signature", "delay", "reorder", "cut")),
            ("cut", "after"),
        }
        assert door.refused
        assert counts.full
        assert counts.accepted == 2 + COUNT
        assert counts.repeated >= drawn["cut", "after"]
        refused = sum(record.status == 401 for record in sandbox.deliveries.records)
        assert counts.refused == {"SignatureMismatch": refused}
        assert refused
