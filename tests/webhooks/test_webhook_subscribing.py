"""The subscriptions of one URL: made without a gap, found again, never left behind, never those of others."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from virtual import loop, virtual
from webhook_hearing import COMPLETED, CREATE, DELETE, LIST, SURVEYS, Place, hearing

from qualtrics_async import Forbidden, OutcomeUnknown, ServerFault, Timeouts, UsageError
from qualtrics_async.webhooks.subscribing import Subscriptions, checked_topics, own_url

URL = "https://hooks.example.com/q/mine"


def subscriptions(place: Place, *topics: str) -> Subscriptions:
    return Subscriptions(place.client, place.url, topics or (COMPLETED, SURVEYS), "a shared key")


@pytest.mark.parametrize(
    ("given", "checked"),
    [
        ("*", ("*",)),
        (["a.b", "b.*", "a.b", "a.c"], ("a.b", "b.*", "a.c")),
        (iter(["a.b"]), ("a.b",)),
        (["a.b", "*", "a.*"], ("*",)),
        (["a.b.*", "a.b.c", "a.bc", "b.a.b.c", "a.b"], ("a.b.*", "a.bc", "b.a.b.c", "a.b")),
        (["a.b*", "a.bc", "a.bc.d"], ("a.b*", "a.bc", "a.bc.d")),
    ],
)
def test_topics_are_one_or_several(given: Any, checked: tuple[str, ...]) -> None:
    """Duplicates are dropped, and what another one covers; the order is kept."""
    assert checked_topics(given) == checked


def test_a_topic_that_another_covers_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """With one that is subscribed."""
    caplog.set_level(logging.INFO, "qualtrics_async")
    checked_topics(["b.c", "a.b.c", "a.b.*", "a.*"])
    assert [found.getMessage() for found in caplog.records] == [
        "no subscription of its own for a.b.c: its events come as those of a.*",
        "no subscription of its own for a.b.*: its events come as those of a.*",
    ]


@pytest.mark.parametrize(
    "given", ["", " ", [], ["a.b", ""], ["a b"], " a.b", ["a.b\n"], [None], [b"a"], None, 7]
)
def test_topics_that_cannot_be_meant_are_refused(given: Any) -> None:
    """A blank topic would subscribe to nobody knows what."""
    with pytest.raises(UsageError, match="topic"):
        checked_topics(given)


@pytest.mark.parametrize(
    "public_url",
    ["https://hooks.example.com/q", "https://hooks.example.com/q/", "https://hooks.example.com/q//"],
)
def test_the_own_url_is_below_the_public_one(public_url: str) -> None:
    """Slashes at its end make no difference."""
    assert own_url(public_url, "mine") == URL


@pytest.mark.parametrize(
    "public_url", ["http://[::1]:80", "https://h.example.com:8443", "https://h.example.com/@"]
)
def test_public_urls_that_can_be_meant_are_taken(public_url: str) -> None:
    """Ports, addresses and paths are all right."""
    assert own_url(public_url, "a-B_1") == f"{public_url}/a-B_1"


@pytest.mark.parametrize(
    "public_url",
    [
        *(
            "",
            "hooks.example.com",
            "/hooks",
            "ftp://hooks.example.com",
            "https://",
            "https:///hooks",
            "//h.example.com",
        ),
        *(
            "https://h.example.com?",
            "https://h.example.com/#",
            "https://h.example.com/?a=b",
            "https://me@h.example.com",
        ),
        *(
            "https://me:secret@h.example.com",
            "https://h.example.com:0",
            "https://h.example.com:99999",
            "https://h:x",
        ),
        *(
            "https://h.example.com/a b",
            "https://h.example.com/\n",
            "https://h.example.com/ä",
            None,
            b"https://h",
            7,
        ),
    ],
)
def test_public_urls_that_cannot_be_meant_are_refused(public_url: Any) -> None:
    """What the URL holds is never quoted: it may be a secret."""
    with pytest.raises(UsageError, match="public_url") as caught:
        own_url(public_url, "mine")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", "ä", "a\n", None, 7])
def test_names_that_cannot_be_meant_are_refused(name: Any) -> None:
    """A name is a segment of a path without anything to encode."""
    with pytest.raises(UsageError, match="name"):
        own_url("https://hooks.example.com", name)


@virtual
async def test_new_ones_are_made_before_stale_ones_are_deleted() -> None:
    """There is no gap, and what has another URL stays, however alike."""
    async with hearing() as place:
        stale = [place.sandbox.state.add_subscription(topic, place.url) for topic in (COMPLETED, "*")]
        made = subscriptions(place)
        await made.begin()
        assert place.steps == ["GET", "POST", "POST", "DELETE", "DELETE"]
        assert not {*stale} & {*place.sandbox.state.subscriptions}
        assert {*made.ids} | place.foreign == {*place.sandbox.state.subscriptions}
        assert [place.sandbox.state.subscriptions[id_].topics for id_ in made.ids] == [COMPLETED, SURVEYS]
        assert {place.sandbox.state.subscriptions[id_].shared_key for id_ in made.ids} == {"a shared key"}
        await made.end(10)
        assert made.ids == ()
        place.assert_untouched()


@pytest.mark.parametrize("kind", ["cut", "status"])
@virtual
async def test_a_creation_whose_reply_was_lost_is_adopted(kind: Any) -> None:
    """It is found in the listing, beside a stale one of the same topic."""
    async with hearing() as place:
        stale = place.sandbox.state.add_subscription(COMPLETED, place.url)
        place.sandbox.faults.add(kind=kind, route=CREATE, when="after")
        made = subscriptions(place)
        await made.begin()
        assert place.own == [COMPLETED, SURVEYS]
        assert stale not in made.ids
        assert made.doubtful == ()
        assert place.steps == ["GET", "POST", "GET", "POST", "DELETE"]
        await made.end(10)
        place.assert_untouched()
        assert loop().time() < 2


@pytest.mark.parametrize("kind", ["cut", "status"])
@virtual
async def test_a_creation_that_never_arrived_is_made_again(kind: Any) -> None:
    """As often as it takes; who leaves does not wait for what was in doubt long ago."""
    async with hearing() as place:
        place.sandbox.faults.add(kind=kind, route=CREATE, times=3)
        made = subscriptions(place)
        await made.begin()
        assert place.own == [COMPLETED, SURVEYS]
        assert len(made.ids) == 2
        await asyncio.sleep(60)
        before = loop().time()
        await made.end(10)
        assert loop().time() - before < 0.1
        place.assert_untouched()


@virtual
async def test_a_creation_that_is_in_doubt_again_and_again_fails() -> None:
    """The doubt leaves as itself, after a few tries; the end looks for it a while, and finds nothing."""
    async with hearing() as place:
        place.sandbox.faults.add(kind="status", route=CREATE, times=None)
        made = subscriptions(place)
        with pytest.raises(OutcomeUnknown):
            await made.begin()
        assert place.steps.count("POST") == 5
        assert made.doubtful == (COMPLETED,) * 5
        before = loop().time()
        await made.end(10)
        assert 4 < loop().time() - before < 6
        place.assert_untouched()


@virtual
async def test_what_was_made_late_is_deleted_as_well() -> None:
    """A creation that was carried out after another had taken its place is found at the end."""
    async with hearing(timeouts=Timeouts(attempt=1)) as place:
        place.sandbox.faults.add(kind="delay", route=CREATE, seconds=4)
        made = subscriptions(place, COMPLETED)
        await made.begin()
        assert place.own == [COMPLETED]
        await asyncio.sleep(5)
        assert place.own == [COMPLETED] * 2
        assert len(made.ids) == 1
        await made.end(10)
        place.assert_untouched()


@virtual
async def test_the_end_waits_for_what_may_still_be_made() -> None:
    """A creation that was just given up may be carried out a moment later."""
    async with hearing() as place:
        place.sandbox.faults.add(kind="delay", route=CREATE, seconds=8)
        made = subscriptions(place, COMPLETED)
        task = asyncio.create_task(made.begin())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop().time() > 5, "it had its time to be confirmed"
        assert place.own == []
        await made.end(10)
        assert 8 <= loop().time() < 9
        place.assert_untouched()


@virtual
async def test_two_in_doubt_are_both_found() -> None:
    """One by the listing that the second one's doubt leads to, and with it the first."""
    async with hearing(timeouts=Timeouts(attempt=1)) as place:
        place.sandbox.faults.add(kind="delay", route=CREATE, seconds=2)
        place.sandbox.faults.add(kind="cut", route=CREATE, when="after")
        made = subscriptions(place, COMPLETED)
        await made.begin()
        assert place.own == [COMPLETED] * 2
        assert len(made.ids) == 2
        await made.end(10)
        place.assert_untouched()


