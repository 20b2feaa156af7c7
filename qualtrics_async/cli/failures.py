"""A file of what did not succeed and came from no file: its records, in one of the formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final, TextIO

import anyio.to_thread
import msgspec

from qualtrics_async.bulk.parquet import require
from qualtrics_async.bulk.writers import ENOUGH, FileFormat, plain, record_writer
from qualtrics_async.cli.files import file_format, replacing

__all__ = ["Failures", "failures"]

_WAITING: Final = 250


class Failures:
    """Keeps records while a job runs and writes the file at its end; without a file it does nothing.

    Which columns a CSV has is known only at the end, so the records wait in a file that has no name.
    """

    def __init__(self, kept: IO[bytes] | None = None, *, first: Iterable[str] = ()) -> None:
        self._kept = kept
        self._waiting: list[bytes] = []
        self._columns = dict.fromkeys(first)

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

    def write(self, file: TextIO, form: FileFormat) -> None:
        """Write all records: CSV and Parquet under the union of their columns, or JSON."""
        if self._kept is None:
            return
        self._keep()
        self._kept.seek(0)
        decoder = msgspec.json.Decoder(dict[str, Any])
        writer = record_writer(form, file, list(self._columns))
        for line in self._kept:
            writer.write(decoder.decode(line))
            if writer.waiting >= ENOUGH:
                writer.flush()
        writer.end()


@contextmanager
def failures(path: Path | None, *, first: Iterable[str] = ()) -> Iterator[Failures]:
    """Open the failures file, in the format of its suffix; it appears when all went well inside.

    A CSV has the columns `first`, and those of the records in the order in which they are met.
    """
    if path is None:
        yield Failures()
        return
    form = file_format(path, None)
    if form == "parquet":
        require()
    with replacing(path) as file:
        special = path.exists() and not path.is_file()
        with TemporaryFile(dir=None if special else path.resolve().parent) as kept:
            failed = Failures(kept, first=first)
            yield failed
            failed.write(file, form)
