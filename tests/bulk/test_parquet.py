"""Parquet: rows are read a batch at a time, whatever their types, and written in bounded groups."""

from __future__ import annotations

import asyncio
import datetime as dt
import inspect
import sys
import threading
from contextlib import aclosing
from decimal import Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qualtrics_async.bulk import parquet, readers
from qualtrics_async.bulk.parquet import ParquetWriter, read_parquet
from qualtrics_async.bulk.readers import read_contacts
from qualtrics_async.bulk.rows import BrokenRow, SourceRow, prepare
from qualtrics_async.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> list[SourceRow]:
    async def collect() -> list[SourceRow]:
        async with asyncio.timeout(10), aclosing(read_contacts(path)) as rows:
            return [row async for row in rows if not isinstance(row, BrokenRow)]

    return asyncio.run(collect())


def sent(row: SourceRow) -> dict[str, Any]:
    prepared = prepare(0, row, "CG_1")
    assert prepared.problem is None, prepared.problem
    return dict(msgspec.json.decode(prepared.payload))


def test_rows_carry_their_numbers(tmp_path: Path) -> None:
    """The line of a row is its number, over batches and groups."""
    path = tmp_path / "people.PARQUET"
    people = [{"email": f"p{n}@example.com", "extRef": f"r{n}"} for n in range(2_500)]
    pq.write_table(pa.Table.from_pylist(people), path, row_group_size=700)
    assert read(path) == [SourceRow(number, cells) for number, cells in enumerate(people, 1)]


