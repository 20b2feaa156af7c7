"""An inbox in a file: what it has accepted is on disk."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import deque
from functools import partial
from typing import Final, Self

from qualtrics_async._core.store import INBOX, Store
from qualtrics_async._core.tasks import outlasted
from qualtrics_async.errors import JournalError
from qualtrics_async.webhooks.events import Event
from qualtrics_async.webhooks.inbox import Seen, Taken, Verdict, mark_of
from qualtrics_async.webhooks.packing import MOST_UNPACKED, is_signed, pack, unpacked

__all__ = ["DurableInbox"]

_VERSION: Final = 1

_SCHEMA: Final = """
CREATE TABLE events (number INTEGER PRIMARY KEY, event BLOB NOT NULL);
CREATE TABLE marks (number INTEGER PRIMARY KEY, mark BLOB NOT NULL)
"""


class _Batch:
    """What is written in one transaction, and how that ended."""

    def __init__(self) -> None:
        self.events: list[Taken] = []
        self.packed: list[tuple[int, bytes]] = []
        self.marks: list[tuple[int, bytes]] = []
        self._ended = asyncio.Event()
        self._error: BaseException | None = None
        self._timer: asyncio.TimerHandle | None = None

    def end(self, error: BaseException | None = None) -> None:
        """Let go who waits."""
        if self._timer is not None:
            self._timer.cancel()
        self._error = error
        self._ended.set()

    async def written(self, deadline: float) -> None:
        """Wait until all of it is on disk, for so many seconds or less: all who wait share a timer."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(deadline, self._send_away)
        ended = self._ended
        await ended.wait()
        if ended is not self._ended:
            raise TimeoutError
        if self._error is not None:
            reason = getattr(self._error, "reason", "unusable")
            raise JournalError(f"the event could not be kept: {self._error}", reason=reason) from self._error

    def _send_away(self) -> None:
        late, self._ended, self._timer = self._ended, asyncio.Event(), None
        late.set()


