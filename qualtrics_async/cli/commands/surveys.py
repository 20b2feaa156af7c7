"""`surveys`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cyclopts import App

from qualtrics_async.cli.output import Format, standard_output, write_listing
from qualtrics_async.cli.settings import connect

if TYPE_CHECKING:
    from qualtrics_async.models.surveys import Survey

__all__ = ["app"]

COLUMNS = ("id", "name", "is_active", "last_modified", "creation_date", "owner_id")
QUESTION_COLUMNS = ("name", "key", "import_id", "choice_id", "question_id", "question_type", "type", "text")
SHORT = 60

app = App(name="surveys", help="Surveys of the account.")


@dataclass(frozen=True)
class _Line:
    """One column of an export, as it is shown.

    The third header row of a column of a choice has either `key` as its import id or `import_id` beside
    `choice_id`, whichever the service writes: a join by `key` finds both.
    """

    name: str
    key: str
    import_id: str | None
    choice_id: str | None
    question_id: str | None
    question_type: str | None
    type: str
    text: str


@app.command(name="list")
async def list_(*, format: Format | None = None) -> None:  # noqa: A002  (the option's name)
    """List the surveys that the account owns or was given.

    Args:
        format: table, csv, json or ndjson; by default a table on a terminal, else ndjson.
    """
    async with connect() as client:
        await write_listing(client.surveys.list(), COLUMNS, format)


@app.command
async def questions(survey_id: str, *, format: Format | None = None) -> None:  # noqa: A002  (the option's name)
    """List the columns that an export of a survey has, as far as its questions tell, with the type of each.

    The name is that of the first header row of an export. In the third one the column of a choice has either
    its key as import id (QID2_1), or the import id with the choice beside it (QID2 and 1).

    Args:
        survey_id: the id of the survey (SV_...).
        format: table, csv, json or ndjson; by default a table on a terminal, else ndjson. Only a table
            shortens texts.
    """
    is_table = format == "table" or (format is None and standard_output().isatty())
    async with connect() as client:
        survey = await client.surveys.get(survey_id)
        await write_listing(_lines(survey, is_short=is_table), QUESTION_COLUMNS, format)


async def _lines(survey: Survey, *, is_short: bool) -> AsyncIterator[_Line]:
    from qualtrics_async.exports.kinds import kinds_of
    from qualtrics_async.exports.questions import asked_of
    from qualtrics_async.exports.survey_columns import columns_of_survey

    columns, asked = columns_of_survey(survey), asked_of(survey)
    kinds = kinds_of(columns, survey)
    for column in columns:
        question = asked.get(column.question_id or "")
        line = _Line(
            name=column.name,
            key=column.key,
            import_id=column.import_id,
            choice_id=column.choice_id,
            question_id=column.question_id,
            question_type=None
            if question is None
            else "/".join(filter(None, (question.type, question.selector))),
            type=kinds[column.name],
            text=column.text,
        )
        yield replace(line, text=_shortened(line.text)) if is_short else line


def _shortened(text: str) -> str:
    """One line of a text that is not too long."""
    line = " ".join(text.split())
    return line if len(line) <= SHORT else line[: SHORT - 1].rstrip() + "…"
