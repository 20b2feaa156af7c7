"""The failures file: the input's own rows with what went wrong, to be corrected and imported again."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import os
import re
import stat
import sys
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from working import Scene, client_of

from qualtrics_async import bulk
from qualtrics_async.bulk import failures
from qualtrics_async.bulk.outcome import Failed, InDoubt, Ok
from qualtrics_async.bulk.rows import NOTES, ImportRow
from qualtrics_async.errors import UsageError
from qualtrics_async.sandbox import ByPolls, Sandbox, import_queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

REFUSED_BY_SERVICE = "a..b@example.com"

ROWS: list[dict[str, Any]] = [
    {"Ext Ref": "r0", "E-Mail": "good@example.com", "Größe": "41", "Note": "=1+1"},
    {"Ext Ref": "r1", "E-Mail": "not an address", "Größe": "42", "Note": 'a "b"; c, d'},
    {"Ext Ref": "r2", "E-Mail": REFUSED_BY_SERVICE, "Größe": "", "Note": "two\rlines"},
    {"Ext Ref": "", "E-Mail": "", "Größe": "43", "Note": "no\nbody"},
    {"Ext Ref": "r4", "E-Mail": "fine@example.com", "Größe": "007", "Note": " kept "},
]
CORRECTIONS = {
    "r1": {"E-Mail": "one@example.com"},
    "r2": {"E-Mail": "two@example.com"},
    "": {"Ext Ref": "r3", "E-Mail": "three@example.com"},
}
BROKEN = {"Ext Ref": "r5", "E-Mail": "five@example.com", "Größe": "44", "Note": "was broken"}
REFERENCES = ["r0", "r1", "r2", "r3", "r4", "r5"]


def failed(index: int, line: int | None = None, **contact: Any) -> Failed[ImportRow]:
    return Failed(ImportRow(index, line, "CG_1", contact), UsageError("no — good"), "bad")


def as_csv(rows: Iterable[dict[str, Any]], delimiter: str = ",", *more: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    table = list(rows)
    writer.writerows([table[0].keys(), *(row.values() for row in table)])
    return out.getvalue() + "".join(more)


def write(
    target: Path, outcomes: Iterable[Any], meanwhile: Callable[[], object] = int, **options: Any
) -> None:
    """Write a failures file of these outcomes, while something happens to its source."""

    async def run() -> None:
        async with asyncio.timeout(10), bulk.failures_file(target, **options) as kept:
            for outcome in outcomes:
                await kept.add(outcome)
            await asyncio.to_thread(meanwhile)

    asyncio.run(run())


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, without the lines that are none."""

    async def run() -> list[dict[str, Any]]:
        async with aclosing(bulk.read_contacts(path)) as rows:
            return [dict(row.cells) async for row in rows if isinstance(row, bulk.SourceRow)]

    return asyncio.run(run())


@dataclass
class Site:
    """A sandbox on a thread of its own, with a list."""

    sandbox: Sandbox
    mailing_list: str

    def imported(
        self, path: Path, failures_path: Path | None = None, rows: Any = None, **options: Any
    ) -> Counter[str]:
        """Import a file and write down its failures; how many rows ended for which reason."""
        return asyncio.run(self._imported(path, failures_path or path.with_name("none.csv"), rows, **options))

    async def _imported(self, path: Path, target: Path, rows: Any, **options: Any) -> Counter[str]:
        reasons: Counter[str] = Counter()
        source = bulk.read_contacts(path, **options) if rows is None else rows
        async with (
            asyncio.timeout(10),
            client_of(self.sandbox) as client,
            bulk.failures_file(target, source=path, **options) as kept,
            Scene(self.sandbox, client, [self.mailing_list]).imports(
                source, mailing_list=self.mailing_list
            ) as outcomes,
        ):
            async for outcome in outcomes:
                reasons["ok" if isinstance(outcome, Ok) else outcome.reason] += 1
                await kept.add(outcome)
        return reasons

    @property
    def contacts(self) -> list[Any]:
        """What is in the list."""
        return self.sandbox.state.list_contacts(self.mailing_list)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A sandbox whose jobs are done at once, and which refuses an address that we let pass."""
    strict = re.compile(r"(?!.*\.\.)[^@\s]+@[^@\s]+\.[^@\s.]+")
    monkeypatch.setattr(import_queue, "_EMAIL", strict)
    with Sandbox.in_thread(jobs=ByPolls(0), gzip=False) as sandbox:
        yield Site(sandbox, sandbox.state.add_mailing_list("List"))


def corrected(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a failures file as its user corrects it: the notes stay as they are."""
    if row.get("_text"):
        return row | BROKEN
    return row | CORRECTIONS[row["Ext Ref"] or ""]


