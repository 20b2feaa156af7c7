"""Imports of responses: every kind of source, what comes back, and what is imported once."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from inward import START, place, taking

from qualtrics_async import bulk
from qualtrics_async.errors import UsageError
from qualtrics_async.exports.importing import ImportedResponses, ImportState, import_responses
from qualtrics_async.models.common import JobProgress
from qualtrics_async.sandbox import ByPolls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

TABLE = 'campaign,note\nspring,"a, ""b""\nc"\nwinter,Zoë 🙂\n'
ANSWERS = [{"campaign": "spring", "note": 'a, "b"\nc'}, {"campaign": "winter", "note": "Zoë 🙂"}]
ROWS: list[dict[str, Any]] = [*ANSWERS]
TABS = 'campaign\tnote\nspring\t"a, ""b""\nc"\nwinter\tZoë 🙂\n'

# Made here because the first frame of polars opens files that the process keeps.
POLARS = pl.DataFrame(ROWS)


def saved(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    """Write a file as it is."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


async def aside(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    """Write a file from inside of a loop."""
    return await asyncio.to_thread(saved, folder, name, text, encoding)


async def one_by_one(rows: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    """Rows that come in time."""
    for row in rows:
        await asyncio.sleep(0)
        yield row


def one_after_the_other(rows: list[dict[str, Any]]) -> Any:
    """Rows that can be read only once."""
    yield from rows


def parquet(path: Path) -> Path:
    """Write rows as another tool does."""
    pq.write_table(pa.Table.from_pylist(ROWS), path)
    return path


def skipping(content: bytes) -> BytesIO:
    """An open file that was read a little already."""
    file = BytesIO(b"skipped" + content)
    file.seek(len(b"skipped"))
    return file


SOURCES: dict[str, Callable[[Path], Any]] = {
    "path": lambda folder: saved(folder, "a.csv", TABLE),
    "path as text": lambda folder: str(saved(folder, "a.CSV", TABLE)),
    "path with a BOM": lambda folder: saved(folder, "a.csv", "\ufeff" + TABLE),
    "tsv": lambda folder: saved(folder, "a.tsv", TABS),
    "txt": lambda folder: saved(folder, "a.txt", TABS),
    "ndjson": lambda folder: saved(folder, "a.ndjson", "\n".join(map(json.dumps, ROWS))),
    "parquet": lambda folder: parquet(folder / "a.parquet"),
    "bytes": lambda _: TABLE.encode(),
    "open file": lambda _: skipping(TABLE.encode()),
    "list": lambda _: ROWS,
    "generator": lambda _: one_after_the_other(ROWS),
    "async generator": lambda _: one_by_one(ROWS),
    "pandas": lambda _: pd.DataFrame(ROWS),
    "polars": lambda _: POLARS,
    "arrow": lambda _: POLARS.to_arrow(),
    "reader": lambda folder: bulk.read_csv(saved(folder, "a.csv", TABLE)),
}


@pytest.mark.parametrize("name", SOURCES)
@taking
async def test_every_source_makes_the_same_responses(name: str, tmp_path: Path) -> None:
    """What responses are in makes no difference to what they say; each source is sent in one request."""
    async with place() as here:
        source = await asyncio.to_thread(SOURCES[name], tmp_path)
        done = await import_responses(here.client, here.survey_id, source)
        assert here.answers == ANSWERS
        assert {values["status"] for values in here.values} == {4}
        assert here.count(START) == 1
        is_file = name in ("path", "path as text", "path with a BOM", "tsv", "txt", "bytes", "open file")
        assert done == ImportedResponses(
            survey_id=here.survey_id,
            job_id=done.job_id,
            idempotency_key=here.headers()[0]["Idempotency-Key"],
            rows=None if is_file else 2,
            progress=JobProgress(percent_complete=100.0, status="complete"),
            unknown_columns=(),
        )
        assert done.job_id in here.sandbox.state.jobs
        if is_file and isinstance(source, Path):
            assert here.bodies() == [await asyncio.to_thread(source.read_bytes)]


@taking
async def test_an_open_file_tells_its_format_and_stays_open(tmp_path: Path) -> None:
    """The suffix of an open file says what it is, and who opened it closes it."""
    path = await aside(tmp_path, "a.tsv", TABS)
    with await asyncio.to_thread(path.open, "rb") as file:
        async with place() as here:
            await import_responses(here.client, here.survey_id, file, once=True)
            assert here.answers == ANSWERS
        assert not file.closed


@taking
async def test_a_format_that_is_given_counts(tmp_path: Path) -> None:
    """More than the suffix, for a file without one, and for rows, which are written in it."""
    async with place() as here:
        files = [await aside(tmp_path, name, TABS) for name in ("a.csv", "a")]
        sources: list[Any] = [*files, TABS.encode(), ROWS]
        for source in sources:
            await import_responses(here.client, here.survey_id, source, format="tsv")
        assert here.answers == ANSWERS * 4
        assert here.bodies()[3].startswith(b'"campaign"\t"note"\r\n')


@taking
async def test_a_file_is_in_the_encoding_that_is_said(tmp_path: Path) -> None:
    """The service is told what a file is in; it goes out as it is."""
    async with place() as here:
        path = await aside(tmp_path, "a.csv", TABLE, "utf-16")
        await import_responses(here.client, here.survey_id, path, charset="UTF-16", contact_resolution="true")
        assert here.answers == ANSWERS
        assert here.headers()[0]["Qualtrics-Contact-Resolution"] == "true"


@taking
async def test_the_service_fetches_an_address_itself() -> None:
    """It is told the address, the format by its suffix, and the encoding; nothing is fetched here."""
    async with place() as here:
        for address, form in (
            ("https://files.example.com/r.csv?signed=1", b'"csv"'),
            ("HTTPS://files.example.com/r.tsv", b'"tsv"'),
            ("https://files.example.com/download", b'"csv"'),
        ):
            done = await import_responses(here.client, here.survey_id, address)
            body = here.bodies()[-1]
            assert address.encode() in body
            assert form in body
            assert b'"charset":"UTF-8"' in body
            assert done.rows is None


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ("http://files.example.com/r.csv", {}, "https:// URL.*'http'"),
        ("file:///etc/r.csv", {}, "'file'"),
        ("s3://bucket/r.csv", {}, "'s3'"),
        ("https://", {}, "https:// URL"),
        ("https://[/r.csv", {}, "https:// URL"),
        ("https://files.example.com/a b.csv", {}, "https:// URL"),
        ("https://files.example.com/r.csv", {"once": True}, "not known here"),
        ("responses.xlsx", {}, "give format"),
        ("responses", {}, "give format"),
        (StringIO("Q1"), {}, "for bytes"),
        (7, {}, "takes a path, an https:// address, bytes, .* or rows .*, got int"),
        ({"Q1": 1}, {}, "got dict"),
        (bytearray(b"Q1"), {}, "got bytearray"),
        ("Q1,Q2\n1,private", {}, "content of a file as bytes"),
        ("Q1\rprivate@example.com://", {"format": "csv"}, "content of a file as bytes"),
        ("Q1,private.x y://z", {}, "without a scheme.*as bytes"),
        ("Q1,a.private text", {}, "no suffix says.*as bytes"),
        (ROWS, {"format": "json"}, "csv or tsv"),
        (ROWS, {"charset": "UTF-16"}, "UTF-8"),
        (b"Q1", {"charset": "utf\r\n8"}, "charset"),
        (ROWS, {"header": "names"}, "import_ids"),
        (b"Q1", {"header": "tags"}, "for rows alone"),
        ("https://files.example.com/r.csv", {"header": "tags"}, "for rows alone"),
        (ROWS, {"once": True, "idempotency_key": "key"}, "either once"),
        (ROWS, {"idempotency_key": "a\r\nb"}, "ASCII"),
        (ROWS, {"idempotency_key": " "}, "blank"),
        (ROWS, {"contact_resolution": "é"}, "ASCII"),
        (ROWS, {"stall_timeout": 0}, "positive"),
    ],
)
@taking
async def test_what_cannot_be_meant_is_refused_before_anything_is_sent(
    source: Any, options: dict[str, Any], words: str
) -> None:
    """The message says what is taken, and shows no address."""
    async with place() as here:
        with pytest.raises(UsageError, match=words) as caught:
            await import_responses(here.client, here.survey_id, source, **options)
        assert "example.com" not in str(caught.value)
        assert "private" not in str(caught.value)
        assert not here.sandbox.requests


