"""The table at the end of the demo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qualtrics_async.cli.output import print_whole, standard_output

if TYPE_CHECKING:
    from qualtrics_async import RateState
    from qualtrics_async.bulk.outcome import Summary
    from qualtrics_async.cli.demo.run import Result

__all__ = ["show"]

_SHOWN = 3


def show(result: Result) -> None:
    """Print the table to stdout."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    for name, value in _lines(result):
        table.add_row(name, value)
    print_whole(table, standard_output())


def _lines(result: Result) -> Iterator[tuple[str, str]]:
    imported, linked = result.imported, result.linked
    yield "rows", f"{imported.items:,}"
    yield "accepted", f"{imported.ok:,}"
    yield "failed", f"{imported.failed:,}"
    yield from _reasons(imported)
    yield "contacts", f"{result.contacts:,}"
    yield "opted out", f"{result.opted_out:,}"
    yield "links", f"{linked.ok:,}"
    if others := linked.outcomes - linked.ok - result.opted_out:
        yield "without a link for other reasons", f"{others:,}"
        yield from _reasons(linked)
    yield "requests", f"{result.requests:,}"
    yield "refused (429)", f"{result.refusals:,}"
    yield "seconds", f"{result.seconds:,.1f}"
    yield "quota used, a minute", _used(result.quota.brand)
    limited = {route: state for route, state in result.quota.routes.items() if state.limit}
    for route, state in sorted(limited.items(), key=lambda named: -_share(named[1]))[:_SHOWN]:
        yield f"  {route}", _used(state)


def _reasons(summary: Summary) -> Iterator[tuple[str, str]]:
    return ((f"  {reason}", f"{count:,}") for reason, count in summary.reasons.most_common())


def _share(state: RateState) -> float:
    return state.used / state.limit if state.limit else 0.0


def _used(state: RateState) -> str:
    return f"{state.used:,} of {state.limit:,}" if state.limit else f"{state.used:,}"
