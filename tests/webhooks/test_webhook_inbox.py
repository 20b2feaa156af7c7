"""Both inboxes against a plain model: bursts, repeats, failures, openings and crashes in any order."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from virtual import virtual
from webhook_keeping import Transactions, activation, crashed, drained, response, settled

from qualtrics_async import JournalError
from qualtrics_async.webhooks.durable import DurableInbox
from qualtrics_async.webhooks.inbox import Inbox, MemoryInbox, Seen, mark_of

T = TypeVar("T")

NAMELESS = 100
"""From this number on events have no identity."""

numbers = st.one_of(st.integers(1, 12), st.integers(NAMELESS, NAMELESS + 2))


def event(number: int) -> Any:
    """The event of a number of the model."""
    return response(number) if number < NAMELESS else activation(number)


@dataclass
class Model:
    """What an inbox should know."""

    size: int = 1
    remember: int = 1
    is_durable: bool = False
    waiting: list[int] = field(default_factory=list)
    in_hand: dict[int, int] = field(default_factory=dict)
    known: list[int] = field(default_factory=list)

    @property
    def used(self) -> int:
        """What counts for the size."""
        return len(self.waiting) + (len(self.in_hand) if self.is_durable else 0)

    def put(self, number: int) -> str:
        """Accept an event."""
        if number in self.known:
            return "repeated"
        if self.used >= self.size:
            return "full"
        self.waiting.append(number)
        if number < NAMELESS:
            self.known = [*self.known, number]
        return "accepted"

    def forget(self) -> None:
        """Forget what is too old."""
        self.known = self.known[-self.remember :]


class Machine(RuleBasedStateMachine):
    """Drives an inbox and its model side by side."""

    is_durable: bool

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="inbox-model-"))
        self.path = self.folder / "inbox.db"
        self.crashes = 0
        self.runner = asyncio.Runner()
        self.model = Model(is_durable=self.is_durable)
        self.inbox: Inbox

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a step to its end, with what the inbox writes behind it."""

        async def step() -> T:
            result = await work
            if isinstance(self.inbox, DurableInbox):
                await settled(self.inbox)
            return result

        return self.runner.run(step())

    @initialize(size=st.integers(1, 5), remember=st.integers(1, 6))
    def begin(self, size: int, remember: int) -> None:
        """Make a new inbox."""
        self.model.size, self.model.remember = size, remember
        self.open()

    def open(self) -> None:
        """Open the file as it is."""
        size, remember = self.model.size, self.model.remember
        if not self.is_durable:
            self.inbox = MemoryInbox(size, remember)
            return
        self.inbox = self.runner.run(DurableInbox.open(self.path, size, remember))
        self.transactions = Transactions(self.inbox)

    def teardown(self) -> None:
        """Close everything; what was not done is there afterwards, and nothing else."""
        try:
            if hasattr(self, "inbox"):
                if self.is_durable:
                    self.reopen(self.model.size, self.model.remember)
                while self.model.waiting:
                    self.take()
                self.run(self.inbox.aclose())
                assert self.run(self.inbox.put(response(99))) == "full"
        finally:
            self.runner.close()
            shutil.rmtree(self.folder)

    @rule(burst=st.lists(numbers, min_size=1, max_size=8), fails=st.booleans())
    def put(self, burst: list[int], fails: bool) -> None:
        """Events at once: each as if they had come one after the other, or none where nothing was written."""
        before = (list(self.model.waiting), list(self.model.known))
        expected: list[str | type[Exception]] = [*map(self._put_one, burst)]
        fresh = self.model.known[len(before[1]) :]
        fails = fails and self.is_durable and "accepted" in expected
        if fails:
            self.transactions.fail = 1
            self.model.waiting, self.model.known = before
            expected = [
                JournalError
                if verdict == "accepted" or (verdict == "repeated" and number in fresh)
                else verdict
                for number, verdict in zip(burst, expected, strict=True)
            ]
        self.model.forget()

        async def putting() -> list[Any]:
            puts = (self.inbox.put(event(number)) for number in burst)
            return await asyncio.gather(*puts, return_exceptions=True)

        found = [type(one) if isinstance(one, Exception) else one for one in self.run(putting())]
        assert found == expected

    def _put_one(self, number: int) -> str:
        verdict = self.model.put(number)
        if not self.is_durable:
            self.model.forget()  # a burst that is written is remembered as a whole
        return verdict

    @precondition(lambda self: self.model.waiting)
    @rule()
    def take(self) -> None:
        """Take the next event."""
        assert self.inbox.waiting
        taken = self.run(self.inbox.take())
        assert taken is not None
        number = self.model.waiting.pop(0)
        assert taken.event == event(number)
        assert taken.number not in self.model.in_hand
        self.model.in_hand[taken.number] = number

    @precondition(lambda self: not self.model.waiting)
    @rule()
    def take_in_vain(self) -> None:
        """Wait for an event, and give up."""

        async def waiting() -> None:
            task = asyncio.ensure_future(self.inbox.take())
            await asyncio.sleep(0)
            assert not task.done()
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()

        self.run(waiting())

    @precondition(lambda self: self.model.in_hand)
    @rule(data=st.data(), times=st.integers(1, 2))
    def done(self, data: st.DataObject, times: int) -> None:
        """Settle any event that is in hand, perhaps twice."""
        number = data.draw(st.sampled_from(sorted(self.model.in_hand)))

        async def settling() -> None:
            for _ in range(times):
                await self.inbox.done(number)

        self.run(settling())
        del self.model.in_hand[number]

    @precondition(lambda self: self.is_durable)
    @rule(size=st.integers(1, 5), remember=st.integers(1, 6))
    def reopen(self, size: int, remember: int) -> None:
        """Close it and open it again, with other bounds: what was not done comes first, in order."""
        self.run(self.inbox.aclose())
        self._come_back(size, remember)

    @precondition(lambda self: self.is_durable)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """Die, perhaps right after an event was settled, which comes again then."""
        old = self.inbox

        async def settling(number: int) -> None:
            await old.done(number)

        numbers = sorted(self.model.in_hand)
        chosen = data.draw(st.sampled_from([None, *numbers]), "settles an event")
        if chosen is not None:
            self.runner.run(settling(chosen))
        self.crashes += 1
        self.path = crashed(self.path, self.crashes)
        self.run(old.aclose())
        self._come_back(self.model.size, self.model.remember)

    def _come_back(self, size: int, remember: int) -> None:
        self.model.size, self.model.remember = size, remember
        self.model.forget()
        numbered = sorted(self.model.in_hand.items())
        self.model.waiting = [number for _, number in numbered] + self.model.waiting
        self.model.in_hand.clear()
        self.open()

    @invariant()
    def is_bounded(self) -> None:
        """Nothing is left over in memory."""
        if not hasattr(self, "inbox"):
            return
        assert self.inbox.waiting == len(self.model.waiting)
        assert len(self.inbox._seen) == len(self.model.known)  # type: ignore[attr-defined]
        if isinstance(self.inbox, DurableInbox):
            assert self.inbox._undone == self.model.used
            assert self.inbox._handed_out == set(self.model.in_hand)
            assert not self.inbox._writing
            assert not self.inbox._done
            assert not self.inbox._next.events


