"""The header of an import beside the survey: what fits, what is told, and what is refused unsent."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inward import START, Place, place, taking
from test_importing_rows import asked

from qualtrics_async import Unauthorized, bulk
from qualtrics_async.errors import UsageError
from qualtrics_async.exports import chunks, import_check, tables
from qualtrics_async.exports.columns import METADATA
from qualtrics_async.exports.import_check import listed, read_head
from qualtrics_async.exports.importing import import_responses
from qualtrics_async.exports.record_stream import records

if TYPE_CHECKING:
    from pathlib import Path

SURVEY = "GET /surveys/{surveyId}"
FITS = (
    *("Q1", "QID1", "Q1_4_TEXT", "QID1_4_TEXT", "Q2", "QID2_TEXT", "Q3", "QID3", "Q3_1", "QID3_1"),
    *("Q3_99", "2_Q3_1", "2_QID3", "QID3#1_2", "campaign", "note", *METADATA),
    *(tag for tag, _ in METADATA.values()),
)
STRANGE = ("Nonsense", "QID77", "Q77_1", "Q1_LABEL", "QID1_LABEL", "Status_LABEL", "q1", "camp", "", "2_")


def line(*names: str, below: str = "1") -> bytes:
    """A table of one row."""
    return (",".join(names) + "\n" + ",".join([below] * len(names)) + "\n").encode()


async def unknown(here: Place, source: Any, **options: Any) -> tuple[str, ...] | None:
    """Import, and tell which columns the survey does not have."""
    return (await import_responses(here.client, here.survey_id, source, **options)).unknown_columns


async def refusal(here: Place, source: Any, **options: Any) -> str:
    """How an import is refused of which nothing is sent."""
    with pytest.raises(UsageError) as caught:
        await import_responses(here.client, here.survey_id, source, **options)
    assert here.count(START) == 0
    assert "\n" not in str(caught.value)
    return str(caught.value)


@settings(max_examples=20)
@given(
    fits=st.lists(st.sampled_from(FITS), min_size=1, unique=True),
    strange=st.lists(st.sampled_from(STRANGE), unique=True),
    by_id=st.booleans(),
    data=st.data(),
)
def test_exactly_what_the_survey_does_not_have_is_told(
    fits: list[str], strange: list[str], by_id: bool, data: st.DataObject
) -> None:
    """Metadata, questions, choices, texts and embedded data fit, by tags or import ids, in any order."""

    @taking
    async def there() -> None:
        async with place() as here:
            asked(here.sandbox, here.survey_id)
            names = data.draw(st.permutations(fits + strange))
            content = line(*names)
            if by_id:
                sources = ['"' + json.dumps({"ImportId": name}).replace('"', '""') + '"' for name in names]
                content = "\n".join([",".join(names)] * 2 + [",".join(sources), "1," * len(names)]).encode()
            told = await unknown(here, content)
            assert told == tuple(name for name in names if name in strange and name)
            assert here.count(SURVEY) == 1

    there()


@taking
async def test_what_an_export_has_fits() -> None:
    """All columns of a CSV, and all keys of records; labels beside codes are no columns of the survey."""
    async with place() as here:
        asked(here.sandbox, here.survey_id)
        here.sandbox.state.add_response(here.survey_id, {"QID1": 1, "QID3": ["1", "2"], "campaign": "x"})
        async with records(here.client, here.survey_id) as found:
            assert await unknown(here, found) == ()
        exported = {}
        for labels in (False, True):
            async with chunks.stream(
                here.client, here.survey_id, format="csv", include_label_columns=labels
            ) as parts:
                exported[labels] = b"".join([part async for part in parts])
        assert await unknown(here, exported[False]) == ()
        told = await unknown(here, exported[True])
        assert told
        assert [name for name in told if not name.endswith("_LABEL")] == []


@taking
async def test_another_delimiter_is_refused_with_advice() -> None:
    """One that the service does not take, and one that is another format; the advice works."""
    async with place() as here:
        for content, form, words in (
            ("campaign;note\nx;y\n", "csv", "divided by ';'.*bulk.read_csv"),
            ("campaign|note\nx|y\n", "tsv", "divided by '|'"),
            ("campaign\tnote\nx\ty\n", "csv", 'give format="tsv"'),
            ("campaign,note\nx,y\n", "tsv", 'give format="csv"'),
            ("Nonsense;Other, too;campaign\nx;y;z\n", "csv", "divided by ';'"),
            ("Nonsense;Other\nx;y\n", "csv", "divided by ';'"),
        ):
            message = await refusal(here, content.encode(), format=form)
            assert words.split(".*")[0] in message
            assert all(word in message for word in words.split(".*"))


@taking
async def test_the_rows_of_a_reader_have_commas(tmp_path: Path) -> None:
    """The way round that the refusal names: semicolons are read as rows."""
    path = tmp_path / "a.csv"
    await asyncio.to_thread(path.write_text, "campaign;note\nx,1;y\n", encoding="utf-8")
    async with place() as here:
        assert await unknown(here, bulk.read_csv(path)) == ()
        assert here.answers == [{"campaign": "x,1", "note": "y"}]


@taking
async def test_columns_called_by_texts_are_refused() -> None:
    """Some metadata are called the same by tag and text, so something fits, and all answers would be lost."""
    async with place() as here:
        asked(here.sandbox, here.survey_id)
        here.sandbox.state.add_response(here.survey_id, {"QID1": 1, "QID3": ["1", "2"]})
        frame = await tables.to_polars(here.client, here.survey_id, names="text")
        assert "Progress" in frame.columns
        message = await refusal(here, frame)
        assert 'names="tag"' in message
        assert "'Start Date'" in message
        frame = await tables.to_polars(here.client, here.survey_id)
        assert await unknown(here, frame) == ()


@taking
async def test_the_columns_of_nobody_are_refused() -> None:
    """The message names some of them, and how to import all the same."""
    async with place() as here:
        message = await refusal(here, line(*(f"x{number}" for number in range(900))))
        assert here.survey_id in message
        assert "'x0', 'x1', 'x2', 'x3', 896 more" in message
        assert "check=False" in message
        assert "labels" in await refusal(here, line("Q1_LABEL", "Q3_LABEL"))
        assert "other@example.com" not in await refusal(here, line("other@example.com", "someone"))
        assert "cannot be read" in await refusal(here, b",,\n1,2,3\n")
        done = await import_responses(here.client, here.survey_id, line("x0"), check=False)
        assert done.unknown_columns is None
        assert here.answers == [{"x0": "1"}]


@taking
async def test_without_the_check_the_survey_is_not_asked_for() -> None:
    """Nor where there is nothing to compare: what is at an address is not known here."""
    async with place() as here:
        for source in (line("campaign"), [{"campaign": "x"}], b"campaign\n"):
            await import_responses(here.client, here.survey_id, source, check=False)
        assert await unknown(here, "https://files.example.com/r.csv") is None
        assert here.count(SURVEY) == 0
        assert here.count(START) == 4


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 403},
        {"kind": "status", "status": 404},
        {"kind": "status", "status": 500, "times": None},
        {"kind": "malformed", "times": None},
    ],
    ids=str,
)
@taking
async def test_a_survey_that_cannot_be_read_is_not_compared(fault: dict[str, Any]) -> None:
    """Who may import may not always read; that nothing was compared is told."""
    async with place() as here:
        here.sandbox.faults.add(route=SURVEY, **fault)
        assert await unknown(here, line("Nonsense")) is None
        assert here.answers == [{"Nonsense": "1"}]


@taking
async def test_a_refusal_that_ends_it_names_the_survey() -> None:
    """A token that is none would not import either."""
    async with place() as here:
        here.sandbox.faults.add(kind="status", status=401, route=SURVEY)
        with pytest.raises(Unauthorized) as caught:
            await import_responses(here.client, here.survey_id, line("campaign"))
        assert any(here.survey_id in note and "check=False" in note for note in caught.value.__notes__)
        assert here.count(START) == 0


@taking
async def test_the_header_is_read_in_its_encoding() -> None:
    """An encoding that Python does not know is the service's affair: what is in it is not compared."""
    async with place() as here:
        for charset in ("utf-16", "cp1252", "UTF8"):
            head = "campaign,Überschrift\nx,y\n".encode(charset)
            assert await unknown(here, head, charset=charset) == ("Überschrift",)
        assert await unknown(here, "\ufeffcampaign\nx\n".encode()) == ()
    for charset in ("x-none", "idna"):
        head_of = await read_head(b"campaign\nx\n", ",", charset)
        assert (head_of.columns, head_of.is_all) == (None, False)