@taking
async def test_an_id_that_cannot_be_meant_is_refused_before_rows_are_read() -> None:
    """A source that can be read once is not read for nothing."""
    async with place() as here:
        rows = one_after_the_other(ROWS)
        with pytest.raises(UsageError):
            await import_responses(here.client, "", rows)
        assert next(rows) == ROWS[0]


@taking
async def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is not there, a folder and a closed file: nothing is sent."""
    async with place() as here:
        for path, error in (
            (tmp_path / "none.csv", FileNotFoundError),
            (tmp_path, UsageError),
        ):
            with pytest.raises(error):
                await import_responses(here.client, here.survey_id, path)
        closed = BytesIO(b"Q1\n1\n")
        closed.close()
        with pytest.raises(UsageError, match="rewound"):
            await import_responses(here.client, here.survey_id, closed)
        assert not here.sandbox.requests


@taking
async def test_no_rows_are_no_import(tmp_path: Path) -> None:
    """A source without a row starts no job, and that is no error: a mere header of one row or three too."""
    async with place() as here:
        sources: list[Any] = [
            *(one_by_one([]), b"", BytesIO(b""), b"\n", b"campaign,note\r\n", b"\xef\xbb\xbfcampaign\n\n"),
            b'Q1,Q2\n"a\nb",c\n"{""ImportId"":""QID1""}","{""ImportId"":""QID2_TEXT""}"\n',
            await aside(tmp_path, "empty.csv", ""),
            await aside(tmp_path, "header.tsv", "campaign\tnote\n"),
        ]
        for source in sources:
            done = await import_responses(here.client, here.survey_id, source, once=True)
            assert done == ImportedResponses(
                survey_id=here.survey_id, job_id=None, idempotency_key=None, rows=0, progress=None, once=True
            )
        assert not here.sandbox.requests


@taking
async def test_progress_is_told_from_the_first_row_to_the_end() -> None:
    """Rows as they are read, then that it is sent, then the service's own count."""
    states: list[ImportState] = []
    async with place(jobs=ByPolls(2)) as here:
        rows = ({"campaign": str(n)} for n in range(1_200))
        done = await import_responses(here.client, here.survey_id, rows, on_progress=states.append)
        assert [(state.phase, state.rows, state.percent) for state in states] == [
            ("reading", 500, 0.0),
            ("reading", 1_000, 0.0),
            ("reading", 1_200, 0.0),
            ("sending", 1_200, 0.0),
            ("importing", 1_200, 0.0),
            ("importing", 1_200, 50.0),
            ("importing", 1_200, 100.0),
        ]
        assert {state.survey_id for state in states} == {here.survey_id}
        assert [state.idempotency_key for state in states[2:4]] == [None, done.idempotency_key]
        assert [state.job_id for state in states[3:5]] == [None, done.job_id]
        assert done.rows == len(here.values) == 1_200


