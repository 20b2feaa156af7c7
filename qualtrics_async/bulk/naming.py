"""The mailing list of a name: found, or created once, whatever happens to the process or the reply."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any, Final

from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.outcome import Decision
from qualtrics_async.bulk.records import Kind
from qualtrics_async.bulk.sending import send_once
from qualtrics_async.errors import JobFailed, QualtricsError, UsageError
from qualtrics_async.models.common import Created

__all__ = ["list_of_name"]

_ATTEMPTS: Final = 3
_LIST: Final = "list"
_INTENT: Final = "list intent"


async def list_of_name(job: Job[Any, Any], directory_id: str, name: str) -> str:
    """Find the mailing list of a name in a directory, or create it; the journal remembers which one it was.

    A creation whose reply was lost is looked for until `reconcile_timeout`: exactly one new list of that name
    is taken for it, and only if there is none it is sent again.

    Raises:
        UsageError: when several lists have the name.
        JobFailed: when several new ones came up after a lost reply.
        QualtricsError: when the lists cannot be read, or the creation is refused.
    """
    known = await job.journal.meta(_LIST)
    if known is not None:
        return known
    intent = await job.journal.meta(_INTENT)
    if intent is None:
        found = await _called(job, directory_id, name)
        if len(found) > 1:
            raise UsageError(f"{len(found)} mailing lists are called {name!r}; rename all but one of them")
        made = found[0] if found else await _create(job, directory_id, name, before=set())
    else:
        made = await _reconcile(job, directory_id, name, before=set(json.loads(intent)))
    await job.journal.set_meta(_LIST, made)
    return made


async def _called(job: Job[Any, Any], directory_id: str, name: str) -> list[str]:
    return [entry.id async for entry in job.client.mailing_lists.list(directory_id) if entry.name == name]


async def _create(
    job: Job[Any, Any], directory_id: str, name: str, *, before: set[str], attempts: int = _ATTEMPTS
) -> str:
    made: list[str] = []
    errors: list[tuple[Kind, QualtricsError]] = []

    async def intend(leaving: bool) -> None:
        if leaving:
            await job.journal.set_meta(_INTENT, json.dumps(sorted(before)))
        else:
            await job.journal.drop_meta(_INTENT)

    async def accept(created: Created) -> None:
        await job.journal.set_meta(_LIST, created.id)
        made.append(created.id)

    async def reject(kind: Kind, reason: str, error: QualtricsError) -> None:
        del reason
        errors.append((kind, error))
        if kind is Kind.FAILED:
            await job.journal.drop_meta(_INTENT)

    create = partial(job.client.mailing_lists.create, directory_id, name=name)
    await send_once(intend, create, accept, reject, grace=job.client.timeouts.grace)
    if made:
        return made[0]
    kind, error = errors[0]
    if kind is Kind.FAILED or attempts <= 1:
        raise error
    return await _reconcile(job, directory_id, name, before=before, attempts=attempts - 1)


async def _reconcile(
    job: Job[Any, Any], directory_id: str, name: str, *, before: set[str], attempts: int = _ATTEMPTS
) -> str:
    """Look for the list that a lost reply may have made."""
    clock, polling = asyncio.get_running_loop().time, job.client.polling
    give_up, interval = clock() + job.settings.reconcile_timeout, polling.first
    while True:
        new = [found for found in await _called(job, directory_id, name) if found not in before]
        if len(new) > 1:
            raise JobFailed(
                f"{len(new)} mailing lists called {name!r} came up after a reply was lost; "
                "nobody knows which of them is the job's: delete all but one of them"
            )
        if new:
            await job.decide(Decision(new[0], 1, "accepted", f"one new list is called {name!r}"))
            return new[0]
        if clock() >= give_up:
            break
        await asyncio.sleep(interval)
        interval = min(interval * polling.factor, polling.longest)
    await job.decide(Decision("", 1, "sent again", f"no list called {name!r} came up in time"))
    return await _create(job, directory_id, name, before=before, attempts=attempts)