@taking
async def test_a_file_is_sent_from_where_it_stood() -> None:
    """Looking at its header moves nothing."""
    async with place() as here:
        file = BytesIO(b"skipped" + line("campaign"))
        file.seek(len(b"skipped"))
        assert await unknown(here, file) == ()
        assert here.bodies() == [line("campaign")]


@pytest.mark.parametrize("width", [1, 100, 8_000])
@taking
async def test_a_header_of_any_width_is_read_whole(width: int) -> None:
    """What is looked at grows with the header; below it nothing or something is told apart."""
    names = [f"a rather long name of column {number}" for number in range(width)]
    head = await read_head(line(*names), ",", "UTF-8")
    assert head.columns is not None
    assert [column.tag for column in head.columns] == names
    assert not head.is_all
    mere = (",".join(names) + "\n").encode()
    assert (await read_head(mere, ",", "UTF-8")).is_all


@taking
async def test_a_header_without_an_end_is_no_mere_header(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quote that is never closed, a cell that no reader takes, and more than is looked at: all are sent."""
    monkeypatch.setattr(import_check, "_SIZES", (16, 64))
    for content in (b'"campaign\n' + b"x\n" * 40, b"campaign," * 9, b'a,"' + b"x" * 200_000):
        assert not (await read_head(content, ",", "UTF-8")).is_all


def test_names_are_listed_but_no_address() -> None:
    """Where a file has no header what respondents wrote stands in its place."""
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed(["someone@example.com"]) == "1"
    assert listed(["a", "someone@example.com"]) == "'a', 1 more"
    assert listed(map(str, range(2_000))) == "'0', '1', '2', '3', 1,996 more"
    assert len(listed(["x" * 500])) < 50
