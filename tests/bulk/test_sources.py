"""Sources of rows: frames, tables, cursors and iterables give the same rows, in pieces."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
import tracemalloc
from collections import namedtuple
from contextlib import aclosing, closing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import aiosqlite
import msgspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa
from working import asynchronous

from qualtrics_async.bulk.rows import BrokenRow, SourceRow, prepare
from qualtrics_async.bulk.sources import as_rows
from qualtrics_async.errors import UsageError
from qualtrics_async.models.contacts import ContactCreate

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

PEOPLE = [{"email": f"p{n}@example.com", "extRef": f"r{n}"} for n in range(600)]
COLUMNS = ["email", "extRef"]
TUPLES = [tuple(row.values()) for row in PEOPLE]

# Made here because the first instant that polars sees opens files that the process keeps.
POLARS = pl.DataFrame(
    {
        "email": ["a@example.com", "b@example.com"],
        "whole": [7, None],
        "gap": [float("nan"), None],
        "points": [3.0, None],
        "flag": [True, None],
        "kind": pl.Series(["gold", None], dtype=pl.Categorical),
        "level": pl.Series(["low", None], dtype=pl.Enum(["low", "high"])),
        "price": pl.Series([Decimal("1.50"), None], dtype=pl.Decimal(10, 2)),
        "day": [dt.date(2026, 1, 2), None],
        "since": pl.Series([dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC), None]),
        "at": [dt.time(3, 4), None],
        "embeddedData": [{"city": "Oslo", "gap": None}, None],
    }
)


class Person(NamedTuple):
    """A row with names."""

    email: str
    extRef: str  # noqa: N815  (the wire's name)


class Record:
    """A row as asyncpg gives them: cells by name and by position, yet no mapping."""

    def __init__(self, cells: dict[str, str]) -> None:
        self._cells = cells

    def keys(self) -> Iterator[str]:
        """The names."""
        return iter(self._cells)

    def __getitem__(self, key: str) -> str:
        return self._cells[key]

    def __len__(self) -> int:
        return len(self._cells)

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells.values())


def collected(rows: Any) -> list[Any]:
    async def collect() -> list[Any]:
        async with aclosing(as_rows(rows)) as source:
            return [row async for row in source]

    return asyncio.run(collect())


def sent(row: Any) -> dict[str, Any]:
    """What is sent of a row."""
    prepared = prepare(0, row, "CG_1")
    assert prepared.problem is None, prepared.problem
    return dict(msgspec.json.decode(prepared.payload))


async def slowly(rows: Any) -> AsyncGenerator[Any]:
    for row in rows:
        await asyncio.sleep(0)
        yield row


def filled() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE people (email TEXT, extRef TEXT)")
    connection.executemany("INSERT INTO people VALUES (?, ?)", TUPLES)
    return connection


SOURCES: dict[str, Callable[[], Any]] = {
    "list": lambda: PEOPLE,
    "generator": lambda: (row for row in PEOPLE),
    "async generator": lambda: slowly(PEOPLE),
    "named tuples": lambda: [Person(*cells) for cells in TUPLES],
    "async named tuples": lambda: slowly([Person(*cells) for cells in TUPLES]),
    "records": lambda: [Record(row) for row in PEOPLE],
    "pandas": lambda: pd.DataFrame(PEOPLE),
    "pandas by another index": lambda: pd.DataFrame(PEOPLE).set_index(pd.Index(range(600, 0, -1))),
    "polars": lambda: pl.DataFrame(PEOPLE),
    "arrow table": lambda: pa.Table.from_pylist(PEOPLE),
    "arrow batch": lambda: pa.RecordBatch.from_pylist(PEOPLE),
    "arrow reader": lambda: pa.Table.from_pylist(PEOPLE).to_reader(max_chunksize=7),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_gives_the_same_rows(name: str) -> None:
    """What a row is in makes no difference to what it says."""
    rows = collected(SOURCES[name]())
    assert rows == PEOPLE
    assert all(type(row) is dict for row in rows)


def test_cursors_name_the_cells_of_their_tuples() -> None:
    """A plain tuple of a cursor gets the names of the columns, and a row of sqlite3 has them."""
    with closing(filled()) as connection:
        assert collected(connection.execute("SELECT email, extRef FROM people ORDER BY rowid")) == PEOPLE
        connection.row_factory = sqlite3.Row
        assert collected(connection.execute("SELECT * FROM people ORDER BY rowid")) == PEOPLE
        connection.row_factory = None
        assert collected(connection.execute("SELECT * FROM people WHERE 0")) == []


@asynchronous
async def test_async_cursors() -> None:
    """A cursor that is read with `async for` names its cells as well."""
    async with aiosqlite.connect(":memory:") as connection:
        await connection.execute("CREATE TABLE people (email TEXT, extRef TEXT)")
        await connection.executemany("INSERT INTO people VALUES (?, ?)", TUPLES)
        async with connection.execute("SELECT * FROM people ORDER BY rowid") as cursor:
            assert [row async for row in as_rows(cursor)] == PEOPLE


def test_rows_of_sqlalchemy() -> None:
    """Rows of a result, and mappings of it, are taken."""
    engine = sa.create_engine("sqlite://")
    people = sa.Table("people", sa.MetaData(), sa.Column("email", sa.Text), sa.Column("extRef", sa.Text))
    try:
        with engine.begin() as connection:
            people.create(connection)
            connection.execute(people.insert(), PEOPLE)
            # Fetched before: this driver blocks, which is its user's choice and not the loop's.
            assert collected(connection.execute(sa.select(people)).all()) == PEOPLE
            mappings = connection.execute(sa.select(people)).mappings().all()
            assert list(map(dict, collected(mappings))) == PEOPLE
            doubled = connection.execute(sa.text("SELECT 1 AS a, 2 AS a")).all()
            with pytest.raises(UsageError, match="same name"):
                collected(doubled)
    finally:
        engine.dispose()


def test_rows_that_are_ready_pass_through() -> None:
    """Contacts, rows of the readers, and what is no row stay what they are."""
    rows = [ContactCreate(email="a@example.com"), SourceRow(2, {}), BrokenRow(3, "x", "y"), 7, (1, 2), None]
    assert all(given is got for given, got in zip(rows, collected(rows), strict=True))


@pytest.mark.parametrize("rows", ["a.csv", b"a", Path("a.csv"), {"email": "x"}, 7, None])
def test_what_holds_no_rows_is_refused_at_once(rows: Any) -> None:
    """A path, a text and a single row are refused by the call itself."""
    with pytest.raises(UsageError, match=r"got \w+; for a file: bulk\.read_contacts"):
        as_rows(rows)


def test_a_lazy_frame_is_refused_with_what_to_do() -> None:
    """A plan holds no rows."""
    with pytest.raises(UsageError, match=r"collect\(\).*sink_parquet.*read_parquet"):
        as_rows(pl.LazyFrame(PEOPLE))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (pd.DataFrame([[1, 2]]), "named by text"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "several columns called a"),
        (pd.DataFrame([[1]], columns=[" "]), "named by text"),
        (pa.table([[1], [2]], names=["a", "a"]), "several columns called a"),
        (pa.table([[1], [2]], names=["a", "a"]).to_reader(), "several columns called a"),
        (pa.record_batch([pa.array([1]), pa.array([2])], names=["a", "a"]), "several columns called a"),
    ],
)
def test_columns_that_cannot_be_told_apart(rows: Any, words: str) -> None:
    """A frame whose columns lack names, or share one, would lose cells, and is refused at once."""
    with pytest.raises(UsageError, match=words):
        as_rows(rows)


def test_doubled_columns_of_a_cursor() -> None:
    """A join whose columns share a name would lose cells."""
    with closing(sqlite3.connect(":memory:")) as connection:
        cursor = connection.execute("SELECT 1 AS a, 2 AS a")
        with pytest.raises(UsageError, match="several columns called a"):
            collected(cursor)
        connection.row_factory = sqlite3.Row
        rows = connection.execute("SELECT 1 AS a, 2 AS a")
        with pytest.raises(UsageError, match="same name"):
            collected(rows)


def test_a_tuple_under_no_names_stays_one() -> None:
    """What only looks like a cursor's description names nothing."""
    described = type("Described", (list,), {"description": "of people"})
    assert collected(described([(1, 2)])) == [(1, 2)]
    assert collected([namedtuple("Odd", [])()]) == [{}]  # noqa: PYI024  (any named tuple)