def test_every_type_is_written_as_it_is_meant(tmp_path: Path) -> None:
    """Nulls are absent; numbers, instants, categories and objects are what they say."""
    instant = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    maps = pa.map_(pa.string(), pa.string())
    table = pa.table(
        {
            "email": ["a@example.com", "b@example.com"],
            "whole": pa.array([7, None], pa.int64()),
            "gap": pa.array([41.0, None], pa.float64()),
            "nan": [float("nan"), float("nan")],
            "flag": [True, None],
            "kind": pa.array(["gold", None]).dictionary_encode(),
            "price": pa.array([Decimal("1.50"), None], pa.decimal128(10, 2)),
            "day": [dt.date(2026, 1, 2), None],
            "since": pa.array([instant, None], pa.timestamp("us", "UTC")),
            "nanoseconds": pa.array([1_767_323_045_000_000_001, None], pa.timestamp("ns")),
            "embeddedData": [{"city": "Oslo", "none": None}, None],
            "transactionData": pa.array([[("amount", "3")], None], maps),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    first, second = map(sent, read(tmp_path / "a.parquet"))
    assert first == {
        "email": "a@example.com",
        "embeddedData": {
            "whole": "7",
            "gap": "41",
            "flag": "true",
            "kind": "gold",
            "price": "1.50",
            "day": "2026-01-02",
            "since": "2026-01-02T03:04:05+00:00",
            "nanoseconds": "2026-01-02T03:04:05",
            "city": "Oslo",
        },
        "transactionData": {"amount": "3"},
    }
    assert second == {"email": "b@example.com"}


def test_text_of_a_column_of_objects_is_one(tmp_path: Path) -> None:
    """A JSON object in a column of embedded data is read as in a CSV."""
    rows = [{"email": "a@example.com", "embeddedData": '{"city": "Oslo"}'}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert sent(read(tmp_path / "a.parquet")[0])["embeddedData"] == {"city": "Oslo"}


def test_a_file_is_known_by_its_size_and_content(tmp_path: Path) -> None:
    """The hash of a Parquet file is there with its first row."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"email": ["a@example.com"] * 2}), path)

    async def first() -> None:
        async with aclosing(read_parquet(path)) as rows:
            assert rows.identity.digest is None
            await anext(rows)
            assert rows.identity.size == len(content)
            assert rows.identity.digest == blake2b(content, digest_size=16).hexdigest()
            assert rows.layout.columns == ("email",)

    content = path.read_bytes()
    asyncio.run(first())


@pytest.mark.parametrize("content", [b"", b"email\n", b"PAR1" + b"x" * 50 + b"PAR1"])
def test_what_is_no_parquet_is_told(tmp_path: Path, content: bytes) -> None:
    """A file of another kind, or a torn one, is refused by name."""
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(UsageError, match=r"a\.parquet: it is no Parquet file"):
        read(tmp_path / "a.parquet")


def test_a_damaged_page_is_told(tmp_path: Path) -> None:
    """Damage that shows only while rows are read is no error of pyarrow's."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"email": [f"p{n}@example.com" for n in range(50_000)]}), path)
    content = bytearray(path.read_bytes())
    content[1_000:200_000] = b"\xff" * 199_000
    path.write_bytes(content)
    with pytest.raises(UsageError, match="damaged"):
        read(path)


def test_columns_that_cannot_be_told_apart(tmp_path: Path) -> None:
    """Two columns of one name, and one without, are refused before any row."""
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), tmp_path / "a.parquet")
    with pytest.raises(UsageError, match="several columns called a"):
        read(tmp_path / "a.parquet")
    pq.write_table(pa.table([[1]], names=[" "]), tmp_path / "b.parquet")
    with pytest.raises(UsageError, match="no name"):
        read(tmp_path / "b.parquet")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A file that is not there raises what `open` raises."""
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.parquet")


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The call itself says what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"qualtrics-async\[arrow\]"):
        read_contacts(tmp_path / "a.parquet")
    with (tmp_path / "b.parquet").open("wb") as file, pytest.raises(UsageError, match="arrow"):
        ParquetWriter(file, ["a"])


def test_the_loop_never_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing and reading happen on other threads than the loop's, and an early end closes the file."""
    threads = set()
    batch = readers._batch

    def watched(rows: Any) -> Any:
        threads.add(threading.get_ident())
        taken = batch(rows)
        states.append(inspect.getgeneratorstate(rows))
        left.append(rows)
        return taken

    states: list[str] = []
    left: list[Any] = []
    monkeypatch.setattr(readers, "_batch", watched)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"email": ["a@example.com"] * 5_000}), path)

    async def leave() -> None:
        async with aclosing(read_parquet(path)) as rows:
            await anext(rows)

    asyncio.run(leave())
    assert threads
    assert threading.get_ident() not in threads
    assert states == [inspect.GEN_SUSPENDED]
    assert inspect.getgeneratorstate(left[0]) == inspect.GEN_CLOSED


@pytest.mark.parametrize("bound", ["GROUP_ROWS", "GROUP_SIZE"])
def test_groups_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    """A stream is written in groups of some rows, or of some text, and nothing is lost between them."""
    monkeypatch.setattr(parquet, bound, 10 if bound == "GROUP_ROWS" else 40)
    path = tmp_path / "a.parquet"
    rows = [(f"{n:04}", None if n % 2 else "") for n in range(25)]
    with path.open("wb") as file:
        writer = ParquetWriter(file, ["a", "b"])
        for row in rows:
            writer.row(row)
        writer.close()
        assert not file.closed
    found = pq.ParquetFile(path)
    groups = [found.metadata.row_group(n).num_rows for n in range(found.num_row_groups)]
    assert groups == [10, 10, 5]
    assert [tuple(row.values()) for row in found.read().to_pylist()] == rows
    assert all(field.type == pa.string() for field in found.schema_arrow)


def test_nothing_is_a_file_without_rows(tmp_path: Path) -> None:
    """A writer that was given no row leaves a file with its columns."""
    path = tmp_path / "a.parquet"
    with path.open("wb") as file:
        ParquetWriter(file, ["a", "b"]).close()
    table = pq.read_table(path)
    assert (table.column_names, table.num_rows) == (["a", "b"], 0)
