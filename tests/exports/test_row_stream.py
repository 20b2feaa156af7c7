"""Rows: every cell of every table stands under its header, or the row is told."""

from __future__ import annotations

import asyncio
import csv
import threading
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from outward import asynchronous, scene
from tabular import archive, header, read, written

from qualtrics_async import exports
from qualtrics_async.errors import DecodeError, UsageError
from qualtrics_async.exports import cells as cells_module
from qualtrics_async.exports.cells import Cells
from qualtrics_async.exports.row_stream import rows as exported_rows
from qualtrics_async.sandbox import Exports

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = st.text(st.characters(codec="utf-8"), max_size=8) | st.text('",\t\r\n a\0\ufeff\u2028', max_size=8)
THREE = header(["startDate", "QID1", "QID2_TEXT"])
LIMIT = 131_072


@pytest.fixture
def usual_limit() -> Iterator[None]:
    """Put the limit of the csv module back, which is one for the whole process."""
    before = csv.field_size_limit()
    yield
    csv.field_size_limit(before)


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(TEXT, min_size=width, max_size=width), max_size=9)
    ),
    st.sampled_from(["csv", "tsv"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
@example([["a\r"], ["\r"]], "csv", "\n", False)  # noqa: FBT003
@example([["", "b\r"], ['"\r', "\r\n"]], "csv", "\n", False)  # noqa: FBT003
def test_what_is_written_is_read(rows: list[list[str]], form: str, line_end: str, quoted: bool) -> None:
    """Cells come back as they are, whatever they hold and however lines end."""
    width = len(rows[0]) if rows else 1
    head = header([f"QID{number}" for number in range(width)])
    made = written([*head, *rows], form=form, line_end=line_end, quoted=quoted)
    cells, found = read(made, form=form)
    assert found == rows
    assert cells.columns.header_rows == 3
    assert cells.done == len(made)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_pieces_end_anywhere(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows, quotes, characters and the mark at the beginning may be cut wherever a piece ends."""
    rows = [["2026-05-01 08:00:00", "1", 'Zoë said: "so",\n\nand on'], ["", "", ""], ["x", "é", "\r\n"]]
    made = b"\xef\xbb\xbf" + written([*THREE, *rows], quoted=True)
    members = archive(made).stream()
    pieces = iter([*(made[at : at + size] for at in range(0, len(made), size)), b""])
    monkeypatch.setattr(members, "take", lambda: next(pieces))
    cells = Cells(members, ",", "import_id")
    cells.open()
    taken = cells.take(10, 1_000_000)
    assert taken is not None
    assert (taken.rows, cells.columns.names) == (rows, ("startDate", "QID1", "QID2_TEXT"))
    members.close()


@pytest.mark.usefixtures("usual_limit")
@pytest.mark.parametrize("limit", [LIMIT, 40])
def test_long_texts_are_whole(limit: int) -> None:
    """A cell may be longer than the csv module's limit, which belongs to the whole process and stays."""
    csv.field_size_limit(limit)
    essay = 'She said: "no",\n' * 20_000
    rows = [["", "1", essay], ["2026-05-01 08:00:00", "2", "x" * (LIMIT + 1)], ["", "3", "short"]]
    assert read(written([*THREE, *rows]))[1] == rows
    assert csv.field_size_limit() == limit


def test_a_long_text_before_a_carriage_return() -> None:
    """A lone carriage return after the last quote is the end of the line, also where a cell is long."""
    tail = b'"",1,"' + b"x" * (LIMIT + 1) + b'"\r\n'
    assert read(written(THREE) + tail)[1] == [["", "1", "x" * (LIMIT + 1)]]


def test_a_mark_before_a_quoted_name() -> None:
    """A byte order mark keeps no comma, quote or line feed of the first name from being understood."""
    head = [['Q1, "first"\n', "Q2"], ["a", "b"], ['{"ImportId":"QID1"}', '{"ImportId":"QID2"}']]
    cells, rows = read(b"\xef\xbb\xbf" + written([*head, ["1", "2"]]))
    assert (cells.columns.names, rows) == (('Q1, "first"\n', "Q2"), [["1", "2"]])


def test_several_members_are_one_table() -> None:
    """The header rows of later files are no rows."""
    first, second = written([*THREE, ["a", "b", "c"]]), written([*THREE, ["d", "e", "f"]])
    assert read(first.removesuffix(b"\n"), second)[1] == [["a", "b", "c"], ["d", "e", "f"]]


@pytest.mark.parametrize(
    ("tail", "problem"),
    [
        (b"a,b\n", "row 2 of the export has 2 cells under a header of 3"),
        (b"a,b,c,d\n", "row 2 of the export has 4 cells under a header of 3"),
        (b'a,b,"c\n', "row 2 of the export has quotes that do not match"),
        (b'a,"b"x,c\n', "row 2 of the export has quotes that do not match"),
        (b"a,b,\xff\n", "row 2 of the export has bytes that are not UTF-8"),
        (b"a,b,\xed\xb3\xbf\n", "row 2 of the export has bytes that are not UTF-8"),
    ],
)
def test_a_row_that_is_none_is_told(tail: bytes, problem: str) -> None:
    """Nothing is shifted or made up; the rows before come first, and the error stays."""
    cells = Cells(archive(written([*THREE, ["1", "2", "3"]]) + tail).stream(), ",", "tag")
    cells.open()
    taken = cells.take(1_000, 1_000_000)
    assert taken is not None
    assert taken.rows == [["1", "2", "3"]]
    for _ in range(2):
        with pytest.raises(DecodeError, match=problem):
            cells.take(1_000, 1_000_000)
    cells.close()
    alone = Cells(archive(written(THREE) + tail).stream(), ",", "tag")
    alone.open()
    for _ in range(2):
        with pytest.raises(DecodeError, match=problem.replace("row 2", "row 1")):
            alone.take(1_000, 1_000_000)
    alone.close()


def test_a_header_that_is_none_is_told() -> None:
    """What is wrong in the header has no number."""
    with pytest.raises(DecodeError, match="the header of the export has bytes"):
        read(b"a,\xff\nb,c\n")


def test_blank_lines_are_no_rows() -> None:
    """An empty last line is none; where there is one column, each is an empty cell."""
    assert read(written([*THREE, ["a", "b", "c"]]) + b"\n\r\n")[1] == [["a", "b", "c"]]
    one = written(header(["QID1"]))
    assert read(one + b"a\n\nb\n")[1] == [["a"], [""], ["b"]]


def test_batches_are_bounded() -> None:
    """Rows are handed over a few at a time, by their number and by their length."""
    cells = Cells(archive(written([*THREE, *[["", "1", "x" * 100]] * 50])).stream(), ",", "tag")
    cells.open()
    for most_rows, most_text, expected in ((7, 1_000_000, 7), (1_000, 1_000, 10), (1_000, 1_000_000, 33)):
        taken = cells.take(most_rows, most_text)
        assert taken is not None
        assert len(taken.rows) == expected
    assert cells.take(1, 1) is None
    cells.close()


def test_a_row_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded when no line ends, and when no quote is closed."""
    monkeypatch.setattr(cells_module, "LONGEST", 1_000)
    for endless in (b"x" * 2_000, b'"' + b"x\n" * 2_000):
        with pytest.raises(DecodeError, match="longer than 1000"):
            read(written(THREE) + endless)
    members = archive(written(THREE)).stream()
    pieces = iter([written(THREE), *[b"x" * 100] * 12])
    monkeypatch.setattr(members, "take", lambda: next(pieces))
    cells = Cells(members, ",", "tag")
    cells.open()
    with pytest.raises(DecodeError, match="longer than 1000"):
        cells.take(1, 1)
    members.close()


def test_a_file_without_import_ids() -> None:
    """One header row is one, and what follows are rows."""
    cells, rows = read(b"a,b\n1,2\n3,4\n5,6\n7\n"[:-2])
    assert (cells.columns.names, cells.columns.header_rows) == (("a", "b"), 1)
    assert rows == [["1", "2"], ["3", "4"], ["5", "6"]]


@asynchronous
async def test_rows_of_a_survey() -> None:
    """Rows are dicts by the unique names of columns; both formats say the same."""
    async with scene() as play:
        found: dict[str, Any] = {}
        forms: tuple[Any, ...] = ("csv", "tsv")
        for form in forms:
            async with exported_rows(play.client, play.survey_id, format=form) as rows:
                found[form] = [row async for row in rows]
                assert rows.info.format == form
                assert rows.info.survey_id == play.survey_id
                assert rows.columns["Q2"].import_id == "QID2_TEXT"
                assert tuple(found[form][0]) == rows.columns.names
        assert found["csv"] == found["tsv"]
        assert [row["Q2"] for row in found["csv"]] == [f'Zoë {number}, "so",\nand on' for number in range(3)]


@asynchronous
async def test_names_and_options() -> None:
    """Rows may be called by import ids, and options mean what they mean elsewhere."""
    async with (
        scene() as play,
        exported_rows(
            play.client,
            play.survey_id,
            names="import_id",
            survey_metadata_ids=["_recordId"],
            question_ids=["QID2"],
            newline_replacement=" / ",
        ) as rows,
    ):
        found = [row async for row in rows]
        assert [tuple(row) for row in found] == [rows.columns.names] * 3
        assert {"_recordId", "QID2_TEXT"} <= set(found[0])
        assert found[0]["QID2_TEXT"] == 'Zoë 0, "so", / and on'


@asynchronous
async def test_a_survey_without_responses() -> None:
    """There are columns and no rows."""
    async with scene() as play, exported_rows(play.client, play.survey(0)) as rows:
        assert "ResponseId" in rows.columns
        assert [row async for row in rows] == []
        with pytest.raises(StopAsyncIteration):
            await anext(rows)


@asynchronous
async def test_refused_before_any_request() -> None:
    """What cannot be meant costs no request."""
    async with scene() as play:
        before = len(play.sandbox.requests)
        wrong: list[Any] = [{"format": "ndjson"}, {"names": "label"}, {"limit": 0}, {"colour": 1}]
        for options in wrong:
            with pytest.raises(UsageError):
                async with exported_rows(play.client, play.survey_id, **options):
                    pass
        assert len(play.sandbox.requests) == before


@asynchronous
async def test_cancelled_while_waiting_for_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is cancelled in the middle goes on at the same row: no end, and no gap."""
    take, go = Cells.take, threading.Event()

    def held(cells: Cells, most_rows: int, most_text: int) -> Any:
        assert go.wait(10)
        return take(cells, 2, most_text)

    monkeypatch.setattr(Cells, "take", held)
    async with scene() as play, exported_rows(play.client, play.survey_id) as rows:
        waiting = asyncio.ensure_future(anext(rows))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go.set()
        assert len({row["ResponseId"] async for row in rows}) == 3


@asynchronous
async def test_left_early() -> None:
    """Whoever breaks off leaves nothing behind; afterwards there are no rows to be had, read ahead or not."""
    async with scene() as play:
        survey_id = play.survey(40)
        for taken in (0, 1, 40):
            async with exported_rows(play.client, survey_id) as rows:
                for _ in range(taken):
                    await anext(rows)
            for _ in range(2):
                with pytest.raises(UsageError, match="this export is over"):
                    await anext(rows)


@asynchronous
async def test_what_rows_show_of_themselves() -> None:
    """The survey, the format and how wide they are: nothing that anybody answered."""
    async with scene() as play, exported_rows(play.client, play.survey_id, format="tsv") as rows:
        await anext(rows)
        assert repr(rows) == f"<Rows of {play.survey_id} as tsv: {len(rows.columns)} columns>"


@asynchronous
async def test_shared_between_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several tasks get each row once."""
    take = Cells.take
    monkeypatch.setattr(Cells, "take", lambda cells, _, most_text: take(cells, 7, most_text))
    async with scene() as play:
        survey_id = play.survey(40)
        async with exported_rows(play.client, survey_id) as rows:

            async def some() -> list[str]:
                found = []
                async for row in rows:
                    found.append(row["ResponseId"])
                    await anyio.to_thread.run_sync(lambda: None)  # as long as a batch takes
                return found

            found = await asyncio.gather(*(some() for _ in range(3)))
            assert len(set().union(*found)) == sum(map(len, found)) == 40


@asynchronous
async def test_progress_ends_at_the_whole() -> None:
    """`on_progress` hears how many bytes have been read, of all files, header rows that are left out too."""
    async with scene(exports=Exports(rows=2)) as play:
        heard: list[exports.ExportState] = []
        survey_id = play.survey(4)
        async with exported_rows(play.client, survey_id, on_progress=heard.append) as rows:
            assert len(rows.info.members) == 2
            async for _ in rows:
                pass
            with pytest.raises(StopAsyncIteration):
                await anext(rows)
        done = [state.done for state in heard if state.phase == "reading"]
        assert done == sorted(set(done))
        assert (heard[-1].phase, done[-1]) == ("reading", rows.info.size)
