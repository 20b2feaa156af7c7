"""The failures file: the items that did not succeed, as records that can be corrected and imported again."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final, TextIO

import anyio.to_thread
import msgspec

from qualtrics_async.bulk.outcome import Failed, InDoubt
from qualtrics_async.bulk.rows import NOTES, ImportRow, wire_name
from qualtrics_async.cli.files import file_format, replacing
from qualtrics_async.cli.output import Format, cell, plain

__all__ = ["Failures", "failures", "kind_of", "row_record"]

_EMBEDDED: Final = "embeddedData"
_WAITING: Final = 250


class Failures:
    """Keeps records while a job runs and writes the file at its end; without a file it does nothing.

    Which columns a CSV has is known only at the end, so the records wait in a file that has no name.
    """

    def __init__(
        self, kept: IO[bytes] | None = None, *, first: Iterable[str] = (), last: Iterable[str] = ()
    ) -> None:
        self._kept = kept
        self._waiting: list[bytes] = []
        self._columns = dict.fromkeys(first)
        self._last = tuple(last)

    async def add(self, record: Mapping[str, object]) -> None:
        """Add a record."""
        if self._kept is None:
            return
        self._columns.update(dict.fromkeys(record))
        values = {name: plain(value) for name, value in record.items()}
        self._waiting.append(msgspec.json.encode(values))
        if len(self._waiting) >= _WAITING:
            await anyio.to_thread.run_sync(self._keep)

    def _keep(self) -> None:
        if self._kept is not None:
            self._kept.writelines(line + b"\n" for line in self._waiting)
        self._waiting.clear()

    def write(self, file: TextIO, form: Format) -> None:
        """Write all records: CSV under the union of their columns, or JSON."""
        self._keep()
        if self._kept is None:
            return
        self._kept.seek(0)
        if form == "csv":
            columns = [name for name in self._columns if name not in self._last]
            _write_csv(file, self._kept, [*columns, *self._last])
        elif form == "ndjson":
            file.writelines(line.decode() for line in self._kept)
        else:
            separator = "["
            for line in self._kept:
                file.write(f"{separator}\n  {line.decode().rstrip()}")
                separator = ","
            file.write("[]\n" if separator == "[" else "\n]\n")
        file.flush()


def _write_csv(file: TextIO, records: Iterable[bytes], columns: list[str]) -> None:
    decoder = msgspec.json.Decoder(dict[str, Any])
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(columns)
    for line in records:
        record = decoder.decode(line)
        rows.writerow([cell(record.get(column)) for column in columns])


@contextmanager
def failures(path: Path | None, *, first: Iterable[str] = (), last: Iterable[str] = ()) -> Iterator[Failures]:
    """Open the failures file, CSV or JSON where its suffix says so; it appears when all went well inside.

    A CSV has the columns `first`, those of the records in the order in which they are met, and `last`.
    """
    if path is None:
        yield Failures()
        return
    with replacing(path) as file:
        special = path.exists() and not path.is_file()
        with TemporaryFile(dir=None if special else path.resolve().parent) as kept:
            failed = Failures(kept, first=first, last=last)
            yield failed
            failed.write(file, file_format(path, None))


def kind_of(outcome: Failed[Any] | InDoubt[Any]) -> str:
    """Name the kind of an outcome."""
    return "failed" if isinstance(outcome, Failed) else "in doubt"


def row_record(outcome: Failed[ImportRow] | InDoubt[ImportRow]) -> dict[str, object]:
    """Make a record of a row: its own columns, which an import takes, and the notes, which it ignores."""
    row = outcome.item
    notes = (kind_of(outcome), outcome.reason, str(outcome.error), row.line, row.mailing_list_id)
    return _flat(row.contact) | dict(zip(NOTES, notes, strict=True))


def _flat(contact: Mapping[str, Any]) -> dict[str, object]:
    """Give the keys of the embedded data columns of their own, unless a column would mean something else."""
    record: dict[str, object] = {}
    for column, value in contact.items():
        if column in NOTES:
            continue
        if wire_name(column) != _EMBEDDED or not isinstance(value, Mapping):
            record[column] = value
            continue
        ambiguous: dict[str, object] = {}
        for key, item in value.items():
            clear = key and key == key.strip() and wire_name(key) is None
            taken = key in NOTES or key in contact or key in record
            (record if clear and not taken else ambiguous)[key] = item
        if ambiguous:
            record[column] = ambiguous
    return record
