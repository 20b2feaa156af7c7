"""What the command line writes: data to stdout or a file, everything else to stderr."""

from __future__ import annotations

import csv
import io
import os
import shlex
import sys
from collections.abc import AsyncIterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeAlias

import anyio.to_thread
import msgspec

from qualtrics_async.errors import JournalError, QualtricsError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "Format",
    "Writer",
    "cell",
    "command_line",
    "existing",
    "file_format",
    "forget",
    "plain",
    "print_whole",
    "replacing",
    "resumable",
    "say",
    "usual_journal",
    "write_listing",
    "write_record",
]

Format: TypeAlias = Literal["table", "csv", "json", "ndjson"]

_WIDEST = 1_000
_ENOUGH = 64 * 1024
_SUFFIXES: Mapping[str, Format] = {".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson"}

command_line: ContextVar[Sequence[str]] = ContextVar("command_line", default=())
"""The arguments that this run was started with."""


def say(message: str) -> None:
    """Write a message for the user to stderr."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


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
            table.add_row(*(Text(_visible(cell(value))) for value in row))
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


def _visible(text: str) -> str:
    """Keep a text of the server's from steering the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _chosen(form: Format | None) -> Format:
    return form or ("table" if sys.stdout.isatty() else "ndjson")


async def write_listing(items: AsyncIterable[Any], columns: Sequence[str], form: Format | None) -> None:
    """Write items to stdout, their attributes as columns; by default a table on a terminal, else NDJSON."""
    writer = Writer(sys.stdout, columns, _chosen(form))
    async for item in items:
        writer.row([getattr(item, column) for column in columns])
        await writer.drain()
    await writer.end()


async def write_record(record: Any, columns: Sequence[str], form: Format | None) -> None:
    """Write one record to stdout, as JSON an object of its own."""
    values = [getattr(record, column) for column in columns]
    match _chosen(form):
        case "table":
            writer = Writer(sys.stdout, ["", ""], "table")
            for pair in zip(columns, values, strict=True):
                writer.row(pair)
        case "json":
            writer = Writer(sys.stdout, columns, "ndjson")
            writer.row(values)
        case other:
            writer = Writer(sys.stdout, columns, other)
            writer.row(values)
    await writer.end()


def existing(path: Path) -> Path:
    """Return the path of a file that is there.

    Raises:
        UsageError: when it is not.
    """
    if not path.is_file() and not path.is_fifo():
        raise UsageError(f"{path}: there is no such file")
    return path


def file_format(path: Path | None, form: Format | None) -> Format:
    """Choose the format of a file: what was asked for, else by its suffix, else CSV."""
    if form is not None:
        return form
    return "csv" if path is None else _SUFFIXES.get(path.suffix.lower(), "csv")


@contextmanager
def replacing(path: Path | None) -> Iterator[TextIO]:
    """Open a file, for its owner alone, that takes its name when all is written; without one, stdout.

    Raises:
        UsageError: when there can be no file of that name.
    """
    if path is None:
        yield sys.stdout
        return
    path = path.resolve()
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{path}: " + ("it is a folder" if path.is_dir() else "there is no such folder"))
    if path.exists() and not path.is_file():
        # A device or a pipe is written to; a file in its place would be the end of it.
        with path.open("w", encoding="utf-8", newline="") as device:
            yield device
        return
    with NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            yield file  # type: ignore[misc]  # the wrapper is a TextIO in all but name
            file.close()
            os.replace(file.name, path)  # noqa: PTH105  (of two names, not of paths)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def usual_journal(path: Path, *identity: object) -> Path:
    """Name the journal of a job around a file: the same job has the same one, every other another."""
    digest = blake2b(repr(identity).encode(), digest_size=4).hexdigest()
    return path.with_name(f"{path.name}.{digest}.journal")


@contextmanager
def resumable(journal: Path | None) -> Iterator[None]:
    """Say how to go on when what is done inside is interrupted or fails."""
    try:
        yield
    except (KeyboardInterrupt, OSError, QualtricsError) as error:
        beyond = isinstance(error, UsageError | JournalError)
        if journal is not None and not beyond and journal.exists():
            say(f"{journal} knows what was done. To go on, run the same command again:")
            say(f"  {shlex.join(['qualtrics-async', *command_line.get()])}")
        raise


def forget(journal: Path) -> None:
    """Remove a journal that nobody asked for, now that its job is done."""
    for suffix in ("", "-wal", "-shm"):
        journal.with_name(journal.name + suffix).unlink(missing_ok=True)