class Durable(Machine):
    """A file."""

    is_durable = True


class Memory(Machine):
    """A queue."""

    is_durable = False


@pytest.mark.parametrize("machine", [Durable, Memory])
def test_any_history_ends_as_in_the_model(machine: type[Machine]) -> None:
    budget = settings(
        max_examples=20,
        stateful_step_count=25,
        phases=[Phase.generate],
    )
    run_state_machine_as_test(machine, settings=budget)


@virtual
async def test_events_with_one_identity_have_one_mark() -> None:
    assert mark_of(response(1)) == mark_of(response(1)) != mark_of(response(2))
    assert len(mark_of(response(1)) or b"") == 16
    assert mark_of(activation()) is None
    unsigned = msgspec.structs.replace(response(1), is_signed=False)
    assert len({mark_of(response(1)), mark_of(unsigned), mark_of(response(2))}) == 3


@pytest.mark.parametrize("burst", [1, 3, 7, 20])
def test_the_last_marks_are_known_and_the_oldest_is_forgotten_first(burst: int) -> None:
    seen, known = Seen(7), list[int]()
    for first in range(1, 60, burst):
        numbers = range(first, first + burst)
        forgotten = [*known, *numbers][:-7]
        assert seen.forgotten_for([(n, b"%d" % n) for n in numbers]) == (forgotten[-1] if forgotten else 0)
        for number in numbers:
            seen.add(b"%d" % number, number)
        known = [*known, *numbers][-7:]
        assert [n for n in range(100) if b"%d" % n in seen] == known
        assert len(seen) == len(known)


@virtual
async def test_what_waits_in_memory_comes_out_the_same_however_many_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first of them as they came, those beyond in less memory."""
    monkeypatch.setattr("qualtrics_async.webhooks.inbox.MOST_UNPACKED", 2)
    inbox = MemoryInbox(10, 10)
    events = [response(1), response(2), response(3), activation(4)]
    for event in events:
        await inbox.put(event)
    assert [type(entry[1]) is bytes for entry in inbox._events] == [False, False, True, True]
    assert await drained(inbox) == events


@virtual
async def test_who_waits_in_memory_gets_what_comes_and_none_at_the_end() -> None:
    inbox = MemoryInbox(5, 5)
    first, second, third = (asyncio.ensure_future(inbox.take()) for _ in range(3))
    await asyncio.sleep(0)
    first.cancel()
    await inbox.put(response(1))
    taken = await second
    assert taken is not None
    assert taken.event == response(1)
    assert not third.done()
    await inbox.aclose()
    assert await third is None
    assert await inbox.take() is None
    assert await inbox.put(response(2)) == "full"
