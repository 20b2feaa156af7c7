"""Parquet files of contacts and of results, with pyarrow, which is imported when it is needed.

```python
async with aclosing(read_parquet("contacts.parquet")) as rows:
    async for row in rows: ...
```
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from io import RawIOBase
from os import PathLike
from pathlib import Path
from typing import IO, Any, Final

from qualtrics_async.bulk.identity import FileRows, HashedFile, Identity, Layout, Row
from qualtrics_async.bulk.readers import _object, _objects, _read
from qualtrics_async.bulk.rows import SourceRow
from qualtrics_async.errors import UsageError

__all__ = ["GROUP_ROWS", "GROUP_SIZE", "ParquetCopy", "ParquetWriter", "read_parquet", "require"]

GROUP_ROWS: Final = 20_000
"""Rows that are written as one group at most, and held in memory until then."""

GROUP_SIZE: Final = 4 * 1024 * 1024
"""Characters of text that are held in memory at most."""

_AT_ONCE: Final = 1_000
_BUFFER: Final = 256 * 1024
_BLOCK: Final = 1024 * 1024


def read_parquet(path: str | PathLike[str]) -> FileRows:
    """Read the rows of a Parquet file, a batch at a time; needs the extra `arrow`.

    The `line` of a row is its number in the file, from 1. Nulls are absent; structs and maps are taken as the
    objects of embedded and transaction data, and so is text that is a JSON object, in a column of that name.
    The file is hashed in a pass of its own before its first row.

    Raises:
        UsageError: at once without pyarrow; before the first row for what is no Parquet file, and for columns
            without a name or with the same one.
        OSError: when the file cannot be opened, before the first row.
    """
    require()
    file, layout = Path(path), Layout("parquet")
    identity = Identity(file)
    return FileRows(_read(_rows(file, identity, layout)), identity, layout)


def require() -> None:
    """See that pyarrow is there.

    Raises:
        UsageError: when it is not.
    """
    if find_spec("pyarrow") is None:
        raise UsageError("Parquet needs pyarrow: pip install 'qualtrics-async[arrow]'")


def _rows(path: Path, identity: Identity, layout: Layout) -> Generator[tuple[int, Row]]:
    number = 0
    for batch in _batches(path, identity, layout):
        objects = _objects(layout.columns)
        size = batch.nbytes // max(batch.num_rows, 1)
        with _explained(path):
            records = _without_nanoseconds(batch).to_pylist(maps_as_pydicts="strict")
        for cells in records:
            number += 1
            for column in objects:
                if isinstance(cells[column], str):
                    cells[column] = _object(cells[column])
            yield size, SourceRow(number, cells)


def _batches(path: Path, identity: Identity, layout: Layout) -> Generator[Any]:
    """Read record batches of a file, after its hash and its columns."""
    from pyarrow.parquet import ParquetFile

    with HashedFile(path, identity) as file:
        block = bytearray(_BLOCK)
        while file.readinto(block):
            pass
        file.seek(0)
        with _explained(path), ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False) as found:
            layout.columns = _header(found.schema_arrow.names, path.name)
            yield from found.iter_batches(_AT_ONCE, use_threads=False)


def _header(names: Sequence[str], name: str) -> tuple[str, ...]:
    if not all(map(str.strip, names)):
        raise UsageError(f"{name}: one of its columns has no name")
    doubled = sorted({column for column in names if names.count(column) > 1})
    if doubled:
        raise UsageError(f"{name}: it has several columns called {', '.join(doubled)}")
    return tuple(names)


def _without_nanoseconds(batch: Any) -> Any:
    """Cut instants to microseconds: Python has no finer ones."""
    import pyarrow as pa

    fields = [
        field.with_type(pa.timestamp("us", field.type.tz))
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns"
        else field
        for field in batch.schema
    ]
    return batch.cast(pa.schema(fields), safe=False)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say of pyarrow's errors which file they are about; an error of the system stays what it is."""
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, KeyError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UsageError(f"{path.name}: it is no Parquet file, or it is damaged: {error}") from error


class _Sink(RawIOBase):
    """A file that pyarrow may end, as it does when collected, after a job that failed has closed it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if not self._file.closed:
            self._file.write(data)
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written


class ParquetWriter:
    """Writes rows as Parquet while they come, all columns as text, in groups of bounded size; for a thread.

    Raises:
        UsageError: without pyarrow.
    """

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None:
        require()
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter as Writer

        self._schema = pa.schema([(column, pa.string()) for column in columns])
        self._writer = Writer(_Sink(file), self._schema)
        self._rows: list[Sequence[str | None]] = []
        self._size = 0

    def row(self, values: Sequence[str | None]) -> None:
        """Add a row, a text or None for each column; groups are written as they fill."""
        self._rows.append(values)
        self._size += sum(len(value) for value in values if value)
        if len(self._rows) >= GROUP_ROWS or self._size >= GROUP_SIZE:
            self._write()

    def _write(self) -> None:
        import pyarrow as pa

        arrays = [pa.array(cells, pa.string()) for cells in zip(*self._rows, strict=True)]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        self._rows.clear()
        self._size = 0

    def close(self) -> None:
        """Write the rest, and the end of the file, which stays open."""
        if self._rows:
            self._write()
        self._writer.close()


class ParquetCopy:
    """Copies some rows of a file as they are, with columns of text at their end; for a thread.

    Columns of the file that have the names of these are left out.
    """

    def __init__(self, path: Path, output: IO[bytes], columns: Sequence[str]) -> None:
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile
        from pyarrow.parquet import ParquetWriter as Writer

        self._open = ExitStack()
        with self._open, _explained(path):
            file = self._open.enter_context(path.open("rb"))
            found = self._open.enter_context(ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False))
            added = [pa.field(column, pa.string()) for column in columns]
            fields = [field for field in found.schema_arrow if field.name not in columns]
            self._names = [field.name for field in fields]
            self._batches = found.iter_batches(_AT_ONCE, use_threads=False)
            self._schema = pa.schema([*fields, *added])
            self._writer = Writer(_Sink(output), self._schema)
            self._open = self._open.pop_all()
        self._batch: Any = None
        self._taken: list[Any] = []

    def advance(self) -> int:
        """Go to the next batch; how many rows it has, 0 at the end."""
        self._batch = next(self._batches, None)
        return 0 if self._batch is None else int(self._batch.num_rows)

    def take(self, rows: Sequence[int], values: Sequence[Sequence[str | None]]) -> None:
        """Copy rows of the batch, by their places in it, with the values of the added columns for each."""
        import pyarrow as pa

        chosen = self._batch.select(self._names).take(pa.array(rows, pa.int64()))
        added = [pa.array(cells, pa.string()) for cells in zip(*values, strict=True)]
        self._taken.append(pa.record_batch([*chosen.columns, *added], schema=self._schema))
        if sum(batch.num_rows for batch in self._taken) >= GROUP_ROWS or (
            sum(batch.nbytes for batch in self._taken) >= GROUP_SIZE
        ):
            self._write()

    def _write(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_batches(self._taken, self._schema))
        self._taken.clear()

    def end(self) -> None:
        """Write the rest, and the end of the output, which stays open."""
        if self._taken:
            self._write()
        self._writer.close()

    def close(self) -> None:
        """Close the file that is copied."""
        self._open.close()
