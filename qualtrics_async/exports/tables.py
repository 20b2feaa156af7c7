"""The responses of a survey as tables of Arrow, polars and pandas, and as Parquet.

Types come from what the survey says of its questions, and from the data: whole columns are looked at before
any of them is built, and a column whose cells do not fit its type gets a wider one, text at last.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Unpack, cast

from qualtrics_async._core.replacing import replacing_off_loop
from qualtrics_async._core.request import fill
from qualtrics_async._core.tasks import on_thread
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import DecodeError, UsageError
from qualtrics_async.exports.cells import DELIMITERS
from qualtrics_async.exports.columns import ColumnMap, Names
from qualtrics_async.exports.export import Export, ExportInfo, open_export
from qualtrics_async.exports.files import ExportedFile
from qualtrics_async.exports.kinds import kinds_of
from qualtrics_async.exports.options import ExportOptions, Plan, planned
from qualtrics_async.exports.row_stream import check_names
from qualtrics_async.exports.saving import Target, target_in
from qualtrics_async.exports.survey_reading import survey_of
from qualtrics_async.exports.text_columns import TextColumns
from qualtrics_async.exports.typed_columns import TypedColumn
from qualtrics_async.models.surveys import Survey

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

__all__ = ["to_arrow", "to_pandas", "to_parquet", "to_polars"]

_EXTRAS: Final = {
    "arrow": ("pyarrow",),
    "polars": ("polars", "pyarrow"),
    "pandas": ("pandas", "pyarrow"),
}
"""What each extra brings, in the order in which it is looked for."""

_GROUP_ROWS: Final = 100_000
_GROUP_SIZE: Final = 64 * 1024**2
"""Rows and bytes of a group in a Parquet file, which are held until it is written."""

_SUFFIX: Final = ".parquet"


async def to_arrow(
    client: Qualtrics,
    survey_id: str,
    *,
    labels: bool | None = None,
    names: Names = "tag",
    **options: Unpack[ExportOptions],
) -> pa.Table:
    """Export the responses of a survey as an Arrow table; needs the extra `arrow`.

    ```python
    table = await exports.to_arrow(client, "SV_0aB1cD2eF3gH4iJ")
    ```

    Columns have the unique names of a `ColumnMap`; what the header rows say of each is in the metadata of its
    field: `tag`, `text`, `import_id`, `time_zone`, and `source`, the whole cell of the third row. The types:

    - dates: `timestamp[us]` in the time zone of the column, UTC by default. An hour that comes twice in
      autumn counts as the first one: only an export in UTC tells them apart.
    - codes, counts and ranks: `int64`; amounts: `double`, where that loses no digit.
    - one choice of a multiple answer in a column of its own, and `Finished`: `bool`, or `int64` where the
      choices have recodes of their own.
    - several choices in one cell (`breakout_sets=False`): `list<int64>`.
    - everything else, and a column of which any cell would be lost or changed (`007`, `NaN`, ` 5`, more
      digits than a number has, a date that there is not): `string`, each cell as it came.

    Empty cells are null. With `labels` answers are the texts of choices, and so `string`. Where the survey's
    questions may not or cannot be read, the header rows alone tell the types.

    Args:
        labels: the texts of choices in place of their codes, as the vendor's `use_labels`; either of the two
            is enough, and both must say the same.
        names: what columns are called: by `tag` (`Q1`), by `import_id` (`QID1`), or by the `text` of the
            question; a second one of the same name is `Q1_2`.
        options: which responses and columns, and how they are written: see `ExportOptions`.

    Raises:
        UsageError: without pyarrow, and for options that exclude one another, before any I/O.
        JobFailed, TransportError, QualtricsError: as `stream()` does.
        DecodeError: as `rows()` does; a file that is broken is downloaded again first.
    """
    plan = _planned(survey_id, options, labels=labels, names=names)
    pa = await _imported("pyarrow")
    batches: list[Any] = []
    async with _opened(client, survey_id, plan, names) as table:
        schema = await table.settle()
        await table.build(schema, batches.append)
    return await on_thread(partial(pa.Table.from_batches, batches, schema))


async def to_polars(
    client: Qualtrics,
    survey_id: str,
    *,
    labels: bool | None = None,
    names: Names = "tag",
    **options: Unpack[ExportOptions],
) -> pl.DataFrame:
    """Export the responses of a survey as a polars frame; needs the extra `polars`.

    ```python
    frame = await exports.to_polars(client, "SV_0aB1cD2eF3gH4iJ")
    ```

    Columns and types are those of `to_arrow()`: `Datetime("us", "UTC")`, `Int64`, `Float64`, `Boolean`,
    `List(Int64)`, `String`.

    Args:
        labels: the texts of choices in place of their codes (`use_labels`), as of `to_arrow()`.
        names: what columns are called, `tag`, `import_id` or `text`, as of `to_arrow()`.
        options: which responses and columns, and how they are written: see `ExportOptions`.

    Raises:
        UsageError: without polars or pyarrow, and as `to_arrow()` does, before any I/O.
        JobFailed, TransportError, DecodeError, QualtricsError: as `to_arrow()` does.
    """
    _planned(survey_id, options, labels=labels, names=names, extra="polars")
    polars = await _imported("polars")
    table = await to_arrow(client, survey_id, labels=labels, names=names, **options)
    return cast("pl.DataFrame", await on_thread(partial(polars.from_arrow, table)))


async def to_pandas(
    client: Qualtrics,
    survey_id: str,
    *,
    labels: bool | None = None,
    names: Names = "tag",
    **options: Unpack[ExportOptions],
) -> Any:
    """Export the responses of a survey as a `pandas.DataFrame`; needs the extra `pandas`.

    ```python
    frame = await exports.to_pandas(client, "SV_0aB1cD2eF3gH4iJ")
    ```

    Columns are those of `to_arrow()`. The types are pandas' own that know missing values, so that codes with
    gaps stay whole: `Int64`, `Float64`, `boolean`, `string`; dates are `datetime64[us, UTC]`, and several
    choices in one cell are arrays.

    Args:
        labels: the texts of choices in place of their codes (`use_labels`), as of `to_arrow()`.
        names: what columns are called, `tag`, `import_id` or `text`, as of `to_arrow()`.
        options: which responses and columns, and how they are written: see `ExportOptions`.

    Raises:
        UsageError: without pandas or pyarrow, and as `to_arrow()` does, before any I/O.
        JobFailed, TransportError, DecodeError, QualtricsError: as `to_arrow()` does.
    """
    _planned(survey_id, options, labels=labels, names=names, extra="pandas")
    pandas = await _imported("pandas")
    table = await to_arrow(client, survey_id, labels=labels, names=names, **options)
    return await on_thread(partial(_framed, pandas, table))


async def to_parquet(
    client: Qualtrics,
    survey_id: str,
    path: str | os.PathLike[str],
    *,
    labels: bool | None = None,
    names: Names = "tag",
    **options: Unpack[ExportOptions],
) -> ExportedFile:
    """Export the responses of a survey to a Parquet file, however many; needs the extra `arrow`.

    ```python
    exported = await exports.to_parquet(client, "SV_0aB1cD2eF3gH4iJ", "responses.parquet")
    ```

    Columns, types and metadata are those of `to_arrow()`. The file takes its name when it is complete, over
    whatever was there.

    Rows are held until there are 100 000 or 64 MB of them, which are written as one group. Memory does not
    grow with the responses but for the file's directory, which pyarrow keeps until the end: about 2 KB for
    each column of each group (measured), so 15 MB a group of 8000 columns and next to nothing for a few.

    Args:
        path: ends in `.parquet`, or in nothing at all, as devices do.
        labels: the texts of choices in place of their codes (`use_labels`), as of `to_arrow()`.
        names: what columns are called, `tag`, `import_id` or `text`, as of `to_arrow()`.
        options: which responses and columns, and how they are written: see `ExportOptions`.

    Raises:
        UsageError: for another suffix, a path where there can be no file, and as `to_arrow()` does, before
            any request.
        OSError: with the name of the file, when it cannot be written.
        JobFailed, TransportError, DecodeError, QualtricsError: as `to_arrow()` does.
    """
    path = Path(path)
    if path.suffix.lower() not in (_SUFFIX, ""):
        raise UsageError(
            f"{path}: to_parquet() writes .parquet: write {path.with_suffix(_SUFFIX).name}, or to_file() for"
            " another format"
        )
    plan = _planned(survey_id, options, labels=labels, names=names)
    await _imported("pyarrow")
    parquet = await on_thread(import_module, "pyarrow.parquet")
    async with (
        replacing_off_loop(path, private=False) as file,
        target_in(file, str(path)) as target,
        _opened(client, survey_id, plan, names) as table,
    ):
        schema = await table.settle()
        sink = _Sink(target)
        try:
            groups = _Groups(await on_thread(parquet.ParquetWriter, sink, schema), schema)
            await table.build(schema, groups.add)
            await on_thread(groups.close)
        finally:
            sink.end()
        info = table.info
    return ExportedFile(survey_id=survey_id, path=path, format="parquet", size=sink.tell(), info=info)


class _Groups:
    """Writes record batches as groups of rows; for a thread.

    Each group has an entry of each column in the file's directory, which stays in memory, and pages of its
    own: groups of a batch would make a file of many columns several times as large as its cells.
    """

    def __init__(self, writer: Any, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema
        self._held: list[Any] = []
        self._rows = 0
        self._size = 0

    def add(self, batch: Any) -> None:
        """Take a batch; write a group if there is enough for one."""
        self._held.append(batch)
        self._rows += batch.num_rows
        self._size += batch.nbytes
        if self._rows >= _GROUP_ROWS or self._size >= _GROUP_SIZE:
            self._write()

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        if self._held:
            self._write()
        self._writer.close()

    def _write(self) -> None:
        import pyarrow as pa

        group = pa.Table.from_batches(self._held, self._schema)
        self._held.clear()
        self._writer.write_table(group, row_group_size=self._rows)
        self._rows = self._size = 0


class _Sink(RawIOBase):
    """A file for pyarrow, which writes the end of one even when it throws away a writer that failed."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._is_over = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if not self._is_over:
            self._target.write(data)
        return len(data)

    def tell(self) -> int:
        return self._target.size

    def end(self) -> None:
        """Let nothing be written any more: the file may be another one by then."""
        self._is_over = True


