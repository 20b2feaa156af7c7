"""Cells as arrays: Arrow's reader and the csv module find the same, whoever of them reads."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import csv as pa_csv
from tabular import DELIMITERS, archive, header, read, written

from qualtrics_async.errors import DecodeError
from qualtrics_async.exports import text_columns
from qualtrics_async.exports.cells import Cells
from qualtrics_async.exports.text_columns import TextColumns

CELL = st.sampled_from(
    [
        "",
        "a",
        "é ",
        '"',
        '""',
        ",",
        "\t",
        "\n",
        "\r",
        "\r\n",
        "\0",
        " ",
        'say "so",\nand',
        "\ufeff",
        "NA",
        "x" * 40,
    ]
)
# On the main thread pyarrow opens a pipe for signals, once and for good.
pa_csv.read_csv(pa.BufferReader(b"a\n"))

RAW = st.text('"",,\t\n\n\ra é\0', max_size=30)
HEAD = header(["QID1", "QID2_TEXT"])


def arrays(*members: bytes, form: Any = "csv") -> tuple[TextColumns, list[list[str]]]:
    """All rows of an archive, by way of arrays."""
    text = TextColumns(archive(*members, form=form).stream(), DELIMITERS[form], "tag")
    text.open()
    rows: list[list[str]] = []
    while (taken := text.take()) is not None:
        columns = [column.to_pylist() for column in taken.columns]
        assert "" not in {cell for column in columns for cell in column}
        rows += [[cell or "" for cell in row] for row in zip(*columns, strict=True)]
    return text, rows


def outcome(reader: Any, data: bytes, form: str) -> Any:
    """The rows, or the error in their place."""
    try:
        return reader(data, form=form)[1]
    except DecodeError as error:
        return str(error)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tables of some hundred bytes be read in several pieces."""
    monkeypatch.setattr(text_columns, "_TEXT", 200)
    monkeypatch.setattr(text_columns, "_STEP", 30)


@given(
    st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=20),
    st.sampled_from(["csv", "tsv"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_is_written_is_read(rows: list[list[str]], form: str, line_end: str, quoted: bool) -> None:
    """All cells come back as they are."""
    made = written([*HEAD, *rows], form=form, line_end=line_end, quoted=quoted)
    text, found = arrays(made, form=form)
    assert found == rows
    assert (text.columns.header_rows, text._cells.count, text._cells.done) == (3, len(rows), len(made))


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=12), RAW, st.sampled_from(["csv", "tsv"]))
@example([["a", "b"]] * 30, 'a,"b"x\n', "csv")
@example([["a", "b"]] * 30, 'a,b"\nc,d\n', "csv")
@example([["a", "b"]] * 30, '",",\n",\n', "csv")
@example([], '" \n,é, a,é","', "csv")
def test_what_is_no_table_is_read_or_refused_alike(rows: list[list[str]], raw: str, form: str) -> None:
    """Stray quotes, carriage returns, rows of another width: both say the same, by the same number."""
    data = written([*HEAD, *rows], form=form) + raw.encode()
    assert outcome(arrays, data, form) == outcome(read, data, form)


@given(st.integers(0, 400))
def test_damage_is_told_alike(place: int) -> None:
    """A byte that is not UTF-8 is told by its row."""
    data = bytearray(written([*HEAD, *[["a", "text"]] * 60]))
    data.insert(min(place, len(data)), 0xFF)
    assert outcome(arrays, bytes(data), "csv") == outcome(read, bytes(data), "csv")
    assert "not UTF-8" in str(outcome(arrays, bytes(data), "csv"))


def test_the_fast_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ordinary tables, with quotes and line feeds in them, are not read by the csv module."""
    monkeypatch.setattr(Cells, "take", None)
    rows = [[str(number), 'say "so",\nand\n' + "on" * (number % 7)] for number in range(200)]
    assert arrays(written([*HEAD, *rows]))[1] == rows


def test_the_slow_way_goes_on_where_the_fast_one_ends() -> None:
    """After a row that only the csv module reads, all others are there, and counted."""
    before, after = [["1", "a"]] * 200, [["2", "b"]] * 200
    data = written([*HEAD, *before]) + b"x,one\rcell\n" + written(after)
    text, found = arrays(data)
    assert found == [*before, ["x", "one\rcell"], *after]
    assert text._by_cells
    assert outcome(arrays, data + b"short\n", "csv") == (
        "row 402 of the export has 1 cells under a header of 2: records() reads another format, ndjson"
    )


def test_one_column_and_one_header_row() -> None:
    """Tables that Arrow would read otherwise are left to the csv module."""
    assert arrays(written(header(["QID1"])) + b"a\n\nb\n")[1] == [["a"], [""], ["b"]]
    assert arrays(b"a,b\n1,2\n3,4\n5,6\n")[1] == [["1", "2"], ["3", "4"], ["5", "6"]]


def test_rows_longer_than_a_piece() -> None:
    """A row is whole, however long."""
    rows = [["1", "x,\n" * 5_000], ["2", "y" * 10_000], ["3", "z"]]
    assert arrays(written([*HEAD, *rows]))[1] == rows


def test_several_members() -> None:
    """Files are read on into one another."""
    one = written([*HEAD, *[["1", "a"]] * 60])
    assert arrays(one.removesuffix(b"\n"), one)[1] == [["1", "a"]] * 120
