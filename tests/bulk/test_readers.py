"""The readers: what a file says comes out as rows, and what it does not say breaks no other row."""

from __future__ import annotations

import asyncio
import csv
import inspect
import io
import os
import threading
from contextlib import aclosing
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qualtrics_async.bulk import readers
from qualtrics_async.bulk.identity import Layout
from qualtrics_async.bulk.readers import read_contacts, read_csv, read_ndjson
from qualtrics_async.bulk.rows import BrokenRow, SourceRow
from qualtrics_async.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

Row = SourceRow | BrokenRow

any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
nasty_text = st.text(st.sampled_from('a"\n\r,;\0 é'), max_size=6)


def collected(rows: AsyncGenerator[Row]) -> list[Row]:
    async def collect() -> list[Row]:
        async with asyncio.timeout(10), aclosing(rows):
            return [row async for row in rows]

    return asyncio.run(collect())


def from_bytes(tmp_path: Path, content: bytes, name: str = "file.csv", **options: Any) -> list[Row]:
    path = tmp_path / name
    path.write_bytes(content)
    return collected(read_contacts(path, **options))


def plain(rows: list[Row]) -> list[tuple[int, object]]:
    return [(row.line, dict(row.cells) if isinstance(row, SourceRow) else row.problem) for row in rows]


def good(rows: list[Row]) -> list[list[str]]:
    return [list(row.cells.values()) for row in rows if isinstance(row, SourceRow)]


def test_rows_carry_their_lines_and_cells(tmp_path: Path) -> None:
    """Each row knows the line that it begins on, quoted line ends and blank lines included."""
    content = b'a,b\r\n1,"x\r\ny"\r\n\r\n2,"say ""hi"", you"\r\n  \r\n3,\r\n'
    assert plain(from_bytes(tmp_path, content)) == [
        (2, {"a": "1", "b": "x\r\ny"}),
        (5, {"a": "2", "b": 'say "hi", you'}),
        (7, {"a": "3", "b": ""}),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "gb18030"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    """UTF-8 is read with and without a byte order mark, others by name."""
    text = "name;city\nJosé;Zürich\n" if encoding == "cp1252" else "name;city\n李;東京\n"
    if encoding == "utf-8-sig":
        assert good(from_bytes(tmp_path, text.encode(encoding), encoding="UTF8")) == [["李", "東京"]]
    chosen = {} if encoding.startswith("utf-8") else {"encoding": encoding}
    rows = from_bytes(tmp_path, text.encode(encoding), **chosen)
    assert good(rows) == [text.splitlines()[1].split(";")]
    assert isinstance(rows[0], SourceRow)
    assert list(rows[0].cells) == ["name", "city"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_sniffed(tmp_path: Path, delimiter: str) -> None:
    """Each usual delimiter is found even where cells hold the others."""
    head = delimiter.join(["first name", "email", "note"])
    body = delimiter.join(["Ann", "ann@example.com", '"a,b;c|d\te"'])
    content = "\n".join([head, *[body] * 20]).encode()
    assert good(from_bytes(tmp_path, content)) == [["Ann", "ann@example.com", "a,b;c|d\te"]] * 20


def test_a_delimiter_in_a_column_name_does_not_mislead(tmp_path: Path) -> None:
    """Where the header holds several candidates the rows decide."""
    content = b'"Name; last",email,city\nLee,lee@example.com,Oslo\nRay,ray@example.com,Rome\n'
    assert good(from_bytes(tmp_path, content)) == [
        ["Lee", "lee@example.com", "Oslo"],
        ["Ray", "ray@example.com", "Rome"],
    ]


def test_one_column_needs_no_delimiter(tmp_path: Path) -> None:
    """A file of one column is read as it is."""
    assert good(from_bytes(tmp_path, b"email\na@example.com\nb@example.com\n")) == [
        ["a@example.com"],
        ["b@example.com"],
    ]


def test_the_delimiter_can_be_given(tmp_path: Path) -> None:
    """What is given wins over what would be found."""
    assert plain(from_bytes(tmp_path, b"a,b:c\n1,2:3\n", delimiter=":")) == [(2, {"a,b": "1,2", "c": "3"})]


def test_tsv_means_tabs(tmp_path: Path) -> None:
    """A .tsv file is split at tabs whatever else is in it."""
    assert plain(from_bytes(tmp_path, b"a,b\tc\n1,2\t3\n", "file.TSV")) == [(2, {"a,b": "1,2", "c": "3"})]


@pytest.mark.parametrize(
    "content", [b"", b"\xef\xbb\xbf", b"\n\n", b"a,b", b"\xef\xbb\xbfa,b\r\n", b"a,b\n\n\n"]
)
def test_nothing_gives_no_rows(tmp_path: Path, content: bytes) -> None:
    """An empty file and one with a header alone have no rows."""
    assert from_bytes(tmp_path, content) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,a\n1,2\n", "several columns called a"),
        (b"a,b, a\n1,2,3\n", "several columns called a"),
        (b"a,,c\n1,2,3\n", "column 2 of its header has no name"),
        (b"a,b,\n1,2,3\n", "column 3 of its header has no name"),
        (b'"a,b\n1,2\n', "quotes that do not match"),
        (b"a,\xff\n1,2\n", "bytes that are not of the encoding"),
        (b"a,\0b\n1,2\n", "a NUL"),
        ("a,b\n1,2\n".encode("utf-16"), "the file looks like UTF-16"),
    ],
)
def test_headers_that_cannot_be_meant(tmp_path: Path, content: bytes, words: str) -> None:
    """A header that cannot be read or is ambiguous is refused before any row."""
    with pytest.raises(UsageError, match=words):
        from_bytes(tmp_path, content)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"1", "a row of 1 cells under a header of 2"),
        (b"1,2,3", "a row of 3 cells under a header of 2"),
        (b"1,\xff\xfe", "bytes that are not of the encoding"),
        (b"1,a\0b", "a NUL"),
        (b'1,"x', "quotes that do not match"),
        (b'1,"x" y', "quotes that do not match"),
        (b'"', "quotes that do not match"),
        (b"1," + b"x" * readers.LONGEST_RECORD, "a line that is too long"),
        (b"1," + b"x" * 3 * readers.LONGEST_RECORD, "a line that is too long"),
        (b'1,"' + b"x" * 200_000 + b'"', "quotes that do not match"),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_a_broken_line_costs_no_other(tmp_path: Path, line: bytes, problem: str, *, last: bool) -> None:
    """Whatever is wrong with one line, the lines around it are rows, and it is told with its number."""
    following = b"" if last else b"\n8,after\n9,end"
    rows = from_bytes(tmp_path, b"a,b\n0,before\n" + line + following)
    expected: list[tuple[int, object]] = [(2, {"a": "0", "b": "before"}), (3, problem)]
    if not last:
        expected += [(4, {"a": "8", "b": "after"}), (5, {"a": "9", "b": "end"})]
    assert plain(rows) == expected
    assert isinstance(rows[1], BrokenRow)
    assert len(rows[1].text) <= 200_010
    assert rows[1].text.startswith(line[:1].decode())