def test_missing_cells_of_pandas_are_absent() -> None:
    """Every kind of gap is absent, and what stands beside it is written as it is meant."""
    frame = pd.DataFrame(
        {
            "email": ["a@example.com", "b@example.com"],
            "phone": [48123456789.0, float("nan")],
            "nullable": pd.array([7, pd.NA], dtype="Int64"),
            "flag": pd.array([True, pd.NA], dtype="boolean"),
            "numpy flag": [True, False],
            "text": pd.array(["x", pd.NA], dtype="string"),
            "kind": pd.Categorical(["gold", None]),
            "since": pd.to_datetime(["2026-01-02T03:04:05", None]),
            "zoned": pd.to_datetime(["2026-01-02T03:04:05+02:00", None]),
            "price": [Decimal("1.50"), None],
            "share": [0.5, float("nan")],
            "object": pd.Series([3, None], dtype=object),
        }
    )
    first, second = (sent(row) for row in collected(frame))
    assert first == {
        "email": "a@example.com",
        "phone": "48123456789",
        "embeddedData": {
            "nullable": "7",
            "flag": "true",
            "numpy flag": "true",
            "text": "x",
            "kind": "gold",
            "since": "2026-01-02T03:04:05",
            "zoned": "2026-01-02T03:04:05+02:00",
            "price": "1.50",
            "share": "0.5",
            "object": "3",
        },
    }
    assert second == {"email": "b@example.com", "embeddedData": {"numpy flag": "false"}}