def accepted_once(site: Site) -> None:
    assert site.sandbox.state.accepted_rows == dict.fromkeys(REFERENCES, 1)
    by_reference = {one.ext_ref: one for one in site.contacts}
    for row in [*ROWS, BROKEN]:
        contact = by_reference[row["Ext Ref"] or "r3"]
        expected = {name: row[name] for name in ("Größe", "Note") if row[name]}
        assert contact.embedded_data == expected


FIRST = {"ok": 2, "invalid e-mail": 1, "refused by the import": 1, "no contact field": 1}


@pytest.mark.parametrize(
    ("delimiter", "encoding"),
    [(",", "utf-8"), (";", "cp1252"), ("\t", "utf-8-sig"), (":", "utf-16"), ("|", "utf-16-le")],
)
def test_a_corrected_csv_is_imported_again(site: Site, tmp_path: Path, delimiter: str, encoding: str) -> None:
    """Every kind of failure stands in the file as in the input, and once corrected all is accepted once."""
    path, again = tmp_path / "contacts.csv", tmp_path / "failed.csv"
    header = delimiter.join([*ROWS[0], "_text", *NOTES])
    path.write_bytes(as_csv(ROWS, delimiter, "r5", delimiter, "five\n").encode(encoding))
    options: dict[str, Any] = {"encoding": encoding, "delimiter": delimiter if delimiter == ":" else None}
    assert site.imported(path, again, **options) == FIRST | {"broken line": 1}
    raw = again.read_bytes()
    assert raw.startswith(header.encode(encoding))
    rows = list(csv.DictReader(io.StringIO(raw.decode(encoding), newline=""), delimiter=delimiter))
    own = [{name: row[name] for name in ROWS[0]} for row in rows]
    assert own == [*ROWS[1:4], dict.fromkeys(ROWS[0], "")]
    assert [row["_line"] for row in rows] == ["3", "4", "6", "9"]
    assert [row["_text"] for row in rows] == ["", "", "", f"r5{delimiter}five"]
    assert {row["_mailing_list_id"] for row in rows[:-1]} == {site.mailing_list}
    again.write_bytes(as_csv(map(corrected, rows), delimiter).encode(encoding))
    assert site.imported(again, **options) == {"ok": 4}
    accepted_once(site)


def test_corrected_json_lines_are_imported_again(site: Site, tmp_path: Path) -> None:
    """Objects stay the objects that they were, and a broken line is the text of one."""
    path, again = tmp_path / "contacts.ndjson", tmp_path / "failed.ndjson"
    nested = [
        {name: row[name] for name in ("Ext Ref", "E-Mail")}
        | {"embeddedData": {name: row[name] for name in ("Größe", "Note")}}
        for row in ROWS
    ]
    path.write_bytes(b"\n".join(map(msgspec.json.encode, nested)) + b'\n\n{"broken": \n')
    assert site.imported(path, again) == FIRST | {"broken line": 1}
    rows = [msgspec.json.decode(line) for line in again.read_bytes().splitlines()]
    assert [{k: v for k, v in row.items() if k not in NOTES} for row in rows] == [
        *nested[1:4],
        {"_text": '{"broken": '},
    ]
    assert [row["_line"] for row in rows] == [2, 3, 4, 7]
    again.write_bytes(b"\n".join(msgspec.json.encode(corrected(row)) for row in rows))
    assert site.imported(again) == {"ok": 4}
    accepted_once(site)


def test_a_corrected_parquet_is_imported_again(site: Site, tmp_path: Path) -> None:
    """The rows keep the types of their columns."""
    path, again = tmp_path / "contacts.parquet", tmp_path / "failed.parquet"
    rows = [row | {"Größe": row["Größe"].encode() or None, "n": n} for n, row in enumerate(ROWS)]
    for row in rows:
        row["Größe"] = None if row["Größe"] is None else row["Größe"].decode()
    rows.append(dict.fromkeys(ROWS[0], "") | {"Ext Ref": "r5", "E-Mail": "no", "n": 5})
    pq.write_table(pa.Table.from_pylist(rows), path)
    assert site.imported(path, again) == FIRST | {"invalid e-mail": 2}
    found = pq.read_table(again)
    assert found.column_names == [*rows[0], *NOTES]
    assert found.schema.field("n").type == pa.int64()
    failing = found.to_pylist()
    assert [{name: row[name] for name in rows[0]} for row in failing] == [*rows[1:4], rows[5]]
    assert [row["_line"] for row in failing] == ["2", "3", "4", "6"]
    fixed = [row | (BROKEN if row["Ext Ref"] == "r5" else CORRECTIONS[row["Ext Ref"]]) for row in failing]
    pq.write_table(pa.Table.from_pylist(fixed, found.schema), again)
    assert site.imported(again) == {"ok": 4}
    for contact in site.contacts:
        del contact.embedded_data["n"]
    accepted_once(site)