def test_an_open_quote_swallows_nothing_up_to_the_next_quote(tmp_path: Path) -> None:
    """Lines between two broken ones are rows, not part of a cell."""
    content = b'a,b\n1,"x\n2,y\n3,z\n4,"w"\n5,v\n'
    assert plain(from_bytes(tmp_path, content)) == [
        (2, "quotes that do not match"),
        (3, {"a": "2", "b": "y"}),
        (4, {"a": "3", "b": "z"}),
        (5, {"a": "4", "b": "w"}),
        (6, {"a": "5", "b": "v"}),
    ]


def test_the_rest_of_a_broken_record_is_no_row(tmp_path: Path) -> None:
    """What remains of a cell over two lines does not pass for a row, even with the right number of cells."""
    content = b'a,b\n1,"two\nlines, broken" here\n2,x\n'
    assert plain(from_bytes(tmp_path, content)) == [
        (2, "quotes that do not match"),
        (3, "quotes that do not match"),
        (4, {"a": "2", "b": "x"}),
    ]


def test_a_record_that_never_ends_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotes that open a new cell in every line do not gather the file in memory."""
    monkeypatch.setattr(readers, "LONGEST_RECORD", 64)
    rows = from_bytes(tmp_path, b"a,b\n" + b'a","""\n' * 40)
    assert [row.line for row in rows] == list(range(2, 42))
    assert not good(rows)