@taking
async def test_what_the_progress_hook_raises_leaves_as_itself() -> None:
    """It ends the import before anything is sent, if it is early enough."""

    def stop(state: ImportState) -> None:
        raise InterruptedError(state.phase)

    async with place() as here:
        with pytest.raises(InterruptedError, match="reading"):
            await import_responses(here.client, here.survey_id, ROWS, on_progress=stop)
        assert not here.sandbox.requests


@taking
async def test_a_lost_reply_makes_nothing_twice() -> None:
    """The client repeats the call with the same key and the same bytes, from the beginning of the file."""
    sources: list[Any] = [ROWS, TABLE.encode(), skipping(TABLE.encode())]
    for source in sources:
        async with place() as here:
            here.sandbox.faults.add(kind="cut", route=START, when="after", times=2)
            await import_responses(here.client, here.survey_id, source)
            assert here.count(START) == 3
            assert len(set(here.bodies())) == 1
            assert here.answers == ANSWERS


@taking
async def test_the_same_content_is_imported_once(tmp_path: Path) -> None:
    """With `once` the key comes from survey and content, whatever the content is in."""
    async with place() as here:
        files = [await aside(tmp_path, name, TABLE) for name in ("a.csv", "b.csv")]
        keys = set()
        sources: list[Any] = [*files, TABLE.encode(), skipping(TABLE.encode())]
        for source in sources:
            done = await import_responses(here.client, here.survey_id, source, once=True)
            keys.add(done.idempotency_key)
        assert len(keys) == 1
        assert UUID(keys.pop()).version == 5
        assert here.answers == ANSWERS
        for _ in range(2):
            await import_responses(here.client, here.survey_id, one_by_one(ROWS), once=True)
        assert here.answers == ANSWERS * 2  # rows are another file than the one that was written by hand


@taking
async def test_another_content_survey_or_way_of_reading_is_another_import() -> None:
    """The derived key differs where what would become of it differs; without `once` every key does."""
    async with place() as here:
        other = here.sandbox.state.add_survey("Other", embedded_data=["campaign"])
        content = b"campaign\nspring\n"
        keys = [
            (await import_responses(here.client, survey, file, **options)).idempotency_key
            for survey, file, options in (
                (here.survey_id, content, {"once": True}),
                (other, content, {"once": True}),
                (here.survey_id, content + b"winter\n", {"once": True}),
                (here.survey_id, content, {"once": True, "format": "tsv"}),
                (here.survey_id, content, {"once": True, "charset": "latin-1"}),
                (here.survey_id, content, {"once": True, "contact_resolution": "true"}),
                (here.survey_id, content, {}),
                (here.survey_id, content, {}),
                (here.survey_id, content, {"idempotency_key": "mine"}),
            )
        ]
        assert len(set(keys)) == len(keys)
        assert keys[-1] == "mine"


@taking
async def test_the_derived_key_stays_what_it_is() -> None:
    """Another release that derived another key would import again what is there."""
    async with place() as here:
        here.sandbox.state.surveys["SV_1"] = here.sandbox.state.surveys[here.survey_id]
        done = await import_responses(here.client, "SV_1", TABLE.encode(), once=True)
        assert done.idempotency_key == "5b122f10-611e-5ac1-95c6-b74c02433208"