class _Table:
    """An export that is there, read twice: to settle the types of its columns, and to build them."""

    def __init__(self, export: Export, plan: Plan, names: Names, survey: Survey | None) -> None:
        self._export = export
        self._plan = plan
        self._names = names
        self._survey = survey
        self._typed: list[TypedColumn] = []

    @property
    def info(self) -> ExportInfo:
        """What is known of the export."""
        return self._export.info

    async def settle(self) -> pa.Schema:
        """Find a type for each column that all of its cells fit.

        What turns out to be broken is downloaded again: nobody has seen any of it.
        """
        while True:
            try:
                await self._walk(0, self._begin, self._look)
            except DecodeError as error:
                await self._export.again(error)
            else:
                return await on_thread(self._schema)

    async def build(self, schema: pa.Schema, take: Callable[[Any], None]) -> None:
        """Hand over record batches, on a thread."""

        def convert(cells: list[Any]) -> None:
            import pyarrow as pa

            arrays = [typed.convert(each) for typed, each in zip(self._typed, cells, strict=True)]
            take(pa.record_batch(arrays, schema=schema))

        await self._walk(1, lambda _: None, convert)

    async def _walk(
        self, number: int, begin: Callable[[ColumnMap], None], use: Callable[[list[Any]], None]
    ) -> None:
        """Read all rows, the first time or the second."""
        text = TextColumns(self._export.stream(), DELIMITERS[self._plan.form], self._names)

        def step() -> int | None:
            taken = text.take()
            if taken is None:
                return None
            use(taken.columns)
            return taken.done

        try:
            await on_thread(text.open)
            await on_thread(lambda: begin(text.columns))
            while (done := await on_thread(step)) is not None:
                self._export.tell((number * self.info.size + done) // 2)
            self._export.tell((number + 1) * self.info.size // 2)
        finally:
            await on_thread(text.close)

    def _begin(self, columns: ColumnMap) -> None:
        start = self._plan.start
        kinds = kinds_of(columns, self._survey, labels=start.use_labels is True)
        comma = start.format_decimal_as_comma is True
        self._typed = [TypedColumn(column, kinds[column.name], decimal_comma=comma) for column in columns]

    def _look(self, cells: list[Any]) -> None:
        for typed, each in zip(self._typed, cells, strict=True):
            typed.settle(each)

    def _schema(self) -> pa.Schema:
        import pyarrow as pa

        return pa.schema([typed.field() for typed in self._typed])


def _planned(
    survey_id: str, options: ExportOptions, *, labels: bool | None, names: Names, extra: str = "arrow"
) -> Plan:
    """Check what can be checked before any I/O."""
    _require(extra)
    fill("/surveys/{surveyId}", (survey_id,))
    check_names(names)
    if "format" in options:
        raise UsageError("tables are made of csv: only to_file(), stream() and rows() have a format")
    return planned("csv", options if labels is None else _labelled(options, labels))


def _labelled(options: ExportOptions, labels: bool) -> ExportOptions:
    """Say `labels` in the vendor's word."""
    if not isinstance(labels, bool):
        raise UsageError(f"labels is True or False, got {labels!r:.40}")
    if options.get("use_labels", labels) is not labels:
        raise UsageError("labels and use_labels are one and the same, and say different things: give one")
    return options | {"use_labels": labels} if labels else options


@asynccontextmanager
async def _opened(client: Qualtrics, survey_id: str, plan: Plan, names: Names) -> AsyncGenerator[_Table]:
    survey = await survey_of(client, survey_id)
    async with open_export(client, survey_id, plan) as export:
        yield _Table(export, plan, names, survey)


def _require(extra: str) -> None:
    for package in _EXTRAS[extra]:
        if find_spec(package) is None:
            raise UsageError(f"this needs {package}: pip install 'qualtrics-async[{extra}]'")


async def _imported(package: str) -> Any:
    """Import a package off the loop, which takes up to a second."""
    return await on_thread(import_module, package)


def _framed(pandas: Any, table: pa.Table) -> Any:
    import pyarrow as pa

    types = {
        pa.int64(): pandas.Int64Dtype(),
        pa.float64(): pandas.Float64Dtype(),
        pa.bool_(): pandas.BooleanDtype(),
        pa.string(): pandas.StringDtype("pyarrow"),
    }
    return table.to_pandas(types_mapper=types.get)