@pytest.mark.parametrize("source", [".csv", ".ndjson", ".parquet"])
@pytest.mark.parametrize("suffix", [".tsv", ".ndjson", ".parquet", ".json"])
def test_the_suffix_says_the_format(site: Site, tmp_path: Path, source: str, suffix: str) -> None:
    """A file of another format than the input's says the same, and can be imported again."""
    path, target = tmp_path / f"contacts{source}", tmp_path / f"failed{suffix}"
    row = {"extRef": "r1", "email": "no", "embeddedData": {"shoe size": "41", "Email": "other"}, "n": 7}
    match source:
        case ".csv":
            text = [row | {"embeddedData": msgspec.json.encode(row["embeddedData"]).decode()}]
            path.write_text(as_csv(text), encoding="utf-8")
        case ".ndjson":
            path.write_bytes(msgspec.json.encode(row))
        case _:
            pq.write_table(pa.Table.from_pylist([row]), path)
    assert site.imported(path, target) == {"invalid e-mail": 1}
    if suffix == ".json":
        (found,) = msgspec.json.decode(target.read_bytes())
        assert found["embeddedData"] == row["embeddedData"]
        return
    (again,) = read(target)
    if source == ".ndjson" and suffix != ".ndjson":
        assert again["shoe size"] == "41"  # a column of its own is easier to correct
    assert site.imported(path, rows=[again | {"email": "one@example.com"}]) == {"ok": 1}
    (contact,) = site.contacts
    assert contact.embedded_data == {"shoe size": "41", "Email": "other", "n": "7"}
    assert contact.email == "one@example.com"


def test_a_second_round_has_the_notes_once(site: Site, tmp_path: Path) -> None:
    """What fails again has the notes of this time, and each column once, in every format."""
    (tmp_path / "a.csv").write_text("email\nno\n1,2\n")
    pq.write_table(pa.table({"email": ["no"]}), tmp_path / "a.parquet")
    for suffix in (".csv", ".parquet"):
        first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
        site.imported(tmp_path / f"a{suffix}", first)
        reasons = site.imported(first, second)
        found = read(second)
        assert len(found) == sum(reasons.values()) > 0
        text = ["_text"] if suffix == ".csv" else []
        assert list(found[0]) == ["email", *text, *NOTES]
        assert found[0]["_line"] == ("2" if suffix == ".csv" else "1")
        if suffix == ".csv":
            assert (found[1]["_text"], found[1]["_reason"]) == ("1,2", "no contact field")


@pytest.mark.parametrize("suffix", [".csv", ".ndjson", ".json", ".parquet"])
def test_nothing_failed(tmp_path: Path, suffix: str) -> None:
    """An older file of that name is replaced by one without rows, and its owner alone may read it."""
    source, target = tmp_path / "a.csv", tmp_path / f"failed{suffix}"
    source.write_text("email;b\na@example.com;x\n")
    target.write_text("old")
    write(target, [Ok(ImportRow(0, 2, "CG_1", {}), bulk.Imported(None, None))], source=source)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    match suffix:
        case ".csv":
            assert target.read_text() == "email;b;" + ";".join(NOTES) + "\n"
        case ".parquet":
            table = pq.read_table(target)
            assert (table.column_names, table.num_rows) == (["email", "b", *NOTES], 0)
        case _:
            assert target.read_text() == ("[]\n" if suffix == ".json" else "")