@virtual
async def test_what_was_made_late_is_deleted_before_anything_comes_twice() -> None:
    """When the rest took so long that it shows by the time all are there."""
    async with hearing(timeouts=Timeouts(attempt=1)) as place:
        place.sandbox.faults.add(kind="delay", route=CREATE, seconds=4)
        place.sandbox.faults.add(kind="status", route=CREATE, skip=1, times=3)
        made = subscriptions(place)
        await made.begin()
        assert loop().time() > 4
        assert place.own == [COMPLETED, SURVEYS]
        assert len(made.ids) == 2
        await made.end(10)
        place.assert_untouched()


@pytest.mark.parametrize("when", ["before", "after"])
@virtual
async def test_what_another_topic_has_at_this_url_is_nobody_s_doubt(when: Any) -> None:
    """It is not ours, although it came meanwhile."""
    async with hearing() as place:
        fault = place.sandbox.faults.add(kind="delay", seconds=1, route=CREATE)
        place.sandbox.faults.add(kind="cut", route=CREATE, when=when)
        made = subscriptions(place, SURVEYS, COMPLETED)
        task = asyncio.create_task(made.begin())
        await fault.arrived()
        place.foreign.add(place.sandbox.state.add_subscription("*", place.url))
        await task
        assert not {*made.ids} & place.foreign
        await made.end(10)
        place.assert_untouched()