def test_text_of_a_broken_row_shows_what_could_be_read(tmp_path: Path) -> None:
    """Bytes that are not of the encoding are shown as the replacement character."""
    (row,) = from_bytes(tmp_path, b"a,b\nJos\xe9,x\r\n")
    assert isinstance(row, BrokenRow)
    assert row.text == "Jos\ufffd,x"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(any_text, any_text, any_text), max_size=8),
    delimiter=st.sampled_from(readers.DELIMITERS),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    bom=st.booleans(),
)
@example(rows=[('"', "\r", "\n")], delimiter=",", end="\n", bom=True)
def test_what_the_csv_module_writes_is_read_back(
    tmp_path: Path, rows: list[tuple[str, str, str]], delimiter: str, end: str, *, bom: bool
) -> None:
    """Any text goes through a CSV file unchanged, with any delimiter, line end and mark."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(
        [("first", "second", "third"), *rows]
    )
    content = out.getvalue().encode("utf-8-sig" if bom else "utf-8")
    assert good(from_bytes(tmp_path, content, delimiter=delimiter)) == [list(row) for row in rows]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(lines=st.lists(nasty_text, max_size=12), junk=st.binary(max_size=6))
def test_no_content_breaks_the_reader(tmp_path: Path, lines: list[str], junk: bytes) -> None:
    """Whatever stands below the header, every row has a line of its own, in order, and the last is read."""
    content = b"a,b\n" + "\n".join(lines).encode() + b"\n" + junk + b"\nlast,row\n"
    rows = from_bytes(tmp_path, content)
    numbers = [row.line for row in rows]
    assert numbers == sorted(set(numbers))
    assert ["last", "row"] in good(rows) or isinstance(rows[-1], BrokenRow) or "last,row" in str(rows[-1])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(
            any_text, st.one_of(st.none(), st.booleans(), st.integers(-9, 9), any_text), max_size=4
        ),
        max_size=8,
    )
)
def test_json_lines_round_trip(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """Any object that is written as a line is read back from that line."""
    content = b"\n".join(msgspec.json.encode(row) for row in rows)
    assert plain(from_bytes(tmp_path, content, "file.ndjson")) == list(enumerate(rows, 1))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"[1]", "no JSON object"),
        (b"null", "no JSON object"),
        (b'{"a": 1', "no JSON object"),
        (b'{"a": NaN}', "no JSON object"),
        (b"nonsense", "no JSON object"),
        (b'{"a": "\xff"}', "bytes that are not UTF-8"),
        (b'{"a": ' + b"[" * 100_000, "nested too deep"),
        (b'{"a": "' + b"x" * readers.LONGEST_OBJECT, "a line that is too long"),
    ],
)
def test_a_broken_json_line_costs_no_other(tmp_path: Path, line: bytes, words: str) -> None:
    """A line that is no object is told with its number; blank lines and a mark are passed over."""
    rows = from_bytes(tmp_path, b'\xef\xbb\xbf{"a": 1}\n\n' + line + b'\n{"a": 2}', "file.jsonl")
    assert [row.line for row in rows] == [1, 3, 4]
    assert [row.cells for row in rows if isinstance(row, SourceRow)] == [{"a": 1}, {"a": 2}]
    assert isinstance(rows[1], BrokenRow)
    assert words in rows[1].problem


def test_arguments_that_cannot_be_meant(tmp_path: Path) -> None:
    """A wrong encoding, delimiter or suffix is refused at the call."""
    for encoding in ("utf-88", "base64", ""):
        with pytest.raises(UsageError, match="no encoding"):
            read_csv("x.csv", encoding=encoding)
    for delimiter in ("", ";;", '"', "\n"):
        with pytest.raises(UsageError, match="one character"):
            read_csv("x.csv", delimiter=delimiter)
    with pytest.raises(UsageError, match="suffix"):
        read_contacts("x.xlsx")
    for name in ("x.ndjson", "x.parquet"):
        with pytest.raises(UsageError, match="no delimiter"):
            read_contacts(name, delimiter=",")


@pytest.mark.parametrize("read", [read_csv, read_ndjson])
def test_a_missing_file_is_told(tmp_path: Path, read: Any) -> None:
    """A file that is not there raises what `open` raises."""
    with pytest.raises(FileNotFoundError):
        collected(read(tmp_path / "none"))


def test_an_abandoned_iteration_closes_the_file(tmp_path: Path) -> None:
    """Leaving `aclosing` closes the file though most of it is unread."""
    path = tmp_path / "file.csv"
    path.write_text("a,b\n" + "1,2\n" * 50_000)

    async def abandon() -> None:
        async with aclosing(read_csv(path)) as rows:
            async for row in rows:
                assert row.line == 2
                break

    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0  # noqa: PTH110, PTH208
    asyncio.run(abandon())
    after = len(os.listdir("/proc/self/fd")) if before else 0  # noqa: PTH208
    assert before == after


def test_the_loop_never_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening, reading and parsing happen on other threads than the loop's."""
    threads = set()
    batch = readers._batch

    def watched(rows: Any) -> Any:
        threads.add(threading.get_ident())
        return batch(rows)

    monkeypatch.setattr(readers, "_batch", watched)
    rows = from_bytes(tmp_path, b"a,b\n" + b"1,2\n" * 5_000)
    assert len(rows) == 5_000
    assert threads
    assert threading.get_ident() not in threads


