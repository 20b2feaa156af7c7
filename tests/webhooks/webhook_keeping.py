"""Inboxes under test: events by number, files as a crash leaves them, transactions under control."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qualtrics_async.webhooks.durable import DurableInbox
from qualtrics_async.webhooks.events import Event, event_of
from qualtrics_async.webhooks.inbox import Inbox


def response(number: int) -> Event:
    """A response event, the same one each time."""
    fields = {
        "Status": "Complete",
        "SurveyID": "SV_1",
        "ResponseID": f"R_{number}",
        "CompletedDate": "2026-05-02 08:03:20",
        "BrandID": "examplebrand",
    }
    return event_of("examplebrand.surveyengine.completedResponse.SV_1", fields, is_signed=True)


def activation(number: int = 1) -> Event:
    """An event that is never known again."""
    fields = {"Status": "Active", "SurveyID": f"SV_{number}", "BrandID": "examplebrand"}
    return event_of("examplebrand.controlpanel.activateSurvey", fields, is_signed=False)


def crashed(path: Path, number: int = 0) -> Path:
    """A copy of the file and its log as they are now; with the lock of the original gone, as after a kill."""
    copy = path.with_name(f"crash-{number}-{path.name}")
    for end in ("", "-wal"):
        if (source := path.with_name(path.name + end)).exists():
            shutil.copyfile(source, copy.with_name(copy.name + end))
    return copy


async def drained(inbox: Inbox) -> list[Event]:
    """Take and settle all that waits."""
    found = []
    while inbox.waiting:
        taken = await inbox.take()
        assert taken is not None
        await inbox.done(taken.number)
        found.append(taken.event)
    return found


async def kept(path: Path, size: int = 1000, remember: int = 1000) -> list[Event]:
    """What an inbox that is opened on the file hands out; it stays as it was."""
    inbox = await DurableInbox.open(path, size, remember)
    found = []
    while inbox.waiting:
        taken = await inbox.take()
        assert taken is not None
        found.append(taken.event)
    await inbox.aclose()
    return found


async def settled(inbox: DurableInbox) -> None:
    """Wait until nothing is written any more."""
    while (writer := inbox._busy()) is not None:
        await asyncio.wait({writer})


class Transactions:
    """Counts an inbox's transactions, stops them within, lets them fail, looks on before the commit."""

    def __init__(self, inbox: DurableInbox) -> None:
        self.durable: list[bool] = []
        self.fail = 0
        self.begun = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()
        self.before_commit: Callable[[], object] = lambda: None
        self._store = inbox._store
        self._run = inbox._store.run
        inbox._store.run = self.run  # type: ignore[method-assign]

    async def run(self, work: Callable[[sqlite3.Connection], Any], *, durable: bool = True) -> Any:
        """Stand in for `Store.run`."""
        self.durable.append(durable)

        def watched(db: sqlite3.Connection) -> Any:
            result = work(db)
            self.begun.release()
            assert self.gate.wait(10)
            self.before_commit()
            if self.fail:
                self.fail -= 1
                raise sqlite3.OperationalError("disk I/O error")
            return result

        return await self._run(watched, durable=durable)

    async def within(self) -> None:
        """Wait until one has begun, which ends when the gate is opened."""
        await asyncio.to_thread(self.begun.acquire, timeout=10)


def tables(path: Path) -> dict[str, list[Any]]:
    """What a closed file has."""
    db = sqlite3.connect(path)
    try:
        return {
            "events": [number for (number,) in db.execute("SELECT number FROM events ORDER BY number")],
            "marks": [number for (number,) in db.execute("SELECT number FROM marks ORDER BY number")],
        }
    finally:
        db.close()
