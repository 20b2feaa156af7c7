"""Deliveries to a receiver without a server, and inboxes in files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest
from virtual import run
from webhook_keeping import kept, response
from webhook_making import FORM, flat, signed

from qualtrics_async import JournalError
from qualtrics_async.webhooks.durable import DurableInbox
from qualtrics_async.webhooks.events import Event
from qualtrics_async.webhooks.receiver import Answer, Receiver


def form(number: int = 1, *, key: str | None = None) -> bytes:
    """The delivery of a response event."""
    fields = response(number).fields
    return flat(fields=fields) if key is None else signed(fields, key=key)


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    """A body in parts."""
    for part in parts:
        yield part


async def endless(*parts: bytes) -> AsyncIterator[bytes]:
    """A body that does not end."""
    for part in parts:
        yield part
    await asyncio.Event().wait()


async def post(receiver: Receiver, body: bytes | AsyncIterable[bytes], **told: Any) -> Answer:
    """Deliver."""
    return await receiver.answer("POST", body, **({"content_type": FORM} | told))


async def deliver(receiver: Receiver, *numbers: int) -> None:
    """Deliver events that must be accepted."""
    for number in numbers:
        assert (await post(receiver, form(number))).status == 200


def number(event: Event) -> int:
    """The number of a response event."""
    return int(event.fields["ResponseID"][2:])


def left(path: Path) -> list[int]:
    """What is handed out when the file is opened again."""
    return [number(event) for event in run(kept(path))]


def refusal(opening: Awaitable[Any]) -> JournalError:
    """Why a file cannot be opened."""

    async def refused() -> JournalError:
        with pytest.raises(JournalError) as caught:
            await opening
        return caught.value

    return asyncio.run(refused())


async def filled(path: Path, *numbers: int, size: int = 100, remember: int = 100) -> DurableInbox:
    """An inbox with these events."""
    inbox = await DurableInbox.open(path, size, remember)
    await asyncio.gather(*(inbox.put(response(number)) for number in numbers))
    return inbox