@virtual
async def test_a_cancelled_creation_that_is_confirmed_is_deleted() -> None:
    """The answer came after the cancellation; its id is not lost."""
    async with hearing() as place:
        place.sandbox.faults.add(kind="delay", route=CREATE, seconds=3)
        made = subscriptions(place, COMPLETED)
        task = asyncio.create_task(made.begin())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(made.ids) == 1
        assert made.doubtful == ()
        await made.end(10)
        assert loop().time() < 3.5
        place.assert_untouched()


@virtual
async def test_a_refusal_half_way_leaves_as_itself() -> None:
    """What was made by then is deleted at the end; what was there before stays."""
    async with hearing() as place:
        stale = place.sandbox.state.add_subscription(COMPLETED, place.url)
        place.sandbox.faults.add(kind="status", status=403, route=CREATE, skip=1)
        made = subscriptions(place)
        with pytest.raises(Forbidden):
            await made.begin()
        assert place.own == [COMPLETED] * 2
        assert made.doubtful == ()
        await made.end(10)
        place.foreign.add(stale)
        place.assert_untouched()


@pytest.mark.parametrize("in_doubt", [False, True])
@virtual
async def test_a_successor_is_left_alone(in_doubt: bool) -> None:
    """Who finds that others have deleted all of its own deletes nothing more, whatever is in doubt."""
    async with hearing() as place:
        if in_doubt:
            place.sandbox.faults.add(kind="status", route=CREATE)
        first, second = subscriptions(place, COMPLETED), subscriptions(place, COMPLETED)
        await first.begin()
        await second.begin()
        await first.end(10)
        assert [*second.ids] == [id_ for id_ in place.sandbox.state.subscriptions if id_ not in place.foreign]
        await second.end(10)
        place.assert_untouched()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut", "times": 6},
        {"kind": "cut", "when": "after", "times": 2},
        {"kind": "status", "times": 6},
        {"kind": "status", "status": 429, "times": 18},
        {"kind": "delay", "times": 2},
        {"kind": "stalled"},
    ],
)
@virtual
async def test_deletions_are_repeated_in_the_time(fault: Any) -> None:
    """Whatever is wrong for a while, a request that is never answered among it."""
    async with hearing() as place:
        made = subscriptions(place)
        await made.begin()
        place.sandbox.faults.add(route=DELETE, **fault)
        await made.end(10)
        assert loop().time() < 10
        assert made.ids == ()
        place.assert_untouched()


