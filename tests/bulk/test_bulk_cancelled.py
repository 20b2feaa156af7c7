"""Cancellation anywhere: nothing is left behind, nothing is in doubt, and the journal goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from changing import changing, is_done
from steps import Steps
from working import Scene, asynchronous, never_twice, scene, settled, take

JOBS = ["imports", "creates", "links", "remove"]
ROWS = 7


class Trial:
    """One job over fresh rows or a fresh list, with a journal of its own."""

    def __init__(self, s: Scene, kind: str, folder: Path, number: int) -> None:
        self.scene = s
        self.outcomes: list[Any] = []
        self._kind = kind
        self._journal = folder / f"{number}.db"
        first = number * ROWS
        self._rows = [{"extRef": f"r{n}", "email": f"{n}@example.com"} for n in range(first, first + ROWS)]
        self._list = s.sandbox.state.add_mailing_list(f"List {number}")
        if kind in {"links", "remove"}:
            for row in self._rows:
                s.sandbox.state.add_contact(self._list, email=row["email"], ext_ref=row["extRef"])
        self._contacts = [contact.id for contact in s.sandbox.state.list_contacts(self._list)]

    def job(self, **options: Any) -> Any:
        """Make the job, again and again."""
        if self._kind == "links":
            return self.scene.links(lists=[self._list], journal=self._journal, **options)
        if self._kind == "remove":
            given = {"mailing_list": self._list, "journal": self._journal, **options}
            return changing(self.scene, "remove", self._rows, **given)
        make = self.scene.imports if self._kind == "imports" else self.scene.creates
        return make(self._rows, mailing_list=self._list, journal=self._journal, **options)

    async def run(self) -> None:
        """Take every outcome."""
        async with self.job() as outcomes:
            async for outcome in outcomes:
                self.outcomes.append(outcome)

    async def check(self) -> None:
        """Finish the job with the same client and journal: every row is there once, nothing is in doubt."""
        await settled()
        assert self.scene.client.quota().in_flight == 0
        rest = await take(self.job())
        assert rest.error is None
        for taken in (self.outcomes + rest.outcomes, (await take(self.job(replay=True))).outcomes):
            assert {type(outcome).__name__ for outcome in taken} == {"Ok"}
            if self._kind == "links":
                seen = {outcome.item.external_data_reference for outcome in taken}
            else:
                seen = {self._rows[outcome.item.index]["extRef"] for outcome in taken}
            assert seen == {row["extRef"] for row in self._rows}
        never_twice(self.scene.sandbox)
        if self._kind == "remove":
            assert all(is_done(self.scene, "remove", contact, self._list) for contact in self._contacts)
        made = [d for d in self.scene.sandbox.state.distributions.values() if d.mailing_list_id == self._list]
        assert len(made) == (1 if self._kind == "links" else 0)


async def cancelled(start: Callable[[], Coroutine[Any, Any, None]], at: int, *, at_once: bool) -> bool:
    """Cancel a coroutine at its n-th suspension; false when it had fewer."""
    steps = Steps(start(), at, at_once=at_once)
    task = asyncio.get_running_loop().create_task(steps)
    await asyncio.wait({task})
    assert task.cancelled() or task.exception() is None
    return steps.count >= at


@pytest.mark.parametrize("kind", JOBS)
@pytest.mark.parametrize("at_once", [True, False])
@asynchronous
async def test_cancelled_at_every_await(kind: str, at_once: bool, tmp_path: Path) -> None:
    """At each suspension of the caller: no task, slot, file or thread is left, and the journal goes on."""
    async with scene() as s:
        for at in range(1, 100):
            trial = Trial(s, kind, tmp_path, at)
            reached = await cancelled(trial.run, at, at_once=at_once)
            await trial.check()
            if not reached:
                break
        assert 8 < at < 99


@pytest.mark.parametrize("kind", JOBS)
@asynchronous
async def test_cancelled_at_many_moments(kind: str, tmp_path: Path) -> None:
    """Whatever the workers are doing: waiting, sending, writing to the journal."""
    async with scene() as s:
        loop = asyncio.get_running_loop()
        trial = Trial(s, kind, tmp_path, 0)
        began = loop.time()
        await trial.run()
        whole = loop.time() - began
        for number in range(1, 31):
            trial = Trial(s, kind, tmp_path, number)
            task = asyncio.create_task(trial.run())
            await asyncio.sleep(whole * number / 30)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await trial.check()


@pytest.mark.parametrize("kind", JOBS)
@asynchronous
async def test_a_temporary_journal_is_gone_after_a_cancellation(kind: str, tmp_path: Path) -> None:
    """Without a name, too, nothing is left; the client works on."""
    async with scene(lists=1) as s:
        s.fill(0 if kind in {"imports", "creates"} else 5)
        job: Any = {"imports": s.imports, "creates": s.creates}.get(kind)
        if kind == "remove":
            job = partial(changing, s, "remove")
        for turns in range(0, 60, 5):
            task = asyncio.create_task(take(job(s.rows(5)) if job else s.links()))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await settled()
            assert s.client.quota().in_flight == 0
