"""Responses that cannot be read: which errors may pass, and what the end waits for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from talking import client_of
from virtual import loop, virtual
from webhook_hearing import free_port, until
from webhook_making import DONE, FORM, flat

from qualtrics_async import (
    ConnectFailed,
    DecodeError,
    Forbidden,
    NotFound,
    Polling,
    QualtricsError,
    RateLimited,
    ServerFault,
    TimedOut,
    webhooks,
)
from qualtrics_async.sandbox import Sandbox
from qualtrics_async.webhooks.fetching import Fetching

PACE = Polling(first=1, factor=2, longest=4)


async def next_of(fetching: Fetching) -> webhooks.EventWithResponse:
    """Take an event."""
    taken = await fetching.take()
    assert taken is not None
    return taken[1]


class Failing:
    """Fails twice with an error, then reads."""

    def __init__(self, error: QualtricsError) -> None:
        self.polling = PACE
        self.responses = self
        self.error = error
        self.reads = 0

    async def get(self, survey_id: str, response_id: str) -> Any:
        """Read one."""
        self.reads += 1
        if self.reads <= 2:
            raise self.error
        return response_id


def error_of(cls: type[Any], **attributes: Any) -> QualtricsError:
    """An error as the client raises it when it repeats no more."""
    error: QualtricsError = cls("no")
    vars(error).update(attributes)
    return error


@pytest.mark.parametrize(
    ("error", "may_pass"),
    [
        (error_of(ConnectFailed), True),
        (error_of(ConnectFailed, permanent=True), False),
        (error_of(DecodeError, transient=True), True),
        (error_of(DecodeError), False),
        (error_of(TimedOut), True),
        (NotFound("no", status=404), True),
        (RateLimited("no", status=429), True),
        (ServerFault("no", status=503), True),
        (Forbidden("no", status=403), False),
    ],
    ids=repr,
)
@virtual
async def test_it_depends_on_the_error_whether_it_is_asked_again(
    error: QualtricsError, may_pass: bool
) -> None:
    """A service that is not reached, or has too much to do, may be back; a certificate stays as it is."""
    async with webhooks.Receiver() as receiver:
        client: Any = Failing(error)
        fetching = Fetching(receiver, client, concurrency=1, patience=60)
        fetching.begin()
        await receiver.answer("POST", flat(), content_type=FORM)
        found = await next_of(fetching)
        assert (found.response, found.error) == (("R_1", None) if may_pass else (None, error))
        assert client.reads == (3 if may_pass else 1)
        await fetching.end()


@virtual
async def test_a_service_that_cannot_be_reached_is_asked_again() -> None:
    """Through a whole client: nobody listens at its address for a while."""
    async with (
        Sandbox(gzip=False) as sandbox,
        client_of(sandbox, polling=PACE, base_url=f"http://127.0.0.1:{free_port()}") as client,
        webhooks.Receiver() as receiver,
    ):
        fetching = Fetching(receiver, client, concurrency=1, patience=10)
        fetching.begin()
        await receiver.answer("POST", flat(), content_type=FORM)
        assert isinstance((await next_of(fetching)).error, ConnectFailed)
        assert 7 <= loop().time() < 9
        await fetching.end()


class Clinging(Failing):
    """Reads for ever, and takes three seconds to let go; `reads` are those that go on."""

    async def get(self, survey_id: str, response_id: str) -> Any:
        """Read one."""
        self.reads += 1
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(3)
            self.reads -= 1


@pytest.mark.parametrize("is_cancelled", [False, True])
@virtual
async def test_the_end_waits_for_what_is_being_read(is_cancelled: bool) -> None:
    """Whoever closes the client then takes it from nobody."""
    client: Any = Clinging(QualtricsError())
    leaving = asyncio.Event()

    async def body(receiver: webhooks.Receiver) -> None:
        async with webhooks.with_responses(receiver, client, concurrency=2):
            for number in range(3):
                fields = DONE | {"ResponseID": f"R_{number}"}
                await receiver.answer("POST", flat(fields=fields), content_type=FORM)
            await until(lambda: client.reads == 2)
            leaving.set()

    async with webhooks.Receiver() as receiver:
        task = asyncio.create_task(body(receiver))
        await leaving.wait()
        before = loop().time()
        await asyncio.sleep(1)
        if is_cancelled:
            task.cancel()
        await asyncio.wait({task})
        assert task.cancelled() is is_cancelled
        assert client.reads == 0
        assert loop().time() - before == pytest.approx(3, abs=0.1)
        assert asyncio.all_tasks() == {asyncio.current_task()}