def test_outcomes_come_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are in the input's order, over many pages; of two outcomes of a row the last counts."""
    monkeypatch.setattr(failures, "_AT_ONCE", 7)
    monkeypatch.setattr(failures, "ENOUGH", 50)
    source, target = tmp_path / "a.csv", tmp_path / "failed.csv"
    source.write_text("email\n" + "".join(f"p{n}\n" for n in range(100)))
    order = sorted(range(0, 100, 3), key=lambda n: (n * 37) % 100)
    doubt = InDoubt(ImportRow(9, 11, None, {}), UsageError("who knows"), "lost reply")
    write(target, [*(failed(n, n + 2) for n in order), doubt], source=source)
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8"))))
    assert [row["email"] for row in rows] == [f"p{n}" for n in range(0, 100, 3)]
    assert [row["_outcome"] for row in rows] == ["in doubt" if n == 3 else "failed" for n in range(34)]
    assert rows[3] | {"email": ""} == {
        "email": "",
        "_outcome": "in doubt",
        "_reason": "lost reply",
        "_error": "who knows",
        "_line": "11",
        "_mailing_list_id": "",
    }


def test_parquet_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are copied out of many batches, and written in groups of bounded size."""
    from qualtrics_async.bulk import parquet

    monkeypatch.setattr(parquet, "_AT_ONCE", 10)
    monkeypatch.setattr(parquet, "GROUP_ROWS", 5)
    source, target = tmp_path / "a.parquet", tmp_path / "failed.parquet"
    pq.write_table(pa.table({"a.b": list(range(100)), "a": ["x"] * 100}), source)
    chosen = [n for n in range(100) if n % 4 == 0 and not 40 <= n < 60]
    write(target, [failed(n, n + 1) for n in reversed(chosen)], source=source)
    found = pq.ParquetFile(target)
    assert found.read().column("a.b").to_pylist() == chosen
    groups = [found.metadata.row_group(n).num_rows for n in range(found.num_row_groups)]
    assert sum(groups) == len(chosen)
    assert all(5 <= rows < 10 for rows in groups[:-1])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_one_line_may_fail_twice(tmp_path: Path, suffix: str) -> None:
    """A row that went into two lists stands there for each of them."""
    source, target = tmp_path / f"a{suffix}", tmp_path / f"failed{suffix}"
    if suffix == ".csv":
        source.write_text("email\na\nb\n")
    else:
        pq.write_table(pa.table({"email": ["a", "b"]}), source)
    line = 3 if suffix == ".csv" else 2
    lists = ["CG_1", "CG_2"]
    items = [ImportRow(index, line, name, {}) for index, name in enumerate(lists)]
    write(target, [Failed(item, UsageError("no"), "bad") for item in items], source=source)
    cells = read(target)
    assert [(row["email"], row["_mailing_list_id"]) for row in cells] == [("b", "CG_1"), ("b", "CG_2")]


@pytest.mark.parametrize("how", ["no file", "changed", "gone", "no lines"])
def test_without_the_source_rows_have_the_fields_that_are_sent(tmp_path: Path, how: str) -> None:
    """Rows that cannot be read again are written from what the outcomes say of them."""
    source, target = tmp_path / "a.csv", tmp_path / "failed.csv"
    source.write_text("E-Mail\nno\nnope\n")
    line = None if how == "no lines" else 2
    outcomes = [
        failed(4, line, email="b", embeddedData={"x": "1"}),
        failed(1, line, email="a", unsubscribed=True),
    ]
    meanwhile: dict[str, Callable[[], object]] = {
        "changed": lambda: source.write_text("E-Mail\nno\nnope\nmore\n"),
        "gone": source.unlink,
    }
    write(target, outcomes, meanwhile.get(how, int), source=None if how == "no file" else source)
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8"))))
    own = [{name: row[name] for name in row if name not in NOTES} for row in rows]
    assert own == [
        {"email": "a", "x": "", "unsubscribed": "true"},
        {"email": "b", "x": "1", "unsubscribed": ""},
    ]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("line", [1, 3, 9])
def test_a_source_of_other_rows_is_told(tmp_path: Path, suffix: str, line: int) -> None:
    """Lines on which the source has no row show that it is another file, and nothing is written."""
    source, target = tmp_path / f"a{suffix}", tmp_path / f"failed{suffix}"
    if suffix == ".csv":
        source.write_text('email,b\n1,"x\ny"\n2,z\n')
    else:
        line = {1: 0, 3: 4, 9: 9}[line]
        pq.write_table(pa.table({"email": ["a", "b", "c"]}), source)
    with pytest.raises(UsageError, match=f"no row begins on its line {line}"):
        write(target, [failed(0, line)], source=source)
    assert os.listdir(tmp_path) == [source.name]  # noqa: PTH208


def test_what_goes_wrong_leaves_the_older_file(tmp_path: Path) -> None:
    """A body that raises, and one that is cancelled, leave no half file and no temporary one."""
    target = tmp_path / "failed.csv"
    target.write_text("old")

    with pytest.raises(ZeroDivisionError):
        write(target, [failed(0, email="x")], lambda: 1 // 0)
    asyncio.run(leave_early(target))
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["failed.csv"]  # noqa: PTH208


async def leave_early(target: Path) -> None:
    """Cancel at several moments."""
    entered = asyncio.Event()

    async def wait() -> None:
        async with bulk.failures_file(target):
            entered.set()
            await asyncio.Event().wait()

    for turns in (0, 1, 3, None):
        task = asyncio.ensure_future(wait())
        entered.clear()
        if turns is None:
            await entered.wait()
        for _ in range(turns or 0):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_what_cannot_be_meant_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for that cannot be written in the end."""
    source = tmp_path / "a.csv"
    source.write_text("email\n")
    (tmp_path / "linked.csv").symlink_to(source)

    def refused(kind: type[Exception], words: str, name: str, **options: Any) -> None:
        with pytest.raises(kind, match=words):
            write(tmp_path / name, [], lambda: pytest.fail("the body was entered"), **options)

    refused(UsageError, "at once", "linked.csv", source=source)
    refused(UsageError, "no such folder", "none/failed.csv", source=source)
    refused(UsageError, "suffix", "failed.csv", source=tmp_path / "a.xlsx")
    refused(UsageError, "no encoding", "failed.csv", source=source, encoding="utf-88")
    refused(FileNotFoundError, "none", "failed.csv", source=tmp_path / "none.csv")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    refused(UsageError, "arrow", "failed.parquet", source=source)
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "linked.csv"]  # noqa: PTH208


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    """Whoever reads the failures from a pipe, or drops them into a device, keeps it."""
    pipe = tmp_path / "failed.csv"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reader:
        text = reader.submit(pipe.read_text)
        write(pipe, [failed(0, email="x")])
        assert text.result(10).startswith("email,_outcome")
    assert pipe.is_fifo()