class DurableInbox:
    """Events in a file, at most `size` of them that are not done; the last `remember` ones are known again.

    Events that arrive while others are being written share the next transaction. What was not done when the
    file is opened is handed out first: what is done is noted a moment later, so after a crash events come
    again that were done just before. Besides the marks of 16 bytes, what waits is in memory as well. After
    `deadline` seconds nobody waits for the disk any longer.
    """

    def __init__(self, store: Store, size: int, remember: int, deadline: float) -> None:
        self.unsigned = 0
        """How many unsigned events were dropped on opening."""
        self._store = store
        self._size = size
        self._seen = Seen(remember)
        self._deadline = deadline
        self._waiting: deque[Taken | tuple[int, bytes]] = deque()
        self._handed_out: set[int] = set()
        self._done: list[int] = []
        self._undone = 0
        self._number = 0
        self._next = _Batch()
        self._writing: dict[bytes, _Batch] = {}
        self._writer: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()
        self._is_closed = False

    @classmethod
    async def open(
        cls,
        path: str | os.PathLike[str],
        size: int,
        remember: int,
        deadline: float = 5.0,
        *,
        signed_only: bool = False,
    ) -> Self:
        """Open the file, or make it; with `signed_only`, what it has that is not signed is dropped.

        Raises:
            JournalError: when it is in use, damaged, no inbox, or cannot be written.
        """
        store = await Store.open(path, _SCHEMA, _VERSION, INBOX)
        inbox = cls(store, size, remember, deadline)
        try:
            await store.run(partial(inbox._load, remember, signed_only))
        except BaseException:
            await store.aclose()
            raise
        return inbox

    def _load(self, remember: int, signed_only: bool, db: sqlite3.Connection) -> None:
        newest = db.execute("SELECT number, mark FROM marks ORDER BY number DESC LIMIT ?", (remember,))
        for number, mark in reversed(newest.fetchall()):
            if not self._seen:
                db.execute("DELETE FROM marks WHERE number < ?", (number,))
            self._seen.add(mark, number)
            self._number = number
        dropped: list[tuple[int]] = []
        for number, packed in db.execute("SELECT number, event FROM events ORDER BY number"):
            if is_signed(packed) or not signed_only:
                self._waiting.append((number, packed))
            else:
                dropped.append((number,))
            self._number = max(number, self._number)
        db.executemany("DELETE FROM events WHERE number = ?", dropped)
        self.unsigned = len(dropped)
        self._undone = len(self._waiting)

    @property
    def waiting(self) -> int:
        """How many events were accepted and not yet taken."""
        return len(self._waiting)

    async def put(self, event: Event) -> Verdict:
        """Accept an event: it is on disk when this returns.

        Raises:
            JournalError: when it could not be written; then nothing of it is kept.
            TimeoutError: when it was not on disk before the deadline; it is written all the same.
        """
        mark = mark_of(event)
        if mark is not None and mark in self._seen:
            return "repeated"
        batch = None if mark is None else self._writing.get(mark)
        if batch is not None:
            await batch.written(self._deadline)
            return "repeated"
        if self._is_closed or self._undone >= self._size:
            return "full"
        batch = self._next
        self._number += 1
        self._undone += 1
        batch.events.append(Taken(self._number, event))
        batch.packed.append((self._number, pack(event)))
        if mark is not None:
            batch.marks.append((self._number, mark))
            self._writing[mark] = batch
        self._begin()
        await batch.written(self._deadline)
        return "accepted"

    async def take(self) -> Taken | None:
        """Wait for the next event; None when the inbox was closed."""
        while not self._is_closed:
            if self._waiting:
                number, event = self._waiting.popleft()
                self._handed_out.add(number)
                return Taken(number, unpacked(event) if isinstance(event, bytes) else event)
            self._arrived.clear()
            await self._arrived.wait()
        return None

    async def done(self, number: int) -> None:
        """Forget an event that was handled, on disk as soon as anything is written there."""
        if number not in self._handed_out:
            return
        self._handed_out.remove(number)
        self._done.append(number)
        self._undone -= 1
        if not self._is_closed:
            self._begin()

    async def aclose(self) -> None:
        """Write what was put and done by now, hand out nothing more, and close the file.

        Raises:
            JournalError: when it could not be noted what is done; those events come again.
        """
        self._close()
        try:
            if self._done:
                self._begin()
            await outlasted(self._busy)
        finally:
            await self._store.aclose()
        if self._done:
            raise JournalError(f"{len(self._done)} events that were handled will come again")

    def _busy(self) -> asyncio.Task[None] | None:
        return None if self._writer is None or self._writer.done() else self._writer

    def _begin(self) -> None:
        if self._busy() is None:
            self._writer = asyncio.get_running_loop().create_task(self._write())
            self._writer.add_done_callback(self._ended)

    async def _write(self) -> None:
        """Write until there is nothing to write, or the disk does not take what is done."""
        written = True
        while self._next.events or (self._done and written):
            batch, self._next = self._next, _Batch()
            done, self._done = self._done, []
            try:
                forgotten = self._seen.forgotten_for(batch.marks)
                work = partial(self._save, batch, done, forgotten)
                await self._store.run(work, durable=bool(batch.events))
            except BaseException as error:
                written = False
                self._done += done
                self._take_back(batch, error)
                if not isinstance(error, Exception):
                    raise
            else:
                written = True
                self._keep(batch)

    def _save(self, batch: _Batch, done: list[int], forgotten: int, db: sqlite3.Connection) -> None:
        db.executemany("DELETE FROM events WHERE number = ?", ((number,) for number in done))
        db.executemany("INSERT INTO events VALUES (?, ?)", batch.packed)
        db.executemany("INSERT INTO marks VALUES (?, ?)", batch.marks)
        db.execute("DELETE FROM marks WHERE number <= ?", (forgotten,))

    def _keep(self, batch: _Batch) -> None:
        for number, mark in batch.marks:
            del self._writing[mark]
            self._seen.add(mark, number)
        if not self._is_closed:
            # As they are, as long as who takes them keeps up.
            self._waiting += batch.events if len(self._waiting) < MOST_UNPACKED else batch.packed
            self._arrived.set()
        batch.end()

    def _take_back(self, batch: _Batch, error: BaseException) -> None:
        self._undone -= len(batch.events)
        for _, mark in batch.marks:
            del self._writing[mark]
        batch.end(error)

    def _ended(self, writer: asyncio.Task[None]) -> None:
        # All tasks of the loop are cancelled then; whether it was written is known when it is opened again.
        if writer.cancelled():
            self._close()
            batch, self._next = self._next, _Batch()
            self._take_back(batch, asyncio.CancelledError())

    def _close(self) -> None:
        self._is_closed = True
        self._waiting.clear()
        self._arrived.set()
