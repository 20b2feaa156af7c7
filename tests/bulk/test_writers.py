"""Writers of records: each format says the same, and no cell runs in a spreadsheet when that is asked for."""

from __future__ import annotations

import csv
import datetime as dt
import gc
import io
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow.parquet as pq
import pytest

from qualtrics_async._core.replacing import replacing
from qualtrics_async.bulk.writers import FileFormat, cell, format_of, guarded, plain, record_writer

if TYPE_CHECKING:
    from pathlib import Path

INSTANT = dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.timezone(dt.timedelta(hours=2)))
RECORDS: list[dict[str, Any]] = [
    {"name": "a,b", "count": 3, "share": 0.5, "flag": True, "at": INSTANT, "object": {"x": [1]}},
    {"name": None, "count": -5},
]
COLUMNS = ["name", "count", "share", "flag", "at", "object"]
CELLS = [["a,b", "3", "0.5", "true", "2026-01-02T01:04:00Z", '{"x":[1]}'], ["", "-5", "", "", "", ""]]


def written(path: Path, form: FileFormat, **options: Any) -> None:
    with replacing(path) as file:
        writer = record_writer(form, file, COLUMNS, **options)
        for record in RECORDS:
            before = writer.waiting
            writer.write(record)
            assert writer.waiting > before
        writer.flush()
        assert writer.waiting == 0
        writer.end()


def test_csv(tmp_path: Path) -> None:
    """Cells stand under their columns, and what is missing is empty."""
    written(tmp_path / "a", "csv", delimiter=";")
    text = (tmp_path / "a").read_text()
    assert list(csv.reader(io.StringIO(text), delimiter=";")) == [COLUMNS, *CELLS]


@pytest.mark.parametrize("form", ["ndjson", "json"])
def test_json(tmp_path: Path, form: FileFormat) -> None:
    """Objects have what their records have, with their types."""
    written(tmp_path / "a", form)
    raw = (tmp_path / "a").read_bytes()
    found = msgspec.json.decode(raw) if form == "json" else list(map(msgspec.json.decode, raw.splitlines()))
    assert found == [RECORDS[0] | {"at": "2026-01-02T01:04:00Z"}, RECORDS[1]]


def test_parquet(tmp_path: Path) -> None:
    """All columns are text, and what is missing is null."""
    written(tmp_path / "a", "parquet")
    rows = pq.read_table(tmp_path / "a").to_pylist()
    assert rows == [dict(zip(COLUMNS, [text or None for text in row], strict=True)) for row in CELLS]


def test_a_writer_of_parquet_may_be_left(tmp_path: Path) -> None:
    """A job that fails leaves nothing behind that is written after its file is closed."""

    def fail() -> None:
        with replacing(tmp_path / "a") as file:
            writer = record_writer("parquet", file, COLUMNS)
            writer.write(RECORDS[0])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    gc.collect()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["=1+1", "+1", "-5", "@a", "\ta", "\ra"])
def test_cells_that_a_spreadsheet_would_run(tmp_path: Path, text: str) -> None:
    """They get an apostrophe, in the header as well, when it is asked for, and else stay as they are."""
    for guard in (True, False):
        with replacing(tmp_path / "a.csv") as file:
            writer = record_writer("csv", file, [text, "b"], guard=guard)
            writer.write({text: text, "b": f"a{text}"})
            writer.end()
        raw = (tmp_path / "a.csv").read_bytes().decode()
        expected = f"'{text}" if guard else text
        assert list(csv.reader(io.StringIO(raw, newline=""))) == [[expected, "b"], [expected, f"a{text}"]]


def test_what_is_no_formula_stays() -> None:
    """An apostrophe, a space, or nothing before it changes nothing."""
    assert [guarded(text) for text in ("", "a", "'=1", " =1", "1")] == ["", "a", "'=1", " =1", "1"]


def test_formats_by_suffix(tmp_path: Path) -> None:
    """The suffix tells, in any case, or what is said otherwise."""
    forms = [format_of(tmp_path / f"a{suffix}", "json") for suffix in (".TSV", ".jsonl", ".parquet", ".x")]
    assert forms == ["csv", "ndjson", "parquet", "json"]
    assert format_of(tmp_path / "a") == "csv"


def test_instants_without_an_offset_stay_as_they_are() -> None:
    """Whose time they are is not known, so they are not turned into UTC."""
    naive = INSTANT.replace(tzinfo=None)
    assert plain(naive) is naive
    assert [cell(value) for value in (naive, naive.date(), naive.time())] == [
        "2026-01-02T03:04:00",
        "2026-01-02",
        "03:04:00",
    ]