def test_a_batch_is_bounded_by_rows_and_by_size() -> None:
    """A batch takes no more rows than fit in memory."""
    row = SourceRow(1, {})
    small, large = iter([(1, row)] * 5_000), iter([(readers.BATCH_SIZE // 2, row)] * 10)
    assert len(readers._batch(small)) == readers.BATCH_ROWS
    assert len(readers._batch(large)) == 2


def test_a_cancelled_reader_closes_its_file_when_the_read_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelling does not wait for a read that is under way, and leaves no open file behind."""
    path = tmp_path / "file.csv"
    path.write_text("a,b\n" + "1,2\n" * 5_000)
    reading, go_on, closed = asyncio.Event(), threading.Event(), threading.Event()
    batch, close = readers._batch, readers._Source.close

    def slow(rows: Any) -> Any:
        loop.call_soon_threadsafe(reading.set)
        assert go_on.wait(5)
        return batch(rows)

    def watched(source: readers._Source) -> None:
        close(source)
        if inspect.getgeneratorstate(source._rows) == inspect.GEN_CLOSED:
            closed.set()

    monkeypatch.setattr(readers, "_batch", slow)
    monkeypatch.setattr(readers._Source, "close", watched)

    async def cancel() -> None:
        task = asyncio.ensure_future(anext(read_csv(path)))
        await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not closed.is_set()
        go_on.set()

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        runner.run(cancel())
        assert closed.wait(5)


CONTENTS = {
    "file.csv": "a;b\n1;é\n".encode("utf-8-sig") + b"2;3\n" * 50_000 + b'"',
    "empty.csv": b"",
    "header.csv": b"a,b",
    "file.ndjson": b'{"a": 1}\nbroken\n' * 50_000,
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_is_known_by_its_size_and_content(tmp_path: Path, name: str) -> None:
    """The hash is that of the bytes, there once all rows are read, and not before."""
    path, content = tmp_path / name, CONTENTS[name]
    path.write_bytes(content)

    async def run() -> None:
        async with aclosing(read_contacts(path)) as rows:
            assert (rows.identity.size, rows.identity.digest) == (None, None)
            assert await rows.identity.measure() == len(content)
            if len(content) > 1_000:
                await anext(rows)
                assert (rows.identity.size, rows.identity.digest) == (len(content), None)
            _ = [row async for row in rows]
            assert rows.identity.size == len(content)
            assert rows.identity.digest == blake2b(content, digest_size=16).hexdigest()

    asyncio.run(run())


def test_an_identity_does_not_depend_on_the_name(tmp_path: Path) -> None:
    """A copy is the same file, and one with another cell is not."""

    def digest(name: str, content: bytes) -> str | None:
        (tmp_path / name).write_bytes(content)
        rows = read_contacts(tmp_path / name)
        collected(rows)
        return rows.identity.digest

    first = digest("a.csv", b"a,b\n1,2\n")
    assert first == digest("b.csv", b"a,b\n1,2\n")
    assert first != digest("a.csv", b"a,b\n1,3\n")


def test_a_pipe_has_no_size_until_it_is_read(tmp_path: Path) -> None:
    """What has no size tells it when it was read; measuring does not wait for it."""
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)

    async def run() -> None:
        rows = read_contacts(path)
        assert await rows.identity.measure() is None
        writer = asyncio.create_task(asyncio.to_thread(path.write_bytes, b"a,b\n1,2\n"))
        async with asyncio.timeout(10), aclosing(rows):
            assert [row async for row in rows] == [SourceRow(2, {"a": "1", "b": "2"})]
        await writer
        assert rows.identity.size == 8

    asyncio.run(run())


@pytest.mark.parametrize(
    ("content", "encoding", "layout"),
    [
        (b"a;b\n", "utf-8", Layout("csv", ("a", "b"), ";", "utf-8")),
        ("a\tb\n".encode("utf-8-sig"), "UTF-8", Layout("csv", ("a", "b"), "\t", "utf-8-sig")),
        ("a,b\n".encode("utf-16"), "utf-16", Layout("csv", ("a", "b"), ",", "utf-16")),
    ],
)
def test_a_reader_tells_how_a_file_is_written(
    tmp_path: Path, content: bytes, encoding: str, layout: Layout
) -> None:
    """Columns, delimiter and encoding with its mark are known when the header is read."""
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    rows = read_contacts(path, encoding=encoding)
    collected(rows)
    assert rows.layout == layout


def test_rows_of_a_file_are_an_async_generator(tmp_path: Path) -> None:
    """They can be sent to, thrown into and closed, as any other."""
    path = tmp_path / "file.csv"
    path.write_text("a,b\n1,2\n3,4\n")

    async def run() -> None:
        rows = read_csv(path)
        assert aiter(rows) is rows
        assert (await rows.asend(None)).line == 2
        with pytest.raises(KeyError, match="why"):
            await rows.athrow(KeyError("why"))
        with pytest.raises(StopAsyncIteration):
            await anext(rows)
        other = read_csv(path)
        with pytest.raises(KeyError):
            await other.athrow(KeyError)
        await other.aclose()

    asyncio.run(run())