def test_missing_cells_of_polars_are_absent() -> None:
    """Nulls and NaN are absent, and every other kind of value is written as text."""
    first, second = (sent(row) for row in collected(POLARS))
    assert first["embeddedData"] == {
        "whole": "7",
        "points": "3",
        "flag": "true",
        "kind": "gold",
        "level": "low",
        "price": "1.50",
        "day": "2026-01-02",
        "since": "2026-01-02T03:04:00+00:00",
        "at": "03:04:00",
        "city": "Oslo",
    }
    assert second == {"email": "b@example.com"}


def test_maps_of_arrow_are_objects() -> None:
    """A map column holds embedded data as a struct does."""
    kind = pa.map_(pa.string(), pa.string())
    table = pa.table(
        {"email": ["a@example.com"], "embeddedData": pa.array([[("city", "Oslo")]], kind)},
    )
    assert sent(collected(table)[0])["embeddedData"] == {"city": "Oslo"}


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_frame_is_never_copied_whole(make: Callable[..., Any]) -> None:
    """Reading a large frame takes the memory of a piece of it."""
    count = 100_000
    columns: dict[str, Any] = {"number": list(range(count)), "text": [f"text of {n}" for n in range(count)]}
    if make is pd.DataFrame:
        columns["kind"] = pd.Categorical([f"kind {n}" for n in range(count)])
    frame = make(columns)
    tracemalloc.start()
    try:

        async def run() -> int:
            return sum([1 async for _ in as_rows(frame)])

        assert asyncio.run(run()) == count
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000, peak


@pytest.mark.parametrize("wrap", [lambda rows: rows, slowly], ids=["sync", "async"])
def test_closing_closes_the_source(wrap: Callable[[Any], Any]) -> None:
    """A generator that is left early is closed at once, not when it is collected."""
    closed: list[str] = []

    def rows() -> Iterator[dict[str, str]]:
        try:
            yield from PEOPLE
        finally:
            closed.append("closed")

    source = rows()

    async def leave() -> None:
        outer = wrap(source)
        async with aclosing(as_rows(outer)) as stream:
            assert await anext(stream) == PEOPLE[0]
        if outer is source:
            assert closed
        else:
            with pytest.raises(StopAsyncIteration):
                await anext(outer)

    asyncio.run(leave())
