"""What goes wrong with deliveries on demand: each kind, to whom, how often, and at random."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hooking import Scene, delivering, soon
from virtual import virtual

from qualtrics_async.sandbox import Deliveries, DeliveryFaultKind, Sandbox, delivery_faults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def now() -> float:
    return asyncio.get_running_loop().time()


def calls(scene: Scene) -> int:
    return scene.sandbox.state.subscriptions[scene.subscription_id].successful_calls


def times(scene: Scene) -> list[float]:
    return [round(post.at, 2) for post in scene.hook.posts]


def test_the_module_says_what_every_kind_does() -> None:
    table = (delivery_faults.__doc__ or "").split("```")[1].splitlines()
    told = [line.split()[0] for line in table if line[:1].islower()]
    assert tuple(told[2:]) == get_args(DeliveryFaultKind)


@virtual
async def test_a_repeat_comes_although_the_first_was_answered() -> None:
    async with delivering() as scene:
        scene.sandbox.deliveries.add(kind="repeat")
        scene.sandbox.deliveries.add(kind="repeat", copies=2, seconds=7)
        scene.respond()
        await scene.sandbox.delivered()
        assert (times(scene), calls(scene)) == ([0, 0], 2)
        scene.respond()
        await scene.sandbox.delivered()
        assert times(scene)[2:] == [0, 7, 14]
        bodies = [post.body for post in scene.hook.posts]
        assert len(set(bodies[:2])) == len(set(bodies[2:])) == 1
        assert scene.attempts == [(1, 1, 200), (1, 2, 200), (2, 1, 200), (2, 2, 200), (2, 3, 200)]
        assert {record.fault for record in scene.sandbox.deliveries.records} == {"repeat"}


@virtual
async def test_what_was_given_up_is_not_repeated() -> None:
    async with delivering(deliveries=Deliveries(attempts=2)) as scene:
        scene.sandbox.deliveries.add(kind="repeat")
        scene.hook.statuses = [503, 503]
        scene.respond()
        await scene.sandbox.delivered()
        assert len(scene.hook.posts) == 2


@pytest.mark.parametrize("answer", [401, 200])
@virtual
async def test_a_wrong_signature_is_followed_by_the_right_one(answer: int) -> None:
    async with delivering(deliveries=Deliveries(attempts=1)) as scene:
        scene.sandbox.deliveries.add(kind="wrong_signature")
        scene.hook.statuses = [answer]
        scene.respond()
        await scene.sandbox.delivered()
        wrong, right = scene.hook.posts
        assert (wrong.is_signed(), right.is_signed()) == (False, True)
        assert len(wrong.fields["HMAC"]) == 128
        assert wrong.fields["MSG"] == right.fields["MSG"]
        assert (times(scene), scene.attempts) == ([0, 1], [(1, 1, answer), (1, 2, 200)])
        records = scene.sandbox.deliveries.records
        assert [record.body for record in records] == [wrong.body, right.body]


@virtual
async def test_what_has_no_signature_has_no_wrong_one() -> None:
    async with delivering(key=None) as scene:
        fault = scene.sandbox.deliveries.add(kind="wrong_signature")
        scene.sandbox.deliveries.random(rate=1, kinds=["wrong_signature"])
        scene.respond()
        await scene.sandbox.delivered()
        assert (len(scene.hook.posts), fault.used, scene.sandbox.deliveries.log) == (1, 0, [])


@virtual
async def test_a_delay_holds_until_released_or_for_some_seconds() -> None:
    async with delivering(deliveries=Deliveries(at_once=1)) as scene:
        held = scene.sandbox.deliveries.add(kind="delay")
        scene.sandbox.deliveries.add(kind="delay", seconds=30)
        first, second, third = scene.respond_often(3)
        await held.arrived()
        await soon(lambda: scene.hook.posts)
        assert scene.hook.events("ResponseID") == [third]
        held.release()
        await scene.sandbox.delivered()
        assert scene.hook.events("ResponseID") == [third, first, second]
        assert times(scene)[2] == 30


@virtual
async def test_what_is_late_comes_after_those_that_overtook_it() -> None:
    async with delivering(deliveries=Deliveries(at_once=1)) as scene:
        scene.sandbox.deliveries.add(kind="reorder", by=2, seconds=1000)
        other = scene.sandbox.state.add_subscription("*", scene.hook.url, shared_key="k")
        first, second, third, fourth = scene.respond_often(4)
        await scene.sandbox.delivered()
        assert now() < 1
        order = [
            (record.subscription_id == other, record.delivery) for record in scene.sandbox.deliveries.records
        ]
        assert [number for is_other, number in order if is_other] == [2, 4, 6, 8]
        mine = [number for is_other, number in order if not is_other]
        assert mine in ([3, 5, 1, 7], [3, 5, 7, 1])
        assert {first, second, third, fourth} == set(scene.hook.events("ResponseID"))


@virtual
async def test_what_nothing_overtakes_comes_in_the_end() -> None:
    async with delivering() as scene:
        scene.sandbox.deliveries.add(kind="reorder", skip=1)
        first, second = scene.respond_often(2)
        await scene.sandbox.delivered()
        # One that came before does not overtake.
        assert scene.hook.events("ResponseID") == [first, second]
        assert times(scene) == [0, 1]
        scene.sandbox.deliveries.add(kind="reorder", by=3, seconds=5)
        scene.respond_often(3)
        await scene.sandbox.delivered()
        assert times(scene)[2:] == [1, 1, 6]


@pytest.mark.parametrize("reset", [False, True])
@virtual
async def test_a_cut_form_is_posted_again(reset: bool) -> None:
    async with delivering() as scene:
        scene.sandbox.deliveries.add(kind="cut", reset=reset)
        scene.sandbox.deliveries.add(kind="cut", at=0, reset=reset)
        scene.respond_often(2)
        await scene.sandbox.delivered()
        await soon(lambda: scene.hook.broken == ["/hook?of=tests"] * 2)
        assert sorted(scene.attempts) == [(1, 1, 0), (1, 2, 200), (2, 1, 0), (2, 2, 200)]
        assert times(scene) == [1, 1]
        assert all(post.is_signed() for post in scene.hook.posts)
        records = scene.sandbox.deliveries.records
        assert [record.error for record in records if record.attempt == 1] == ["cut", "cut"]
        assert calls(scene) == 2


@virtual
async def test_a_lost_answer_makes_a_second_delivery() -> None:
    async with delivering() as scene:
        scene.sandbox.deliveries.add(kind="cut", when="after")
        scene.respond()
        await scene.sandbox.delivered()
        assert times(scene) == [0, 1]
        assert (scene.attempts, calls(scene)) == ([(1, 1, 0), (1, 2, 200)], 1)
        assert scene.hook.broken == []


@virtual
async def test_nobody_hears_a_cut_where_nobody_listens() -> None:
    async with delivering(deliveries=Deliveries(attempts=1)) as scene:
        scene.sandbox.state.subscriptions[scene.subscription_id].publication_url = "http://127.0.0.1:1"
        scene.sandbox.deliveries.add(kind="cut")
        scene.respond()
        await scene.sandbox.delivered()
        (record,) = scene.sandbox.deliveries.records
        assert (record.status, (record.error or "")[:22]) == (0, "ConnectionRefusedError")


# Which deliveries


@virtual
async def test_faults_strike_those_that_they_name() -> None:
    async with delivering() as scene:
        state, deliveries = scene.sandbox.state, scene.sandbox.deliveries
        other = state.add_subscription("*", scene.hook.url, shared_key="k")
        of_other = deliveries.add(kind="repeat", subscription=other, times=None)
        of_topic = deliveries.add(kind="delay", topic="threesixty.*", seconds=3, times=2, skip=1)
        scene.respond()
        for _ in range(4):
            scene.sandbox.publish("threesixty.created", {})
        await scene.sandbox.delivered()
        assert (of_other.used, of_topic.used) == (5, 2)
        assert sum(record.attempt == 1 for record in deliveries.records) == 10
        delayed = [record.delivery for record in deliveries.records if record.fault == "delay"]
        assert delayed == [5, 7]
        assert [fault.kind for fault in deliveries.log].count("repeat") == 5


@pytest.mark.parametrize(
    ("topics", "topic", "is_covered"),
    [
        ("completedResponse.*", "surveyengine.completedResponse.SV_1", False),
        ("*Response.*", "surveyengine.completedResponse.SV_1", False),
        ("surveyengine.*", "my.surveyengine.completedResponse.SV_1", False),
        ("surveyengine.completedResponse.SV_1", "surveyengine.completedResponse.SV_10", False),
        ("surveyengine.completedResponse", "surveyengine.completedResponse.SV_1", False),
        ("SV_1", "surveyengine.completedResponse.SV_1", False),
        ("surveyengine.completedResponse.*", "surveyengine.completedResponse.SV_1", True),
        ("*", "surveyengine.completedResponse.SV_1", True),
    ],
)
def test_topics_cover_what_begins_as_they_do(topics: str, topic: str, is_covered: bool) -> None:
    assert delivery_faults.covers(topics, topic) is is_covered


async def struck(events: int, *, clear: bool = False, **given: Any) -> list[str | None]:
    """The fault of each delivery, in the order of publication."""
    async with delivering(deliveries=Deliveries(at_once=100)) as scene:
        scene.sandbox.deliveries.random(**given)
        if clear:
            scene.sandbox.deliveries.clear()
        scene.respond_often(events)
        await scene.sandbox.delivered()
        found = {record.delivery: record.fault for record in scene.sandbox.deliveries.records}
        assert len({str(event) for event in scene.hook.events("ResponseID")}) == events
        return [found[number] for number in range(1, events + 1)]


@virtual
async def test_random_faults_are_the_same_for_the_same_seed() -> None:
    kinds: Sequence[DeliveryFaultKind | Mapping[str, Any]] = [
        *("repeat", "wrong_signature", "reorder", "cut"),
        {"kind": "delay", "seconds": 2},
    ]
    first, again, other = [await struck(60, rate=0.5, kinds=kinds, seed=seed) for seed in (1, 1, 2)]
    assert first == again != other
    assert set(first) == {None, *get_args(DeliveryFaultKind)}
    assert 20 < first.count(None) < 40
    assert set(await struck(20, rate=1, kinds=kinds, weights=[1, 0, 0, 0, 0])) == {"repeat"}
    assert await struck(5, rate=1, kinds=kinds, topic="controlpanel.*") == [None] * 5
    assert await struck(5, rate=1, kinds=kinds, clear=True) == [None] * 5


@virtual
async def test_a_random_fault_strikes_so_many_in_a_row() -> None:
    found = await struck(40, rate=0.1, kinds=[{"kind": "repeat", "times": 4}])
    runs = "".join("x" if fault else " " for fault in found).split()
    assert runs
    assert all(len(run) % 4 == 0 for run in runs[:-1])


@virtual
async def test_what_is_held_goes_on_when_all_is_cleared() -> None:
    async with delivering() as scene:
        scene.sandbox.deliveries.add(kind="delay", times=None)
        scene.respond_often(3)
        await soon(lambda: len(scene.sandbox.deliveries.log) == 3)
        scene.sandbox.deliveries.clear()
        await scene.sandbox.delivered()
        assert len(scene.hook.posts) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"kinds": ["delay"]},
        {"kinds": ["nothing"]},
        {"kinds": [{"kind": "repeat", "times": None}]},
        {"kinds": ["repeat"], "weights": [1, 2]},
    ],
)
def test_random_faults_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Sandbox().deliveries.random(rate=1, **wrong)


def test_kinds_that_are_not_known_are_refused() -> None:
    with pytest.raises(ValueError, match="wrong_signature"):
        Sandbox().deliveries.add(kind="hold")  # type: ignore[arg-type]
