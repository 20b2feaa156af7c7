"""What the command line writes: data to stdout or a file, everything else to stderr."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeAlias

import anyio.to_thread
import msgspec

from qualtrics_async.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "Format",
    "Writer",
    "cell",
    "counted",
    "plain",
    "print_whole",
    "say",
    "standard_output",
    "visible",
    "write_listing",
    "write_record",
]

Format: TypeAlias = Literal["table", "csv", "json", "ndjson"]

_WIDEST = 1_000
_ENOUGH = 64 * 1024


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
    """Writes rows of values in one of the formats, off the event loop; a table only when it is ended."""

    def __init__(self, stream: TextIO, columns: Sequence[str], form: Format) -> None:
        self._stream = stream
        self._columns = columns
        self._form = form
        self._rows: list[Sequence[object]] = []
        self._count = 0
        self._waiting = io.StringIO()
        self._csv = csv.writer(self._waiting, lineterminator="\n")
        if form == "csv":
            self._csv.writerow(columns)

    def row(self, values: Sequence[object]) -> None:
        """Add a row, a value for each column."""
        if self._form == "csv":
            self._csv.writerow([cell(value) for value in values])
        elif self._form == "table":
            self._rows.append(values)
        else:
            document = msgspec.json.encode(dict(zip(self._columns, map(plain, values), strict=True))).decode()
            if self._form == "ndjson":
                self._waiting.write(f"{document}\n")
            else:
                self._waiting.write(f"{',' if self._count else '['}\n  {document}")
        self._count += 1

    async def drain(self) -> None:
        """Write what was added, once there is enough of it."""
        if self._waiting.tell() >= _ENOUGH:
            await anyio.to_thread.run_sync(self._write)

    async def end(self) -> None:
        """Write the rest, and what is due at the end."""
        if self._form == "json":
            self._waiting.write("\n]\n" if self._count else "[]\n")
        await anyio.to_thread.run_sync(self._print_table if self._form == "table" else self._write)

    def _write(self) -> None:
        self._stream.write(self._waiting.getvalue())
        self._stream.flush()
        self._waiting.seek(0)
        self._waiting.truncate()

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


def plain(value: object) -> object:
    """Write an instant as text in UTC; leave all else as it is."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def cell(value: object) -> str:
    """Write a value as a cell: truth as true or false, an object as JSON."""
    match plain(value):
        case None:
            return ""
        case bool() as flag:
            return "true" if flag else "false"
        case str() as text:
            return text
        case int() | float() as number:
            return str(number)
        case other:
            return msgspec.json.encode(other).decode()


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