@virtual
async def test_one_that_cannot_be_deleted_keeps_no_other() -> None:
    """All are tried, then the error is raised; what is left is told, and can be tried again."""
    async with hearing() as place:
        made = subscriptions(place)
        await made.begin()
        left = made.ids[0]
        fault = place.sandbox.faults.add(kind="status", route=DELETE, path=left, times=None)
        with pytest.raises(ServerFault):
            await made.end(10)
        assert made.ids == (left,)
        assert place.own == [COMPLETED]
        fault.times = 0
        await made.end(10)
        place.assert_untouched()


@virtual
async def test_a_listing_that_fails_leaves_the_doubt() -> None:
    """The end asks again for a while, then it says so; nothing is claimed to be gone."""
    async with hearing() as place:
        place.sandbox.faults.add(kind="cut", when="after", route=CREATE)
        fault = place.sandbox.faults.add(kind="status", status=403, route=LIST, skip=1, times=None)
        made = subscriptions(place, COMPLETED)
        with pytest.raises(Forbidden):
            await made.begin()
        before = loop().time()
        with pytest.raises(Forbidden):
            await made.end(10)
        assert 5 <= loop().time() - before < 6
        assert made.doubtful == (COMPLETED,)
        fault.times = fault.used + 3
        await made.end(10)
        assert not made.doubtful
        place.assert_untouched()


@pytest.mark.parametrize("who", ["nobody", "a successor", "somebody", "somebody, one"])
@virtual
async def test_a_loss_is_found(who: str) -> None:
    """And by whom, as far as what is there now tells."""
    async with hearing() as place:
        made = subscriptions(place)
        await made.begin()
        second = subscriptions(place)
        if who == "a successor":
            await second.begin()
        elif who != "nobody":
            for id_ in made.ids[: 1 if "one" in who else None]:
                await place.client.event_subscriptions.delete(id_)
        loss = {
            "nobody": None,
            "a successor": "another listener of this name has replaced 2 of 2 subscriptions",
            "somebody": "somebody has deleted 2 of 2 subscriptions",
            "somebody, one": "somebody has deleted 1 of 2 subscriptions",
        }[who]
        found = await made.loss()
        assert found == (loss and f"{loss} of {place.url}: their events do not come")
        await made.end(10)
        await second.end(10)
        place.assert_untouched()


@virtual
async def test_what_is_not_listed_may_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page may have lost it to another one: it is asked for by itself."""
    async with hearing() as place:
        made = subscriptions(place)
        await made.begin()

        async def nothing(_: object) -> list[Any]:
            return []

        with monkeypatch.context() as patched:
            patched.setattr(made, "_listed", nothing)
            assert await made.loss() is None
            fault = place.sandbox.faults.add(kind="status", status=403, route="GET *", path=made.ids[0])
            with pytest.raises(Forbidden):
                await made.loss()
            assert fault.used == 1
        await made.end(10)


@virtual
async def test_no_key_shows() -> None:
    """Neither in the text of the object nor in that of an error."""
    async with hearing() as place:
        made = subscriptions(place)
        assert "a shared key" not in repr(made)
        place.sandbox.faults.add(kind="status", status=400, route=CREATE)
        with pytest.raises(Exception, match="400") as caught:
            await made.begin()
        assert "a shared key" not in repr(caught.value) + str(caught.value)