def test_a_pipe_cannot_be_read_twice(tmp_path: Path) -> None:
    """Rows of a pipe are written from what the outcomes say, and nobody waits for it."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    write(tmp_path / "failed.csv", [failed(0, 2, email="x")], source=pipe)
    assert (tmp_path / "failed.csv").read_text().startswith("email,_outcome")


@pytest.mark.parametrize("source", [False, True])
def test_memory_does_not_depend_on_the_failures(tmp_path: Path, *, source: bool) -> None:
    """Ten thousand failures wait on disk, not in memory."""
    path, target = tmp_path / "a.csv", tmp_path / "failed.csv"
    text = "x" * 1_000
    path.write_text("email,text\n" + f"no,{text}\n" * 10_000)
    outcomes = (failed(n, n + 2, email="no", text=f"{n} {text}") for n in range(10_000))
    write(target, [failed(0, 2)], source=path)  # what is imported once is no matter of the failures
    tracemalloc.start()
    try:
        write(target, outcomes, source=path if source else None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert target.stat().st_size > 10_000_000
    assert peak < 4_000_000, peak


def test_an_error_has_words_that_the_encoding_lacks(tmp_path: Path) -> None:
    """What cannot be written of a note is a question mark, and costs no row."""
    source, target = tmp_path / "a.csv", tmp_path / "failed.csv"
    source.write_bytes("email\nJosé\n".encode("latin-1"))
    write(target, [failed(0, 2)], source=source, encoding="latin-1")
    assert "José,failed,bad,no ? good,2,CG_1" in target.read_bytes().decode("latin-1")


def test_rows_that_were_read_in_another_order(tmp_path: Path) -> None:
    """The file is in the order of its source, whichever row was imported first."""
    source, target = tmp_path / "a.csv", tmp_path / "failed.csv"
    source.write_text("email\na\nb\nc\n")
    write(target, [failed(0, 4), failed(1, 2)], source=source)
    assert [row["email"] for row in read(target)] == ["a", "c"]


def test_cells_of_another_format_are_written_as_they_are_sent(tmp_path: Path) -> None:
    """Whole numbers that became floats, prices and dates are what an import makes of them."""
    source, target = tmp_path / "a.parquet", tmp_path / "failed.csv"
    cells = {"n": [7.0, None], "price": [Decimal("1.50")] * 2, "day": [dt.date(2026, 1, 2)] * 2}
    pq.write_table(pa.table({"email": ["no", "x"], **cells}), source)
    write(target, [failed(0, 1)], source=source)
    assert read(target)[0].items() >= {"n": "7", "price": "1.50", "day": "2026-01-02"}.items()
