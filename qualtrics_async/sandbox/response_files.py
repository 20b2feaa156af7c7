"""Files of responses: what an export writes and an import reads."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from qualtrics_async.sandbox.records import Response, Survey

__all__ = ["FORMATS", "Column", "columns", "pack", "read", "write"]

_METADATA = {
    "startDate": ("StartDate", "Start Date"),
    "endDate": ("EndDate", "End Date"),
    "status": ("Status", "Response Type"),
    "ipAddress": ("IPAddress", "IP Address"),
    "progress": ("Progress", "Progress"),
    "duration": ("Duration (in seconds)", "Duration (in seconds)"),
    "finished": ("Finished", "Finished"),
    "recordedDate": ("RecordedDate", "Recorded Date"),
    "_recordId": ("ResponseId", "Response ID"),
    "recipientLastName": ("RecipientLastName", "Recipient Last Name"),
    "recipientFirstName": ("RecipientFirstName", "Recipient First Name"),
    "recipientEmail": ("RecipientEmail", "Recipient Email"),
    "externalDataReference": ("ExternalReference", "External Data Reference"),
    "locationLatitude": ("LocationLatitude", "Location Latitude"),
    "locationLongitude": ("LocationLongitude", "Location Longitude"),
    "distributionChannel": ("DistributionChannel", "Distribution Channel"),
    "userLanguage": ("UserLanguage", "User Language"),
}
_DATES = ("startDate", "endDate", "recordedDate")
_NUMBERS = ("status", "progress", "duration", "finished")
_OWN = ("_recordId", "recordedDate", "status")
"""What an import does not take over: the service says it itself."""
_TAG = re.compile(r"<[^>]*>")
_NUMBER = re.compile(r"[0-9]{1,15}")
_QUESTION = re.compile(r"QID\d+")
_UNSAFE = re.compile(r"[^\w .()+-]")
_EPOCH = (1980, 1, 1, 0, 0, 0)

FORMATS = {
    "csv": "application/csv",
    "tsv": "application/tsv",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
}
"""The formats that the sandbox makes, with their content types (used by a client, the last assumed)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its key in `values`, and what stands in the first two header rows."""

    key: str
    tag: str
    text: str

    @property
    def question_id(self) -> str | None:
        """The question that it belongs to."""
        found = _QUESTION.match(self.key)
        return None if found is None else found[0]

    @property
    def source(self) -> str:
        """The third header row: JSON (observed)."""
        zone = {"timeZone": "Z"} if self.key in _DATES else {}
        return json.dumps({"ImportId": self.key} | zone, separators=(",", ":"))


def columns(survey: Survey, responses: Sequence[Response], options: Mapping[str, Any]) -> list[Column]:
    """The columns of an export: metadata, then questions, then embedded data (observed)."""
    keys = dict.fromkeys(key for response in responses for key in response.values)
    questions = list(_questions(survey))
    known = {column.key for column in questions}
    others = [key for key in keys if key not in known and key not in _METADATA]
    questions += [Column(key, key, key) for key in others if _QUESTION.match(key)]
    data = [Column(key, key, key) for key in others if not _QUESTION.match(key)]
    metadata = [Column(key, *names) for key, names in _METADATA.items()]
    return [
        *_chosen(metadata, options.get("surveyMetadataIds")),
        *(found for found in questions if _wanted(found.question_id, options.get("questionIds"))),
        *_chosen(data, options.get("embeddedDataIds")),
    ]


def write(
    form: str, responses: Sequence[Response], found: Sequence[Column], options: Mapping[str, Any]
) -> bytes:
    """An export in one of the formats."""
    if form == "json":
        return _dump({"responses": [_object(response, found) for response in responses]})
    if form == "ndjson":
        return b"".join(_dump(_object(response, found)) + b"\n" for response in responses)
    table = io.StringIO(newline="")
    rows = csv.writer(table, delimiter="\t" if form == "tsv" else ",", lineterminator="\n")
    newline = options.get("newlineReplacement")
    head = [[getattr(column, name) for column in found] for name in ("tag", "text", "source")]
    for row in (*head, *([_cell(response, column, options) for column in found] for response in responses)):
        rows.writerow(row if newline is None else [cell.replace("\n", newline) for cell in row])
    return table.getvalue().encode("utf-8", "replace")


def pack(name: str, form: str, content: bytes, *, compress: bool) -> tuple[bytes, str, str]:
    """Content, content type and name of the file: a zip with one member, or the member itself (observed)."""
    plain = _UNSAFE.sub("_", name)
    if not compress:
        return content, FORMATS[form], f"{plain}.{form}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(f"{plain}.{form}", _EPOCH), content)
    return packed.getvalue(), "application/zip", f"{plain}.zip"


def read(survey: Survey, content: bytes, charset: str, delimiter: str) -> list[dict[str, Any]]:
    """The values of each row of an import, by the keys that exports have.

    Columns go by their `ImportId`s where there is a row of them, else by the names in the first row.

    Raises:
        ValueError: for what is no table.
    """
    try:
        text = content.decode(charset).removeprefix("\ufeff")
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except (LookupError, ValueError, csv.Error) as error:
        raise ValueError("The file cannot be read.") from error
    if not rows or not any(rows[0]):
        raise ValueError("The file has no header.")
    for number, row in enumerate(rows[:3]):
        if found := _sources(row):
            return [_values(found, cells) for cells in rows[number + 1 :] if any(cells)]
    tags = {names[0]: key for key, names in _METADATA.items()}
    tags |= {column.tag: column.key for column in _questions(survey)}
    return [_values([tags.get(tag, tag) for tag in rows[0]], cells) for cells in rows[1:] if any(cells)]


def _questions(survey: Survey) -> Iterator[Column]:
    """A column for each question; what only shows something has none."""
    asked = survey.definition.get("Questions")
    for question_id, question in asked.items() if isinstance(asked, dict) else ():
        if not isinstance(question, dict) or question.get("QuestionType") == "DB":
            continue
        key = f"{question_id}_TEXT" if question.get("QuestionType") == "TE" else str(question_id)
        tag, text = question.get("DataExportTag"), question.get("QuestionText")
        shown = unescape(_TAG.sub("", text)) if isinstance(text, str) else key
        yield Column(key, tag if isinstance(tag, str) and tag else str(question_id), shown)


def _chosen(found: Sequence[Column], ids: Collection[str] | None) -> Iterator[Column]:
    return (column for column in found if _wanted(column.key, ids))


def _wanted(key: str | None, ids: Collection[str] | None) -> bool:
    return ids is None or key in ids


def _object(response: Response, found: Sequence[Column]) -> dict[str, Any]:
    keys = {column.key for column in found}
    return {
        "responseId": response.id,
        "values": {key: value for key, value in response.values.items() if key in keys},
        "labels": {key: label for key, label in response.labels.items() if key in keys},
        "displayedFields": [column.key for column in found if column.question_id],
        "displayedValues": {},
    }


def _cell(response: Response, column: Column, options: Mapping[str, Any]) -> str:
    value = response.values.get(column.key)
    if options.get("useLabels") and column.key in response.labels:
        value = response.labels[column.key]
    if value is None:
        return ""
    if isinstance(value, float) and options.get("formatDecimalAsComma"):
        return str(value).replace(".", ",")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if isinstance(value, list | dict | bool):
        return json.dumps(value)
    return _moment(str(value)) if column.key in _DATES else str(value)


def _moment(text: str) -> str:
    """`2026-05-02T08:00:00.123Z` as tables have it: `2026-05-02 08:00:00` (observed)."""
    return text.partition(".")[0].removesuffix("Z").replace("T", " ")


def _sources(row: Sequence[str]) -> list[str]:
    """The keys in a row of `ImportId`s, or nothing."""
    found = []
    for cell in row:
        try:
            key = json.loads(cell)["ImportId"]
        except (ValueError, RecursionError, LookupError, TypeError):
            return []
        found.append(str(key))
    return found


def _values(keys: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    pairs = zip(keys, cells, strict=False)
    return {key: _value(key, cell) for key, cell in pairs if cell and key not in _OWN}


def _value(key: str, cell: str) -> Any:
    if key in _DATES and " " in cell:
        return cell.replace(" ", "T") + "Z"
    number = key in _NUMBERS or (_QUESTION.match(key) and not key.endswith("_TEXT"))
    return int(cell) if number and _NUMBER.fullmatch(cell) else cell


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
