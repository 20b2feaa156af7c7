"""`surveys questions`: the columns of an export as a table."""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from qualtrics_async.exports import ColumnMap
from qualtrics_async.sandbox import Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox

LONG = "<p>Think of <b>breakfast</b>,\nlunch &amp; dinner: " + "what did you like, and why? " * 5 + "</p>"
ASKED = (
    Question("single", "How good?", ("Bad", "Good")),
    Question("multiple", "Which?", ("Red", "Blue"), tag="Colours", other="Another"),
    Question("text", LONG),
)


@pytest.fixture
def survey_id(sandbox: Sandbox) -> str:
    """A survey of three questions and a field, whose metadata stand first."""
    return sandbox.state.add_survey("Meals", questions=ASKED, embedded_data=["site"])


def asked(call: Callable[..., Any], survey_id: str, form: str) -> str:
    done = call("surveys", "questions", survey_id, "--format", form)
    assert done.code == 0
    return str(done.out)


def test_questions_in_each_format(call: Callable[..., Any], survey_id: str) -> None:
    """Name, import id, question and type of each column, the same in every format; texts are whole."""
    lines = [json.loads(line) for line in asked(call, survey_id, "ndjson").splitlines()]
    assert json.loads(asked(call, survey_id, "json")) == lines
    rows = list(csv.DictReader(io.StringIO(asked(call, survey_id, "csv"), newline="")))
    assert [row["name"] for row in rows] == [line["name"] for line in lines]
    assert [row["text"] for row in rows] == [line["text"] for line in lines]
    assert lines[0]["name"] == "StartDate"
    assert lines[0]["type"] == "datetime"
    named = [(line["name"], line["question_id"], line["question_type"], line["type"]) for line in lines[17:]]
    assert named == [
        ("Q1", "QID1", "MC/SAVR", "integer"),
        ("Colours_1", "QID2", "MC/MAVR", "flag"),
        ("Colours_2", "QID2", "MC/MAVR", "flag"),
        ("Colours_3", "QID2", "MC/MAVR", "flag"),
        ("Colours_3_TEXT", "QID2", "MC/MAVR", "text"),
        ("Q3", "QID3", "TE/ESTB", "text"),
        ("site", None, None, "text"),
    ]
    assert lines[18]["text"] == "Which? - Red"
    assert lines[-2]["import_id"] == "QID3_TEXT"
    assert lines[-2]["text"].startswith("Think of breakfast,\nlunch & dinner: what")
    assert lines[-2]["text"].endswith("and why?")


def test_a_key_joins_to_an_export(call: Callable[..., Any], sandbox: Sandbox, survey_id: str) -> None:
    """The third header row has either the key as import id, or the import id with the choice beside it."""
    lines = [json.loads(line) for line in asked(call, survey_id, "ndjson").splitlines()]
    sandbox.state.add_response(survey_id, {"QID1": 1})
    tags, texts, sources, _ = csv.reader(io.StringIO(call("responses", "export", survey_id).out, newline=""))
    columns = ColumnMap.from_header([tags, texts, sources])
    assert [(line["key"], line["name"]) for line in lines] == [(each.key, each.tag) for each in columns]
    chosen = [line for line in lines if line["choice_id"] is not None]
    assert [(line["key"], line["import_id"], line["choice_id"]) for line in chosen] == [
        (f"QID2_{choice}", "QID2", choice) for choice in "123"
    ]
    flat = [json.dumps({"ImportId": line["key"]}) for line in lines]
    assert [each.key for each in ColumnMap.from_header([tags, texts, flat])] == [
        line["key"] for line in lines
    ]


def test_a_table_shortens_texts(call: Callable[..., Any], survey_id: str) -> None:
    """A line for each column, none longer than its parts, without markup."""
    table = asked(call, survey_id, "table")
    (line,) = (line for line in table.splitlines() if "QID3_TEXT" in line)
    assert "Think of breakfast, lunch & dinner: what did you like, and…" in line
    assert "<" not in table
    assert "How good?" in table


def test_by_default_it_is_a_line_of_json_for_each(call: Callable[..., Any], survey_id: str) -> None:
    """What is no terminal gets NDJSON with whole texts."""
    done = call("surveys", "questions", survey_id)
    assert done.out == asked(call, survey_id, "ndjson")


def test_on_a_terminal_it_is_a_table(
    call: Callable[..., Any], survey_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eyes get short texts, as `--format table` has them; a format that is named is still that one."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = call("surveys", "questions", survey_id).out
    assert "what did you like, and…" in shown
    assert "{" not in shown
    assert json.loads(asked(call, survey_id, "json"))[-2]["text"].endswith("and why?")


def test_a_survey_that_is_not_there(call: Callable[..., Any]) -> None:
    """The service's refusal is one line and exit code 1, and stdout stays empty."""
    done = call("surveys", "questions", "SV_0000000000000zz")
    assert (done.code, done.out) == (1, "")
    assert "404" in done.err
    assert len(done.err.splitlines()) == 1


def test_no_survey_is_a_wrong_command(call: Callable[..., Any]) -> None:
    """The id must be given."""
    assert call("surveys", "questions").code == 2
