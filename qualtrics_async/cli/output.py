"""What the command line writes: data to stdout or a file, everything else to stderr."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeAlias

import anyio.to_thread

from qualtrics_async.bulk.writers import ENOUGH, FileFormat, cell, record_writer
from qualtrics_async.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "Format",
    "Writer",
    "counted",
    "print_whole",
    "say",
    "standard_output",
    "visible",
    "write_listing",
    "write_record",
]

Format: TypeAlias = Literal["table", "csv", "json", "ndjson"]

_WIDEST = 1_000


def say(message: str) -> None:
    """Write a message for the user to stderr; that nobody can read it fails no job."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{message}\n")
            sys.stderr.flush()


def standard_output() -> TextIO:
    """Return stdout.

    Raises:
        UsageError: when it is closed.
    """
    if sys.stdout is None:
        raise UsageError("stdout is closed: there is nowhere to write to")
    return sys.stdout


def counted(number: int, noun: str) -> str:
    """Write a number of things, as `1 row` or `2 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


class Writer:
    """Writes rows of values in one of the formats, off the event loop; a table only when it is ended.

    In a CSV that is to `guard` no cell is a formula to a spreadsheet (OWASP: CSV injection).
    """

    def __init__(
        self, stream: TextIO, columns: Sequence[str], form: Format | FileFormat, *, guard: bool = False
    ) -> None:
        self._stream = stream
        self._columns = columns
        self._rows: list[Sequence[object]] = []
        self._records = None if form == "table" else record_writer(form, stream, columns, guard=guard)

    def row(self, values: Sequence[object]) -> None:
        """Add a row, a value for each column."""
        if self._records is None:
            self._rows.append(values)
        else:
            self._records.write(dict(zip(self._columns, values, strict=True)))

    async def drain(self) -> None:
        """Write what was added, once there is enough of it."""
        if self._records is not None and self._records.waiting >= ENOUGH:
            await anyio.to_thread.run_sync(self._records.flush)

    async def end(self) -> None:
        """Write the rest, and what is due at the end."""
        end = self._print_table if self._records is None else self._records.end
        await anyio.to_thread.run_sync(end)

    def _print_table(self) -> None:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for column in self._columns:
            table.add_column(column, no_wrap=True)
        for row in self._rows:
            table.add_row(*(Text(visible(cell(value))) for value in row))
        print_whole(table, self._stream)


def print_whole(table: Table, stream: TextIO) -> None:
    """Print a table, wider than the terminal if it must be: an id that is cut or folded is of no use."""
    from rich.console import Console

    console = Console(file=stream)
    wanted = console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum
    console.width = max(console.width, wanted)
    console.print(table)


def visible(text: str) -> str:
    """Keep a text of the server's from steering the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _chosen(form: Format | None) -> Format:
    return form or ("table" if standard_output().isatty() else "ndjson")


async def write_listing(items: AsyncIterable[Any], columns: Sequence[str], form: Format | None) -> None:
    """Write items to stdout, their attributes as columns; by default a table on a terminal, else NDJSON."""
    writer = Writer(standard_output(), columns, _chosen(form))
    async for item in items:
        writer.row([getattr(item, column) for column in columns])
        await writer.drain()
    await writer.end()


async def write_record(record: Any, columns: Sequence[str], form: Format | None) -> None:
    """Write one record to stdout, as JSON an object of its own."""
    values = [getattr(record, column) for column in columns]
    match _chosen(form):
        case "table":
            writer = Writer(standard_output(), ["", ""], "table")
            for pair in zip(columns, values, strict=True):
                writer.row(pair)
        case "json":
            writer = Writer(standard_output(), columns, "ndjson")
            writer.row(values)
        case other:
            writer = Writer(standard_output(), columns, other)
            writer.row(values)
    await writer.end()
