"""`responses follow`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import anyio.to_thread

from qualtrics_async.bulk.writers import ENOUGH, record_writer
from qualtrics_async.cli.journals import command_line
from qualtrics_async.cli.output import counted, say, standard_output
from qualtrics_async.cli.settings import connect
from qualtrics_async.cli.signals import run_async
from qualtrics_async.errors import JobFailed, QualtricsError, RateLimited, ServerFault, TransportError

if TYPE_CHECKING:
    from qualtrics_async.exports import FollowOptions, FollowState
    from qualtrics_async.models.responses import Response

__all__ = ["follow"]

_AGAIN: Final = (KeyboardInterrupt, TransportError, ServerFault, RateLimited, JobFailed)
"""What may be otherwise the next time; who does not read on any more is told nothing."""


def follow(
    survey: str,
    /,
    *,
    state: Path,
    every: float | None = None,
    start_date: str | None = None,
    format: Literal["ndjson"] = "ndjson",  # noqa: A002  (the option's name)
) -> None:
    """Print the responses of a survey that arrived or changed since the last time, as JSON lines.

    The first time these are all of them. The file of the state is written when all lines of a round have been
    written to stdout: the same command then goes on there, also after an interruption. What was interrupted
    in the middle of a round prints that round again from its beginning.

    Args:
        survey: the id of the survey (SV_...).
        state: the file that knows where to go on; it need not be there, and only one process can have it.
        every: go on for ever, with a round so many seconds after the last one began. Rounds that fail for a
            reason that may pass are told, and repeated later, five in a row; without it there is one round.
        start_date: where the first round begins, as an instant with an offset (2026-03-01T00:00:00Z): only
            responses recorded from then on are printed; later rounds also print older ones that change.
        format: how responses are printed; there is only ndjson.
    """
    del format
    try:
        run_async(_follow(survey, state, every, start_date))
    except _AGAIN:
        say(f"{state} knows the last complete round. To go on, run the same command again:")
        say(f"  {shlex.join(['qualtrics-async', *command_line.get()])}")
        raise


async def _follow(survey: str, path: Path, every: float | None, start_date: str | None) -> None:
    from qualtrics_async import exports

    writer = record_writer("ndjson", standard_output(), ())

    async def flush(_: FollowState) -> None:
        await anyio.to_thread.run_sync(writer.flush)
        if responses.by == "date":
            say("the token is missing, refused or older than 7 days: this round asked by modification date")

    options: FollowOptions = {"on_state": flush, "on_fault": _told}
    if start_date is not None:
        options["start_date"] = start_date
    file, number = exports.FollowFile(path), 0
    async with connect() as client:
        followed = exports.follow(client, survey, state=file, every=every, **options)
        async with followed as responses:
            async for response in responses:
                writer.write(_line(response))
                number += 1
                if writer.waiting >= ENOUGH:
                    await anyio.to_thread.run_sync(writer.flush)
    say(f"{counted(number, 'response')}; {path} knows where to go on")


def _line(response: Response) -> dict[str, Any]:
    """A response as the service writes it, without what it did not send."""
    found = {
        "responseId": response.response_id,
        "values": response.values,
        "labels": response.labels,
        "displayedFields": response.displayed_fields,
        "displayedValues": response.displayed_values,
    }
    return {name: value for name, value in found.items() if value is not None}


def _told(error: QualtricsError) -> None:
    say(f"a round failed, and is repeated later: {' '.join(str(error).split())}")
