"""`responses follow`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import anyio.to_thread

from qualtrics_async.bulk.writers import ENOUGH, record_writer
from qualtrics_async.cli.exportjobs import Selection
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
"""What may pass, so that the same command goes on. A pipe that nobody reads any more is not among them."""


def follow(
    survey: str,
    /,
    *,
    state: Path,
    every: float | None = None,
    since: str | None = None,
    format: Literal["ndjson"] = "ndjson",  # noqa: A002  (the option's name)
) -> None:
    """Print the responses of a survey that arrived or changed since the last time, as JSON lines.

    The first time these are all of them. The state is written to its file when all lines of a round have been
    written to stdout; the same command goes on from there. A round that was interrupted is printed again from
    its beginning. Without a terminal, as from cron, a command that finds nothing writes nothing.

    Args:
        survey: the id of the survey (SV_...).
        state: the file that keeps where to go on. The first command makes it, and one at a time can use it.
        every: do not end, but begin a round so many seconds after the last one began. A round that fails for
            a reason that may pass is reported on stderr and repeated later, up to five times in a row.
            Without this option there is one round.
        since: the first round has only responses recorded from this instant on, with an offset:
            2030-01-31T12:00Z. Later rounds have all that arrive or change, older ones as well.
        format: how responses are printed; there is only ndjson.
    """
    del format
    try:
        run_async(_follow(survey, state, every, since))
    except _AGAIN:
        say(f"{state} is where the last complete round ended. To go on, run the same command again:")
        say(f"  {shlex.join(['qualtrics-async', *command_line.get()])}")
        raise


async def _follow(survey: str, path: Path, every: float | None, since: str | None) -> None:
    from qualtrics_async import exports

    writer = record_writer("ndjson", standard_output(), ())

    async def flush(_: FollowState) -> None:
        await anyio.to_thread.run_sync(writer.flush)
        if responses.by == "date":
            say("the token is missing, refused or older than 7 days: this round went by modification date")

    options: FollowOptions = {"on_state": flush, "on_fault": _report}
    if since is not None:
        options["start_date"] = Selection(since=since).options()["start_date"]
    number = 0
    async with (
        connect() as client,
        exports.follow(client, survey, state=path, every=every, **options) as responses,
    ):
        async for response in responses:
            writer.write(_line(response))
            number += 1
            if writer.waiting >= ENOUGH:
                await anyio.to_thread.run_sync(writer.flush)
    if number or (sys.stderr is not None and sys.stderr.isatty()):
        say(f"{counted(number, 'response')}; the next command goes on from {path}")


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


def _report(error: QualtricsError) -> None:
    say(f"a round failed and will be repeated: {' '.join(str(error).split())}")
