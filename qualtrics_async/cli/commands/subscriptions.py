"""`subscriptions`."""

from __future__ import annotations

from cyclopts import App

from qualtrics_async._core.request import DELETE
from qualtrics_async.cli.outcomes import SOME_FAILED
from qualtrics_async.cli.output import Format, counted, say, visible, write_listing
from qualtrics_async.cli.settings import connect
from qualtrics_async.errors import ConnectFailed, Forbidden, QualtricsError, Unauthorized

__all__ = ["app"]

COLUMNS = ("id", "topics", "publication_url", "encrypted", "successful_calls", "scope")

app = App(name="subscriptions", help="What the service publishes to addresses of yours: event subscriptions.")


@app.command(name="list")
async def list_(*, format: Format | None = None) -> None:  # noqa: A002  (the option's name)
    """List every event subscription of the brand, those of other programs too.

    Args:
        format: table, csv, json or ndjson; by default a table on a terminal, else ndjson.
    """
    async with connect() as client:
        await write_listing(client.event_subscriptions.list(), COLUMNS, format)


@app.command
async def delete(subscription: str, /, *more: str) -> int:
    """Delete event subscriptions, each by its id and by itself; one that fails does not stop the others.

    All ids are checked before the first request; nothing here deletes what was not named.

    Args:
        subscription: the id of a subscription (SUB_...), as `subscriptions list` shows it.
        more: further ids.
    """
    ids = list(dict.fromkeys([subscription, *more]))
    for each in ids:
        DELETE("/eventsubscriptions/{subscriptionId}", each)
    failed = 0
    async with connect() as client:
        for each in ids:
            try:
                await client.event_subscriptions.delete(each)
            except (Unauthorized, Forbidden, ConnectFailed):
                raise
            except QualtricsError as error:
                failed += 1
                say(f"{visible(each)} was not deleted: {' '.join(visible(str(error)).split())}")
            else:
                say(f"{each} was deleted")
    if more:
        say(f"{counted(len(ids), 'subscription')}: {len(ids) - failed:,} deleted, {failed:,} failed")
    return SOME_FAILED if failed else 0
